"""helm-controller as a process: restarts that change nothing, references to other namespaces, many releases, little memory."""
import json

import pytest

from env import wait_for
from helm_support import CONFIGMAP, Charts, gone, history, release, wait_release, wait_version
from runnel import Controller, condition, request_reconcile

ODD = {"text": "x", "float": 0.1, "big": 1e300, "whole": 3.0, "large": 9007199254740993, "huge": 123456789012345678901234567890, "null": None,
       "unicode": "\u00e9\u4e2d\U0001f600", "control": "a\tb\u0000c\u0001\u007f", "html": "<a href='x'>&amp;</a>", "empty": {}, "list": [1, None, "a", []],
       "yes": "yes", "number": "012", "date": "2026-01-02", "lines": "a\n b\n\nc  \n", "long": "word " * 60, "~": 1, "a.b": {"c/d": True}}


@pytest.mark.parametrize("values", [{}, ODD], ids=["none", "odd"])
def test_restart_changes_nothing(cluster, namespace, web_server, values):
    """What is read back from storage is what was written: a digest that differed would cause an upgrade at each restart."""
    charts = Charts(cluster, web_server, namespace)
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP + "  all: {{ toJson .Values | b64enc }}\n"})
    cluster.raw("/apis/helm.toolkit.fluxcd.io/v2/namespaces/%s/helmreleases" % namespace, "POST", json.dumps(release(namespace, values=values)))
    with Controller("helm-controller", cluster):
        wait_version(cluster, namespace, 1)
    before = cluster.get("helmrelease", "app", namespace)["status"]
    with Controller("helm-controller", cluster):
        token = request_reconcile(cluster, "helmrelease", "app", namespace)
        wait_for("the request", lambda: cluster.get("helmrelease", "app", namespace)["status"].get("lastHandledReconcileAt") == token)
        obj = wait_version(cluster, namespace, 1)
        assert obj["status"]["history"] == before["history"]
        cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
        gone(cluster, "helmrelease", "app", namespace)


def test_no_cross_namespace_refs(cluster, namespace, web_server):
    other = namespace + "-src"
    cluster.namespace(other)
    Charts(cluster, web_server, other).publish("1.0.0")
    ref = {"kind": "HelmChart", "name": "app", "namespace": other}
    source = {"kind": "HelmRepository", "name": "repo", "namespace": other}
    cluster.apply(release(namespace, "ref", chartRef=ref), release(namespace, "template", chart={"spec": {"chart": "a", "sourceRef": source}}))
    with Controller("helm-controller", cluster, "--no-cross-namespace-refs"):
        for name, chart in (("ref", "app"), ("template", namespace + "-template")):
            obj = wait_release(cluster, namespace, name, type="Stalled", reason="AccessDenied",
                               message="cross-namespace references are not allowed: cannot access HelmChart %s/%s" % (other, chart))
            assert condition(obj)["status"] == "False"
        assert cluster.get("helmchart", namespace + "-template", other) is None
    with Controller("helm-controller", cluster):
        wait_version(cluster, namespace, 1, "ref")
        cluster.run("delete", "helmrelease", "--all", "-n", namespace, "--wait=false")
        gone(cluster, "helmrelease", "ref", namespace)
        gone(cluster, "helmrelease", "template", namespace)


def test_hundred_releases(cluster, namespace, web_server):
    """Each is installed with its own revision, and a second look at all of them writes nothing."""
    charts = Charts(cluster, web_server, namespace)
    charts.publish("1.0.0")
    names = ["app%d" % i for i in range(100)]
    cluster.apply({"apiVersion": "v1", "kind": "List", "items": [release(namespace, n) for n in names]})
    listed = lambda: {o["metadata"]["name"]: o for o in cluster.list("helmrelease", namespace)}
    with Controller("helm-controller", cluster) as c:
        wait_for("all ready", lambda: all(condition(o).get("status") == "True" for o in listed().values()), 90)
        told = lambda: [e for e in cluster.list("events", namespace) if e["reason"] == "InstallSucceeded"]
        wait_for("all events", lambda: len(told()) == 100)

        def writes():
            return sum(c.metric("rest_client_requests_total", method=m) for m in ("POST", "PATCH", "DELETE"))
        before = writes()
        for n in names[:10]:
            request_reconcile(cluster, "helmrelease", n, namespace)
        wait_for("ten more", lambda: all(listed()[n]["status"].get("lastHandledReconcileAt") for n in names[:10]))
        assert writes() - before == 10, "the annotation's answer in the status, and nothing else"
        assert len(cluster.list("secrets", namespace, "owner=helm")) == 100
        cluster.run("delete", "helmrelease", "--all", "-n", namespace, "--wait=false")
        wait_for("all gone", lambda: not listed(), 90)
        assert not cluster.list("secrets", namespace, "owner=helm")
