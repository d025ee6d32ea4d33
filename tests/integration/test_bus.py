"""The bus is a hint: it makes dependents quick, and nothing depends on it."""
import datetime
import os
import socket
import time

import pytest

from env import wait_for
from env.api_proxy import ApiProxy
from env.pipeline import Pipeline
from runnel import Controller, Controllers, free_port, request_reconcile, start_all, wait_condition

SLOW = 5.0


def git_repository(name, namespace, url, interval="10m"):
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": name, "namespace": namespace},
            "spec": {"interval": interval, "url": url, "ref": {"branch": "main"}}}


def helm_chart(name, namespace, repository, path="./charts/my-app"):
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart", "metadata": {"name": name, "namespace": namespace},
            "spec": {"interval": "10m", "chart": path, "reconcileStrategy": "Revision",
                     "sourceRef": {"kind": "GitRepository", "name": repository}}}


def helm_release(name, namespace, chart):
    return {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": name, "namespace": namespace},
            "spec": {"interval": "10m", "chartRef": {"kind": "HelmChart", "name": chart}, "install": {"disableWait": True},
                     "upgrade": {"disableWait": True}, "values": {"service": {"type": "ClusterIP"}}}}


def times(controller, kind, name, message):
    """When lines with this text about an object were logged, in seconds of the wall clock."""
    out = []
    for line in controller.log():
        if line.get("controllerKind") == kind and line.get("name") == name and message in line.get("msg", ""):
            out.append(datetime.datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp())
    return out


@pytest.fixture
def chart_repository(cluster, git_server, registry, namespace):
    p = Pipeline(cluster, git_server, registry, namespace=namespace, repository=namespace)
    git_server.create(namespace, p.files())
    return p


def test_dependent_starts_within_50_ms(cluster, git_server, namespace, chart_repository):
    """Every watch is 5 s late; the HelmRelease's reconcile starts within 50 ms of its chart's artifact all the same."""
    with ApiProxy(cluster, watch_delay=SLOW) as proxy, \
            Controllers(cluster, kubeconfig=proxy.kubeconfig, flags=["--log-level=debug"]) as c:
        cluster.apply(git_repository("repo", namespace, git_server.http(namespace)), helm_chart("chart", namespace, "repo"),
                      helm_release("app", namespace, "chart"))
        wait_condition(cluster, "helmrelease", "app", namespace, timeout=90)
        head = git_server.commit(namespace, {"charts/my-app/templates/extra.yaml":
                                             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"})
        began = time.time()
        request_reconcile(cluster, "gitrepository", "repo", namespace)
        extra = wait_for("extra ConfigMap", lambda: cluster.get("configmap", "extra", namespace), timeout=60)
        stored = wait_for("chart artifact", lambda: [t for t in times(c.source, "HelmChart", "chart", "packaged") if t > began])
        started = [t for t in times(c.helm, "HelmRelease", "app", "reconciling") if t > began]
        assert min(t - stored[0] for t in started if t >= stored[0] - 0.005) < 0.05
        # and that reconcile had the new chart: the watch would have brought it seconds later
        made = datetime.datetime.fromisoformat(extra["metadata"]["creationTimestamp"].replace("Z", "+00:00")).timestamp()
        assert made - stored[0] < SLOW - 1
        chart = cluster.get("helmchart", "chart", namespace)
        assert head[:12] in chart["status"]["artifact"]["revision"]


def test_loop_completes_with_the_bus_cut(cluster, git_server, registry, namespace):
    p = Pipeline(cluster, git_server, registry, namespace=namespace, interval="3s", scan="2s", repository=namespace + "-cut")
    original = p.files
    p.files = lambda: {k: v.replace(b"type: LoadBalancer", b"type: ClusterIP") if k.endswith("values.yaml") else v
                       for k, v in original().items()}
    with start_all(cluster, bus=False):
        p.set_up()
        # no workload controllers in this control plane: nothing would ever be ready
        cluster.patch("helmrelease", "my-app", {"spec": {"install": {"disableWait": True}, "upgrade": {"disableWait": True}}}, namespace)
        p.wait_installed()
        p.push("1.2.3")
        for what, holds in p.steps("1.2.3"):
            wait_for(what, holds, timeout=60)


def test_garbage_flood_and_forged_names(cluster, git_server, namespace, chart_repository, tmp_path):
    """Raw bytes at the subscriber's door: a publisher that sends garbage, floods, and names objects that do not exist."""
    port = free_port()
    with Controller("source-controller", cluster, connect=["tcp://127.0.0.1:%d" % port]) as c:
        cluster.apply(git_repository("repo", namespace, git_server.http(namespace)), helm_chart("chart", namespace, "repo"))
        wait_condition(cluster, "helmchart", "chart", namespace)
        count = lambda: c.metric("gotk_reconcile_duration_seconds_count", kind="HelmChart", namespace=namespace)
        before = count()
        good = b"artifact\n1\nGitRepository\n%s\nrepo\nmain@sha1:0\n" % namespace.encode()
        forged = b"artifact\n1\nGitRepository\n%s\nno-such\nx\n" % namespace.encode()
        publish(port, [os.urandom(n) for n in (0, 1, 7, 100, 5000)] + [b"artifact\n1\n../../etc\nx\ny\nz\n", b"a" * 200000]
                + [forged] * 2000 + [good] * 3000)
        wait_for("dropped messages counted", lambda: c.metric("runnel_bus_messages_total", result="dropped") > 100, timeout=20)
        assert c.metric("runnel_bus_messages_total", result="malformed") >= 5
        assert c.process.running()
        assert count() - before <= 2
        wait_condition(cluster, "helmchart", "chart", namespace)


def publish(port, messages):
    """A nanomsg PUB socket spoken by hand (SP over TCP, RFC draft sp-tcp-mapping-01): one peer, these messages, close."""
    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(20)
    peer, _ = server.accept()
    with server, peer:
        peer.sendall(b"\x00SP\x00\x00\x20\x00\x00")   # protocol 2*16+0: PUB
        peer.settimeout(5)
        assert peer.recv(8)[:4] == b"\x00SP\x00"
        for m in messages:
            peer.sendall(len(m).to_bytes(8, "big") + m)
        peer.shutdown(socket.SHUT_WR)
        try:
            while peer.recv(4096):
                pass
        except OSError:
            pass
