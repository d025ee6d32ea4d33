"""What the tests of source-controller share: objects, artifacts, charts."""
import base64
import contextlib
import gzip
import hashlib
import io
import json
import socket
import tarfile
import urllib.request

import pytest

from env.process import wait_for
from runnel import Controller, condition, request_reconcile, wait_condition, wait_event
from stub import Stub

API = "source.toolkit.fluxcd.io/v1"


def clean_up(cluster, namespace):
    """Deletes what a test made, so that the controller does not go on with it beside the next one."""
    cluster.run("delete", "gitrepositories,helmrepositories,helmcharts,ocirepositories,buckets", "--all", "-n", namespace)


@contextlib.contextmanager
def running(cluster, *flags, **options):
    with Controller("source-controller", cluster, "--min-retry-delay=100ms", "--max-retry-delay=1s", *flags, **options) as c:
        yield c


def source(kind, name, namespace, **spec):
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": namespace},
            "spec": dict({"interval": "1h"}, **spec)}


def secret(name, namespace, kind="Opaque", **data):
    """Keys with dots: pass **{"ca.crt": …}."""
    encoded = {k: base64.b64encode(v if isinstance(v, bytes) else v.encode()).decode() for k, v in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": kind, "data": encoded}


def docker_config(name, namespace, host, user, password):
    return secret(name, namespace, "kubernetes.io/dockerconfigjson",
                  **{".dockerconfigjson": json.dumps({"auths": {host: {"username": user, "password": password}}})})


def ready(cluster, kind, name, namespace, revision=None, timeout=30):
    """Waits for Ready=True (at a revision, or a part of one); returns the object."""
    def check():
        obj = wait_condition(cluster, kind, name, namespace, timeout=0.01)
        got = obj["status"]["artifact"]["revision"]
        assert revision is None or revision in got, got
        return obj
    return wait_for("%s/%s ready at %s" % (kind, name, revision), check, timeout)


def reconcile(cluster, kind, name, namespace, timeout=30):
    """flux reconcile: asks, and waits until it was done; returns the object."""
    token = request_reconcile(cluster, kind, name, namespace)

    def check():
        obj = cluster.get(kind, name, namespace)
        assert obj["status"].get("lastHandledReconcileAt") == token
        reconciling = condition(obj, "Reconciling")
        assert not reconciling or reconciling["reason"] == "ProgressingWithRetry", reconciling
        return obj
    return wait_for("reconcile of %s/%s" % (kind, name), check, timeout)


def failed(cluster, kind, name, namespace, reason, message, stalled=False, on="FetchFailed", timeout=30):
    """Ready=False for this reason, the same on the failure's own condition, and a warning event; no word of a secret in any of it."""
    obj = wait_condition(cluster, kind, name, namespace, status="False", reason=reason, message=message, timeout=timeout)
    if on:
        c = condition(obj, on)
        assert c["status"] == "True" and c["reason"] == reason and message in c["message"], c
    assert bool(condition(obj, "Stalled")) == stalled, obj["status"]
    wait_event(cluster, obj["kind"], name, namespace, reason=reason, type="Warning")
    return obj


def fetch(controller, artifact):
    """The artifact's bytes over HTTP, checked against its digest and size."""
    with urllib.request.urlopen(artifact["url"], timeout=5) as r:
        data = r.read()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == artifact["digest"]
    assert len(data) == artifact["size"]
    return data


def members(data):
    """tar.gz: path to TarInfo."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as t:
        return {m.name.lstrip("./") or ".": m for m in t.getmembers()}


def contents(data):
    """tar.gz: path of each file to its bytes."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as t:
        return {m.name[2:] if m.name.startswith("./") else m.name: t.extractfile(m).read() for m in t.getmembers() if m.isfile()}


def tgz(files):
    """A tar.gz of path to bytes, or to a TarInfo that is taken as it is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for path, data in files.items():
            if isinstance(data, tarfile.TarInfo):
                t.addfile(data)
                continue
            data = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(path)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def bomb(path, size=600 << 20):
    """A tar.gz of one file of zeros that is far larger than it looks."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as g:
        info = tarfile.TarInfo(path)
        info.size = size
        g.write(info.tobuf())
        chunk = b"\0" * (1 << 20)
        for _ in range(size >> 20):
            g.write(chunk)
        g.write(b"\0" * 1024)
    return out.getvalue()


def chart(name="app", version="1.0.0", values="replicas: 1\n", more=None):
    """The files of a small chart, relative to its folder."""
    return dict({"Chart.yaml": "apiVersion: v2\nname: %s\nversion: %s\nappVersion: \"1\"\n" % (name, version),
                 "values.yaml": values, "templates/map.yaml":
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {replicas: \"{{ .Values.replicas }}\"}\n"},
                **(more or {}))


def below(folder, files):
    return {"%s/%s" % (folder, path): data for path, data in files.items()}


@contextlib.contextmanager
def silent_server():
    """A server that takes connections and says nothing: (its address, a function that waits for the next connection)."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)
    with server:
        yield "127.0.0.1:%d" % server.getsockname()[1], lambda: server.accept()[0]


class BadRegistry(Stub):
    """Answers every request with .says (status, headers, body) and, where that is None, as a real one does."""

    def __init__(self, registry):
        super().__init__(self._answer)
        self.registry, self.says = registry, None

    def _answer(self, request):
        accept = {"Accept": request.headers.get("Accept", "*/*")}
        request.relay(*(self.says or self.registry.request(request.command, request.path, headers=accept)))


# ---- fixtures, for modules that import them ----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def controller(cluster):
    with running(cluster) as c:
        yield c


@pytest.fixture(autouse=True)
def tidy(controller, cluster, namespace):
    yield
    clean_up(cluster, namespace)
