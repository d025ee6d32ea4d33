"""ImagePolicy: elections, digests, access across namespaces, invalid policies."""
import threading

import pytest

from image_objects import policy, repository
from runnel import Controller, condition, wait_condition, wait_event
from stub import Stub

KIND = "imagepolicy"


@pytest.fixture(scope="module")
def controller(cluster):
    with Controller("image-controller", cluster, "--max-retry-delay=2s", "--requeue-dependency=1s") as c:
        yield c


@pytest.fixture
def image(controller, cluster, registry, namespace):
    """An ImageRepository with four tags."""
    for tag in ("1.0.0", "1.1.0", "main-7-abc", "main-12-def"):
        registry.push_image(namespace, tag, tag.encode())
    cluster.apply(repository(namespace, registry.host + "/" + namespace))
    wait_condition(cluster, "imagerepository", "my-app", namespace)
    return registry.host + "/" + namespace


def test_policies(cluster, namespace, image):
    cluster.apply(
        policy(namespace, "semver"),
        policy(namespace, "alphabetical", policy={"alphabetical": {"order": "asc"}}, filterTags={"pattern": "^main-"}),
        policy(namespace, "numerical", policy={"numerical": {"order": "asc"}},
               filterTags={"pattern": "^main-(?P<n>[0-9]+)-", "extract": "$n"}),
        policy(namespace, "lowest", policy={"numerical": {"order": "desc"}},
               filterTags={"pattern": "^main-(?P<n>[0-9]+)-", "extract": "$n"}),
        policy(namespace, "none", policy={"semver": {"range": ">5"}}),
        policy(namespace, "words", policy={"numerical": {}}),
        policy(namespace, "range", policy={"semver": {"range": "a.b"}}),
        policy(namespace, "regex", filterTags={"pattern": "a("}))
    for name, tag in (("semver", "1.1.0"), ("alphabetical", "main-7-abc"), ("numerical", "main-12-def"), ("lowest", "main-7-abc")):
        obj = wait_condition(cluster, KIND, name, namespace, reason="Succeeded", message="Latest image tag for %s resolved to %s" % (image, tag))
        assert obj["status"]["latestRef"] == {"name": image, "tag": tag}
    wait_condition(cluster, KIND, "none", namespace, status="False", reason="Failure", message="unable to determine latest version from provided list")
    wait_condition(cluster, KIND, "words", namespace, status="False", reason="Failure", message="failed to parse invalid numeric value")
    for name, text in (("range", "invalid policy: improper constraint: a.b"), ("regex", "invalid regular expression pattern 'a('")):
        obj = wait_condition(cluster, KIND, name, namespace, status="False", reason="InvalidPolicy", message=text)
        assert condition(obj, "Stalled")["status"] == "True"
        assert "latestRef" not in obj["status"]


def test_before_its_repository(controller, cluster, registry, namespace):
    cluster.apply(policy(namespace))
    wait_condition(cluster, KIND, "my-app", namespace, status="False", reason="DependencyNotReady",
                   message='failed to get the referred ImageRepository: referenced ImageRepository does not exist: '
                           'imagerepositories.image.toolkit.fluxcd.io "my-app" not found')
    cluster.apply(repository(namespace, registry.host + "/" + namespace))  # which has no such image yet
    wait_condition(cluster, KIND, "my-app", namespace, status="False", reason="DependencyNotReady", message="no tags in database")
    registry.push_image(namespace, "3.0.0")
    wait_condition(cluster, KIND, "my-app", namespace, message="resolved to 3.0.0")


def test_another_image(cluster, namespace, image):
    """Under the same repository: until it has been scanned nothing is elected, least of all a tag of the one before."""
    cluster.apply(policy(namespace))
    wait_condition(cluster, KIND, "my-app", namespace, message="resolved to 1.1.0")
    scanned = threading.Event()

    def answer(request):
        scanned.wait(30)
        request.reply(200, {"name": "other", "tags": ["3.0.0"]}, Content_Type="application/json")
    with Stub(answer) as stub:
        other = stub.host + "/other"
        try:
            cluster.patch("imagerepository", "my-app", {"spec": {"image": other, "insecure": True}}, namespace)
            obj = wait_condition(cluster, KIND, "my-app", namespace, status="False", reason="DependencyNotReady", message="no tags in database")
            assert obj["status"]["latestRef"] == {"name": image, "tag": "1.1.0"}
        finally:
            scanned.set()
        obj = wait_condition(cluster, KIND, "my-app", namespace, message="Latest image tag for %s resolved to 3.0.0" % other)
        assert obj["status"]["observedPreviousRef"] == {"name": image, "tag": "1.1.0"}


def test_its_repository_goes(cluster, namespace, image):
    cluster.apply(policy(namespace))
    wait_condition(cluster, KIND, "my-app", namespace, message="resolved to 1.1.0")
    cluster.run("delete", "imagerepository", "my-app", "-n", namespace)
    obj = wait_condition(cluster, KIND, "my-app", namespace, status="False", reason="DependencyNotReady",
                         message="referenced ImageRepository does not exist")
    assert obj["status"]["latestRef"] == {"name": image, "tag": "1.1.0"}


def test_digests(cluster, registry, namespace, image):
    first = registry.request("HEAD", "/v2/%s/manifests/1.1.0" % namespace, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[1]["docker-content-digest"]
    cluster.apply(policy(namespace, "once", digestReflectionPolicy="IfNotPresent"),
                  policy(namespace, "always", digestReflectionPolicy="Always", interval="1s"), policy(namespace, "never"))
    for name in ("once", "always"):
        obj = wait_condition(cluster, KIND, name, namespace, message="resolved to 1.1.0 with digest " + first)
        assert obj["status"]["latestRef"] == {"name": image, "tag": "1.1.0", "digest": first}
    assert "digest" not in wait_condition(cluster, KIND, "never", namespace)["status"]["latestRef"]
    second = registry.push_image(namespace, "1.1.0", b"moved")  # the tag moves
    assert second != first
    obj = wait_condition(cluster, KIND, "always", namespace, message="with digest %s (previously %s:1.1.0@%s)" % (second, image, first))
    assert obj["status"]["observedPreviousRef"] == {"name": image, "tag": "1.1.0", "digest": first}
    assert cluster.get(KIND, "once", namespace)["status"]["latestRef"]["digest"] == first
    wait_event(cluster, "ImagePolicy", "always", namespace, reason="Succeeded", message=second)


def test_interval_rules(cluster, namespace, image):
    """Rules of the CRD that an API server of 1.20 drops."""
    cluster.apply(policy(namespace, "always", digestReflectionPolicy="Always"), policy(namespace, "never", interval="1m"))
    for name, text in (("always", "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"),
                       ("never", "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'")):
        obj = wait_condition(cluster, KIND, name, namespace, status="False", message=text)
        assert condition(obj, "Stalled")["status"] == "True"


def test_other_namespaces(cluster, registry, namespace, image):
    other = namespace + "-b"
    cluster.namespace(other)
    ref = {"name": "my-app", "namespace": namespace}
    cluster.apply(policy(other, imageRepositoryRef=ref))
    wait_condition(cluster, KIND, "my-app", other, status="False", reason="AccessDenied", message="due to missing ACL labels on 'accessFrom'")
    cluster.patch("imagerepository", "my-app", {"spec": {"accessFrom": {"namespaceSelectors": [{"matchLabels": {"team": "web"}}]}}}, namespace)
    wait_condition(cluster, KIND, "my-app", other, status="False", reason="AccessDenied", message="ACL labels mismatch on namespace '%s'" % other)
    cluster.run("label", "namespace", other, "team=web")
    wait_condition(cluster, KIND, "my-app", other, message="resolved to 1.1.0")  # heals by itself
