"""HelmRelease on a real API server: install, upgrade, uninstall, values, dependencies, with `helm` as the witness."""
import json

import pytest

from env import wait_for
from helm_support import CONFIGMAP, Charts, gone, helm, history, release, wait_release, wait_version
from runnel import Controller, condition, request_reconcile, wait_event


@pytest.fixture(scope="module")
def controller(cluster):
    with Controller("helm-controller", cluster, "--requeue-dependency=1s", "--min-retry-delay=200ms") as c:
        yield c
        assert "Sanitizer" not in c.process.output() and "runtime error" not in c.process.output()


@pytest.fixture
def charts(cluster, web_server, namespace, controller):
    return Charts(cluster, web_server, namespace)


def test_install_upgrade_uninstall(cluster, namespace, charts, controller):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, values={"text": "one"}))
    obj = wait_version(cluster, namespace, 1)
    ready = condition(obj)
    assert ready["reason"] == "InstallSucceeded"
    assert ready["message"] == "Helm install succeeded for release %s/app.v1 with chart app@1.0.0" % namespace
    assert condition(obj, "Released")["status"] == "True" and not condition(obj, "Reconciling")
    status = obj["status"]
    snapshot = status["history"][0]
    assert (snapshot["name"], snapshot["namespace"], snapshot["version"], snapshot["status"], snapshot["chartName"],
            snapshot["chartVersion"], snapshot["appVersion"], snapshot["action"]) == \
        ("app", namespace, 1, "deployed", "app", "1.0.0", "9", "install")
    assert status["lastAttemptedRevision"] == "1.0.0" and status["lastAttemptedReleaseAction"] == "install"
    assert status["lastAttemptedGeneration"] == obj["metadata"]["generation"]
    assert status["lastAttemptedConfigDigest"] == snapshot["configDigest"]
    assert status["storageNamespace"] == namespace
    assert status["inventory"]["entries"] == [{"id": "%s_app__ConfigMap" % namespace, "v": "v1"}]
    cm = cluster.get("configmap", "app", namespace)
    assert cm["data"] == {"text": "one", "revision": "1"}
    assert cm["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": "app",
                                        "helm.toolkit.fluxcd.io/namespace": namespace}
    event = wait_event(cluster, "HelmRelease", "app", namespace, reason="InstallSucceeded", type="Normal")
    assert event["message"] == ready["message"]
    assert event["metadata"]["annotations"]["helm.toolkit.fluxcd.io/revision"] == "1.0.0"
    assert event["metadata"]["annotations"]["helm.toolkit.fluxcd.io/token"] == snapshot["configDigest"]

    charts.publish("1.1.0", templates={"cm.yaml": CONFIGMAP.replace("name: {{ .Release.Name }}", "name: {{ .Release.Name }}-new")})
    obj = wait_version(cluster, namespace, 2)
    assert condition(obj)["reason"] == "UpgradeSucceeded"
    assert [(h["version"], h["status"]) for h in obj["status"]["history"]] == [(2, "deployed"), (1, "superseded")]
    assert cluster.get("configmap", "app", namespace) is None, "what left the chart is pruned"
    assert cluster.get("configmap", "app-new", namespace)["data"]["revision"] == "2"

    # Helm's own view
    assert [(r["name"], r["revision"], r["status"], r["chart"]) for r in helm(cluster, namespace, "list")] == \
        [("app", "2", "deployed", "app-1.1.0")]
    assert history(cluster, namespace) == [(1, "superseded", "Install complete"), (2, "deployed", "Upgrade complete")]
    assert helm(cluster, namespace, "status", "app")["info"]["notes"] == "hello\n"
    everything = cluster.run_helm("get", "all", "app", "-n", namespace)
    assert "text: one" in everything and "app-new" in everything

    # nothing to do: nothing is done
    before = cluster.get("helmrelease", "app", namespace)["metadata"]["resourceVersion"]
    token = request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_for("the request", lambda: cluster.get("helmrelease", "app", namespace)["status"].get("lastHandledReconcileAt") == token)
    assert len(history(cluster, namespace)) == 2 and before

    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert helm(cluster, namespace, "list") == []
    assert cluster.get("configmap", "app-new", namespace) is None
    wait_event(cluster, "HelmRelease", "app", namespace, reason="UninstallSucceeded", type="Normal")


def test_chart_template_makes_and_deletes_the_helmchart(cluster, namespace, charts):
    source = {"kind": "GitRepository", "name": "repo"}
    cluster.apply(release(namespace, chart={"metadata": {"labels": {"team": "a"}},
                                            "spec": {"chart": "./charts/app", "sourceRef": source, "reconcileStrategy": "Revision"}}))
    name = namespace + "-app"
    chart = wait_for("HelmChart", lambda: cluster.get("helmchart", name, namespace))
    assert chart["spec"] == {"chart": "./charts/app", "interval": "10m", "reconcileStrategy": "Revision", "sourceRef": source, "version": "*"}
    assert chart["metadata"]["labels"] == {"helm.toolkit.fluxcd.io/name": "app", "helm.toolkit.fluxcd.io/namespace": namespace, "team": "a"}
    assert "ownerReferences" not in chart["metadata"]
    obj = wait_release(cluster, namespace, status="False", reason="SourceNotReady",
                       message="HelmChart '%s/%s' is not ready: latest generation of object has not been reconciled" % (namespace, name))
    assert obj["status"]["helmChart"] == "%s/%s" % (namespace, name)

    cluster.patch("helmrelease", "app", {"spec": {"chart": {"spec": {"chart": "./charts/other"}}}}, namespace)
    wait_for("HelmChart follows", lambda: cluster.get("helmchart", name, namespace)["spec"]["chart"] == "./charts/other")
    charts.publish("1.0.0")
    cluster.patch("helmrelease", "app", {"spec": {"chart": None, "chartRef": {"kind": "HelmChart", "name": "app"}}}, namespace)
    gone(cluster, "helmchart", name, namespace)
    obj = wait_version(cluster, namespace, 1)
    assert "helmChart" not in obj["status"]


def test_chart_from_another_namespace(cluster, namespace, charts):
    other = namespace + "-src"
    cluster.namespace(other)
    cluster.apply(release(namespace, chart={"spec": {"chart": "app", "sourceRef": {"kind": "HelmRepository", "name": "repo",
                                                                                  "namespace": other}}}))
    chart = wait_for("HelmChart", lambda: cluster.get("helmchart", namespace + "-app", other))
    assert chart["spec"]["sourceRef"] == {"kind": "HelmRepository", "name": "repo"}
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert cluster.get("helmchart", namespace + "-app", other) is None


def test_chart_that_another_release_has_made(cluster, namespace, charts):
    cluster.apply(release(namespace, "first", chart={"spec": {"chart": "app", "sourceRef": {"kind": "HelmRepository", "name": "repo"}}}),
                  release(namespace, "second", chartRef={"kind": "HelmChart", "name": namespace + "-first"}))
    wait_for("HelmChart", lambda: cluster.get("helmchart", namespace + "-first", namespace))
    for version in (1, 2):
        charts.publish("1.0.%d" % version, source=namespace + "-first", make=False)
        wait_version(cluster, namespace, version, "first")
        wait_version(cluster, namespace, version, "second")


def test_oci_repository_digest_is_part_of_the_version(cluster, namespace, charts):
    digest = "sha256:" + "ab" * 32
    charts.publish("1.0.0", kind="OCIRepository", revision="1.0.0@" + digest)
    cluster.apply(release(namespace, chartRef={"kind": "OCIRepository", "name": "app"}))
    obj = wait_version(cluster, namespace, 1)
    assert obj["status"]["history"][0]["chartVersion"] == "1.0.0+abababababab"
    assert obj["status"]["history"][0]["ociDigest"] == obj["status"]["lastAttemptedRevisionDigest"] == digest
    charts.publish("1.0.0", kind="OCIRepository", revision="1.0.0@sha256:" + "cd" * 32)
    obj = wait_version(cluster, namespace, 2)
    assert obj["status"]["history"][0]["chartVersion"] == "1.0.0+cdcdcdcdcdcd"
    charts.publish("1.0.0", kind="OCIRepository", revision="2.0.0@sha256:" + "ef" * 32)
    wait_release(cluster, namespace, status="False", reason="ArtifactFailed",
                 message="artifact revision 2.0.0@sha256:%s does not match chart version 1.0.0" % ("ef" * 32))


def test_values_from(cluster, namespace, charts):
    charts.publish("1.0.0", values={"text": "chart", "a": {"b": "chart", "keep": "chart"}},
                   templates={"cm.yaml": CONFIGMAP + "  all: {{ .Values | toJson | quote }}\n"})
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap",
                   "metadata": {"name": "base", "namespace": namespace, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}},
                   "data": {"values.yaml": "text: configmap\na: {b: configmap}\n---\ntext: second document\n"}},
                  {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret", "namespace": namespace},
                   "stringData": {"token": "'123'", "literal": "x,y=z", "number": "5"}})
    cluster.apply(release(namespace, values={"own": 1}, valuesFrom=[
        {"kind": "ConfigMap", "name": "base"},
        {"kind": "Secret", "name": "secret", "valuesKey": "token", "targetPath": "a.token"},
        {"kind": "Secret", "name": "secret", "valuesKey": "number", "targetPath": "a.number"},
        {"kind": "Secret", "name": "secret", "valuesKey": "literal", "targetPath": "a.literal", "literal": True},
        {"kind": "ConfigMap", "name": "missing", "optional": True}]))
    wait_version(cluster, namespace, 1)
    data = cluster.get("configmap", "app", namespace)["data"]
    assert data["text"] == "configmap"
    values = json.loads(data["all"])
    assert values["a"] == {"b": "configmap", "keep": "chart", "token": "123", "number": 5, "literal": "x,y=z"} and values["own"] == 1

    # a watched reference is followed at once
    cluster.patch("configmap", "base", {"data": {"values.yaml": "text: changed\n"}}, namespace)
    wait_version(cluster, namespace, 2)
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "changed"

    cluster.patch("helmrelease", "app", {"spec": {"valuesFrom": [{"kind": "Secret", "name": "gone"}]}}, namespace)
    wait_release(cluster, namespace, status="False", reason="ValuesError",
                 message="could not resolve Secret chart values reference '%s/gone' with key 'values.yaml'" % namespace)
    wait_event(cluster, "HelmRelease", "app", namespace, reason="ValuesError", type="Warning")


def test_secrets_stay_secret(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bad", "namespace": namespace},
                   "stringData": {"values.yaml": "hunter2-top-secret"}})
    cluster.apply(release(namespace, valuesFrom=[{"kind": "Secret", "name": "bad"}]))
    obj = wait_release(cluster, namespace, status="False", reason="ValuesError", message="failed to read values data")
    assert "hunter2" not in json.dumps(obj["status"])
    assert not [e for e in cluster.list("events", namespace) if "hunter2" in e["message"]]


def test_depends_on(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, "second", dependsOn=[{"name": "first"}]))
    wait_release(cluster, namespace, "second", status="False", reason="DependencyNotReady", message="unable to get '%s/first'" % namespace)
    cluster.apply(release(namespace, "first"))
    wait_version(cluster, namespace, 1, "first")
    wait_version(cluster, namespace, 1, "second")


def test_names_and_namespaces(cluster, namespace, charts):
    target = namespace + "-t"
    charts.publish("1.0.0")
    cluster.apply(release(namespace, targetNamespace=target, storageNamespace=namespace, install={"createNamespace": True}))
    obj = wait_version(cluster, namespace, 1, timeout=30)
    name = obj["status"]["history"][0]["name"]
    full = "%s-app" % target
    assert name == full if len(full) <= 53 else (len(name) == 53 and name.startswith(full[:40] + "-"))
    assert cluster.get("configmap", name, target)
    assert cluster.get("secret", "sh.helm.release.v1.%s.v1" % name, namespace)
    # another release name: the old release goes, a new one comes
    cluster.patch("helmrelease", "app", {"spec": {"releaseName": "short"}}, namespace)
    def renamed():
        obj = cluster.get("helmrelease", "app", namespace)
        history = obj["status"].get("history", [])
        assert condition(obj)["status"] == "True" and history and history[0]["name"] == "short", obj["status"]
        return obj
    wait_for("release short", renamed, 30)
    assert cluster.get("configmap", name, target) is None and cluster.get("configmap", "short", target)
    assert cluster.get("secret", "sh.helm.release.v1.%s.v1" % name, namespace) is None


def test_suspend_and_delete_leaves_the_release(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    cluster.patch("helmrelease", "app", {"spec": {"suspend": True}}, namespace)
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert history(cluster, namespace) == [(1, "deployed", "Install complete")]
    # taken up again by a new HelmRelease: under management by an upgrade
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 2)


def test_keep_policy_and_history_limit(cluster, namespace, charts):
    kept = CONFIGMAP.replace("  name: {{ .Release.Name }}", "  name: kept\n  annotations: {helm.sh/resource-policy: keep}")
    charts.publish("1.0.0", templates={"kept.yaml": kept, "cm.yaml": CONFIGMAP})
    cluster.apply(release(namespace, maxHistory=2))
    wait_version(cluster, namespace, 1)
    for version in (2, 3, 4):
        charts.publish("1.0.%d" % version)
        wait_version(cluster, namespace, version)
    assert [h[:2] for h in history(cluster, namespace)] == [(3, "superseded"), (4, "deployed")]
    assert cluster.get("configmap", "kept", namespace), "helm.sh/resource-policy: keep"


def test_unsupported_fields_are_refused_by_name(cluster, namespace, charts):
    charts.publish("1.0.0")
    for field, spec in (("postRenderers", {"postRenderers": [{"kustomize": {"images": [{"name": "a"}]}}]}),
                        ("driftDetection.mode", {"driftDetection": {"mode": "enabled"}}),
                        ("serviceAccountName", {"serviceAccountName": "x"}),
                        ("upgrade.force", {"upgrade": {"force": True}})):
        name = field.lower().replace(".", "-")
        cluster.apply(release(namespace, name, **spec))
        wait_release(cluster, namespace, name, status="False", message="spec.%s is not supported by Runnel yet" % field)
    cluster.apply(release(namespace, "client-side", install={"serverSideApply": False}))
    wait_release(cluster, namespace, "client-side", type="Stalled", reason="UnsupportedField",
                 message="spec.install.serverSideApply: false is not supported by Runnel yet")
    cluster.apply(release(namespace, driftDetection={"mode": "disabled"}, upgrade={"serverSideApply": "auto", "force": False},
                          waitStrategy={"name": "poller"}, install={"strategy": {"name": "RemediateOnFailure"}}))
    wait_version(cluster, namespace, 1)


def test_common_metadata(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, commonMetadata={"labels": {"team": "a"}, "annotations": {"note": "x"}}))
    wait_version(cluster, namespace, 1)
    meta = cluster.get("configmap", "app", namespace)["metadata"]
    assert meta["labels"]["team"] == "a" and meta["annotations"]["note"] == "x"
    cluster.patch("helmrelease", "app", {"spec": {"commonMetadata": {"labels": {"team": "b"}}}}, namespace)
    wait_version(cluster, namespace, 2)
    assert cluster.get("configmap", "app", namespace)["metadata"]["labels"]["team"] == "b"


def test_lookup_and_capabilities_are_the_clusters(cluster, namespace, charts):
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP + '  found: {{ (lookup "v1" "Namespace" "" .Release.Namespace).metadata.name }}\n'
                                       '  missing: {{ empty (lookup "v1" "ConfigMap" .Release.Namespace "nope") | quote }}\n'
                                       '  flux: {{ .Capabilities.APIVersions.Has "helm.toolkit.fluxcd.io/v2/HelmRelease" | quote }}\n'
                                       '  version: {{ .Capabilities.KubeVersion.Version }}\n'})
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    data = cluster.get("configmap", "app", namespace)["data"]
    assert data["found"] == namespace and data["missing"] == "true" and data["flux"] == "true"
    assert data["version"] == json.loads(cluster.raw("/version"))["gitVersion"]
