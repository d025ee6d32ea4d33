"""The programs beside Runnel: what the flux command, kustomize-controller and notification-controller do, replayed against us."""
import hashlib
import io
import re
import tarfile
import urllib.request

import pytest

from env import wait_for
from env.pipeline import Pipeline
from runnel import Controller, condition, request_reconcile, start_all, wait_condition
from stub import Receiver

SOURCE = "source.toolkit.fluxcd.io/v1"


@pytest.fixture
def repository(cluster, git_server, namespace):
    head = git_server.create(namespace, {"deploy/app.yaml": "kind: ConfigMap\n", "README.md": "x\n", ".github/ci.yaml": "x\n", "pic.png": b"x"})
    cluster.apply({"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": "repo", "namespace": namespace},
                   "spec": {"interval": "10m", "url": git_server.http(namespace), "ref": {"branch": "main"}}})
    return head


def test_flux_reconcile_suspend_resume_get(cluster, git_server, namespace, repository):
    with Controller("source-controller", cluster):
        wait_condition(cluster, "gitrepository", "repo", namespace)

        # flux reconcile source git: annotate, then poll until lastHandledReconcileAt is the token and Ready is of this generation
        head = git_server.commit(namespace, {"deploy/app.yaml": "kind: Secret\n"})
        token = request_reconcile(cluster, "gitrepository", "repo", namespace)

        def reconciled():
            o = cluster.get("gitrepository", "repo", namespace)
            return o["status"].get("lastHandledReconcileAt") == token and condition(o)["status"] == "True" and o
        o = wait_for("reconciliation on request", reconciled)
        assert o["status"]["artifact"]["revision"] == "main@sha1:" + head

        # flux suspend: spec.suspend; nothing happens then, not even on request
        cluster.patch("gitrepository", "repo", {"spec": {"suspend": True}}, namespace)
        second = git_server.commit(namespace, {"deploy/app.yaml": "kind: Service\n"})
        request_reconcile(cluster, "gitrepository", "repo", namespace)
        # another object is reconciled from start to end meanwhile: the suspended one had its time
        cluster.apply({"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": "other", "namespace": namespace},
                       "spec": {"interval": "10m", "url": git_server.http(namespace), "ref": {"branch": "main"}}})
        wait_condition(cluster, "gitrepository", "other", namespace)
        assert cluster.get("gitrepository", "repo", namespace)["status"]["artifact"]["revision"] == "main@sha1:" + head

        # flux resume: suspend false, a new generation, Ready again
        cluster.patch("gitrepository", "repo", {"spec": {"suspend": False}}, namespace)
        wait_for("revision after resume",
                 lambda: cluster.get("gitrepository", "repo", namespace)["status"]["artifact"]["revision"] == "main@sha1:" + second)

        # flux get sources git: its columns
        wide = cluster.run("get", "gitrepository", "repo", "-n", namespace).split("\n")
        assert re.split(r"\s{2,}", wide[0].strip())[:5] == ["NAME", "URL", "AGE", "READY", "STATUS"]
        assert "True" in wide[1] and "stored artifact for revision 'main@sha1:" in wide[1]


def test_flux_commands_on_every_kind(pods_cluster, git_server, registry):
    cluster, namespace = pods_cluster, "flux-cli"
    with start_all(cluster):
        p = Pipeline(cluster, git_server, registry, namespace=namespace, interval="10m", scan="10m", repository="flux-cli")
        p.set_up()
        p.wait_installed()
        for kind, name in (("gitrepository", "flux-cli"), ("helmchart", "flux-cli-my-app"), ("helmrelease", "my-app"),
                           ("imagerepository", "my-app"), ("imagepolicy", "my-app"), ("imageupdateautomation", "my-app")):
            def ready(token=None):
                o = cluster.get(kind, name, namespace)
                handled = token is None or o["status"].get("lastHandledReconcileAt") == token
                return handled and condition(o)["status"] == "True" and not condition(o, "Reconciling") and \
                    condition(o)["observedGeneration"] == o["status"]["observedGeneration"] == o["metadata"]["generation"]
            token = request_reconcile(cluster, kind, name, namespace)  # flux reconcile
            wait_for("%s reconciled on request" % kind, lambda: ready(token))
            cluster.patch(kind, name, {"spec": {"suspend": True}}, namespace)  # flux suspend
            assert not ready(), "the new generation has been looked at"
            cluster.patch(kind, name, {"spec": {"suspend": False}}, namespace)  # flux resume
            wait_for("%s ready after resume" % kind, ready)
        # flux get helmreleases: revision and message
        status = p.get("helmrelease", "my-app")["status"]
        assert status["history"][0]["chartVersion"] == status["lastAttemptedRevision"]
        # flux reconcile helmrelease --force: one upgrade more
        token = request_reconcile(cluster, "helmrelease", "my-app", namespace, force=True)
        o = wait_for("forced upgrade", lambda: p.release_ready(2))
        assert o["status"]["lastHandledForceAt"] == o["status"]["lastHandledReconcileAt"] == token


def test_artifact_as_kustomize_controller_fetches_it(cluster, git_server, namespace, repository):
    with Controller("source-controller", cluster) as c:
        o = wait_condition(cluster, "gitrepository", "repo", namespace)
        a = o["status"]["artifact"]
        assert a["revision"] == "main@sha1:" + repository
        assert re.fullmatch(r"gitrepository/%s/repo/[0-9a-f]+\.tar\.gz" % namespace, a["path"])
        assert a["url"] == "http://127.0.0.1:%d/%s" % (c.storage_port, a["path"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", a["lastUpdateTime"])
        with urllib.request.urlopen(a["url"], timeout=5) as r:
            data = r.read()
        assert len(data) == a["size"]
        assert "sha256:" + hashlib.sha256(data).hexdigest() == a["digest"]
        with tarfile.open(fileobj=io.BytesIO(data)) as t:
            names = [m.name.lstrip("./") for m in t.getmembers() if m.isfile()]
            for m in t.getmembers():
                assert not m.name.startswith("/") and ".." not in m.name.split("/")
                assert (m.uid, m.gid) == (0, 0)
            app = t.extractfile([m for m in t.getmembers() if m.name.lstrip("./") == "deploy/app.yaml"][0]).read()
        assert app == b"kind: ConfigMap\n"
        assert sorted(names) == ["README.md", "deploy/app.yaml"]  # Flux's own exclusions: CI folders, images


def test_events_as_notification_controller_takes_them(cluster, git_server, namespace, repository):
    with Receiver() as sink, Controller("source-controller", cluster, "--events-addr", sink.url + "/"):
        wait_condition(cluster, "gitrepository", "repo", namespace)
        path, kind, event = wait_for("event", lambda: [e for e in sink.events if e[2]["involvedObject"]["namespace"] == namespace])[0]
        assert path == "/" and kind.startswith("application/json")
        assert event["involvedObject"]["kind"] == "GitRepository"
        assert event["involvedObject"]["namespace"] == namespace
        assert event["involvedObject"]["apiVersion"] == SOURCE
        assert event["involvedObject"]["uid"]
        assert event["severity"] == "info"
        assert event["reason"] == "NewArtifact"
        assert event["reportingController"] == "source-controller"
        assert event["reportingInstance"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["timestamp"])
        assert event["metadata"]["source.toolkit.fluxcd.io/revision"] == "main@sha1:" + repository
        assert event["message"].startswith("stored artifact for commit 'Initial commit'")

        cluster.patch("gitrepository", "repo", {"spec": {"ref": {"branch": "no-such"}}}, namespace)
        bad = wait_for("error event", lambda: [e for _, _, e in sink.events if e["severity"] == "error"
                                                    and e["involvedObject"]["namespace"] == namespace])[0]
        assert bad["reason"] == "GitOperationFailed" and "no-such" in bad["message"]
