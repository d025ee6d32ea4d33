"""The objects of image-controller's tests."""
import base64
import json

IMAGE = "image.toolkit.fluxcd.io/v1"


def meta(kind, namespace, name, spec, api_version=IMAGE):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def repository(namespace, image, name="my-app", **spec):
    return meta("ImageRepository", namespace, name, dict({"image": image, "interval": "1h"}, **spec))


def policy(namespace, name="my-app", repository="my-app", **spec):
    return meta("ImagePolicy", namespace, name,
                dict({"imageRepositoryRef": {"name": repository}, "policy": {"semver": {"range": ">=1.0.0"}}}, **spec))


def source(namespace, url, secret=None, name="repo", **spec):
    spec = dict({"url": url, "interval": "1h", "ref": {"branch": "main"}}, **spec)
    if secret:
        spec["secretRef"] = {"name": secret}
    return meta("GitRepository", namespace, name, spec, "source.toolkit.fluxcd.io/v1")


def automation(namespace, push=None, checkout=None, commit=None, path=None, source_namespace=None, **spec):
    git = {"commit": dict({"author": {"name": "bot", "email": "bot@example.com"}}, **(commit or {}))}
    if push:
        git["push"] = push
    if checkout:
        git["checkout"] = {"ref": checkout}
    ref = {"kind": "GitRepository", "name": "repo"}
    if source_namespace:
        ref["namespace"] = source_namespace
    spec = dict({"interval": "1h", "sourceRef": ref, "git": git}, **spec)
    if path:
        spec["update"] = {"path": path, "strategy": "Setters"}
    return meta("ImageUpdateAutomation", namespace, "auto", spec)


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data}


def docker_secret(namespace, name, host, user, password):
    auth = base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {".dockerconfigjson": json.dumps({"auths": {host: {"auth": auth}}})}}
