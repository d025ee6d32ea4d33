"""Servers that all tests share: one control plane for the run; each test works in a namespace of its own."""
import os
import re
import sys
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from env import ControlPlane, GitServer, Registry, WebServer  # noqa: E402
from runnel import ROOT  # noqa: E402

CRDS = os.path.join(ROOT, "charts", "runnel", "crds")


@pytest.fixture(scope="session")
def cluster():
    """etcd and kube-apiserver with the CRDs installed."""
    with ControlPlane() as c:
        c.crds(CRDS)
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
    return name
