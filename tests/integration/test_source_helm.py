"""source-controller: HelmRepository and HelmChart, against nginx, docker-registry, Git and a real API server; charts made by the real helm."""
import hashlib
import os
import tempfile

import pytest
import yaml

from env import Registry, WebServer
from env.process import wait_for
from runnel import condition, wait_condition, wait_event
from source import BadRegistry, below, bomb, chart, contents, docker_config, failed, fetch, ready, reconcile, secret, silent_server, source, tgz
from source import controller, tidy  # noqa: F401 (fixtures)

USER, PASSWORD = "charts", "Chart-Password"


@pytest.fixture(scope="module")
def private_web():
    with WebServer(USER, PASSWORD) as w:
        yield w


@pytest.fixture(scope="module")
def private_registry():
    with Registry(USER, PASSWORD) as r:
        yield r


@pytest.fixture(scope="module")
def tls_registry():
    with Registry(tls=True) as r:
        yield r


def package(cluster, target, files):
    """helm package; the tgz's path."""
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w") as f:
                f.write(data)
        out = cluster.run_helm("package", folder, "-d", str(target))
    return out.strip().split()[-1]


def publish(cluster, web, folder, *charts):
    """A repository below web.root/folder with these charts and helm's own index; returns its URL."""
    root = os.path.join(web.root, folder)
    os.makedirs(root, exist_ok=True)
    for files in charts:
        package(cluster, root, files)
    cluster.run_helm("repo", "index", root)
    return "%s/%s" % (web.url, folder)


def helm_chart(cluster, namespace, kind, source_name="src", name="app", **spec):
    cluster.apply(source("HelmChart", name, namespace, **dict({"chart": "app", "sourceRef": {"kind": kind, "name": source_name}}, **spec)))


def repository(cluster, namespace, url, **spec):
    cluster.apply(source("HelmRepository", "src", namespace, url=url, **spec))


def git_source(cluster, git_server, namespace, files):
    commit = git_server.create(namespace, files)
    cluster.apply(source("GitRepository", "src", namespace, url=git_server.http(namespace), ref={"branch": "main"}))
    ready(cluster, "gitrepository", "src", namespace)
    return commit


# ---- HelmRepository ------------------------------------------------------------------------------------------------------

def test_index(controller, cluster, web_server, namespace):
    url = publish(cluster, web_server, namespace, chart(version="1.0.0"), chart(version="1.1.0"))
    repository(cluster, namespace, url + "/", interval="1s")
    obj = ready(cluster, "helmrepository", "src", namespace)
    with open(os.path.join(web_server.root, namespace, "index.yaml"), "rb") as f:
        text = f.read()

    revision = hashlib.sha256(text).hexdigest()
    artifact = obj["status"]["artifact"]
    assert artifact["revision"] == "sha256:" + revision
    assert artifact["path"] == "helmrepository/%s/src/index-%s.yaml" % (namespace, revision)
    assert obj["status"]["url"] == "http://127.0.0.1:%d/helmrepository/%s/src/index.yaml" % (controller.storage_port, namespace)
    assert condition(obj, "ArtifactInStorage")["message"] == "stored artifact: revision 'sha256:%s'" % revision
    kept = yaml.safe_load(fetch(controller, artifact))
    assert [e["version"] for e in kept["entries"]["app"]] == [e["version"] for e in yaml.safe_load(text)["entries"]["app"]]
    event = wait_event(cluster, "HelmRepository", "src", namespace, reason="NewArtifact")
    assert event["message"].startswith("stored fetched index of size ") and event["message"].endswith("B from '%s/'" % url)
    # A new index is seen, and the one before is left to those who still read it.
    publish(cluster, web_server, namespace, chart(version="1.2.0"))
    wait_for("new index", lambda: cluster.get("helmrepository", "src", namespace)["status"]["artifact"]["revision"] != artifact["revision"])
    assert fetch(controller, artifact)


def test_index_auth(controller, cluster, private_web, namespace):
    url = publish(cluster, private_web, namespace, chart())
    repository(cluster, namespace, url, secretRef={"name": "auth"})
    failed(cluster, "helmrepository", "src", namespace, "AuthenticationFailed", "secrets \"auth\" not found")
    cluster.apply(secret("auth", namespace, username=USER))
    failed(cluster, "helmrepository", "src", namespace, "AuthenticationFailed", "malformed basic auth - has 'username' but missing 'password'")
    cluster.apply(secret("auth", namespace, username=USER, password="Wrong-Word"))
    obj = failed(cluster, "helmrepository", "src", namespace, "Failed", "status 401")
    assert "Wrong-Word" not in str(obj["status"])
    cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
    ready(cluster, "helmrepository", "src", namespace)
    helm_chart(cluster, namespace, "HelmRepository")
    assert ready(cluster, "helmchart", "app", namespace)["status"]["artifact"]["revision"] == "1.0.0"


def test_pass_credentials(controller, cluster, private_web, web_server, namespace):
    """The index is open, the chart's URL is on another host that wants the password."""
    publish(cluster, private_web, namespace, chart())
    with open(os.path.join(private_web.root, namespace, "index.yaml")) as f:
        text = f.read().replace("- app-1.0.0.tgz", "- %s/%s/app-1.0.0.tgz" % (private_web.url, namespace))
    web_server.write(namespace + "/index.yaml", text)
    cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
    repository(cluster, namespace, "%s/%s" % (web_server.url, namespace), secretRef={"name": "auth"})
    helm_chart(cluster, namespace, "HelmRepository")
    failed(cluster, "helmchart", "app", namespace, "AuthenticationFailed", "status 401")
    cluster.patch("helmrepository", "src", {"spec": {"passCredentials": True}}, namespace)
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_index_tls(controller, cluster, web_server, namespace):
    publish(cluster, web_server, namespace, chart())
    repository(cluster, namespace, "%s/%s" % (web_server.tls_url, namespace))
    failed(cluster, "helmrepository", "src", namespace, "Failed", "certificate")
    with open(web_server.authority.cert) as f:
        cluster.apply(secret("ca", namespace, **{"ca.crt": f.read()}), secret("empty", namespace, other="x"))
    cluster.patch("helmrepository", "src", {"spec": {"certSecretRef": {"name": "empty"}}}, namespace)
    failed(cluster, "helmrepository", "src", namespace, "AuthenticationFailed", "must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'")
    cluster.patch("helmrepository", "src", {"spec": {"certSecretRef": {"name": "ca"}}}, namespace)
    ready(cluster, "helmrepository", "src", namespace)
    helm_chart(cluster, namespace, "HelmRepository")
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_client_certificate(controller, cluster, namespace):
    with WebServer(client_certificates=True) as web:
        publish(cluster, web, namespace, chart())
        files = dict(zip(("tls.crt", "tls.key"), web.authority.issue("client", client=True)), **{"ca.crt": web.authority.cert})
        for key in files:
            with open(files[key]) as f:
                files[key] = f.read()
        cluster.apply(secret("tls", namespace, **{"ca.crt": files["ca.crt"]}))
        repository(cluster, namespace, "%s/%s" % (web.tls_url, namespace), certSecretRef={"name": "tls"})
        failed(cluster, "helmrepository", "src", namespace, "Failed", "status 400")
        cluster.apply(secret("tls", namespace, **{k: v for k, v in files.items() if k != "tls.key"}))
        failed(cluster, "helmrepository", "src", namespace, "AuthenticationFailed", "found 'tls.crt' but missing 'tls.key'")
        cluster.apply(secret("tls", namespace, **files))
        ready(cluster, "helmrepository", "src", namespace)
        helm_chart(cluster, namespace, "HelmRepository")
        ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_refused_fields(controller, cluster, web_server, namespace):
    url = publish(cluster, web_server, namespace, chart())
    for spec, text in (({"provider": "aws"}, "spec.provider"), ({"accessFrom": {"namespaceSelectors": [{}]}}, "spec.accessFrom")):
        cluster.run("delete", "helmrepository", "src", "-n", namespace, "--ignore-not-found")
        repository(cluster, namespace, url, **spec)
        failed(cluster, "helmrepository", "src", namespace, "UnsupportedField", text + " is not supported by Runnel yet", stalled=True, on=None)
    helm_chart(cluster, namespace, "HelmRepository", verify={"provider": "cosign"})
    failed(cluster, "helmchart", "app", namespace, "UnsupportedField", "spec.verify is not supported by Runnel yet", stalled=True, on=None)


@pytest.mark.parametrize("text,message", [
    ("apiVersion: v1\nentries:\n  app:\n - bad\n", "yaml: line"), ("", "empty index.yaml file"), ("entries: {}\n", "no API version specified"),
    ("<html>not found</html>\n", "failed to load index"), ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + "".join(
        "k%d: &k%d [%s]\n" % (i, i, ", ".join(["*%s" % ("c" if i == 0 else "k%d" % (i - 1))] * 9)) for i in range(12)), "failed to load index")])
def test_corrupt_index(controller, cluster, web_server, namespace, text, message):
    web_server.write(namespace + "/index.yaml", text)
    repository(cluster, namespace, "%s/%s" % (web_server.url, namespace))
    failed(cluster, "helmrepository", "src", namespace, "IndexationFailed", message)
    publish(cluster, web_server, namespace, chart())
    obj = ready(cluster, "helmrepository", "src", namespace)
    assert {c["type"] for c in obj["status"]["conditions"]} == {"Ready", "ArtifactInStorage"}


def test_index_too_large(cluster, web_server, namespace, controller):
    web_server.write(namespace + "/index.yaml", "#" * (53 << 20))
    repository(cluster, namespace, "%s/%s" % (web_server.url, namespace))
    failed(cluster, "helmrepository", "src", namespace, "Failed", "larger than 52428800 bytes")


def test_index_of_a_server_that_hangs(controller, cluster, namespace):
    with silent_server() as (address, accept):
        repository(cluster, namespace, "http://" + address, timeout="1s")
        with accept():
            failed(cluster, "helmrepository", "src", namespace, "Failed", "failed to fetch Helm repository index: GET http://%s/index.yaml: " % address)


def test_static(controller, cluster, registry, namespace):
    repository(cluster, namespace, "oci://" + registry.host, type="oci")
    helm_chart(cluster, namespace, "HelmRepository", chart="none")
    wait_condition(cluster, "helmchart", "app", namespace, status="False")  # by then the repository was seen
    obj = cluster.get("helmrepository", "src", namespace)
    assert obj.get("status", {}) in ({}, {"observedGeneration": -1})  # the CRD gives every object that much
    assert "finalizers" not in obj["metadata"]


def test_becomes_static(controller, cluster, web_server, namespace):
    """Its index, finalizer and status go; not while it is suspended."""
    repository(cluster, namespace, publish(cluster, web_server, namespace, chart()))
    obj = ready(cluster, "helmrepository", "src", namespace)
    path = os.path.join(controller.storage, obj["status"]["artifact"]["path"])
    assert os.path.exists(path)
    def reconciles():
        return controller.metric("controller_runtime_reconcile_total", controller="helmrepository")
    before = reconciles()
    cluster.patch("helmrepository", "src", {"spec": {"type": "oci", "url": "oci://127.0.0.1:1/charts", "suspend": True}}, namespace)
    wait_for("seen", lambda: reconciles() > before)
    assert os.path.exists(path) and "artifact" in cluster.get("helmrepository", "src", namespace)["status"]
    cluster.patch("helmrepository", "src", {"spec": {"suspend": False}}, namespace)
    wait_for("nothing left", lambda: not os.path.exists(os.path.dirname(path)))

    def check():
        obj = cluster.get("helmrepository", "src", namespace)
        assert "finalizers" not in obj["metadata"] and obj.get("status", {}) in ({}, {"observedGeneration": -1})
        return obj
    wait_for("static", check)


def test_url_of_the_other_type(controller, cluster, namespace):
    repository(cluster, namespace, "oci://example.com/charts")
    failed(cluster, "helmrepository", "src", namespace, "URLInvalid",
           "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type", stalled=True)


# ---- HelmChart from a HelmRepository -------------------------------------------------------------------------------------

def test_versions(controller, cluster, web_server, namespace):
    versions = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1"]
    repository(cluster, namespace, publish(cluster, web_server, namespace, *[chart(version=v) for v in versions]))
    for wanted, got in (("1.0.0", "1.0.0"), ("*", "1.10.0"), ("~1.2", "1.2.0"), (">=1.0.0-0", "2.0.0-rc.1"), ("<1.2.0 || 1.2.x", "1.2.0"), (None, "1.10.0")):
        cluster.run("delete", "helmchart", "app", "-n", namespace, "--ignore-not-found")
        helm_chart(cluster, namespace, "HelmRepository", **({"version": wanted} if wanted else {}))
        obj = ready(cluster, "helmchart", "app", namespace, got)
        artifact = obj["status"]["artifact"]
        assert artifact["revision"] == got and artifact["path"] == "helmchart/%s/app/app-%s.tgz" % (namespace, got)
    with open(os.path.join(web_server.root, namespace, "app-1.10.0.tgz"), "rb") as f:
        assert fetch(controller, artifact) == f.read()  # byte for byte as published
    c = condition(obj, "Ready")
    assert (c["reason"], c["message"]) == ("ChartPullSucceeded", "pulled 'app' chart with version '1.10.0'")
    assert obj["status"]["observedChartName"] == "app"
    assert obj["status"]["observedSourceArtifactRevision"] == cluster.get("helmrepository", "src", namespace)["status"]["artifact"]["revision"]
    assert obj["status"]["url"].endswith("/helmchart/%s/app/latest.tar.gz" % namespace)
    assert fetch(controller, dict(artifact, url=obj["status"]["url"]))
    event = wait_event(cluster, "HelmChart", "app", namespace, reason="ChartPullSucceeded")
    assert event["metadata"]["annotations"]["source.toolkit.fluxcd.io/revision"] == event["message"].split("'")[3]


def test_new_version(controller, cluster, web_server, namespace):
    repository(cluster, namespace, publish(cluster, web_server, namespace, chart()), interval="1s")
    helm_chart(cluster, namespace, "HelmRepository", version="1.x")
    ready(cluster, "helmchart", "app", namespace, "1.0.0")
    publish(cluster, web_server, namespace, chart(version="1.1.0"))
    ready(cluster, "helmchart", "app", namespace, "1.1.0")


def test_no_such_chart(controller, cluster, web_server, namespace):
    repository(cluster, namespace, publish(cluster, web_server, namespace, chart()), interval="1s")
    helm_chart(cluster, namespace, "HelmRepository", version=">=3")
    failed(cluster, "helmchart", "app", namespace, "InvalidChartReference", "no 'app' chart with version matching '>=3' found", stalled=True)
    helm_chart(cluster, namespace, "HelmRepository", name="other", chart="other")
    failed(cluster, "helmchart", "other", namespace, "InvalidChartReference", "no chart name found", stalled=True)
    helm_chart(cluster, namespace, "HelmRepository", name="bad", chart="../../etc")
    failed(cluster, "helmchart", "bad", namespace, "InvalidChartReference", "invalid chart name '../../etc'", stalled=True)
    publish(cluster, web_server, namespace, chart(version="3.0.0"))  # the source's change is what heals it
    ready(cluster, "helmchart", "app", namespace, "3.0.0")


def test_values_files_of_repository_chart(controller, cluster, web_server, namespace):
    files = chart(values="replicas: 1\nkeep: true\n", more={"values-prod.yaml": "replicas: 3\n"})
    repository(cluster, namespace, publish(cluster, web_server, namespace, files))
    helm_chart(cluster, namespace, "HelmRepository", valuesFiles=["values.yaml", "values-prod.yaml"])
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0+1")
    c = condition(obj, "Ready")
    assert c["reason"] == "ChartPackageSucceeded"
    assert c["message"] == "packaged 'app' chart with version '1.0.0+1' and merged values files [values.yaml values-prod.yaml]"
    got = contents(fetch(controller, obj["status"]["artifact"]))
    assert yaml.safe_load(got["app/values.yaml"]) == {"replicas": 3, "keep": True}
    assert yaml.safe_load(got["app/Chart.yaml"])["version"] == "1.0.0+1"
    cluster.patch("helmchart", "app", {"spec": {"valuesFiles": ["values.yaml", "gone.yaml"]}}, namespace)
    failed(cluster, "helmchart", "app", namespace, "ValuesFilesError", "no values file found at path 'gone.yaml'", stalled=True, on="BuildFailed")
    cluster.patch("helmchart", "app", {"spec": {"ignoreMissingValuesFiles": True}}, namespace)
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0+3")
    assert obj["status"]["observedValuesFiles"] == ["values.yaml"]


@pytest.mark.parametrize("what", ["escape", "absolute", "bomb", "garbage", "empty", "huge"])
def test_hostile_chart(controller, cluster, web_server, namespace, what):
    good = below("app", chart())
    data = {"escape": lambda: tgz(dict(good, **{"app/../../../../tmp/runnel-escaped": "x"})), "absolute": lambda: tgz(dict(good, **{"/tmp/runnel-escaped": "x"})),
            "bomb": lambda: bomb("app/Chart.yaml"), "garbage": lambda: b"\x1f\x8b" + os.urandom(100), "empty": lambda: b"",
            "huge": lambda: b"\0" * (11 << 20)}[what]()
    publish(cluster, web_server, namespace, chart())
    web_server.write(namespace + "/app-1.0.0.tgz", data)
    repository(cluster, namespace, "%s/%s" % (web_server.url, namespace))
    helm_chart(cluster, namespace, "HelmRepository")
    obj = failed(cluster, "helmchart", "app", namespace, "ChartPullError", "chart pull error: failed to ")
    assert "artifact" not in obj["status"] and not os.path.exists("/tmp/runnel-escaped")
    resident, _ = controller.memory()
    assert resident < 700 << 10  # also with the sanitizers: nothing was unpacked without limit
    publish(cluster, web_server, namespace, chart())
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


# ---- HelmChart from a registry --------------------------------------------------------------------------------------------

def push(cluster, registry, files, folder, *flags):
    with tempfile.TemporaryDirectory() as target:
        cluster.run_helm("push", package(cluster, target, files), "oci://%s/%s" % (registry.host, folder), *(flags or ("--plain-http",)))


def test_registry(controller, cluster, registry, namespace):
    for version in ("1.0.0", "1.1.0+build.5", "2.0.0-rc.1"):
        push(cluster, registry, chart(version=version), namespace)
    repository(cluster, namespace, "oci://%s/%s" % (registry.host, namespace), type="oci", insecure=True)
    for wanted, got in (("1.x", "1.1.0+build.5"), ("1.0.0", "1.0.0"), (">=1.0.0-0", "2.0.0-rc.1"), ("1.1.0+build.5", "1.1.0+build.5")):
        cluster.run("delete", "helmchart", "app", "-n", namespace, "--ignore-not-found")
        helm_chart(cluster, namespace, "HelmRepository", version=wanted)
        obj = ready(cluster, "helmchart", "app", namespace, got)
        assert obj["status"]["artifact"]["revision"] == got
    assert "app/Chart.yaml" in contents(fetch(controller, obj["status"]["artifact"]))
    helm_chart(cluster, namespace, "HelmRepository", name="none", chart="nothing", version="1.x")
    failed(cluster, "helmchart", "none", namespace, "ChartPullError", "could not get tags for \"nothing\"")
    helm_chart(cluster, namespace, "HelmRepository", name="far", version=">=9")
    failed(cluster, "helmchart", "far", namespace, "ChartPullError", "could not locate a version matching provided version string >=9")


def test_registry_auth(controller, cluster, private_registry, namespace, tmp_path):
    target = package(cluster, tmp_path, chart())
    with open(target, "rb") as f:
        private_registry.push_artifact(namespace + "/app", "1.0.0", [("application/vnd.cncf.helm.chart.content.v1.tar+gzip", f.read())],
                                       config_type="application/vnd.cncf.helm.config.v1+json")
    repository(cluster, namespace, "oci://%s/%s" % (private_registry.host, namespace), type="oci", insecure=True)
    helm_chart(cluster, namespace, "HelmRepository", version="1.x", interval="1s")
    failed(cluster, "helmchart", "app", namespace, "AuthenticationFailed", "status 401")
    cluster.apply(docker_config("auth", namespace, private_registry.host, USER, "Wrong-Word"))
    cluster.patch("helmrepository", "src", {"spec": {"secretRef": {"name": "auth"}}}, namespace)
    failed(cluster, "helmchart", "app", namespace, "AuthenticationFailed", "status 401")
    cluster.apply(docker_config("auth", namespace, private_registry.host, USER, PASSWORD))
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0")
    assert "Wrong-Word" not in str(obj)
    cluster.run("delete", "secret", "auth", "-n", namespace)
    cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
    assert condition(reconcile(cluster, "helmchart", "app", namespace), "Ready")["status"] == "True"
    # A chart that comes back is told of in its own words.
    def told():
        return sum(e.get("count") or 1 for e in cluster.list("events", namespace) if e["reason"] == "ChartPullSucceeded")
    cluster.apply(secret("auth", namespace, username=USER, password="Wrong-Word"))
    failed(cluster, "helmchart", "app", namespace, "AuthenticationFailed", "status 401")
    before = told()
    cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
    ready(cluster, "helmchart", "app", namespace, "1.0.0")
    wait_for("event of the recovery", lambda: told() > before)


@pytest.mark.parametrize("answer,message", [
    ((429, {"Retry-After": "1"}, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'), "status 429: TOOMANYREQUESTS: slow down"),
    ((500, {}, b"<html>oops</html>"), "status 500"), ((200, {}, b"\xff\xfe not json"), "the answer is not a list of tags")],
    ids=["429", "500", "garbage"])
def test_bad_registry(controller, cluster, registry, namespace, answer, message):
    push(cluster, registry, chart(), namespace)
    with BadRegistry(registry) as bad:
        bad.says = answer
        repository(cluster, namespace, "oci://%s/%s" % (bad.host, namespace), type="oci", insecure=True)
        helm_chart(cluster, namespace, "HelmRepository", version="1.x")
        failed(cluster, "helmchart", "app", namespace, "ChartPullError", message)
        bad.says = None
        ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_registry_tls(controller, cluster, tls_registry, namespace):
    push(cluster, tls_registry, chart(), namespace, "--ca-file", tls_registry.authority.cert)
    repository(cluster, namespace, "oci://%s/%s" % (tls_registry.host, namespace), type="oci")
    helm_chart(cluster, namespace, "HelmRepository", version="1.x")
    failed(cluster, "helmchart", "app", namespace, "AuthenticationFailed", "certificate")
    with open(tls_registry.authority.cert) as f:
        cluster.apply(secret("ca", namespace, **{"ca.crt": f.read()}))
    cluster.patch("helmrepository", "src", {"spec": {"certSecretRef": {"name": "ca"}}}, namespace)
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


# ---- HelmChart from Git ---------------------------------------------------------------------------------------------------

def test_git_revision(controller, cluster, git_server, namespace, tmp_path):
    commit = git_source(cluster, git_server, namespace, below("charts/app", chart()))
    helm_chart(cluster, namespace, "GitRepository", chart="./charts/app", reconcileStrategy="Revision")
    obj = ready(cluster, "helmchart", "app", namespace)
    version = "1.0.0+" + commit[:12]
    artifact = obj["status"]["artifact"]
    assert artifact["revision"] == version and artifact["path"] == "helmchart/%s/app/app-%s.tgz" % (namespace, version)
    assert condition(obj, "Ready")["message"] == "packaged 'app' chart with version '%s'" % version
    assert obj["status"]["observedSourceArtifactRevision"] == "main@sha1:" + commit
    got = contents(fetch(controller, artifact))
    assert yaml.safe_load(got["app/Chart.yaml"])["version"] == version and b"{{ .Values.replicas }}" in got["app/templates/map.yaml"]
    path = tmp_path / "app.tgz"
    with open(path, "wb") as f:
        f.write(fetch(controller, artifact))
    assert "replicas: \"1\"" in cluster.run_helm("template", "x", str(path))  # helm takes it
    # Any commit makes a new chart.
    second = git_server.commit(namespace, {"README.md": "x\n"})
    reconcile(cluster, "gitrepository", "src", namespace)
    ready(cluster, "helmchart", "app", namespace, "1.0.0+" + second[:12])


def test_git_chart_version(controller, cluster, git_server, namespace):
    git_source(cluster, git_server, namespace, below("charts/app", chart()))
    helm_chart(cluster, namespace, "GitRepository", chart="charts/app")
    first = ready(cluster, "helmchart", "app", namespace)["status"]["artifact"]
    assert first["revision"] == "1.0.0"
    # Changed files without a new version are not taken; a new version is.
    commit = git_server.commit(namespace, {"charts/app/values.yaml": "replicas: 7\n"})
    reconcile(cluster, "gitrepository", "src", namespace)
    obj = wait_for("source seen", lambda: (lambda o: commit in o["status"]["observedSourceArtifactRevision"] and o)(ready(cluster, "helmchart", "app", namespace)))
    assert obj["status"]["artifact"] == first
    git_server.commit(namespace, below("charts/app", chart(version="1.1.0")))
    reconcile(cluster, "gitrepository", "src", namespace)
    ready(cluster, "helmchart", "app", namespace, "1.1.0")


def test_git_values_files(controller, cluster, git_server, namespace):
    """From Git they are relative to the repository's root."""
    commit = git_source(cluster, git_server, namespace, dict(below("charts/app", chart(values="a: 1\nb: {c: 1}\n")), **{"env/prod.yaml": "b: {d: 2}\n---\nb: {e: 3}\n"}))
    helm_chart(cluster, namespace, "GitRepository", chart="charts/app", reconcileStrategy="Revision", valuesFiles=["charts/app/values.yaml", "env/prod.yaml"])
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0+%s.1" % commit[:12])
    got = contents(fetch(controller, obj["status"]["artifact"]))
    assert yaml.safe_load(got["app/values.yaml"]) == {"a": 1, "b": {"c": 1, "d": 2}}
    for path in ("../secret", "/etc/passwd", "charts"):
        cluster.patch("helmchart", "app", {"spec": {"valuesFiles": [path]}}, namespace)
        failed(cluster, "helmchart", "app", namespace, "ValuesFilesError", "values files merge error", stalled=True, on="BuildFailed")


@pytest.mark.parametrize("description,revision", [("apiVersion: v2\nname: app\nversion: 1.5\n", "1.5"), ("name: app\nversion: 0.2.0\n", "0.2.0")],
                         ids=["number", "helm 2"])
def test_git_loose_description(controller, cluster, git_server, namespace, description, revision):
    """As Helm and Flux: a version that YAML takes for a number is one all the same, and without an apiVersion a chart is v1."""
    git_source(cluster, git_server, namespace, below("app", chart(more={"Chart.yaml": description, "requirements.yaml": "dependencies: []\n"})))
    helm_chart(cluster, namespace, "GitRepository")
    obj = ready(cluster, "helmchart", "app", namespace)
    assert obj["status"]["artifact"]["revision"] == revision
    assert "app/templates/map.yaml" in contents(fetch(controller, obj["status"]["artifact"]))


def test_git_packaged_chart(controller, cluster, git_server, namespace, tmp_path):
    """A chart that lies in the repository as a tgz is taken as it is."""
    with open(package(cluster, tmp_path, chart()), "rb") as f:
        data = f.read()
    git_source(cluster, git_server, namespace, {"charts/app-1.0.0.tgz": data})
    helm_chart(cluster, namespace, "GitRepository", chart="charts/app-1.0.0.tgz")
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0")
    assert fetch(controller, obj["status"]["artifact"]) == data
    assert condition(obj, "Ready")["reason"] == "ChartPullSucceeded"


def test_git_large_file(controller, cluster, git_server, namespace):
    """What a clone lets in is no hindrance to a chart beside it."""
    git_source(cluster, git_server, namespace, dict(below("app", chart()), large=b"\0" * (101 << 20)))
    helm_chart(cluster, namespace, "GitRepository")
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_git_dependencies(controller, cluster, git_server, namespace, tmp_path):
    """What lies in charts/ is taken from there, whatever its repository is."""
    parent = chart(more=below("charts/lib", chart("lib", "0.1.0")))
    parent["Chart.yaml"] += "dependencies:\n- {name: redis, version: 2.x, repository: 'http://127.0.0.1:1/charts'}\n- {name: lib, version: 0.1.0}\n"
    with open(package(cluster, tmp_path, chart("redis", "2.0.0")), "rb") as f:
        parent["charts/redis-2.0.0.tgz"] = f.read()
    git_source(cluster, git_server, namespace, below("app", parent))
    helm_chart(cluster, namespace, "GitRepository")
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0")
    got = contents(fetch(controller, obj["status"]["artifact"]))
    assert {"app/charts/redis/Chart.yaml", "app/charts/lib/Chart.yaml"} <= set(got)
    git_server.commit(namespace, {"app/Chart.yaml": parent["Chart.yaml"].replace("1.0.0", "1.0.1", 1)}, remove=["app/charts/redis-2.0.0.tgz"])
    reconcile(cluster, "gitrepository", "src", namespace)
    obj = failed(cluster, "helmchart", "app", namespace, "DependencyBuildError",
           "dependency build error: failed to add remote dependency 'redis': failed to get chart repository for URL 'http://127.0.0.1:1/charts'", on="BuildFailed")
    outdated = condition(obj, "ArtifactOutdated")
    assert (outdated["reason"], outdated["message"]) == ("NewChart", "new 'app' chart with version '1.0.1'")


def test_git_dependencies_from_elsewhere(controller, cluster, git_server, private_web, registry, namespace):
    """From a folder beside, from a Helm repository with the password of the HelmRepository that has its URL, from a registry."""
    url = publish(cluster, private_web, namespace, chart("redis", "2.0.0"), chart("redis", "2.5.0"))
    push(cluster, registry, chart("cache", "3.0.0"), namespace)
    cluster.apply(secret("auth", namespace, username=USER, password=PASSWORD))
    cluster.apply(source("HelmRepository", "private", namespace, url=url, secretRef={"name": "auth"}))
    ready(cluster, "helmrepository", "private", namespace)
    parent = chart()
    parent["Chart.yaml"] += ("dependencies:\n- {name: redis, version: 2.x, repository: '%s/'}\n- {name: lib, version: '>=0.1', repository: 'file://../lib'}\n"
                             "- {name: cache, version: 3.x, repository: 'oci://%s/%s'}\n" % (url, registry.host, namespace))
    git_source(cluster, git_server, namespace, dict(below("charts/app", parent), **below("charts/lib", chart("lib", "0.1.0"))))
    helm_chart(cluster, namespace, "GitRepository", chart="charts/app")
    obj = ready(cluster, "helmchart", "app", namespace, "1.0.0")
    got = contents(fetch(controller, obj["status"]["artifact"]))
    versions = {n: yaml.safe_load(got["app/charts/%s/Chart.yaml" % n])["version"] for n in ("redis", "lib", "cache")}
    assert versions == {"redis": "2.5.0", "lib": "0.1.0", "cache": "3.0.0"}
    # A lock says exactly which.
    lock = "dependencies:\n- {name: redis, version: 2.0.0, repository: '%s'}\ndigest: sha256:x\ngenerated: '2024-01-01T00:00:00Z'\n" % url
    parent["Chart.yaml"] = parent["Chart.yaml"].replace("1.0.0", "1.1.0", 1)
    git_server.commit(namespace, below("charts/app", dict(parent, **{"Chart.lock": lock})))
    reconcile(cluster, "gitrepository", "src", namespace)
    obj = ready(cluster, "helmchart", "app", namespace, "1.1.0")
    got = contents(fetch(controller, obj["status"]["artifact"]))
    assert yaml.safe_load(got["app/charts/redis/Chart.yaml"])["version"] == "2.0.0" and "app/charts/lib/Chart.yaml" not in got
    for i, (repository_url, message) in enumerate((("file://../../../etc", "leads out of its folder"), ("file://../none", "no chart found at 'charts/none'"),
                                                   ("@alias", "aliased repository dependency is not supported"), ("s3://x/y", "invalid dependency repository URL"))):
        bad = chart(version="2.0.%d" % i)
        bad["Chart.yaml"] += "dependencies:\n- {name: x, version: '*', repository: '%s'}\n" % repository_url
        git_server.commit(namespace, below("charts/app", bad), remove=["charts/app/Chart.lock"] if not i else ())
        reconcile(cluster, "gitrepository", "src", namespace)
        failed(cluster, "helmchart", "app", namespace, "DependencyBuildError", message, on="BuildFailed")


def test_git_bad_chart(controller, cluster, git_server, namespace):
    git_source(cluster, git_server, namespace, dict(below("app", dict(chart(), **{"Chart.yaml": "name: [\n"})), **below("noversion", dict(
        chart(), **{"Chart.yaml": "apiVersion: v2\nname: app\n"})), **{"nothing/x": "x\n"}))
    for path, message in (("app", "cannot load Chart.yaml"), ("noversion", "version"), ("nothing", "Chart.yaml: no such file"),
                          ("gone", "gone: no such file or directory"), ("../x", "leads out of its folder")):
        cluster.run("delete", "helmchart", "app", "-n", namespace, "--ignore-not-found")
        helm_chart(cluster, namespace, "GitRepository", chart=path)
        failed(cluster, "helmchart", "app", namespace, "InvalidChartReference", message, stalled=True)
    git_server.commit(namespace, below("gone", chart()))
    cluster.patch("helmchart", "app", {"spec": {"chart": "gone"}}, namespace)
    reconcile(cluster, "gitrepository", "src", namespace)
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_source_without_artifact(controller, cluster, git_server, namespace):
    cluster.apply(source("GitRepository", "src", namespace, url=git_server.http("nobody"), ref={"branch": "main"}))
    helm_chart(cluster, namespace, "GitRepository")
    message = "no artifact available for GitRepository source 'src'"
    obj = wait_condition(cluster, "helmchart", "app", namespace, status="False", reason="NoSourceArtifact", message=message)
    assert condition(obj, "FetchFailed")["reason"] == "NoSourceArtifact"
    wait_event(cluster, "HelmChart", "app", namespace, reason="NoSourceArtifact", message=message, type="Normal")
    git_source(cluster, git_server, namespace, below("app", chart()))
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_source_comes_late(controller, cluster, git_server, namespace):
    helm_chart(cluster, namespace, "GitRepository")
    failed(cluster, "helmchart", "app", namespace, "SourceUnavailable",
           "failed to get source: gitrepositories.source.toolkit.fluxcd.io \"src\" not found")
    git_source(cluster, git_server, namespace, below("app", chart()))
    ready(cluster, "helmchart", "app", namespace, "1.0.0")


def test_bucket(controller, cluster, namespace):
    cluster.apply(source("Bucket", "b", namespace, endpoint="minio.example.com", bucketName="x"))
    failed(cluster, "bucket", "b", namespace, None, "Bucket is not supported by Runnel yet", stalled=True, on=None)
    helm_chart(cluster, namespace, "Bucket", source_name="b")
    failed(cluster, "helmchart", "app", namespace, "UnsupportedSourceKind", "Bucket as a source of HelmChart is not supported", stalled=True)
