"""What an operator relies on: logs, metrics, health, SIGTERM, flags, leader election, memory."""
import re
import shutil
import signal
import subprocess
import time

import pytest

from env import wait_for
from runnel import NAMES, BUILD, Controller, wait_condition

FIELDS = {"level", "ts", "msg"}

# What the controllers of Flux 2.9 export of an object that was reconciled, with type and labels.
EXPORTED = [
    ("gotk_reconcile_duration_seconds", "histogram", "kind name namespace"),
    ("controller_runtime_reconcile_total", "counter", "controller result"),
    ("controller_runtime_reconcile_errors_total", "counter", "controller"),
    ("controller_runtime_terminal_reconcile_errors_total", "counter", "controller"),
    ("controller_runtime_reconcile_panics_total", "counter", "controller"),
    ("controller_runtime_reconcile_timeouts_total", "counter", "controller"),
    ("controller_runtime_reconcile_time_seconds", "histogram", "controller"),
    ("controller_runtime_max_concurrent_reconciles", "gauge", "controller"),
    ("controller_runtime_active_workers", "gauge", "controller"),
    ("workqueue_depth", "gauge", "name controller priority"),
    ("workqueue_adds_total", "counter", "name controller"),
    ("workqueue_queue_duration_seconds", "histogram", "name controller"),
    ("workqueue_work_duration_seconds", "histogram", "name controller"),
    ("workqueue_unfinished_work_seconds", "gauge", "name controller"),
    ("workqueue_longest_running_processor_seconds", "gauge", "name controller"),
    ("workqueue_retries_total", "counter", "name controller"),
    ("rest_client_requests_total", "counter", "code method host"),
]


@pytest.fixture(scope="module", params=NAMES)
def controller(request, cluster):
    with Controller(request.param, cluster, "--enable-leader-election") as c:
        yield c


def test_health(controller):
    assert controller.http(controller.health_port, "/healthz")[0] == 200
    assert controller.http(controller.health_port, "/readyz")[0] == 200
    assert controller.http(controller.health_port, "/nothing")[0] == 404


def test_log_is_json_with_flux_keys(controller):
    lines = controller.log()
    assert lines
    for line in lines:
        assert "text" not in line, line
        assert FIELDS <= set(line), line
        assert line["level"] in ("debug", "info", "error")


def test_metrics(controller):
    text = controller.metrics()
    promtool = shutil.which("promtool")
    check = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    for name in ("controller_runtime_active_workers", "controller_runtime_max_concurrent_reconciles", "workqueue_depth",
                 "workqueue_adds_total", "process_resident_memory_bytes", "process_cpu_seconds_total",
                 "leader_election_master_status", "rest_client_requests_total"):
        assert "\n# TYPE %s " % name in text, name


def test_no_memory_in_thread_caches(controller):
    """The program starts anew with glibc's caches of freed memory switched off, under its own name and process id."""
    with open("/proc/%d/environ" % controller.process.pid, "rb") as f:
        assert b"GLIBC_TUNABLES=glibc.malloc.tcache_count=0" in f.read().split(b"\0")
    with open("/proc/%d/comm" % controller.process.pid) as f:
        assert f.read().strip() == controller.name[:15]


def test_lease(controller, cluster):
    def held():
        lease = [x for x in cluster.list("lease") if x["metadata"]["name"] == controller.name + "-leader-election"]
        return lease and lease[0]["spec"]["holderIdentity"]
    wait_for("lease", held)


@pytest.mark.parametrize("name", NAMES)
def test_sigterm_ends_within_five_seconds(cluster, name):
    with Controller(name, cluster) as c:
        began = time.monotonic()
        c.process.signal(signal.SIGTERM)
        assert c.process.popen.wait(timeout=5) == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", NAMES)
def test_unknown_flag_is_refused(name):
    p = subprocess.run(["%s/%s/%s" % (BUILD, name, name), "--no-such-flag"], capture_output=True, text=True)
    assert p.returncode != 0 and "no-such-flag" in p.stderr


def test_reconcile_metrics_and_log_of_an_object(cluster, namespace, git_server):
    git_server.create(namespace)
    with Controller("source-controller", cluster) as c:
        cluster.apply({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                       "metadata": {"name": "repo", "namespace": namespace},
                       "spec": {"interval": "10m", "url": git_server.http(namespace), "ref": {"branch": "main"}}})
        wait_condition(cluster, "gitrepository", "repo", namespace)
        wait_for("duration metric", lambda: c.metric("gotk_reconcile_duration_seconds_count", kind="GitRepository", name="repo",
                                                     namespace=namespace) >= 1)
        text = c.metrics()
        for name, kind, labels in EXPORTED:
            assert "\n# TYPE %s %s\n" % (name, kind) in text, name
            found = re.search(r"\n%s(?:_count)?\{(.*?)\} " % name, text).group(1)
            assert re.findall(r'(\w+)="', found) == labels.split(), (name, found)
        check = subprocess.run([shutil.which("promtool"), "check", "metrics"], input=text, capture_output=True, text=True)
        assert check.returncode == 0, check.stdout + check.stderr
        assert c.metric("controller_runtime_reconcile_total", controller="gitrepository") >= 1
        lines = [x for x in c.log() if x.get("name") == "repo" and x.get("namespace") == namespace]
        assert lines and all(x["controllerKind"] == "GitRepository" and x["controllerGroup"] == "source.toolkit.fluxcd.io"
                             and len(x["reconcileID"]) == 36 for x in lines)
        cluster.run("delete", "gitrepository", "repo", "-n", namespace)
        wait_for("series forgotten", lambda: c.metric("gotk_reconcile_duration_seconds_count", name="repo", namespace=namespace) == 0)
