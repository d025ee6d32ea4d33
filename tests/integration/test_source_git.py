"""source-controller: GitRepository, against Git over HTTP(S) and SSH and a real API server."""
import os
import re
import shutil
import subprocess

import pytest

from env import GitServer
from env.git_server import git
from env.process import wait_for
from runnel import condition, wait_condition, wait_event
from source import contents, failed, fetch, members, ready, reconcile, secret, silent_server, source
from source import controller, tidy  # noqa: F401 (fixtures)

KIND = "gitrepository"


@pytest.fixture
def repo(git_server, namespace):
    """A repository of this test; its first commit."""
    return namespace, git_server.create(namespace, {"a.yaml": "one\n", "run.sh": "#!/bin/sh\n"})


def add(cluster, namespace, url, **spec):
    spec.setdefault("ref", {"branch": "main"})
    cluster.apply(source("GitRepository", "repo", namespace, url=url, **{k: v for k, v in spec.items() if v is not None}))


def test_artifact(controller, cluster, git_server, namespace, repo):
    name, first = repo
    add(cluster, namespace, git_server.http(name))
    obj = ready(cluster, KIND, "repo", namespace)
    artifact = obj["status"]["artifact"]
    path = "gitrepository/%s/repo/%s.tar.gz" % (namespace, first)
    assert artifact["revision"] == "main@sha1:" + first and artifact["path"] == path
    assert artifact["url"] == "http://127.0.0.1:%d/%s" % (controller.storage_port, path)
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", artifact["lastUpdateTime"])
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert obj["status"]["observedGeneration"] == 1
    for kind in ("Ready", "ArtifactInStorage"):
        c = condition(obj, kind)
        assert (c["status"], c["reason"]) == ("True", "Succeeded")
        assert c["message"] == "stored artifact for revision 'main@sha1:%s'" % first
    assert {c["type"] for c in obj["status"]["conditions"]} == {"Ready", "ArtifactInStorage"}
    event = wait_event(cluster, "GitRepository", "repo", namespace, reason="NewArtifact")
    assert event["message"] == "stored artifact for commit 'Initial commit'" and event["type"] == "Normal"
    annotations = event["metadata"]["annotations"]
    assert annotations["source.toolkit.fluxcd.io/revision"] == artifact["revision"]
    assert annotations["source.toolkit.fluxcd.io/digest"] == artifact["digest"]

    data = fetch(controller, artifact)
    assert contents(data) == {"a.yaml": b"one\n", "run.sh": b"#!/bin/sh\n"}
    for m in members(data).values():
        assert (m.uid, m.gid, m.uname, m.gname, m.mtime) == (0, 0, "", "", 0) or m.mtime < 0
        assert m.mode == (0o750 if m.isdir() else 0o600)
    # Nothing is taken anew while the revision is the same.
    again = reconcile(cluster, KIND, "repo", namespace)
    assert again["status"]["artifact"] == artifact


def test_new_commit(controller, cluster, git_server, namespace, repo):
    name, _ = repo
    add(cluster, namespace, git_server.http(name), interval="1s")
    ready(cluster, KIND, "repo", namespace)
    second = git_server.commit(name, {"a.yaml": "two\n"}, "A subject that is longer than fifty characters, by far\n\nbody")
    obj = ready(cluster, KIND, "repo", namespace, second)
    assert contents(fetch(controller, obj["status"]["artifact"]))["a.yaml"] == b"two\n"
    event = wait_event(cluster, "GitRepository", "repo", namespace, message="A subject")
    assert event["message"] == "stored artifact for commit 'A subject that is longer than fifty characters, by...'"


def test_references(controller, cluster, git_server, namespace, repo):
    name, first = repo
    git_server.commit(name, {"a.yaml": "two\n"}, tag="v1.2.0")
    third = git_server.commit(name, {"a.yaml": "three\n"}, tag="v1.10.0")
    tagged = git_server.log(name)[1][0]
    for ref, revision in (({"tag": "v1.2.0"}, "v1.2.0@sha1:" + tagged), ({"semver": ">=1.0.0 <1.5.0"}, "v1.2.0@sha1:" + tagged),
                          ({"semver": "1.x"}, "v1.10.0@sha1:" + third), ({"name": "refs/heads/main"}, "refs/heads/main@sha1:" + third),
                          ({"branch": "main", "commit": first}, "main@sha1:" + first), ({"commit": tagged}, "sha1:" + tagged)):
        cluster.run("delete", KIND, "repo", "-n", namespace, "--ignore-not-found")
        add(cluster, namespace, git_server.http(name), ref=ref)
        assert ready(cluster, KIND, "repo", namespace)["status"]["artifact"]["revision"] == revision


def test_deterministic(controller, cluster, git_server, namespace, repo):
    name, _ = repo
    digests = []
    for _ in range(2):
        add(cluster, namespace, git_server.http(name))
        digests.append(ready(cluster, KIND, "repo", namespace)["status"]["artifact"]["digest"])
        cluster.run("delete", KIND, "repo", "-n", namespace)
        assert not os.path.exists(os.path.join(controller.storage, "gitrepository", namespace, "repo"))
    assert digests[0] == digests[1]


def test_ignore(controller, cluster, git_server, namespace):
    files = {p: "x\n" for p in ("a.yaml", "pic.png", ".github/w.yaml", "deploy/app.yaml", "deploy/doc.md", ".gitignore", "sub/x.txt")}
    git_server.create(namespace, files)
    add(cluster, namespace, git_server.http(namespace))
    obj = ready(cluster, KIND, "repo", namespace)
    assert set(contents(fetch(controller, obj["status"]["artifact"]))) == {"a.yaml", "deploy/app.yaml", "deploy/doc.md", "sub/x.txt"}
    # The repository's own rules, in any folder, take the place of the defaults; the object's come after them.
    git_server.commit(namespace, {".sourceignore": "/*.yaml\n", "deploy/.sourceignore": "*.md\n"})
    reconcile(cluster, KIND, "repo", namespace)
    obj = ready(cluster, KIND, "repo", namespace)
    names = set(contents(fetch(controller, obj["status"]["artifact"])))
    assert names == {"pic.png", ".github/w.yaml", "deploy/app.yaml", "sub/x.txt", ".sourceignore", "deploy/.sourceignore"}
    cluster.patch(KIND, "repo", {"spec": {"ignore": "/*\n!/deploy\n"}}, namespace)
    before = obj["status"]["artifact"]
    obj = wait_for("ignore observed", lambda: (lambda o: o["status"].get("observedIgnore") and o)(cluster.get(KIND, "repo", namespace)))
    obj = ready(cluster, KIND, "repo", namespace)
    assert set(contents(fetch(controller, obj["status"]["artifact"]))) == {"deploy/app.yaml", "deploy/doc.md", "deploy/.sourceignore"}
    assert obj["status"]["artifact"]["revision"] == before["revision"] and obj["status"]["artifact"]["digest"] != before["digest"]


def test_basic_auth(controller, cluster, git_server, namespace, repo):
    name, first = repo
    add(cluster, namespace, git_server.private(name), secretRef={"name": "auth"})
    failed(cluster, KIND, "repo", namespace, "AuthenticationFailed",
           "failed to get secret '%s/auth': secrets \"auth\" not found" % namespace)
    cluster.apply(secret("auth", namespace, username=git_server.user, password="Wrong-Word"))
    obj = failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "authentication required")
    assert "Wrong-Word" not in str(obj["status"]) and "Wrong-Word" not in controller.process.output()
    # It heals by itself, once the password is right.
    cluster.apply(secret("auth", namespace, username=git_server.user, password=git_server.secret))
    obj = ready(cluster, KIND, "repo", namespace, first)
    assert {c["type"] for c in obj["status"]["conditions"]} == {"Ready", "ArtifactInStorage"}
    # In the URL it does as well, and nothing says it.
    cluster.run("delete", KIND, "repo", "-n", namespace)
    add(cluster, namespace, git_server.private(name).replace("://", "://%s:%s@" % (git_server.user, git_server.secret)))
    obj = ready(cluster, KIND, "repo", namespace, first)
    assert git_server.secret not in str(obj["status"]) and git_server.secret not in controller.process.output()
    cluster.apply(secret("auth", namespace, githubAppID="1"))
    cluster.patch(KIND, "repo", {"spec": {"secretRef": {"name": "auth"}}}, namespace)
    failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "github app data in the secret is not supported by Runnel yet")


def test_bearer(controller, cluster, git_server, namespace, repo):
    name, first = repo
    cluster.apply(secret("auth", namespace, bearerToken=git_server.token))
    add(cluster, namespace, git_server.bearer(name), secretRef={"name": "auth"})
    ready(cluster, KIND, "repo", namespace, first)


def test_tls(controller, cluster, git_server, namespace, repo):
    name, first = repo
    add(cluster, namespace, git_server.https(name))
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "certificate")
    with open(git_server.authority.cert) as f:
        cluster.apply(secret("ca", namespace, **{"ca.crt": f.read()}))
    cluster.patch(KIND, "repo", {"spec": {"secretRef": {"name": "ca"}}}, namespace)
    ready(cluster, KIND, "repo", namespace, first)


def test_client_certificate(controller, cluster, namespace):
    server = GitServer()
    server.client_certificates = True
    with server:
        first = server.create(namespace)
        files = dict(zip(("tls.crt", "tls.key"), server.authority.issue("client", client=True)), **{"ca.crt": server.authority.cert})
        for key in files:
            with open(files[key]) as f:
                files[key] = f.read()
        cluster.apply(secret("tls", namespace, **{"ca.crt": files["ca.crt"]}))
        add(cluster, namespace, server.https(namespace), secretRef={"name": "tls"})
        failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "unexpected status 400")
        cluster.apply(secret("tls", namespace, **{k: v for k, v in files.items() if k != "tls.key"}))
        failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "a client certificate needs both certificate and key")
        cluster.apply(secret("tls", namespace, **files))
        obj = ready(cluster, KIND, "repo", namespace, first)
        assert files["tls.key"].splitlines()[1] not in str(obj)


def test_ssh(controller, cluster, git_server, namespace, repo):
    name, first = repo
    with open(git_server.identity) as f:
        identity = f.read()
    cluster.apply(secret("ssh", namespace, identity=identity))
    add(cluster, namespace, git_server.ssh(name), secretRef={"name": "ssh"})
    failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "'known_hosts' is required")
    other = "[127.0.0.1]:%d ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO6GkAlwgyP2NkAYb4m0dTfXHn1aJm8Zl0sKjEhQ2Vb7\n" % git_server.ssh_port
    cluster.apply(secret("ssh", namespace, identity=identity, known_hosts=other))
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "knownhosts: key mismatch")
    cluster.apply(secret("ssh", namespace, identity=identity, known_hosts=other.replace("127.0.0.1", "example.com")))
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "knownhosts: key is unknown")
    cluster.apply(secret("ssh", namespace, identity=identity, known_hosts=git_server.known_hosts()))
    obj = ready(cluster, KIND, "repo", namespace, first)
    assert identity.splitlines()[1] not in str(obj)


def test_encrypted_identity(controller, cluster, git_server, namespace, repo, tmp_path):
    name, first = repo
    key = str(tmp_path / "key")
    shutil.copy(git_server.identity, key)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "Key-Word", "-f", key], check=True, stdout=subprocess.DEVNULL)
    with open(key) as f:
        keys = {"identity": f.read(), "known_hosts": git_server.known_hosts()}
    cluster.apply(secret("ssh", namespace, **keys))
    add(cluster, namespace, git_server.ssh(name), secretRef={"name": "ssh"})
    failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "SSH identity key is encrypted but no 'password' field was provided")
    cluster.apply(secret("ssh", namespace, password="Wrong-Word", **keys))
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "the identity is no private key, or its password is wrong")
    cluster.apply(secret("ssh", namespace, password="Key-Word", **keys))
    obj = ready(cluster, KIND, "repo", namespace, first)
    assert "Key-Word" not in str(obj) and "Wrong-Word" not in controller.process.output()


def test_missing_branch(controller, cluster, git_server, namespace, repo):
    name, _ = repo
    add(cluster, namespace, git_server.http(name), ref={"branch": "soon"})
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "couldn't find remote ref \"refs/heads/soon\"")
    made = git_server.commit(name, {"b": "b\n"}, branch="soon")
    ready(cluster, KIND, "repo", namespace, made)


def test_empty_repository(controller, cluster, git_server, namespace):
    git("init", "-q", "--bare", "-b", "main", git_server.bare(namespace))
    add(cluster, namespace, git_server.http(namespace))
    failed(cluster, KIND, "repo", namespace, "EmptyGitRepository", "git repository is empty")
    ready(cluster, KIND, "repo", namespace, git_server.commit(namespace, {"a": "a\n"}))


def test_failure_keeps_the_artifact(controller, cluster, git_server, namespace, repo):
    name, first = repo
    add(cluster, namespace, git_server.http(name), interval="1s")
    artifact = ready(cluster, KIND, "repo", namespace)["status"]["artifact"]
    os.rename(git_server.bare(name), git_server.bare(name) + ".away")
    obj = failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "repository not found")
    assert obj["status"]["artifact"] == artifact and condition(obj, "ArtifactInStorage")["status"] == "True"
    assert fetch(controller, artifact)
    os.rename(git_server.bare(name) + ".away", git_server.bare(name))
    ready(cluster, KIND, "repo", namespace, first)
    wait_event(cluster, "GitRepository", "repo", namespace, reason="Succeeded")


def test_refused_fields(controller, cluster, git_server, namespace, repo):
    name, first = repo
    for spec, text in (({"recurseSubmodules": True}, "spec.recurseSubmodules"), ({"provider": "github"}, "spec.provider"),
                       ({"verify": {"mode": "HEAD", "secretRef": {"name": "x"}}}, "spec.verify")):
        cluster.run("delete", KIND, "repo", "-n", namespace, "--ignore-not-found")
        add(cluster, namespace, git_server.http(name), **spec)
        failed(cluster, KIND, "repo", namespace, "UnsupportedField", text + " is not supported by Runnel yet", stalled=True, on=None)
    cluster.run("delete", KIND, "repo", "-n", namespace)
    add(cluster, namespace, git_server.http(name), provider="generic", recurseSubmodules=False)
    ready(cluster, KIND, "repo", namespace, first)


def test_sparse_checkout(controller, cluster, git_server, namespace):
    git_server.create(namespace, {"a/x.yaml": "x\n", "b/y.yaml": "y\n", "c/z.yaml": "z\n"})
    add(cluster, namespace, git_server.http(namespace), sparseCheckout=["./a", "b"])
    obj = ready(cluster, KIND, "repo", namespace)
    assert set(contents(fetch(controller, obj["status"]["artifact"]))) == {"a/x.yaml", "b/y.yaml"}
    assert obj["status"]["observedSparseCheckout"] == ["./a", "b"]
    cluster.patch(KIND, "repo", {"spec": {"sparseCheckout": ["nothing"]}}, namespace)
    failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "sparse checkout dir 'nothing' does not exist in repository")


def test_include(controller, cluster, git_server, namespace, repo):
    name, first = repo
    git_server.create(name + "-other", {"lib/x.yaml": "x\n", "lib/y.yaml": "y\n"})
    include = [{"repository": {"name": "other"}, "fromPath": "lib", "toPath": "vendor/lib"}]
    add(cluster, namespace, git_server.http(name), include=include)
    wait_condition(cluster, KIND, "repo", namespace, status="False", reason="NotFound", message="could not get resource for include 'other'")
    wait_event(cluster, "GitRepository", "repo", namespace, reason="NotFound", message="could not get resource for include 'other'")
    cluster.apply(source("GitRepository", "other", namespace, url=git_server.http(name + "-other"), ref={"branch": "main"}))
    ready(cluster, KIND, "other", namespace)
    reconcile(cluster, KIND, "repo", namespace)
    obj = ready(cluster, KIND, "repo", namespace)
    files = contents(fetch(controller, obj["status"]["artifact"]))
    assert set(files) == {"a.yaml", "run.sh", "vendor/lib/x.yaml", "vendor/lib/y.yaml"}
    assert obj["status"]["observedInclude"] == include and len(obj["status"]["includedArtifacts"]) == 1
    cluster.patch(KIND, "repo", {"spec": {"include": [dict(include[0], toPath="../../out")]}}, namespace)
    failed(cluster, KIND, "repo", namespace, "CopyFailure", "leads out of its folder", on="StorageOperationFailed")


def test_links_are_not_packed(controller, cluster, git_server, namespace):
    """A repository can hold links to any place; none of what they point to gets into an artifact, and no rule is read through one."""
    git_server.create(namespace, {"a.yaml": "a\n"})
    with git_server.clone(namespace) as work:
        os.symlink("/etc/passwd", os.path.join(work, "passwd"))
        os.symlink("/etc", os.path.join(work, "etc"))
        os.symlink("/etc/passwd", os.path.join(work, ".sourceignore"))
        git_server.push(work)
    add(cluster, namespace, git_server.http(namespace))
    obj = ready(cluster, KIND, "repo", namespace, git_server.head(namespace))
    assert set(members(fetch(controller, obj["status"]["artifact"]))) == {".", "a.yaml"}


def test_submodules_stay_empty(controller, cluster, git_server, namespace):
    """As a clone without --recurse-submodules leaves them."""
    first = git_server.create(namespace, {"a.yaml": "a\n"})
    with git_server.clone(namespace) as work:
        with open(os.path.join(work, ".gitmodules"), "w") as f:
            f.write('[submodule "sub"]\n\tpath = sub\n\turl = file:///etc\n')
        git("update-index", "--add", "--cacheinfo", "160000,%s,sub" % first, cwd=work)
        os.mkdir(os.path.join(work, "sub"))
        git_server.push(work)
    add(cluster, namespace, git_server.http(namespace))
    obj = ready(cluster, KIND, "repo", namespace, git_server.head(namespace))
    assert set(members(fetch(controller, obj["status"]["artifact"]))) == {".", "a.yaml", "sub"}


def test_suspend(controller, cluster, git_server, namespace, repo):
    name, first = repo
    add(cluster, namespace, git_server.http(name), interval="1s", suspend=True)
    wait_for("suspended", lambda: any(l.get("name") == "repo" and l.get("namespace") == namespace and "suspended" in l.get("msg", "")
                                      for l in controller.log()))
    assert "artifact" not in cluster.get(KIND, "repo", namespace).get("status", {})
    cluster.patch(KIND, "repo", {"spec": {"suspend": False}}, namespace)
    ready(cluster, KIND, "repo", namespace, first)


def test_server_that_hangs(controller, cluster, namespace):
    """spec.timeout ends it; an object that is deleted meanwhile goes."""
    with silent_server() as (address, accept):
        add(cluster, namespace, "http://%s/x.git" % address, timeout="2s")
        with accept():
            failed(cluster, KIND, "repo", namespace, "GitOperationFailed", "failed to checkout and determine revision")
        with accept():  # the next try is under way
            cluster.run("delete", KIND, "repo", "-n", namespace, "--wait=false")
            wait_for("gone", lambda: cluster.get(KIND, "repo", namespace) is None, timeout=15)
