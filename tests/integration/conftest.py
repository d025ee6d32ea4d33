"""Servers that all tests share: one control plane for the run; each test works in a namespace of its own."""
import json
import os
import re
import sys
import urllib.error
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from env import ControlPlane, GitServer, Registry, WebServer  # noqa: E402
from env.kubelet import Kubelet  # noqa: E402
from runnel import ROOT  # noqa: E402

CRDS = os.path.join(ROOT, "charts", "runnel", "crds")


@pytest.fixture(scope="session")
def cluster():
    """etcd and kube-apiserver with the CRDs installed."""
    with ControlPlane() as c:
        c.crds(CRDS)
        yield c


@pytest.fixture(scope="session")
def pods_cluster():
    """A second control plane, whose Deployments and Jobs make Pods, and somebody who plays the kubelet: cluster.kubelet."""
    with ControlPlane(controller_manager=True) as c:
        c.crds(CRDS)
        with Kubelet(c) as c.kubelet:
            yield c


@pytest.fixture(scope="session")
def git_server():
    with GitServer() as g:
        yield g


@pytest.fixture(scope="session")
def registry():
    with Registry() as r:
        yield r


@pytest.fixture(scope="session")
def web_server():
    with WebServer() as w:
        yield w


@pytest.fixture
def namespace(cluster, request):
    """A fresh namespace, named after the test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-") + "-" + uuid.uuid4().hex[:5]
    cluster.namespace(name)
    yield name
    clear(cluster, name)


RESOURCES = {"source": ("gitrepositories", "helmrepositories", "helmcharts", "ocirepositories", "buckets"),
             "helm": ("helmreleases",),
             "image": ("imageupdateautomations", "imagepolicies", "imagerepositories")}


def clear(cluster, namespace):
    """Takes the namespace's custom resources away, so that the controllers of later tests have nothing to do with them."""
    for group, plurals in RESOURCES.items():
        for plural in plurals:
            folder = "/apis/%s.toolkit.fluxcd.io/%s/namespaces/%s/%s" % (group, "v2" if group == "helm" else "v1", namespace, plural)
            for item in json.loads(cluster.raw(folder))["items"]:
                path = folder + "/" + item["metadata"]["name"]
                for method, body in (("DELETE", None), ("PATCH", '{"metadata": {"finalizers": null}}')):
                    try:
                        cluster.raw(path, method, body, content_type="application/merge-patch+json" if body else "application/json")
                    except urllib.error.HTTPError as e:
                        if e.code != 404:  # gone already is what is wanted
                            raise
