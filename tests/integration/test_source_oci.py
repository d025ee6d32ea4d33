"""source-controller: OCIRepository, against docker-registry, a registry that misbehaves, and a real API server."""
import base64
import http.client
import tarfile
import time
import urllib.parse

import pytest

from env import Registry
from env.process import wait_for
from runnel import condition, wait_event
from source import BadRegistry, bomb, contents, docker_config, failed, fetch, members, ready, reconcile, secret, silent_server, source, tgz
from source import controller, tidy  # noqa: F401 (fixtures)
from stub import Stub

KIND = "ocirepository"
LAYER = "application/vnd.cncf.flux.content.v1.tar+gzip"
USER, PASSWORD = "oci-user", "Oci-Password"


def add(cluster, namespace, host, **spec):
    cluster.apply(source("OCIRepository", "repo", namespace, **dict({"url": "oci://%s/%s" % (host, namespace)}, **spec)))


def again(cluster, namespace, host, **spec):
    cluster.run("delete", KIND, "repo", "-n", namespace, "--ignore-not-found")
    add(cluster, namespace, host, **spec)


def push(registry, namespace, tag, files, **options):
    return registry.push_artifact(namespace, tag, [(LAYER, tgz(files))], **options)


def test_artifact(controller, cluster, registry, namespace):
    origin = {"org.opencontainers.image.source": "https://example.com/app", "org.opencontainers.image.revision": "main@sha1:abc"}
    digest = push(registry, namespace, "latest", {"a.yaml": "one\n", "b.png": "x", "dir/c": "c\n"}, annotations=origin)
    add(cluster, namespace, registry.host)
    obj = ready(cluster, KIND, "repo", namespace)
    artifact = obj["status"]["artifact"]
    assert artifact["revision"] == "latest@" + digest and artifact["metadata"] == origin
    assert artifact["path"] == "ocirepository/%s/repo/%s.tar.gz" % (namespace, digest)
    assert condition(obj, "Ready")["message"] == "stored artifact for digest 'latest@%s'" % digest
    assert obj["status"]["url"].endswith("/ocirepository/%s/repo/latest.tar.gz" % namespace)
    assert contents(fetch(controller, artifact)) == {"a.yaml": b"one\n", "dir/c": b"c\n"}
    event = wait_event(cluster, "OCIRepository", "repo", namespace, reason="NewArtifact")
    assert event["message"] == ("stored artifact with revision 'latest@%s' from 'oci://%s/%s', origin source 'https://example.com/app', "
                                "origin revision 'main@sha1:abc'" % (digest, registry.host, namespace))
    assert reconcile(cluster, KIND, "repo", namespace)["status"]["artifact"] == artifact
    second = push(registry, namespace, "latest", {"a.yaml": "two\n"})
    reconcile(cluster, KIND, "repo", namespace)
    obj = ready(cluster, KIND, "repo", namespace, second)
    assert contents(fetch(controller, obj["status"]["artifact"])) == {"a.yaml": b"two\n"} and "metadata" not in obj["status"]["artifact"]


def test_references(controller, cluster, registry, namespace):
    digests = {tag: push(registry, namespace, tag, {"tag": tag}) for tag in ("1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "v9-dev", "other")}
    for ref, tag in (({"tag": "1.2.0"}, "1.2.0"), ({"semver": "1.x"}, "1.10.0"), ({"semver": ">=1.0.0-0", "semverFilter": ".*-rc.*"}, "2.0.0-rc.1"),
                     ({"semver": "~1.2", "tag": "1.0.0"}, "1.2.0")):
        again(cluster, namespace, registry.host, ref=ref)
        assert ready(cluster, KIND, "repo", namespace)["status"]["artifact"]["revision"] == tag + "@" + digests[tag]
    again(cluster, namespace, registry.host, ref={"digest": digests["1.0.0"], "tag": "1.2.0"})
    obj = ready(cluster, KIND, "repo", namespace)
    assert obj["status"]["artifact"]["revision"] == digests["1.0.0"]
    assert contents(fetch(controller, obj["status"]["artifact"])) == {"tag": b"1.0.0"}
    for ref, reason, message in (({"tag": "none"}, "OCIArtifactPullFailed", "MANIFEST_UNKNOWN"), ({"semver": ">=9"}, "ReadOperationFailed", "no match found for semver: >=9"),
                                 ({"semver": "nonsense"}, "ReadOperationFailed", "semver 'nonsense' parse error"),
                                 ({"semver": "1.x", "semverFilter": "("}, "ReadOperationFailed", "filter regex"),
                                 ({"digest": "sha256:" + "0" * 64}, "OCIArtifactPullFailed", "MANIFEST_UNKNOWN")):
        again(cluster, namespace, registry.host, ref=ref)
        failed(cluster, KIND, "repo", namespace, reason, message)
    again(cluster, namespace, registry.host, url="oci://user:Hidden-Word@%s/%s" % (registry.host, namespace))
    obj = failed(cluster, KIND, "repo", namespace, "URLInvalid", "could not parse reference", stalled=True)
    assert "Hidden-Word" not in str(obj["status"])
    again(cluster, namespace, registry.host, url="oci://%s/%s:1.0.0" % (registry.host, namespace))
    failed(cluster, KIND, "repo", namespace, "URLInvalid", "URL must not contain a tag; remove ':1.0.0'", stalled=True)


def test_layers(controller, cluster, registry, namespace):
    other = tgz({"other": "y"})
    digest = registry.push_artifact(namespace, "latest", [(LAYER, tgz({"first": "x"})), ("application/vnd.example.other", other)])
    selector = {"mediaType": "application/vnd.example.other"}
    add(cluster, namespace, registry.host, layerSelector=selector)
    obj = ready(cluster, KIND, "repo", namespace)
    assert contents(fetch(controller, obj["status"]["artifact"])) == {"other": b"y"}
    # The API server fills in nothing here: what is observed is what was asked for.
    assert obj["status"]["observedLayerSelector"] == obj["spec"]["layerSelector"]
    cluster.patch(KIND, "repo", {"spec": {"layerSelector": {"operation": "copy"}}}, namespace)
    obj = wait_for("copied", lambda: (lambda o: o["status"]["observedLayerSelector"].get("operation") == "copy" and o)(ready(cluster, KIND, "repo", namespace)))
    assert fetch(controller, obj["status"]["artifact"]) == other  # byte for byte
    assert obj["status"]["artifact"]["revision"] == "latest@" + digest
    cluster.patch(KIND, "repo", {"spec": {"layerSelector": {"mediaType": "application/none"}}}, namespace)
    failed(cluster, KIND, "repo", namespace, "OCIArtifactLayerOperationFailed", "failed to find layer with media type 'application/none' in artifact")


def test_ignore(controller, cluster, registry, namespace):
    push(registry, namespace, "latest", {"a.yaml": "a", "b.txt": "b"})
    add(cluster, namespace, registry.host, ignore="*.txt\n")
    obj = ready(cluster, KIND, "repo", namespace)
    assert set(contents(fetch(controller, obj["status"]["artifact"]))) == {"a.yaml"} and obj["status"]["observedIgnore"] == "*.txt\n"


def test_auth(controller, cluster, namespace):
    with Registry(USER, PASSWORD) as private:
        digest = push(private, namespace, "latest", {"a": "a"})
        add(cluster, namespace, private.host)
        failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", "status 401")
        cluster.patch(KIND, "repo", {"spec": {"secretRef": {"name": "auth"}}}, namespace)
        failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "failed to get credential: failed to get secret '%s/auth'" % namespace)
        cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
        failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "key '.dockerconfigjson' not found")
        cluster.run("delete", "secret", "auth", "-n", namespace)
        cluster.apply(docker_config("auth", namespace, private.host, USER, "Wrong-Word"))
        obj = failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", "status 401")
        assert "Wrong-Word" not in str(obj) and "Wrong-Word" not in controller.process.output()
        cluster.apply(docker_config("auth", namespace, private.host, USER, PASSWORD))
        ready(cluster, KIND, "repo", namespace, digest)


def test_tls(controller, cluster, namespace):
    with Registry(tls=True) as r:
        digest = push(r, namespace, "latest", {"a": "a"})
        add(cluster, namespace, r.host)
        failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", "certificate")
        with open(r.authority.cert) as f:
            cluster.apply(secret("ca", namespace, **{"ca.crt": f.read()}))
        cluster.patch(KIND, "repo", {"spec": {"certSecretRef": {"name": "ca"}}}, namespace)
        ready(cluster, KIND, "repo", namespace, digest)
        again(cluster, namespace, r.host, insecure=True)
        ready(cluster, KIND, "repo", namespace, digest)


@pytest.mark.parametrize("what", ["escape", "bomb", "garbage"])
def test_hostile_layers(controller, cluster, registry, namespace, what):
    data = {"escape": lambda: tgz({"../../runnel-escaped": "x"}), "bomb": lambda: bomb("zeros"), "garbage": lambda: b"nothing like a tar"}[what]()
    registry.push_artifact(namespace, "latest", [(LAYER, data)])
    add(cluster, namespace, registry.host)
    obj = failed(cluster, KIND, "repo", namespace, "OCIArtifactLayerOperationFailed", "failed to extract layer contents from artifact")
    assert "artifact" not in obj["status"]
    good = push(registry, namespace, "latest", {"a": "a"})
    ready(cluster, KIND, "repo", namespace, good)


def test_links_are_left_out(controller, cluster, registry, namespace):
    """As in Flux: what an image's layer links to is no part of an artifact."""
    links = {}
    for path, target in (("passwd", "/etc/passwd"), ("up", "../../x"), ("beside", "a")):
        links[path] = tarfile.TarInfo(path)
        links[path].type, links[path].linkname = tarfile.SYMTYPE, target
    digest = push(registry, namespace, "latest", dict(links, a="a\n"))
    add(cluster, namespace, registry.host)
    obj = ready(cluster, KIND, "repo", namespace, digest)
    assert set(members(fetch(controller, obj["status"]["artifact"]))) == {".", "a"}


@pytest.fixture
def bad(registry):
    with BadRegistry(registry) as b:
        yield b


@pytest.mark.parametrize("answer,message", [
    ((401, {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/token",service="x"'}, b""), "token of registry"),
    ((401, {"WWW-Authenticate": 'Basic realm="x"'}, b""), "status 401"),
    ((429, {"Retry-After": "1"}, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'), "status 429"),
    ((500, {}, b"<html>oops</html>"), "status 500"),
    ((200, {}, b"\xff\xfe not json"), "the answer is not a manifest"),
    ((200, {"Docker-Content-Digest": "sha256:" + "0" * 64}, b"{}"), "does not match"),
], ids=["bearer", "basic", "429", "500", "garbage", "digest"])
def test_bad_registry(controller, cluster, registry, bad, namespace, answer, message):
    digest = push(registry, namespace, "latest", {"a": "a"})
    bad.says = answer
    add(cluster, namespace, bad.host, insecure=True)
    failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", message)
    bad.says = None
    ready(cluster, KIND, "repo", namespace, digest)


def test_registry_that_hangs(controller, cluster, namespace):
    with silent_server() as (address, accept):
        add(cluster, namespace, address, insecure=True, timeout="2s")
        with accept():
            failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", "failed to determine artifact digest")
        with accept():  # the next try is under way
            cluster.run("delete", KIND, "repo", "-n", namespace, "--wait=false")
            wait_for("gone", lambda: cluster.get(KIND, "repo", namespace) is None, timeout=15)


def test_back_off(cluster, controller, registry, bad, namespace):
    """A registry that fails is asked less and less often, and not before the time it names."""
    bad.says = (429, {"Retry-After": "3"}, b"{}")
    add(cluster, namespace, bad.host, insecure=True)
    failed(cluster, KIND, "repo", namespace, "OCIArtifactPullFailed", "status 429")
    count, start = len(bad.requests), time.monotonic()
    wait_for("next try", lambda: len(bad.requests) > count)
    assert time.monotonic() - start > 1


def test_refused_fields(controller, cluster, registry, namespace):
    for spec, text in (({"provider": "aws"}, "spec.provider"), ({"verify": {"provider": "cosign"}}, "spec.verify"),
                       ({"serviceAccountName": "x"}, "spec.serviceAccountName")):
        again(cluster, namespace, registry.host, **spec)
        failed(cluster, KIND, "repo", namespace, "UnsupportedField", text + " is not supported by Runnel yet", stalled=True, on=None)


class Proxy(Stub):
    """A forward proxy for plain HTTP that wants a password."""

    def __init__(self, user, password):
        super().__init__(self._answer)
        self.wanted = "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()

    def _answer(self, request):
        if request.headers.get("Proxy-Authorization") != self.wanted:
            return request.reply(407)
        target = urllib.parse.urlsplit(request.path)
        c = http.client.HTTPConnection(target.netloc, timeout=10)
        c.request(request.command, target.path + ("?" + target.query if target.query else ""), request.body,
                  {k: v for k, v in request.headers.items() if not k.lower().startswith("proxy-")})
        r = c.getresponse()
        request.relay(r.status, dict(r.getheaders()), r.read())


def test_proxy(controller, cluster, registry, git_server, namespace):
    """proxySecretRef of OCIRepository and GitRepository."""
    digest = push(registry, namespace, "latest", {"a": "a"})
    commit = git_server.create(namespace)
    with Proxy("proxy-user", "Proxy-Word") as proxy:
        cluster.apply(secret("proxy", namespace, address=proxy.url, username="proxy-user", password="Proxy-Word"))
        add(cluster, namespace, registry.host, insecure=True, proxySecretRef={"name": "proxy"})
        ready(cluster, KIND, "repo", namespace, digest)
        assert any("/v2/%s/blobs/" % namespace in path for _, path in proxy.requests)
        cluster.apply(source("GitRepository", "repo", namespace, url=git_server.http(namespace), ref={"branch": "main"}, proxySecretRef={"name": "proxy"}))
        ready(cluster, "gitrepository", "repo", namespace, commit)
        assert any(path.endswith("/git-upload-pack") for _, path in proxy.requests)
        cluster.apply(secret("proxy", namespace, address=proxy.url, username="proxy-user", password="Wrong-Word"))
        obj = reconcile(cluster, KIND, "repo", namespace)
        assert condition(obj, "Ready")["status"] == "False" and "Wrong-Word" not in str(obj)
        cluster.run("delete", "secret", "proxy", "-n", namespace)
        cluster.apply(secret("proxy", namespace, other="x"))
        reconcile(cluster, KIND, "repo", namespace)
        failed(cluster, KIND, "repo", namespace, "AuthenticationFailed", "failed to get proxy address: secret '%s/proxy': key 'address' not found" % namespace)
