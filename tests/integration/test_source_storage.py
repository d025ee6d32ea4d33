"""source-controller's artifact store, through the life of the process: restarts, damage, garbage, deletion."""
import json
import os
import shutil
import time

import pytest

from env.process import wait_for
from runnel import request_reconcile, wait_condition, wait_event
from source import below, chart, clean_up, fetch, ready, running, silent_server, source, tgz

KIND = "gitrepository"


@pytest.fixture
def repo(git_server, namespace):
    return namespace, git_server.create(namespace, {"a.yaml": "one\n"})


def add(cluster, namespace, url):
    cluster.apply(source("GitRepository", "repo", namespace, url=url, interval="1s", ref={"branch": "main"}))


def test_storage(cluster, git_server, namespace, repo):
    """A missing artifact is fetched again, a changed one too; a restart finds what is there; the URL follows the address."""
    name, first = repo
    with running(cluster) as c:
        add(cluster, namespace, git_server.http(name))
        before = ready(cluster, KIND, "repo", namespace)["status"]["artifact"]
        path = os.path.join(c.storage, before["path"])
        with open(path, "ab") as f:
            f.write(b"changed")
        wait_event(cluster, "GitRepository", "repo", namespace, reason="ArtifactVerificationFailed")
        wait_for("whole again", lambda: fetch(c, ready(cluster, KIND, "repo", namespace)["status"]["artifact"]))
        os.unlink(path)
        wait_for("there again", lambda: os.path.exists(path) and fetch(c, ready(cluster, KIND, "repo", namespace)["status"]["artifact"]))
        os.makedirs(os.path.join(c.storage, ".tmp", "left-over"))
        copy = c.folder + "-copy"
        shutil.copytree(c.storage, copy)
        kept = ready(cluster, KIND, "repo", namespace)["status"]["artifact"]
    with running(cluster, "--storage-path", copy) as again:
        port = str(again.storage_port)
        obj = wait_for("new address", lambda: (lambda o: port in o["status"]["artifact"]["url"] and o)(ready(cluster, KIND, "repo", namespace)))
        assert {k: v for k, v in obj["status"]["artifact"].items() if k != "url"} == {k: v for k, v in kept.items() if k != "url"}
        assert fetch(again, obj["status"]["artifact"])
        assert "left-over" not in os.listdir(copy + "/.tmp")
        assert again.http(again.storage_port, "/")[0] == 200  # what the probes of Flux's Deployment ask
        clean_up(cluster, namespace)
        assert again.http(again.storage_port, "/.tmp/")[0] == 404 and again.http(again.storage_port, "/../etc/passwd")[0] in (400, 404)
        shutil.rmtree(copy)


def test_storage_is_rebuilt(cluster, git_server, registry, web_server, namespace, repo):
    """A controller that starts on an empty volume: every kind fetches again what its status speaks of."""
    name, _ = repo
    git_server.commit(name, below("app", chart()))
    digest = registry.push_artifact(namespace, "latest", [("application/vnd.cncf.flux.content.v1.tar+gzip", tgz({"a": "a"}))])
    web_server.write(namespace + "/index.yaml", "apiVersion: v1\nentries: {}\n")
    kinds = {"gitrepository": "repo", "helmrepository": "repo", "ocirepository": "repo", "helmchart": "app"}
    with running(cluster):
        cluster.apply(source("GitRepository", "repo", namespace, url=git_server.http(name), ref={"branch": "main"}),
                      source("HelmRepository", "repo", namespace, url="%s/%s" % (web_server.url, namespace)),
                      source("OCIRepository", "repo", namespace, url="oci://%s/%s" % (registry.host, namespace), insecure=True),
                      source("HelmChart", "app", namespace, chart="app", sourceRef={"kind": "GitRepository", "name": "repo"}))
        before = {kind: ready(cluster, kind, n, namespace)["status"]["artifact"] for kind, n in kinds.items()}
    with running(cluster) as c:
        for kind, n in kinds.items():
            def whole():
                artifact = ready(cluster, kind, n, namespace)["status"]["artifact"]
                assert fetch(c, artifact)
                return artifact
            after = wait_for("%s again" % kind, whole)
            assert {k: after[k] for k in ("path", "revision", "digest")} == {k: before[kind][k] for k in ("path", "revision", "digest")}
        clean_up(cluster, namespace)
    assert before["ocirepository"]["revision"] == "latest@" + digest


def test_forged_path(cluster, git_server, namespace, repo):
    """A status that names another object's file has that file neither removed nor taken for its own."""
    name, first = repo
    with running(cluster) as c:
        add(cluster, namespace, git_server.http(name))
        victim = ready(cluster, KIND, "repo", namespace)["status"]["artifact"]
        cluster.apply(source("GitRepository", "forger", namespace, url=git_server.http(name), ref={"branch": "main"}))
        ready(cluster, KIND, "forger", namespace)
        path = os.path.join(c.storage, victim["path"])
        inode = os.stat(path).st_ino
        forged = dict(victim, digest="sha256:" + "0" * 64)
        cluster.raw("/apis/source.toolkit.fluxcd.io/v1/namespaces/%s/gitrepositories/forger/status" % namespace, "PATCH",
                    json.dumps({"status": {"artifact": forged}}), content_type="application/merge-patch+json")
        request_reconcile(cluster, KIND, "forger", namespace)
        obj = wait_for("its own again", lambda: (lambda o: "/forger/" in o["status"]["artifact"]["path"] and o)(ready(cluster, KIND, "forger", namespace)))
        assert fetch(c, obj["status"]["artifact"]) and os.stat(path).st_ino == inode
        # Nor is another's file read in the forger's name, while the forger itself does not look.
        cluster.patch(KIND, "forger", {"spec": {"suspend": True}}, namespace)
        cluster.raw("/apis/source.toolkit.fluxcd.io/v1/namespaces/%s/gitrepositories/forger/status" % namespace, "PATCH",
                    json.dumps({"status": {"artifact": victim}}), content_type="application/merge-patch+json")
        cluster.apply(source("HelmChart", "reader", namespace, chart=".", sourceRef={"kind": "GitRepository", "name": "forger"}))
        wait_condition(cluster, "helmchart", "reader", namespace, status="False", reason="NoSourceArtifact")
        cluster.apply(source("GitRepository", "including", namespace, url=git_server.http(name), ref={"branch": "main"},
                             include=[{"repository": {"name": "forger"}, "toPath": "x"}]))
        wait_condition(cluster, KIND, "including", namespace, status="False", reason="NoArtifact")
        clean_up(cluster, namespace)


def test_garbage_collection(cluster, git_server, namespace, repo):
    name, _ = repo
    with running(cluster, "--artifact-retention-ttl=1h", "--artifact-retention-records=2") as c:
        add(cluster, namespace, git_server.http(name))
        ready(cluster, KIND, "repo", namespace)
        for i in range(3):
            head = git_server.commit(name, {"a.yaml": "%d\n" % i})
            ready(cluster, KIND, "repo", namespace, head)
        folder = os.path.join(c.storage, "gitrepository", namespace, "repo")
        wait_for("two left", lambda: len(os.listdir(folder)) == 2 and head + ".tar.gz" in os.listdir(folder))
        clean_up(cluster, namespace)
        assert not os.path.exists(folder)


def test_sigterm_while_fetching(cluster, namespace):
    with running(cluster) as c, silent_server() as (address, accept):
        cluster.apply(source("GitRepository", "repo", namespace, url="http://%s/x.git" % address, timeout="60s"))
        with accept():
            began = time.monotonic()
            assert c.stop(keep=True) == 0 and time.monotonic() - began < 5
    obj = cluster.get(KIND, "repo", namespace)
    assert "FetchFailed" not in str(obj["status"])  # that the process ended is no failure of the source
    cluster.patch(KIND, "repo", {"metadata": {"finalizers": None}}, namespace)
    clean_up(cluster, namespace)
