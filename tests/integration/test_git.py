"""common/git against real servers: Git over HTTP(S) behind nginx, Git over SSH with sshd, driven through git-probe."""
import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from env.git_server import git
from env.process import scratch
from runnel import BUILD
from stub import Stub

PROBE = os.path.join(BUILD, "tests", "unit", "git", "git-probe")
TRANSIENT, INVALID, DENIED, NOT_FOUND, CONFLICT, TIMEOUT, LIMIT = range(1, 8)


@pytest.fixture
def folder():
    path = scratch("git-test")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def probe(verb, **options):
    words = [PROBE, verb] + ["%s=%s" % (k, v) for k, v in options.items() if v is not None]
    p = subprocess.run(words, capture_output=True, text=True, timeout=60, env=dict(os.environ, HOME="/nonexistent"))
    assert p.stdout, p.stderr
    assert p.returncode in (0, 1), p.stderr
    return json.loads(p.stdout)


def good(verb, **options):
    out = probe(verb, **options)
    assert out["class"] == 0, out
    return out


def bad(error_class, text, verb, **options):
    out = probe(verb, **options)
    assert out["class"] == error_class and text in out["error"], out
    return out


@pytest.fixture(scope="module")
def repo(git_server):
    """A repository with branches, tags, a large file and attributes that would change line endings."""
    name = "refs"
    first = git_server.create(name, {"a.yaml": "one\n", ".gitattributes": "*.yaml text eol=crlf\n", "dir/b": "b\n",
                                     "large": os.urandom(3 << 20)})
    git_server.commit(name, {"a.yaml": "two\n"}, tag="v1.0.0")
    head = git_server.commit(name, {"a.yaml": "three\n"}, tag="v1.1.0")
    git("tag", "light", first, cwd=git_server.bare(name))
    git("update-ref", "refs/pull/1/head", first, cwd=git_server.bare(name))
    git_server.commit(name, {"c": "c\n"}, branch="other")
    return name, first, head


def test_resolve(git_server, repo):
    name, first, head = repo
    url = git_server.http(name)
    def asked():
        return sum("/git/%s.git/" % name in line for line in git_server.accesses())
    before = asked()
    assert good("resolve", url=url, branch="main") | {"message": ""} == \
        {"class": 0, "error": "", "hash": head, "revision": "main@sha1:" + head, "message": ""}
    assert asked() == before + 1
    assert good("resolve", url=url, tag="v1.1.0")["revision"] == "v1.1.0@sha1:" + head  # the commit, not the tag object
    assert good("resolve", url=url, semver="1.0.x")["revision"].startswith("v1.0.0@")
    assert good("resolve", url=url, name="refs/pull/1/head")["revision"] == "refs/pull/1/head@sha1:" + first
    bad(NOT_FOUND, "unable to list remote for '%s': couldn't find remote ref \"refs/heads/none\"" % url, "resolve", url=url, branch="none")
    bad(NOT_FOUND, "no match found for semver: >=9", "resolve", url=url, semver=">=9")
    bad(NOT_FOUND, "repository not found", "resolve", url=git_server.http("none"), branch="main")


@pytest.mark.parametrize("transport", ["http", "ssh"])
def test_clone(git_server, repo, folder, transport):
    name, first, head = repo
    keys = {} if transport == "http" else ssh_keys(git_server, folder)
    url = getattr(git_server, transport)(name)
    out = good("clone", url=url, branch="main", folder=folder + "/main", **keys)
    assert out["hash"] == head and out["message"] == "Change\n"
    with open(folder + "/main/a.yaml", "rb") as f:
        assert f.read() == b"three\n"  # no line ending changed by .gitattributes
    assert os.path.getsize(folder + "/main/large") == 3 << 20
    assert git("symbolic-ref", "HEAD", cwd=folder + "/main") == "refs/heads/main"
    assert git("status", "--porcelain", "--", "large", "dir", cwd=folder + "/main") == ""
    assert good("clone", url=url, tag="v1.0.0", folder=folder + "/tag", **keys)["revision"].startswith("v1.0.0@sha1:")
    assert open(folder + "/tag/a.yaml").read() == "two\n"
    assert good("clone", url=url, semver="*", folder=folder + "/semver", **keys)["hash"] == head
    assert good("clone", url=url, commit=first, folder=folder + "/commit", **keys)["revision"] == "sha1:" + first
    assert open(folder + "/commit/a.yaml").read() == "one\n"
    assert good("clone", url=url, commit=first, branch="main", folder=folder + "/both", **keys)["revision"] == "main@sha1:" + first
    assert good("clone", url=url, name="refs/heads/other", folder=folder + "/name", **keys)["revision"].startswith("refs/heads/other@")
    good("clone", url=url, branch="main", sparse="dir", folder=folder + "/sparse", **keys)
    assert sorted(os.listdir(folder + "/sparse")) == [".git", "dir"]
    bad(NOT_FOUND, "unable to resolve commit object", "clone", url=url, commit="1" * 40, folder=folder + "/x1", **keys)
    bad(LIMIT, "larger than the limit of 100000 bytes", "clone", url=url, branch="main", limit=100000, folder=folder + "/x2", **keys)
    bad(INVALID, "submodules are not supported", "clone", url=url, branch="main", submodules=1, folder=folder + "/x3", **keys)


@pytest.mark.parametrize("transport", ["http", "ssh"])
def test_many_at_once(git_server, repo, folder, transport):
    keys = {} if transport == "http" else ssh_keys(git_server, folder)
    good("together", url=getattr(git_server, transport)(repo[0]), branch="main", folder=folder, **keys)
    for i in range(8):
        assert open("%s/%d/a.yaml" % (folder, i)).read() == "three\n"


def test_authentication_http(git_server, repo, folder):
    name, _, head = repo
    url = git_server.private(name)
    # The URL's own, for all of a clone's requests; those that are given come first.
    named = url.replace("://", "://%s:%s@" % (git_server.user, git_server.secret))
    assert good("clone", url=named, branch="main", folder=folder + "/named", bearer="other")["hash"] == head
    bad(DENIED, "authentication required", "clone", url=named, branch="main", folder=folder + "/x", password="Wrong-Word")
    assert good("resolve", url=url, branch="main", user=git_server.user, password=git_server.secret)["hash"] == head
    bad(DENIED, "authentication required", "resolve", url=url, branch="main")
    out = bad(DENIED, "authentication required", "resolve", url=url, branch="main", user=git_server.user, password="Wrong-Word")
    assert "Wrong-Word" not in out["error"]
    out = bad(DENIED, "authentication required", "resolve", url=url.replace("://", "://me:Hidden-Word@"), branch="main")
    assert "Hidden-Word" not in out["error"]
    assert good("resolve", url=git_server.bearer(name), branch="main", bearer=git_server.token)["hash"] == head
    bad(DENIED, "authentication required", "resolve", url=git_server.bearer(name), branch="main", bearer="other")


def test_tls(git_server, repo):
    name, _, head = repo
    assert good("resolve", url=git_server.https(name), branch="main", ca="@" + git_server.authority.cert)["hash"] == head
    bad(DENIED, "certificate", "resolve", url=git_server.https(name), branch="main")


@pytest.fixture
def helper():
    """A server whose answers are made by the test."""
    with Stub() as s:
        yield s


def test_redirect(git_server, repo, helper, folder):
    name, _, head = repo
    helper.answer = lambda r: r.reply(301, Location=git_server.http(name) + r.path[len("/moved"):])
    assert good("clone", url=helper.url + "/moved", branch="main", folder=folder + "/a")["hash"] == head
    assert [r[0] for r in helper.requests] == ["GET"]  # the POST went to where the GET was sent
    # Credentials stay with the host that they are for.
    helper.answer = lambda r: r.reply(302, Location=git_server.private(name) + r.path[len("/moved"):])
    bad(DENIED, "authentication required", "clone", url=helper.url + "/moved", branch="main", folder=folder + "/b",
        user=git_server.user, password=git_server.secret)


def test_redirect_of_a_post_is_refused(git_server, repo, helper, folder):
    name, _, _ = repo

    def answer(r):
        if r.command == "POST":
            return r.reply(307, Location=git_server.http(name) + "/git-upload-pack")
        body, kind = r.ask(git_server.http(name) + r.path)
        r.reply(200, body, Content_Type=kind)
    helper.answer = answer
    bad(INVALID, "unexpected status 307", "clone", url=helper.url, branch="main", folder=folder + "/a")


def test_proxy(git_server, repo, helper, folder):
    name, _, head = repo

    def answer(r):
        body, kind = r.ask(r.path)
        r.reply(200, body, Content_Type=kind)
    helper.answer = answer
    assert good("clone", url=git_server.http(name), branch="main", folder=folder + "/a", proxy=helper.url)["hash"] == head
    assert [r[1] for r in helper.requests] == [git_server.http(name) + "/info/refs?service=git-upload-pack",
                                               git_server.http(name) + "/git-upload-pack"]
    bad(INVALID, "a proxy is not supported", "resolve", url=git_server.ssh(name), branch="main", proxy=helper.url)


@pytest.mark.parametrize("status,error_class", [(401, DENIED), (403, DENIED), (404, NOT_FOUND), (429, TRANSIENT), (500, TRANSIENT)])
def test_status(helper, status, error_class):
    helper.answer = lambda r: r.reply(status, b"secret page", Retry_After="0")
    out = probe("resolve", url=helper.url + "/x.git", branch="main")
    assert out["class"] == error_class and "secret page" not in out["error"], out


@pytest.mark.parametrize("body,kind", [
    (b"<html>Sign in</html>", "text/html"),
    (b"garbage", "application/x-git-upload-pack-advertisement"),
    (b"", "application/x-git-upload-pack-advertisement"),
    (b"001e# service=git-upload-pack\n0000ffff", "application/x-git-upload-pack-advertisement"),
    (b"001e# service=git-upload-pack\n0000" + b"0007zz\n" * 9, "application/x-git-upload-pack-advertisement"),
])
def test_garbage(helper, body, kind):
    helper.answer = lambda r: r.reply(200, body, Content_Type=kind)
    out = probe("resolve", url=helper.url + "/x.git", branch="main")
    assert out["class"] in (TRANSIENT, INVALID), out


@pytest.mark.parametrize("scheme", ["http", "ssh"])
def test_deadline(scheme, folder):
    """A server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        url = "%s://127.0.0.1:%d/x.git" % (scheme, silent.getsockname()[1])
        options = {"known_hosts": write(folder, "known_hosts", "example.com ssh-ed25519 AAAA\n")} if scheme == "ssh" else {}
        out = probe("resolve", url=url, branch="main", timeout=700, **options)
        assert out["class"] == TIMEOUT, out
        assert time.monotonic() - started < 5


# ---- SSH -------------------------------------------------------------------------------------------------------------------------

def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return "@" + path


def ssh_keys(server, folder):
    return {"identity": "@" + server.identity, "known_hosts": write(folder, "known_hosts", server.known_hosts())}


def authorized_key(server, folder, *words):
    path = os.path.join(folder, "key")
    subprocess.run(["ssh-keygen", "-q", "-f", path, *words], check=True)
    with open(path + ".pub") as pub, open(os.path.join(os.path.dirname(server.identity), "authorized"), "a") as f:
        f.write(pub.read())
    return "@" + path


@pytest.mark.parametrize("words", [("-t", "ed25519", "-N", ""), ("-t", "rsa", "-b", "2048", "-N", ""),
                                   ("-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"), ("-t", "ecdsa", "-N", "")])
def test_ssh_identities(git_server, repo, folder, words):
    # sshd of today refuses ssh-rsa with SHA-1: an RSA key that works proves rsa-sha2.
    keys = ssh_keys(git_server, folder) | {"identity": authorized_key(git_server, folder, *words)}
    assert good("resolve", url=git_server.ssh(repo[0]), branch="main", **keys)["hash"] == repo[2]


def test_ssh_identity_with_password(git_server, repo, folder):
    keys = ssh_keys(git_server, folder) | {"identity": authorized_key(git_server, folder, "-t", "ed25519", "-N", "Pass-Phrase")}
    url = git_server.ssh(repo[0])
    assert good("resolve", url=url, branch="main", identity_password="Pass-Phrase", **keys)["hash"] == repo[2]
    out = bad(INVALID, "the identity is no private key, or its password is wrong", "resolve", url=url, branch="main",
              identity_password="Wrong-Word", **keys)
    assert "Wrong-Word" not in out["error"]


def test_ssh_refusals(git_server, repo, folder):
    url, keys = git_server.ssh(repo[0]), ssh_keys(git_server, folder)
    stranger = os.path.join(folder, "stranger")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    bad(DENIED, "unable to authenticate", "resolve", url=url, branch="main", **keys | {"identity": "@" + stranger})
    bad(DENIED, "neither an identity nor a password", "resolve", url=url, branch="main", **keys | {"identity": None})
    bad(DENIED, "unable to authenticate", "resolve", url=url, branch="main", password="x", **keys | {"identity": None})
    bad(NOT_FOUND, "repository not found", "resolve", url=git_server.ssh("none"), branch="main", **keys)
    bad(INVALID, "no private key", "resolve", url=url, branch="main", **keys | {"identity": "@" + __file__})


def test_ssh_host_keys(git_server, repo, folder):
    url, keys = git_server.ssh(repo[0]), ssh_keys(git_server, folder)

    def hosts(text):
        return keys | {"known_hosts": write(folder, "other_hosts", text)}
    line = git_server.known_hosts()
    with open(os.path.join(folder, "other"), "w"):
        pass
    os.unlink(os.path.join(folder, "other"))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(folder, "other")], check=True)
    other = " ".join(open(os.path.join(folder, "other.pub")).read().split()[:2])
    bad(DENIED, "key mismatch", "resolve", url=url, branch="main", **hosts("%s %s\n" % (line.split()[0], other)))
    bad(DENIED, "key is unknown", "resolve", url=url, branch="main", **hosts("example.com %s\n" % other))
    bad(DENIED, "key is unknown", "resolve", url=url, branch="main", **hosts("127.0.0.1 %s\n" % line.split(" ", 1)[1]))  # another port
    bad(DENIED, "known_hosts is missing", "resolve", url=url, branch="main", **hosts(" \n"))
    bad(INVALID, "@cert-authority", "resolve", url=url, branch="main", **hosts(line + "@revoked " + line))
    hashed = os.path.join(folder, "hashed")
    with open(hashed, "w") as f:
        f.write("example.com %s\n%s" % (other, line))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", hashed], check=True, capture_output=True)
    assert "127.0.0.1" not in open(hashed).read()
    assert good("resolve", url=url, branch="main", **keys | {"known_hosts": "@" + hashed})["hash"] == repo[2]


# ---- committing and pushing --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("transport", ["http", "ssh"])
def test_push(git_server, folder, transport):
    name = "push-" + transport
    git_server.create(name, {"a": "1\n", "run": "x"})
    url, keys = getattr(git_server, transport)(name), ssh_keys(git_server, folder) if transport == "ssh" else {}
    work = folder + "/work"
    good("clone", url=url, branch="main", folder=work, **keys)

    def edit(text):
        with open(work + "/a", "w") as f:
            f.write(text)
        return good("commit", folder=work, path="a", message="Set a")["hash"]
    first = edit("2\n")
    assert good("push", url=url, folder=work, refspec="refs/heads/main", **keys)["class"] == 0
    assert git_server.head(name) == first
    assert git_server.log(name)[0] == (first, "bot <bot@example.com>", "Set a")
    assert git_server.show(name, "a") == b"2\n" and git_server.show(name, "run") == b"x"

    # Somebody else was faster.
    theirs = git_server.commit(name, {"b": "theirs\n"})
    second = edit("3\n")
    bad(CONFLICT, "failed to push to remote", "push", url=url, folder=work, refspec="refs/heads/main", **keys)
    assert git_server.head(name) == theirs
    good("push", url=url, folder=work, refspec="refs/heads/main", force=1, **keys)
    assert git_server.head(name) == second

    # Another branch, then a hook that says no, and a reference that somebody holds.
    good("switch", folder=work, branch="auto/x")
    third = edit("4\n")
    good("push", url=url, folder=work, refspec="refs/heads/auto/x:refs/heads/copy", **keys)
    assert git_server.head(name, "copy") == third and git_server.head(name) == second
    hook = os.path.join(git_server.bare(name), "hooks", "pre-receive")
    with open(hook, "w") as f:
        f.write("#!/bin/sh\necho policy: no robots on Fridays >&2\nexit 1\n")
    os.chmod(hook, 0o755)
    edit("5\n")
    out = bad(DENIED, "the server rejected refs/heads/copy: pre-receive hook declined", "push", url=url, folder=work,
              refspec="refs/heads/copy", **keys)
    assert "no robots on Fridays" in out["error"]
    os.unlink(hook)
    lock = os.path.join(git_server.bare(name), "refs", "heads", "copy.lock")
    with open(lock, "w"):
        pass
    bad(CONFLICT, "the server rejected refs/heads/copy", "push", url=url, folder=work, refspec="refs/heads/copy", **keys)
    os.unlink(lock)
    good("push", url=url, folder=work, refspec="refs/heads/copy", **keys)


@pytest.mark.parametrize("transport", ["http", "ssh"])
def test_push_options(git_server, folder, transport):
    name = "options-" + transport
    git_server.create(name, {"a": "1\n"})
    url, keys = getattr(git_server, transport)(name), ssh_keys(git_server, folder) if transport == "ssh" else {}
    work = folder + "/work"
    good("clone", url=url, branch="main", folder=work, **keys)
    with open(work + "/a", "w") as f:
        f.write("2\n")
    head = good("commit", folder=work, path="a", message="x")["hash"]
    bad(INVALID, "the server takes no push options", "push", url=url, folder=work, refspec="refs/heads/main", option="merge_request.create=", **keys)
    git("config", "receive.advertisePushOptions", "true", cwd=git_server.bare(name))
    hook = os.path.join(git_server.bare(name), "hooks", "pre-receive")
    with open(hook, "w") as f:
        f.write("#!/bin/sh\necho $GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1 >%s/options\n" % folder)
    os.chmod(hook, 0o755)
    good("push", url=url, folder=work, refspec="refs/heads/main", option="merge_request.create=", **keys)
    assert git_server.head(name) == head
    assert open(folder + "/options").read() == "2 merge_request.create= second=2\n"


def test_shallow(git_server, folder):
    """Depth 1 where libgit2 can; a push from there works either way."""
    git_server.create("shallow", {"a": "1\n"})
    git_server.commit("shallow", {"a": "2\n"}, tag="v1.0.0")
    head = git_server.commit("shallow", {"a": "3\n"})
    url, work = git_server.http("shallow"), folder + "/work"
    assert good("clone", url=url, branch="main", shallow=1, folder=work)["hash"] == head
    good("clone", url=url, semver="*", shallow=1, folder=folder + "/tag")
    assert open(folder + "/tag/a").read() == "2\n"
    assert git("rev-list", "--count", "main", cwd=work) in ("1", "3")
    with open(work + "/a", "w") as f:
        f.write("4\n")
    commit = good("commit", folder=work, path="a", message="x")["hash"]
    good("push", url=url, folder=work, refspec="refs/heads/main")
    assert git_server.head("shallow") == commit and len(git_server.log("shallow")) == 4


def test_push_without_the_right(git_server, folder):
    git_server.create("locked", {"a": "1\n"})
    good("clone", url=git_server.http("locked"), branch="main", folder=folder + "/w")
    with open(folder + "/w/a", "w") as f:
        f.write("2\n")
    good("commit", folder=folder + "/w", path="a", message="x")
    bad(DENIED, "failed to push to remote: authentication required", "push", url=git_server.private("locked"), folder=folder + "/w",
        refspec="refs/heads/main", user="git-user", password="wrong")


def test_hostile_repository(git_server, folder):
    """A tree that would write into .git, as no honest client makes it."""
    git_server.create("hostile", {"a": "1\n"})
    bare = git_server.bare("hostile")
    blob = git("rev-parse", "main:a", cwd=bare)
    entry = b"100644 .git\0" + bytes.fromhex(blob)
    tree = subprocess.run(["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"], input=entry, cwd=bare,
                          capture_output=True, check=True).stdout.decode().strip()
    commit = git("commit-tree", tree, "-m", "evil", cwd=bare)
    git("update-ref", "refs/heads/main", commit, cwd=bare)
    out = probe("clone", url=git_server.http("hostile"), branch="main", folder=folder + "/w")
    assert out["class"] == INVALID, out
    assert os.listdir(folder + "/w") == [".git"]
