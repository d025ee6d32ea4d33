"""ImageUpdateAutomation on a real registry, Git server and API server: from a pushed tag to the commit, and what goes wrong on the way."""
import json
import os

import pytest

from env import wait_for
from env.git_server import git
from runnel import Controller, condition, request_reconcile, wait_condition, wait_event

MARKER = '# {"$imagepolicy": "%s:%s%s"}'


@pytest.fixture(scope="module")
def controller(cluster):
    with Controller("image-controller", cluster) as c:
        yield c


def repository(namespace, image, name="my-app", **spec):
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "metadata": {"name": name, "namespace": namespace},
            "spec": dict({"image": image, "interval": "1h"}, **spec)}


def policy(namespace, name="my-app", repository="my-app", **spec):
    spec = dict({"imageRepositoryRef": {"name": repository}, "policy": {"semver": {"range": ">=1.0.0"}}}, **spec)
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def source(namespace, url, secret=None, branch="main", **spec):
    spec = dict({"url": url, "interval": "1h", "ref": {"branch": branch}}, **spec)
    if secret:
        spec["secretRef"] = {"name": secret}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "repo", "namespace": namespace}, "spec": spec}


def automation(namespace, push=None, checkout=None, message=None, update=None, source_namespace=None, **spec):
    commit = {"author": {"name": "bot", "email": "bot@example.com"}}
    if message:
        commit["messageTemplate"] = message
    body = {"commit": commit}
    if push:
        body["push"] = push
    if checkout:
        body["checkout"] = {"ref": checkout}
    ref = {"kind": "GitRepository", "name": "repo"}
    if source_namespace:
        ref["namespace"] = source_namespace
    spec = dict({"interval": "1h", "sourceRef": ref, "git": body}, **spec)
    if update:
        spec["update"] = update
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation", "metadata": {"name": "auto", "namespace": namespace},
            "spec": spec}


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data}


def values(namespace, tag="1.1.0", setter=":tag", name="my-app"):
    return "# values of the chart\nimage:\n  repository: x   # stays\n  tag: %s %s\n\nreplicas:   3\n" % (tag, MARKER % (namespace, name, setter))


def automated(cluster, namespace, **condition_words):
    return wait_condition(cluster, "imageupdateautomation", "auto", namespace, **condition_words)


def pushed(cluster, namespace, git_server, name, branch="main"):
    """Waits for the automation to be ready with the branch's head as its last push."""
    def check():
        obj = cluster.get("imageupdateautomation", "auto", namespace)
        assert condition(obj)["status"] == "True", obj.get("status")
        assert obj["status"]["lastPushCommit"] == git_server.head(name, branch), obj["status"]
        return obj
    return wait_for("push of %s" % name, check, 30)


def test_scan_elect_commit(controller, cluster, registry, git_server, namespace):
    name = namespace
    image = "%s/%s" % (registry.host, name)
    for tag in ("1.0.0", "1.1.0", "latest", "1.2.0-rc.1", "1.1.0.sig"):
        registry.push_image(name, tag)
    template = "{{- if .Values.x }}\nx: y\n{{- end }}\n# {\"$imagepolicy\": \"%s:my-app\"}\n" % namespace
    git_server.create(name, {"charts/my-app/values.yaml": values(namespace), "charts/my-app/templates/t.yaml": template})
    cluster.apply(source(namespace, git_server.http(name)), repository(namespace, image), policy(namespace), automation(namespace))
    repo = wait_condition(cluster, "imagerepository", "my-app", namespace, reason="Succeeded", message="successful scan: found 4 tags with checksum")
    assert repo["status"]["canonicalImageName"] == image
    assert repo["status"]["lastScanResult"]["tagCount"] == 4
    assert repo["status"]["lastScanResult"]["latestTags"] == ["latest", "1.2.0-rc.1", "1.1.0", "1.0.0"]
    assert repo["status"]["observedExclusionList"] == ["^.*\\.sig$"]
    chosen = wait_condition(cluster, "imagepolicy", "my-app", namespace, message="Latest image tag for %s resolved to 1.1.0" % image)
    assert chosen["status"]["latestRef"] == {"name": image, "tag": "1.1.0"}
    auto = automated(cluster, namespace, message="repository up-to-date")
    first = git_server.head(name)
    assert "lastPushCommit" not in auto["status"] and len(git_server.log(name)) == 1
    assert auto["status"]["observedSourceRevision"] == "main@sha1:" + first

    registry.push_image(name, "1.2.3")
    request_reconcile(cluster, "imagerepository", "my-app", namespace)
    auto = pushed(cluster, namespace, git_server, name)
    head = git_server.head(name)
    assert auto["status"]["observedPolicies"] == {"my-app": {"name": image, "tag": "1.2.3"}}
    assert auto["status"]["observedSourceRevision"] == "main@sha1:" + head
    assert git_server.log(name)[0] == (head, "bot <bot@example.com>", "Update from image update automation")
    assert git_server.show(name, "charts/my-app/values.yaml").decode() == values(namespace, "1.2.3")
    assert git_server.show(name, "charts/my-app/templates/t.yaml").decode() == template
    assert git("show", "--format=", "--name-only", head, cwd=git_server.bare(name)) == "charts/my-app/values.yaml"
    wait_event(cluster, "ImageUpdateAutomation", "auto", namespace, reason="Succeeded",
               message="pushed commit '%s' to branch 'main'\nUpdate from image update automation" % head[:7])
    wait_event(cluster, "ImagePolicy", "my-app", namespace, message="resolved to 1.2.3 (previously %s:1.1.0)" % image)
    assert cluster.get("imagepolicy", "my-app", namespace)["status"]["observedPreviousRef"] == {"name": image, "tag": "1.1.0"}

    # Nothing new: no clone, no commit, one request to the remote.
    before = len(git_server.accesses())
    token = request_reconcile(cluster, "imageupdateautomation", "auto", namespace)
    wait_for("request handled", lambda: cluster.get("imageupdateautomation", "auto", namespace)["status"].get("lastHandledReconcileAt") == token)
    assert len(git_server.accesses()) == before + 1
    assert git_server.head(name) == head
