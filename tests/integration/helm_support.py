"""HelmReleases without a source-controller: a chart on a web server, and a HelmChart whose status points at it."""
import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile

import pytest
import yaml

from env import wait_for
from runnel import Controller, condition, request_reconcile, wait_condition

CONFIGMAP = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  text: {{ .Values.text | quote }}
  revision: {{ .Release.Revision | quote }}
"""

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas | default 2 }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers: [{name: app, image: "example.com/app:{{ .Values.tag | default "1.0.0" }}"}]
"""


def hook(name, events, weight=0, policy=None, body=None):
    """A Job (or what body says) as a hook; events None: as an object like others."""
    annotations = {"helm.sh/hook": events, "helm.sh/hook-weight": str(weight)} if events else {}
    if policy:
        annotations["helm.sh/hook-delete-policy"] = policy
    job = {"apiVersion": "batch/v1", "kind": "Job",
           "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never",
                                                             "containers": [{"name": "hook", "image": "example.com/hook"}]}}}}
    obj = dict(body or job)
    obj["metadata"] = {"name": "{{ .Release.Name }}-" + name, "annotations": annotations}
    return yaml.safe_dump(obj)


def app(tag="1.0.0", version="1.0.0"):
    """What to publish: a chart whose Deployment runs this tag."""
    return {"version": version, "templates": {"d.yaml": DEPLOYMENT}, "values": {"tag": tag}}


def deployed_image(cluster, namespace):
    return cluster.get("deployment", "app", namespace)["spec"]["template"]["spec"]["containers"][0]["image"]


def crd(plural, description="", kind=None):
    """A CustomResourceDefinition of the group helm.test.dev."""
    return json.dumps({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                       "metadata": {"name": plural + ".helm.test.dev"},
                       "spec": {"group": "helm.test.dev", "scope": "Namespaced",
                                "names": {"plural": plural, "singular": plural[:-1], "kind": kind or plural[:-1].title()},
                                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                                    "type": "object", "description": description, "x-kubernetes-preserve-unknown-fields": True}}}]}})


def package(name="app", version="1.0.0", templates=None, values=None, crds=None, notes="hello\n", files=None):
    """A chart as tgz, deterministic."""
    content = {"Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version, "appVersion": "9"}),
               "values.yaml": yaml.safe_dump(values if values is not None else {"text": "default"})}
    for path, text in (templates if templates is not None else {"cm.yaml": CONFIGMAP}).items():
        content["templates/" + path] = text
    for path, text in (crds or {}).items():
        content["crds/" + path] = text
    if notes:
        content["templates/NOTES.txt"] = notes
    content.update(files or {})
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as t:
        for path in sorted(content):
            data = content[path].encode()
            info = tarfile.TarInfo("%s/%s" % (name, path))
            info.size, info.mode = len(data), 0o644
            t.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


class Charts:
    """Publishes charts as the artifact of a HelmChart (or OCIRepository) of a namespace."""

    def __init__(self, cluster, web, namespace):
        self.cluster, self.web, self.namespace = cluster, web, namespace

    def publish(self, version="1.0.0", name="app", kind="HelmChart", source="app", revision=None, digest=None, make=True, **parts):
        """make=False: the source object is there already, made by a HelmRelease."""
        data = package(name, version, **parts)
        path = "%s/%s/%s-%s-%s.tgz" % (self.namespace, source, name, version, hashlib.sha256(data).hexdigest()[:8])
        url = self.web.write(path, data)
        if make:
            self.make(kind, source)
        obj = self.cluster.get(kind.lower(), source, self.namespace)
        artifact = {"url": url, "path": path, "revision": revision or version, "lastUpdateTime": "2026-01-01T00:00:00Z",
                    "digest": digest or "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}
        self.status(kind, source, {"observedGeneration": obj["metadata"]["generation"], "artifact": artifact,
                                   "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored",
                                                   "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
        return artifact

    def make(self, kind, source):
        spec = {"interval": "10m"}
        if kind == "HelmChart":
            spec.update(chart="app", sourceRef={"kind": "GitRepository", "name": "none"})
        if kind == "OCIRepository":
            spec.update(url="oci://registry.example.com/app")
        if kind == "ExternalArtifact":
            spec = {"sourceRef": {"apiVersion": "example.com/v1", "kind": "Maker", "name": "x"}}
        self.cluster.apply({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
                            "metadata": {"name": source, "namespace": self.namespace}, "spec": spec})

    def status(self, kind, source, status):
        plural = {"HelmChart": "helmcharts", "OCIRepository": "ocirepositories", "ExternalArtifact": "externalartifacts"}[kind]
        self.cluster.raw("/apis/source.toolkit.fluxcd.io/v1/namespaces/%s/%s/%s/status" % (self.namespace, plural, source), "PATCH",
                         json.dumps({"status": status}), content_type="application/merge-patch+json")


@contextlib.contextmanager
def helm_controller(cluster):
    """A helm-controller that does not keep a test waiting."""
    with Controller("helm-controller", cluster, "--requeue-dependency=1s", "--min-retry-delay=200ms") as c:
        yield c
        assert "Sanitizer" not in c.process.output() and "runtime error" not in c.process.output()


def release(namespace, name="app", **spec):
    spec.setdefault("interval", "10m")
    if "chart" not in spec:
        spec.setdefault("chartRef", {"kind": "HelmChart", "name": "app"})
    return {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": name, "namespace": namespace},
            "spec": spec}


def wait_release(cluster, namespace, name="app", timeout=40, **expected):
    return wait_condition(cluster, "helmrelease", name, namespace, timeout=timeout, **expected)


def wait_version(cluster, namespace, version, name="app", timeout=40):
    """Waits until the HelmRelease is Ready with this revision of the release."""
    def check():
        obj = cluster.get("helmrelease", name, namespace)
        history = obj.get("status", {}).get("history", [])
        if condition(obj).get("status") != "True" or not history or history[0]["version"] != version \
                or obj["status"].get("observedGeneration") != obj["metadata"]["generation"]:
            raise AssertionError(json.dumps(obj.get("status")))
        return obj
    return wait_for("revision %d of %s/%s" % (version, namespace, name), check, timeout)


def helm(cluster, namespace, *words):
    """A helm command's JSON."""
    return json.loads(cluster.run_helm(*words, "-n", namespace, "-o", "json"))


def history(cluster, namespace, name="app"):
    return [(h["revision"], h["status"], h["description"]) for h in helm(cluster, namespace, "history", name)]


def gone(cluster, kind, name, namespace, timeout=40):
    return wait_for("%s %s/%s gone" % (kind, namespace, name), lambda: cluster.get(kind, name, namespace) is None, timeout)


def stored_release(cluster, namespace, version, name="app"):
    """What Helm's Secret holds of a revision."""
    secret = cluster.get("secret", "sh.helm.release.v1.%s.v%d" % (name, version), namespace)
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))


def set_stored_status(cluster, namespace, version, status, name="app"):
    """Gives a stored revision another status, as a helm that was killed leaves it."""
    record = stored_release(cluster, namespace, version, name)
    record["info"]["status"] = status
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    cluster.patch("secret", "sh.helm.release.v1.%s.v%d" % (name, version),
                  {"metadata": {"labels": {"status": status}, "annotations": None}, "data": {"release": packed}}, namespace)


def inventory(obj):
    return [e["id"] for e in obj["status"]["inventory"]["entries"]]


def looked_again(cluster, namespace, name="app"):
    """Asks for a reconcile and waits until it has been done; returns the HelmRelease."""
    token = request_reconcile(cluster, "helmrelease", name, namespace)
    def handled():
        obj = cluster.get("helmrelease", name, namespace)
        return obj["status"].get("lastHandledReconcileAt") == token and obj
    return wait_for("the request to be handled", handled)


# ---- fixtures, for modules that import them ----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def cluster(pods_cluster):
    return pods_cluster


@pytest.fixture(scope="module")
def controller(cluster):
    with helm_controller(cluster) as c:
        yield c


@pytest.fixture
def charts(cluster, web_server, namespace, controller):
    return Charts(cluster, web_server, namespace)
