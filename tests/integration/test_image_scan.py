"""ImageRepository on real registries, and on servers that answer as no registry should."""
import os
import shutil
import ssl

import pytest

from env import Authority, Registry, wait_for
from env.process import scratch
from image_objects import docker_secret, policy, repository, secret
from runnel import Controller, condition, request_reconcile, wait_condition, wait_event
from stub import Stub

KIND = "imagerepository"


@pytest.fixture(scope="module")
def controller(cluster):
    with Controller("image-controller", cluster, "--max-retry-delay=2s") as c:
        yield c


@pytest.fixture
def folder():
    path = scratch("image-scan")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def ready(cluster, namespace, name="my-app", **words):
    return wait_condition(cluster, KIND, name, namespace, **dict({"reason": "Succeeded"}, **words))


def failing(cluster, namespace, reason, message, name="my-app", **words):
    # Not for this generation: observedGeneration of the object follows with the first success only.
    return wait_condition(cluster, KIND, name, namespace, status="False", reason=reason, message=message, **words)


def test_credentials(controller, cluster, namespace):
    with Registry("user", "right-password") as r:
        r.push_image("my-app", "1.0.0")
        image = r.host + "/my-app"
        cluster.apply(repository(namespace, image, secretRef={"name": "login"}))
        failing(cluster, namespace, "AuthenticationFailed", 'failed to configure authentication options: secrets "login" not found')
        wait_event(cluster, "ImageRepository", "my-app", namespace, reason="AuthenticationFailed", type="Warning")
        cluster.apply(docker_secret(namespace, "login", r.host, "user", "wrong-password"))
        obj = failing(cluster, namespace, "ReadOperationFailed", "scan failed:")
        assert condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
        assert "wrong-password" not in str(obj) and "wrong-password" not in controller.process.output()
        cluster.apply(docker_secret(namespace, "login", r.host, "user", "right-password"))  # heals by itself
        assert ready(cluster, namespace)["status"]["lastScanResult"]["tagCount"] == 1
        # The same from a service account's imagePullSecrets.
        cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller", "namespace": namespace},
                       "imagePullSecrets": [{"name": "login"}]})
        cluster.apply(repository(namespace, image, name="by-account", serviceAccountName="puller"))
        ready(cluster, namespace, name="by-account")
        cluster.apply(repository(namespace, image, name="anonymous"))
        failing(cluster, namespace, "ReadOperationFailed", "scan failed:", name="anonymous")
        cluster.apply(secret(namespace, "opaque", other="x"), repository(namespace, image, name="opaque", secretRef={"name": "opaque"}))
        failing(cluster, namespace, "AuthenticationFailed", "has no key '.dockerconfigjson'", name="opaque")


def test_tls(controller, cluster, namespace):
    with Registry(tls=True) as r:
        r.push_image("my-app", "1.0.0")
        image = "localhost:%d/my-app" % r.port  # not an address that may be plain HTTP by itself
        cluster.apply(repository(namespace, image))
        failing(cluster, namespace, "ReadOperationFailed", "certificate")
        cluster.apply(secret(namespace, "ca", **{"ca.crt": open(r.authority.cert).read()}),
                      repository(namespace, image, certSecretRef={"name": "ca"}))
        ready(cluster, namespace)
        cluster.apply(secret(namespace, "half", **{"tls.crt": "x"}), repository(namespace, image, name="half", certSecretRef={"name": "half"}))
        failing(cluster, namespace, "AuthenticationFailed", "needs both 'tls.crt' and 'tls.key'", name="half")


def test_docker_hub_through_a_proxy(controller, cluster, namespace, folder):
    """A proxy that plays Docker Hub: the canonical name, the credentials under Docker Hub's old key, the proxy, the CA."""
    authority = Authority(os.path.join(folder, "authority"))
    cert, key = authority.issue("hub", hosts=("index.docker.io",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    seen = []

    def answer(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.flush()
        with context.wrap_socket(request.connection, server_side=True) as tls:
            while True:
                text = b""
                while b"\r\n\r\n" not in text:
                    chunk = tls.recv(65536)
                    if not chunk:
                        return
                    text += chunk
                head = text.decode()
                seen.append(head)
                if "authorization: basic " in head.lower():
                    body = b'{"name":"library/nginx","tags":["1.25","1.26"]}'
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                else:
                    tls.sendall(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="hub"\r\nContent-Length: 0\r\n\r\n')

    with Stub(answer) as proxy:
        cluster.apply(secret(namespace, "proxy", address=proxy.url), secret(namespace, "ca", **{"ca.crt": open(authority.cert).read()}),
                      docker_secret(namespace, "hub", "https://index.docker.io/v1/", "me", "word"))
        cluster.apply(repository(namespace, "nginx", proxySecretRef={"name": "proxy"}, certSecretRef={"name": "ca"}, secretRef={"name": "hub"}))
        obj = ready(cluster, namespace)
        assert obj["status"]["canonicalImageName"] == "index.docker.io/library/nginx"
        assert obj["status"]["lastScanResult"]["latestTags"] == ["1.26", "1.25"]
        assert {path for _, path in proxy.requests} == {"index.docker.io:443"}
        assert any("GET /v2/library/nginx/tags/list" in head for head in seen)


def test_twenty_thousand_tags(controller, cluster, registry, namespace):
    """In a real registry; its storage is written directly, as 20,000 pushes would take the test's time and prove nothing."""
    digest = registry.push_image(namespace, "1.0.0")
    tags = os.path.join(registry.folder, "data/docker/registry/v2/repositories", namespace, "_manifests/tags")
    for i in range(19999):
        link = os.path.join(tags, "main-%d" % i, "current")
        os.makedirs(link)
        with open(os.path.join(link, "link"), "w") as f:
            f.write(digest)
    cluster.apply(repository(namespace, registry.host + "/" + namespace), policy(namespace, filterTags={"pattern": "^main-(.*)$", "extract": "$1"},
                                                                                policy={"numerical": {"order": "asc"}}))
    assert ready(cluster, namespace)["status"]["lastScanResult"]["tagCount"] == 20000
    wait_condition(cluster, "imagepolicy", "my-app", namespace, message="resolved to main-19998")
    assert os.path.getsize(os.path.join(controller.storage, "tags", namespace, "my-app", "tags")) < 300000


def test_pages(controller, cluster, namespace):
    tags = ["v%d" % i for i in range(2500)]

    def answer(request):
        if request.path == "/v2/":
            return request.reply(200, {})
        assert request.path.startswith("/v2/my-app/tags/list"), request.path
        after = request.path.partition("last=")[2].partition("&")[0]
        start = tags.index(after) + 1 if after else 0
        page, link = tags[start:start + 1000], {}
        if start + 1000 < len(tags):
            link = {"Link": '</v2/my-app/tags/list?last=%s&n=1000>; rel="next"' % page[-1]}
        request.reply(200, {"name": "my-app", "tags": page}, Content_Type="application/json", **link)
    with Stub(answer) as stub:
        cluster.apply(repository(namespace, stub.host + "/my-app", insecure=True))
        assert ready(cluster, namespace)["status"]["lastScanResult"]["tagCount"] == 2500
        assert sum("tags/list" in path for _, path in stub.requests) == 3


@pytest.mark.parametrize("status,body,message", [
    (401, b"", "401"), (403, b"", "403"), (404, b"", "404"), (429, b"", "429"), (500, b"<h1>Oops</h1>", "500"),
    (200, b"<html>garbage</html>", "scan failed"), (200, b'{"tags": 7}', "scan failed"),
])
def test_a_registry_that_fails(controller, cluster, namespace, status, body, message):
    healthy = []

    def answer(request):
        if healthy:
            return request.reply(200, {"name": "my-app", "tags": ["1.0.0"]}, Content_Type="application/json")
        request.reply(status, body, Content_Type="application/json", Retry_After="0")
    with Stub(answer) as stub:
        cluster.apply(repository(namespace, stub.host + "/my-app", insecure=True, timeout="10s"))
        obj = failing(cluster, namespace, "ReadOperationFailed", "scan failed:")
        assert message in condition(obj)["message"], condition(obj)["message"]
        assert "lastScanResult" not in obj["status"]
        wait_event(cluster, "ImageRepository", "my-app", namespace, reason="ReadOperationFailed", type="Warning")
        healthy.append(True)
        ready(cluster, namespace)


def test_an_image_without_tags(controller, cluster, namespace):
    """It is scanned as often as another, and is ready all the time."""
    with Stub(lambda request: request.reply(200, {"name": "my-app", "tags": ["1.0.0.sig"]}, Content_Type="application/json")) as stub:
        cluster.apply(repository(namespace, stub.host + "/my-app", insecure=True, interval="1s"))
        first = condition(ready(cluster, namespace, message="found 0 tags"))
        before = len(stub.requests)
        wait_for("scans", lambda: len(stub.requests) >= before + 3)
        assert condition(ready(cluster, namespace))["lastTransitionTime"] == first["lastTransitionTime"]


def test_a_requested_scan_that_fails(controller, cluster, namespace):
    """It is tried again, although the request counts as handled."""
    state = {"status": 200, "tags": ["1.0.0"]}
    with Stub(lambda request: request.reply(state["status"], {"name": "my-app", "tags": state["tags"]}, Content_Type="application/json")) as stub:
        cluster.apply(repository(namespace, stub.host + "/my-app", insecure=True))
        ready(cluster, namespace)
        state.update(status=500)
        request_reconcile(cluster, KIND, "my-app", namespace)
        failing(cluster, namespace, "ReadOperationFailed", "500")
        state.update(status=200, tags=["1.0.0", "1.1.0"])
        ready(cluster, namespace, message="found 2 tags")


def test_a_registry_that_says_nothing(controller, cluster, namespace):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cluster.apply(repository(namespace, "127.0.0.1:%d/my-app" % silent.getsockname()[1], insecure=True, timeout="1s"))
        failing(cluster, namespace, "ReadOperationFailed", "scan failed:")


@pytest.mark.parametrize("image,message", [
    ("https://ghcr.io/app", "should not include URL scheme; remove 'https://'"),
    ("ghcr.io/app:1.0", "should not include a tag; remove ':1.0'"),
    ("ghcr.io/APP", "could not parse reference"),
])
def test_bad_names(controller, cluster, namespace, image, message):
    cluster.apply(repository(namespace, image))
    obj = failing(cluster, namespace, "ImageURLInvalid", message)
    assert condition(obj, "Stalled")["status"] == "True"


def test_refused_and_invalid_fields(controller, cluster, namespace):
    cluster.apply(repository(namespace, "ghcr.io/app", provider="aws"))
    obj = wait_condition(cluster, KIND, "my-app", namespace, status="False", message="spec.provider is not supported by Runnel yet")
    assert condition(obj, "Stalled")["status"] == "True"
    cluster.apply(repository(namespace, "ghcr.io/app", name="regex", exclusionList=["a("]))
    wait_condition(cluster, KIND, "regex", namespace, status="False", message="failed to compile regex a(")


def test_when_it_scans(controller, cluster, registry, namespace):
    image = registry.host + "/" + namespace
    for tag in ("1.0.0", "2.0.0-dev", "1.0.0.sig"):
        registry.push_image(namespace, tag)
    cluster.apply(repository(namespace, image))
    first = ready(cluster, namespace)["status"]["lastScanResult"]
    assert first["tagCount"] == 2

    def scanned(*tags):
        def check():
            found = cluster.get(KIND, "my-app", namespace)["status"]["lastScanResult"]
            assert found["latestTags"] == list(tags), found
            assert found["tagCount"] == len(tags)
            return found
        return wait_for("tags %s" % (tags,), check)
    cluster.patch(KIND, "my-app", {"spec": {"exclusionList": ["-dev$"]}}, namespace)
    assert scanned("1.0.0.sig", "1.0.0")["revision"] != first["revision"]
    cluster.patch(KIND, "my-app", {"spec": {"exclusionList": ["-dev$", "sig$"]}}, namespace)
    scanned("1.0.0")
    registry.push_image(namespace, "1.1.0")
    request_reconcile(cluster, KIND, "my-app", namespace)
    scanned("1.1.0", "1.0.0")
    wait_event(cluster, "ImageRepository", "my-app", namespace, reason="Succeeded", message="successful scan: found 2 tags with checksum")
    # Another image under the same object: the old one's tags do not stay.
    registry.push_image(namespace + "-other", "9.0.0")
    cluster.patch(KIND, "my-app", {"spec": {"image": image + "-other"}}, namespace)
    scanned("9.0.0")
    wait_for("canonical name", lambda: cluster.get(KIND, "my-app", namespace)["status"]["canonicalImageName"] == image + "-other")
    # Short intervals are kept.
    cluster.patch(KIND, "my-app", {"spec": {"interval": "1s"}}, namespace)
    registry.push_image(namespace + "-other", "9.1.0")
    scanned("9.1.0", "9.0.0")
    cluster.patch(KIND, "my-app", {"spec": {"suspend": True}}, namespace)
    database = os.path.join(controller.storage, "tags", namespace, "my-app")
    assert os.path.isdir(database)
    cluster.run("delete", KIND, "my-app", "-n", namespace)
    assert not os.path.exists(database)
