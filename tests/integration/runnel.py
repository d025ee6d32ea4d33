"""Runs a controller of this build as a process, and waits for what objects say."""
import json
import os
import re
import shutil
import urllib.request

from env.process import Process, free_port, scratch, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RUNNEL_BUILD", os.path.join(ROOT, "build"))


class Controller:
    """One controller process. flags: more command-line words; env: more environment."""

    def __init__(self, name, cluster, *flags, kubeconfig=None, env=None, bus=None, connect=()):
        self.name, self.cluster = name, cluster
        self.folder = scratch(name)
        self.metrics_port, self.health_port, self.storage_port = free_port(), free_port(), free_port()
        self.command = [os.path.join(BUILD, name, name), "--kubeconfig", kubeconfig or cluster.kubeconfig,
                        "--metrics-addr", "127.0.0.1:%d" % self.metrics_port, "--health-addr", "127.0.0.1:%d" % self.health_port]
        if name == "source-controller":
            self.storage = os.path.join(self.folder, "storage")
            self.command += ["--storage-path", self.storage, "--storage-addr", "127.0.0.1:%d" % self.storage_port,
                             "--storage-adv-addr", "127.0.0.1:%d" % self.storage_port]
        if name == "image-controller":
            self.storage = os.path.join(self.folder, "storage")
            self.command += ["--storage-path", self.storage]
        if bus:
            self.command += ["--bus-bind", bus]
        for address in connect:
            self.command += ["--bus-connect", address]
        self.command += list(flags)
        self.env, self.process = dict(os.environ, **(env or {})), None

    def start(self):
        self.process = Process(self.command, os.path.join(self.folder, "log"), env=self.env)
        self.process.ready(self.name, lambda: self.http(self.health_port, "/readyz")[0] == 200, timeout=30)
        return self

    def stop(self, keep=False):
        """SIGTERM; the exit status. keep: the folder stays for a restart."""
        status = self.process.stop(timeout=10) if self.process else None
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if exc[0] is not None and self.process:
            print("---- %s ----\n%s" % (self.name, self.process.output()[-6000:]))
        self.stop()

    def http(self, port, path):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=5) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metrics(self):
        return self.http(self.metrics_port, "/metrics")[1]

    def metric(self, name, /, **labels):
        """The sum of a metric's series that have these labels; 0 when there is none."""
        total = 0.0
        for line in self.metrics().splitlines():
            m = re.match(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$", line)
            if m and m.group(1) == name and all('%s="%s"' % kv in (m.group(2) or "") for kv in labels.items()):
                total += float(m.group(3))
        return total

    def log(self):
        """The log as a list of dicts (lines that are not JSON as {"text": …})."""
        out = []
        for line in self.process.output().splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                out.append({"text": line})
        return out

    def memory(self):
        """(resident, private) in KiB."""
        resident = private = 0
        with open("/proc/%d/smaps_rollup" % self.process.pid) as f:
            for line in f:
                if line.startswith("Rss:"):
                    resident = int(line.split()[1])
                elif line.startswith(("Private_Clean:", "Private_Dirty:")):
                    private += int(line.split()[1])
        return resident, private


def condition(obj, kind="Ready"):
    for c in (obj or {}).get("status", {}).get("conditions", []):
        if c["type"] == kind:
            return c
    return {}


def wait_condition(cluster, kind, name, namespace="default", type="Ready", status="True", reason=None, message=None,
                   generation=True, timeout=30):
    """Waits until a condition has this status (reason, text within the message) for the present generation; returns the object."""
    def check():
        obj = cluster.get(kind, name, namespace)
        c = condition(obj, type)
        if not c or (status and c["status"] != status) or (reason and c["reason"] != reason):
            raise AssertionError(json.dumps((obj or {}).get("status")))
        if message and message not in c["message"]:
            raise AssertionError(c["message"])
        if generation and c.get("observedGeneration") != obj["metadata"]["generation"]:
            raise AssertionError("observedGeneration %s of %s" % (c.get("observedGeneration"), obj["metadata"]["generation"]))
        return obj
    return wait_for("%s=%s of %s %s/%s" % (type, status, kind, namespace, name), check, timeout)


def wait_event(cluster, kind, name, namespace="default", reason=None, message=None, type=None, timeout=15):
    """Waits for an event on an object; returns it."""
    def check():
        seen = cluster.list("events", namespace)
        for e in seen:
            about = e["involvedObject"]
            if about["kind"] == kind and about["name"] == name and (not reason or e["reason"] == reason) \
                    and (not message or message in e["message"]) and (not type or e["type"] == type):
                return e
        raise AssertionError([(e["involvedObject"]["kind"], e["reason"], e["message"]) for e in seen])
    return wait_for("event %s on %s/%s" % (reason, kind, name), check, timeout)


def request_reconcile(cluster, kind, name, namespace="default", force=False, reset=False):
    """What `flux reconcile` writes; returns the token."""
    import time
    token = "%.9f" % time.time()
    annotations = {"reconcile.fluxcd.io/requestedAt": token}
    if force:
        annotations["reconcile.fluxcd.io/forceAt"] = token
    if reset:
        annotations["reconcile.fluxcd.io/resetAt"] = token
    cluster.patch(kind, name, {"metadata": {"annotations": annotations}}, namespace)
    return token


class Controllers:
    """The three together, joined by the bus (bus=False: each alone). kubeconfig: a path, or one for each name."""

    def __init__(self, cluster, bus=True, flags=(), kubeconfig=None, env=None):
        ports = {name: free_port() for name in NAMES}
        address = {name: "tcp://127.0.0.1:%d" % port for name, port in ports.items()}
        configs = kubeconfig if isinstance(kubeconfig, dict) else dict.fromkeys(NAMES, kubeconfig)
        self.all = [Controller(name, cluster, *flags, kubeconfig=configs[name], env=env, bus=address[name] if bus else None,
                               connect=[a for other, a in address.items() if other != name] if bus else ())
                    for name in NAMES]
        self.source, self.image, self.helm = self.all

    def __enter__(self):
        for c in self.all:
            c.start()
        return self

    def __exit__(self, *exc):
        for c in self.all:
            c.__exit__(*exc)


NAMES = ("source-controller", "image-controller", "helm-controller")


def start_all(cluster, **options):
    return Controllers(cluster, **options)
