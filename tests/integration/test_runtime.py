"""The runtime that every kind shares, driven through a controller of its own kind (tests/unit/controller/probe.c) on a real API server."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from env import wait_for
from env.api_proxy import ApiProxy
from env.process import free_port
from runnel import BUILD, ROOT, Controller, condition, request_reconcile, wait_condition, wait_event
from stub import Receiver

FINALIZER = "finalizers.fluxcd.io"
PROGRAM = os.path.join(BUILD, "tests", "unit", "controller", "probe-controller")


LEADER = ["--enable-leader-election", "--leader-election-lease-duration=3s", "--leader-election-renew-deadline=2s",
          "--leader-election-retry-period=500ms"]


class Probes(Controller):
    """The probe controller, watching the namespace of one test alone."""

    def __init__(self, cluster, namespace, *flags, **options):
        super().__init__("probe-controller", cluster, *flags, **options)
        self.command[0] = PROGRAM
        self.command += ["--watch-all-namespaces=false", "--min-retry-delay=100ms"]
        self.env["RUNTIME_NAMESPACE"] = namespace


@pytest.fixture(scope="module", autouse=True)
def kind(cluster):
    cluster.crds(os.path.join(ROOT, "tests", "unit", "controller", "probe-crd.yaml"))
    cluster.run("wait", "--for=condition=Established", "crd/probes.test.runnel.dev", "--timeout=20s")


@pytest.fixture
def probes(cluster, namespace):
    with Probes(cluster, namespace) as p:
        yield p


def probe(namespace, name="p", annotations=None, **spec):
    spec.setdefault("interval", "10m")
    return {"apiVersion": "test.runnel.dev/v1", "kind": "Probe",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}}, "spec": spec}


def ready(cluster, namespace, name="p", **expected):
    return wait_condition(cluster, "probe", name, namespace, **expected)


def runs(cluster, namespace, name="p"):
    return cluster.get("probe", name, namespace).get("status", {}).get("runs", 0)


# ---- a life ------------------------------------------------------------------------------------------------------------------
def test_ready_with_everything_around_it(cluster, namespace, probes):
    cluster.apply(probe(namespace, text="hello"))
    obj = ready(cluster, namespace, reason="Succeeded", message="said hello")
    assert obj["metadata"]["finalizers"] == [FINALIZER]
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    assert obj["status"]["runs"] == 1
    assert [c["type"] for c in obj["status"]["conditions"]] == ["Ready"]
    event = wait_event(cluster, "Probe", "p", namespace, reason="Said", message="said hello", type="Normal")
    assert event["metadata"]["annotations"] == {"test.runnel.dev/revision": "hello"}
    assert event["source"]["component"] == event["reportingComponent"] == "probe-controller"
    assert event["involvedObject"]["uid"] == obj["metadata"]["uid"]
    assert probes.metric("controller_runtime_reconcile_total", controller="probe", result="requeue_after") == 1


def test_own_status_writes_cause_nothing(cluster, namespace, probes):
    cluster.apply(probe(namespace, text="quiet"))
    ready(cluster, namespace)
    cluster.patch("probe", "p", {"metadata": {"labels": {"a": "b"}}}, namespace)
    cluster.apply(probe(namespace, "marker"))   # what was caused before it has been done when this one is ready
    ready(cluster, namespace, "marker")
    assert runs(cluster, namespace) == 1


def test_interval(cluster, namespace, probes):
    cluster.apply(probe(namespace, interval="300ms"))
    wait_for("third run", lambda: runs(cluster, namespace) >= 3)


def test_new_generation(cluster, namespace, probes):
    cluster.apply(probe(namespace, text="one"))
    ready(cluster, namespace, message="said one")
    cluster.patch("probe", "p", {"spec": {"text": "two", "busy": 1500}}, namespace)
    seen = wait_for("progress shown", lambda: (lambda o: condition(o, "Reconciling") and o)(cluster.get("probe", "p", namespace)))
    assert condition(seen, "Reconciling")["reason"] == "Progressing"
    assert condition(seen, "Reconciling")["message"] == "processing object: new generation 1 -> 2"
    assert seen["status"]["observedGeneration"] == 1
    obj = ready(cluster, namespace, message="said two")
    assert obj["status"]["observedGeneration"] == 2 and not condition(obj, "Reconciling")


# ---- requests ----------------------------------------------------------------------------------------------------------------
def test_suspend_and_resume(cluster, namespace, probes):
    cluster.apply(probe(namespace, suspend=True))
    wait_for("seen", lambda: any("suspended" in x.get("msg", "") for x in probes.log()))
    request_reconcile(cluster, "probe", "p", namespace)
    wait_for("seen again", lambda: sum("suspended" in x.get("msg", "") for x in probes.log()) >= 2)
    assert "conditions" not in cluster.get("probe", "p", namespace).get("status", {})
    cluster.patch("probe", "p", {"spec": {"suspend": False}}, namespace)
    assert ready(cluster, namespace)["status"]["runs"] == 1


def test_requested_at(cluster, namespace, probes):
    cluster.apply(probe(namespace))
    ready(cluster, namespace)
    token = request_reconcile(cluster, "probe", "p", namespace)
    obj = wait_for("handled", lambda: (lambda o: o["status"].get("lastHandledReconcileAt") == token and o)(cluster.get("probe", "p", namespace)))
    assert obj["status"]["runs"] == 2 and "forced" not in obj["status"] and "lastHandledForceAt" not in obj["status"]


def test_force_and_reset_count_once_and_only_with_the_request(cluster, namespace, probes):
    cluster.apply(probe(namespace, interval="300ms"))
    ready(cluster, namespace)
    token = request_reconcile(cluster, "probe", "p", namespace, force=True, reset=True)
    wait_for("handled", lambda: cluster.get("probe", "p", namespace)["status"].get("lastHandledReconcileAt") == token)
    cluster.patch("probe", "p", {"metadata": {"annotations": {"reconcile.fluxcd.io/forceAt": "alone"}}}, namespace)
    before = runs(cluster, namespace)
    obj = wait_for("more runs", lambda: (lambda o: o["status"]["runs"] > before + 2 and o)(cluster.get("probe", "p", namespace)))
    assert obj["status"]["forced"] == 1 and obj["status"]["resets"] == 1
    assert obj["status"]["lastHandledForceAt"] == "alone" and obj["status"]["lastHandledResetAt"] == token


# ---- failing -----------------------------------------------------------------------------------------------------------------
def test_failure_backs_off_and_heals(cluster, namespace, probes):
    cluster.apply(probe(namespace, outcome="fail", text="no"))
    obj = wait_condition(cluster, "probe", "p", namespace, status="False", reason="Failed", message="said no")
    assert condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert obj["status"].get("observedGeneration", 0) != obj["metadata"]["generation"]
    event = wait_event(cluster, "Probe", "p", namespace, reason="Failed", message="said no", type="Warning")
    wait_for("sixth run", lambda: runs(cluster, namespace) >= 6)
    times = [x["ts"] for x in probes.log() if x.get("msg") == "Reconciler error" and x.get("name") == "p"]
    import datetime
    at = [datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp() for t in times]
    gaps = [b - a for a, b in zip(at, at[1:])]
    for i, gap in enumerate(gaps):
        assert gap >= 0.1 * 2 ** i * 0.99, gaps
    counted = wait_for("event counted", lambda: (lambda e: e["count"] >= 3 and e)(
        next(e for e in cluster.list("events", namespace) if e["metadata"]["name"] == event["metadata"]["name"])))
    assert counted["firstTimestamp"] == event["firstTimestamp"]
    cluster.patch("probe", "p", {"spec": {"outcome": "ready"}}, namespace)
    obj = ready(cluster, namespace)
    assert not condition(obj, "Reconciling")


def test_failure_is_retried_at_the_interval_at_the_latest(cluster, namespace, probes):
    cluster.apply(probe(namespace, outcome="fail", interval="250ms"))
    wait_for("many runs", lambda: runs(cluster, namespace) >= 9, timeout=10)   # by back-off alone the ninth came after 25 s


def test_waiting(cluster, namespace, probes):
    cluster.apply(probe(namespace, outcome="wait"))
    obj = wait_condition(cluster, "probe", "p", namespace, status="Unknown", reason="Waiting")
    assert condition(obj, "Reconciling")["status"] == "True" and condition(obj, "Reconciling")["reason"] == "Progressing"
    wait_for("looked at again", lambda: runs(cluster, namespace) >= 3)


def test_stalled_until_it_changes(cluster, namespace, probes):
    cluster.apply(probe(namespace, outcome="stall", interval="200ms"))
    obj = wait_condition(cluster, "probe", "p", namespace, type="Stalled", reason="Stuck")
    assert condition(obj)["status"] == "False" and condition(obj)["reason"] == "Stuck" and not condition(obj, "Reconciling")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    cluster.apply(probe(namespace, "other", interval="200ms"))
    wait_for("other ran", lambda: runs(cluster, namespace, "other") >= 4)
    assert runs(cluster, namespace) == 1
    cluster.patch("probe", "p", {"spec": {"outcome": "ready"}}, namespace)
    assert not condition(ready(cluster, namespace), "Stalled")


@pytest.mark.parametrize("spec, reason, message", [
    ({"refused": {"mode": "some"}}, "UnsupportedField", "spec.refused is not supported by Runnel yet"),
    ({"later": "now"}, "UnsupportedField", "spec.later is not supported by Runnel yet"),
    ({"busy": 13}, "InvalidSpec", "13 brings bad luck"),   # API server 1.20 drops the rule
])
def test_refused_by_name(cluster, namespace, probes, spec, reason, message):
    p = subprocess.run([cluster.kubectl, "apply", "--server-side", "-f", "-"], input=json.dumps(probe(namespace, **spec)), text=True,
                       capture_output=True, env=cluster.env())
    if p.returncode:
        assert message in p.stderr   # a current API server refuses it itself
        return
    obj = wait_condition(cluster, "probe", "p", namespace, status="False", reason=reason, message=message)
    assert condition(obj, "Stalled")["status"] == "True" and "runs" not in obj["status"]
    wait_event(cluster, "Probe", "p", namespace, reason=reason, message=message, type="Warning")


def test_defaults_of_refused_fields_are_accepted(cluster, namespace, probes):
    cluster.apply(probe(namespace, refused={"mode": "none"}, later="never"))
    ready(cluster, namespace)


# ---- deletion ----------------------------------------------------------------------------------------------------------------
def test_deletion(cluster, namespace, probes):
    cluster.apply(probe(namespace))
    ready(cluster, namespace)
    cluster.run("delete", "probe", "p", "-n", namespace, "--timeout=20s")
    wait_event(cluster, "Probe", "p", namespace, reason="Finalized")
    wait_for("series forgotten", lambda: probes.metric("gotk_reconcile_duration_seconds_count", name="p", namespace=namespace) == 0)


def test_deletion_while_suspended_or_invalid(cluster, namespace, probes):
    cluster.apply(probe(namespace, "s"), probe(namespace, "i"))
    ready(cluster, namespace, "s")
    ready(cluster, namespace, "i")
    cluster.patch("probe", "s", {"spec": {"suspend": True}}, namespace)
    cluster.patch("probe", "i", {"spec": {"later": "now"}}, namespace)
    cluster.run("delete", "probe", "s", "i", "-n", namespace, "--timeout=20s")


def test_deletion_takes_its_time(cluster, namespace, probes):
    cluster.apply(probe(namespace, linger=True))
    ready(cluster, namespace)
    cluster.run("delete", "probe", "p", "-n", namespace, "--wait=false")
    wait_condition(cluster, "probe", "p", namespace, status="Unknown", reason="Lingering", generation=False)
    cluster.patch("probe", "p", {"spec": {"linger": False}}, namespace)
    wait_for("gone", lambda: cluster.get("probe", "p", namespace) is None)


def test_deletion_while_it_is_reconciled(cluster, namespace, probes):
    cluster.apply(probe(namespace, busy=1500))
    wait_for("finalizer", lambda: cluster.get("probe", "p", namespace)["metadata"].get("finalizers"))
    cluster.run("delete", "probe", "p", "-n", namespace, "--timeout=20s")
    assert cluster.get("probe", "p", namespace) is None
    cluster.apply(probe(namespace, text="again"))   # the same name, a new life
    assert ready(cluster, namespace)["status"]["runs"] == 1


def test_foreign_finalizer_stays(cluster, namespace, probes):
    obj = probe(namespace)
    obj["metadata"]["finalizers"] = ["test.runnel.dev/other"]
    cluster.apply(obj)
    assert sorted(ready(cluster, namespace)["metadata"]["finalizers"]) == [FINALIZER, "test.runnel.dev/other"]
    cluster.run("delete", "probe", "p", "-n", namespace, "--wait=false")
    wait_for("ours gone", lambda: cluster.get("probe", "p", namespace)["metadata"]["finalizers"] == ["test.runnel.dev/other"])
    cluster.patch("probe", "p", {"metadata": {"finalizers": None}}, namespace)
    wait_for("gone", lambda: cluster.get("probe", "p", namespace) is None)


# ---- what it maps from, and the bus ----------------------------------------------------------------------------------------------
def test_mapped_object(cluster, namespace, probes):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}, "data": {"text": "one"}}
    cluster.apply(probe(namespace, follows="c"))
    wait_condition(cluster, "probe", "p", namespace, status="False", reason="Unreadable", message='configmaps "c" not found')
    cluster.apply(config)
    ready(cluster, namespace, message="said one")
    cluster.patch("configmap", "c", {"data": {"text": "two"}}, namespace)
    ready(cluster, namespace, message="said two")
    cluster.run("delete", "configmap", "c", "-n", namespace)
    wait_condition(cluster, "probe", "p", namespace, status="False", reason="Unreadable")


def publish(port, messages):
    from test_bus import publish as speak
    speak(port, messages)


def test_hints(cluster, namespace):
    """However many hints name a probe, garbage among them: one reconcile at once, the next ten seconds later."""
    port = free_port()
    with Probes(cluster, namespace, connect=["tcp://127.0.0.1:%d" % port]) as probes:
        cluster.apply(probe(namespace))
        ready(cluster, namespace)
        hint = ("artifact\n1\nGitRepository\n%s\np\nmain@sha1:1\n" % namespace).encode()
        publish(port, [os.urandom(n) for n in (1, 100, 5000)] + [hint] * 500 + [hint.replace(b"\np\n", b"\nno-such\n")] * 500)
        wait_for("second run", lambda: runs(cluster, namespace) == 2)
        wait_for("all heard", lambda: probes.metric("runnel_bus_messages_total", result="received") >= 1003)
        assert probes.metric("runnel_bus_messages_total", result="malformed") == 3
        assert 900 < probes.metric("runnel_bus_messages_total", result="dropped") <= 998   # one a second is looked at
        assert runs(cluster, namespace) == 2


# ---- the process ---------------------------------------------------------------------------------------------------------------
def test_sigterm_in_the_middle_of_work(cluster, namespace):
    """The work is cut short without a word of failure, and taken up by the next process."""
    with Probes(cluster, namespace) as p:
        cluster.apply(probe(namespace, busy=60000, text="later"))
        wait_for("at work", lambda: p.metric("controller_runtime_active_workers", controller="probe") == 1)
        wait_for("progress", lambda: condition(cluster.get("probe", "p", namespace), "Reconciling"))
        began = time.monotonic()
        p.process.signal(signal.SIGTERM)
        assert p.process.popen.wait(timeout=5) == 0
        assert time.monotonic() - began < 5
        assert condition(cluster.get("probe", "p", namespace))["status"] == "Unknown"
    cluster.patch("probe", "p", {"spec": {"busy": 0}}, namespace)
    with Probes(cluster, namespace):
        ready(cluster, namespace, message="said later")


def test_sigterm_while_the_api_server_hangs(cluster, namespace):
    with Probes(cluster, namespace, *LEADER) as p:
        cluster.apply(probe(namespace, interval="200ms"))
        ready(cluster, namespace)
        cluster.api.signal(signal.SIGSTOP)
        try:
            wait_for("a reconcile that hangs", lambda: p.metric("controller_runtime_active_workers", controller="probe") == 1)
            began = time.monotonic()
            p.process.signal(signal.SIGTERM)
            p.process.popen.wait(timeout=5)
            assert time.monotonic() - began < 5
        finally:
            cluster.api.signal(signal.SIGCONT)


def test_kill_and_restart(cluster, namespace):
    p = Probes(cluster, namespace).start()
    cluster.apply(probe(namespace, busy=2000, text="after all"))
    wait_for("at work", lambda: condition(cluster.get("probe", "p", namespace), "Reconciling"))
    p.process.kill()
    with Probes(cluster, namespace):
        ready(cluster, namespace, message="said after all")
    p.stop()


def lease(cluster, namespace):
    return cluster.get("lease", "probe-controller-leader-election", namespace)


def test_one_leads(cluster, namespace):
    with Probes(cluster, namespace, *LEADER) as first:
        holder = wait_for("leader", lambda: lease(cluster, namespace)["spec"]["holderIdentity"])
        with Probes(cluster, namespace, *LEADER) as second:
            assert first.metric("leader_election_master_status", name="probe-controller-leader-election") == 1
            cluster.apply(probe(namespace))
            ready(cluster, namespace)
            assert second.metric("controller_runtime_reconcile_total") == 0
            assert 'leader_election_master_status{name="probe-controller-leader-election"} 0' in second.metrics()
            first.process.kill()   # the lease runs out
            wait_for("second leads", lambda: second.metric("leader_election_master_status", name="probe-controller-leader-election") == 1)
            new = lease(cluster, namespace)["spec"]
            assert new["holderIdentity"] != holder and new["leaseTransitions"] == 1
            cluster.patch("probe", "p", {"spec": {"text": "second"}}, namespace)
            ready(cluster, namespace, message="said second")
            assert second.stop(keep=True) == 0
            assert lease(cluster, namespace)["spec"]["holderIdentity"] == ""   # released: the next one need not wait


def test_a_leader_that_lost_its_lease_ends(cluster, namespace):
    with Probes(cluster, namespace, *LEADER) as p:
        wait_for("leader", lambda: lease(cluster, namespace)["spec"]["holderIdentity"])
        for i in range(10):   # somebody else's writes that leave the holder alone take nothing away
            cluster.patch("lease", "probe-controller-leader-election", {"metadata": {"labels": {"touched": str(i)}}}, namespace)
        renewed = lease(cluster, namespace)["spec"]["renewTime"]
        wait_for("renewal", lambda: lease(cluster, namespace)["spec"]["renewTime"] > renewed)
        assert p.process.running()
        cluster.patch("lease", "probe-controller-leader-election", {"spec": {"holderIdentity": "somebody else"}}, namespace)
        assert p.process.popen.wait(timeout=10) == 1
        assert any("leader election lost" in x.get("error", "") for x in p.log())


def test_shards(cluster, namespace):
    """Each of two processes has the objects with its label, and a lease of its own."""
    with Probes(cluster, namespace, "--enable-leader-election", "--watch-label-selector=shard=one") as one, \
            Probes(cluster, namespace, "--enable-leader-election", "--watch-label-selector=shard=two") as two:
        for name, shard in (("a", "one"), ("b", "two"), ("c", "three")):
            obj = probe(namespace, name, text=name)
            obj["metadata"]["labels"] = {"shard": shard}
            cluster.apply(obj)
        ready(cluster, namespace, "a")
        ready(cluster, namespace, "b")
        assert one.metric("gotk_reconcile_duration_seconds_count", name="a") and not one.metric("gotk_reconcile_duration_seconds_count", name="b")
        assert two.metric("gotk_reconcile_duration_seconds_count", name="b") and not two.metric("gotk_reconcile_duration_seconds_count", name="a")
        assert "status" not in cluster.get("probe", "c", namespace)
        names = {x["metadata"]["name"] for x in cluster.list("lease", namespace)}
        assert len(names) == 2 and all(n.startswith("probe-controller-leader-election-") for n in names)


def test_rate_of_requests(cluster, namespace):
    with Probes(cluster, namespace, "--kube-api-qps=10", "--kube-api-burst=5") as p:
        began = time.monotonic()
        cluster.apply(*(probe(namespace, "p%d" % i) for i in range(10)))
        for i in range(10):
            ready(cluster, namespace, "p%d" % i)
        requests = sum(p.metric("rest_client_requests_total", method=m) for m in ("PATCH", "POST"))
        assert requests >= 30
        assert time.monotonic() - began >= (30 - 5) / 10 * 0.9


def test_without_the_right_to_write(cluster, namespace):
    """An error of the API server is logged and tried again; it heals when the right is given."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": namespace},
            "rules": [{"apiGroups": ["test.runnel.dev", ""], "resources": ["probes", "configmaps"], "verbs": ["get", "list", "watch"]}]}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": namespace},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace},
               "subjects": [{"kind": "User", "name": "limited"}]}
    cluster.apply(role, binding)
    certificate = cluster.authority.issue("limited", client=True)
    with Probes(cluster, namespace, kubeconfig=cluster.client_kubeconfig(namespace, certificate=certificate)) as p:
        cluster.apply(probe(namespace))
        wait_for("refused", lambda: [x for x in p.log() if x["msg"] == "Reconciler error" and "cannot patch resource" in x["error"]])
        assert "finalizers" not in cluster.get("probe", "p", namespace)["metadata"]
        role["rules"].append({"apiGroups": ["test.runnel.dev", ""], "resources": ["probes", "probes/status", "events"],
                              "verbs": ["patch", "create", "update"]})
        cluster.apply(role)
        ready(cluster, namespace)


def test_a_leader_that_cannot_renew_ends_in_time(cluster, namespace):
    """Before another one may take the lease, whatever it is at, however rarely it renews."""
    with Probes(cluster, namespace, "--enable-leader-election", "--leader-election-lease-duration=6s",
                "--leader-election-renew-deadline=4s", "--leader-election-retry-period=3s") as p:
        cluster.apply(probe(namespace, busy=60000))
        wait_for("at work", lambda: p.metric("controller_runtime_active_workers", controller="probe") == 1)
        cluster.api.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()   # no renewal is later than this
            assert p.process.popen.wait(timeout=20) == 1
            assert time.monotonic() - began < 5.5
        finally:
            cluster.api.signal(signal.SIGCONT)


def test_an_object_in_anothers_place(cluster, namespace):
    """Deleted and made anew while nobody could see it: a relist shows one object, which is another."""
    with ApiProxy(cluster) as proxy, Probes(cluster, namespace, kubeconfig=proxy.kubeconfig) as probes:
        cluster.apply(probe(namespace, suspend=True))
        wait_for("seen", lambda: any("suspended" in x.get("msg", "") for x in probes.log()))
        proxy.block()
        cluster.patch("probe", "p", {"metadata": {"finalizers": None}}, namespace)
        cluster.run("delete", "probe", "p", "-n", namespace)
        cluster.apply(probe(namespace))
        cluster.stop_api_server()   # it forgets the events: the watch cannot go on where it was
        cluster.start_api_server()
        proxy.unblock()
        assert ready(cluster, namespace, timeout=60)["metadata"]["generation"] == 1


def test_api_server_restarts(cluster, namespace, probes):
    cluster.apply(probe(namespace))
    ready(cluster, namespace)
    cluster.stop_api_server()
    cluster.start_api_server()
    cluster.patch("probe", "p", {"spec": {"text": "back"}}, namespace)
    ready(cluster, namespace, message="said back", timeout=60)
    assert probes.process.running()


def test_metrics_pass_promtool(cluster, namespace, probes):
    cluster.apply(probe(namespace))
    ready(cluster, namespace)
    check = subprocess.run([shutil.which("promtool"), "check", "metrics"], input=probes.metrics(), capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    assert probes.metric("workqueue_adds_total", name="probe", controller="probe") >= 1
    assert probes.metric("rest_client_requests_total", code="200", method="PATCH") >= 1


@pytest.mark.parametrize("flag, words", [
    ("--no-such-flag", "unknown flag: --no-such-flag"),
    ("--concurrent=0", "--concurrent must be between 1 and 256"),
    ("--concurrent=many", 'invalid argument "many" for "--concurrent" flag'),
    ("--interval-jitter-percentage=100", "must be between 0 and 99"),
    ("--log-level=loud", 'unknown log level "loud"'),
    ("--min-retry-delay=1h", "--min-retry-delay"),
    ("--feature-gates=Unheard=true", "feature gate Unheard is not supported by Runnel"),
    ("--metrics-addr=nonsense", "--metrics-addr"),
    ("--events-addr=nonsense", "--events-addr"),
    ("stray", 'unexpected argument "stray"'),
])
def test_bad_flags_are_refused(cluster, flag, words):
    p = subprocess.run([PROGRAM, "--kubeconfig", cluster.kubeconfig, "--health-addr=0", "--metrics-addr=0", flag],
                       capture_output=True, text=True, timeout=20)
    assert p.returncode != 0 and words in p.stderr, p.stderr


# ---- events for a receiver ---------------------------------------------------------------------------------------------------------
def test_events_addr(cluster, namespace):
    with Receiver() as receiver, Probes(cluster, namespace, "--events-addr", receiver.url + "/") as probes:
        receiver.statuses = [500, 429]   # the first is tried again; the second is known there already
        cluster.apply(probe(namespace, text="v1", annotations={"event.toolkit.fluxcd.io/team": "blue"}))
        obj = ready(cluster, namespace)
        request_reconcile(cluster, "probe", "p", namespace)
        cluster.patch("probe", "p", {"spec": {"outcome": "stall"}}, namespace)
        _, content_type, event = wait_for("event", lambda: receiver.events and receiver.events[0])
        assert content_type == "application/json"
        about = event["involvedObject"]
        assert (about["kind"], about["name"], about["namespace"], about["apiVersion"], about["uid"]) == \
            ("Probe", "p", namespace, "test.runnel.dev/v1", obj["metadata"]["uid"])
        assert event["severity"] == "error" and event["reason"] == "Stuck" and event["message"] == "cannot say v1"
        assert event["reportingController"] == "probe-controller" and event["reportingInstance"]
        assert event["metadata"] == {"event.toolkit.fluxcd.io/team": "blue"}
        time.strptime(event["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
        cluster.patch("probe", "p", {"spec": {"outcome": "ready"}}, namespace)
        said = wait_for("info event", lambda: next((e for _, _, e in receiver.events if e["reason"] == "Said"), None))
        assert said["severity"] == "info" and said["metadata"]["test.runnel.dev/revision"] == "v1"


def test_a_receiver_that_is_away_delays_nobody(cluster, namespace):
    with Probes(cluster, namespace, "--events-addr", "http://127.0.0.1:%d/" % free_port()) as probes:
        began = time.monotonic()
        for i in range(10):
            cluster.apply(probe(namespace, "p%d" % i))
        for i in range(10):
            ready(cluster, namespace, "p%d" % i)
        assert time.monotonic() - began < 20
        assert probes.stop(keep=True) == 0
