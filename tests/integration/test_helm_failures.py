"""When a release fails: remediation, retries, stalling, what the server refuses, artifacts that are not what they should be."""
import base64
import json
import os

import pytest

from env import wait_for
from env.kubelet import CRASHING, READY
from helm_support import (CONFIGMAP, DEPLOYMENT, app, deployed_image, history, inventory, release, wait_release, wait_version)
from helm_support import charts, cluster, controller  # noqa: F401 (fixtures)
from runnel import condition, request_reconcile, wait_event


def test_crash_loop_is_rolled_back(cluster, namespace, charts):
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="3s", upgrade={"remediation": {"retries": 1}}))
    wait_version(cluster, namespace, 1)
    cluster.kubelet.behave(namespace, CRASHING, image="bad")
    charts.publish("1.1.0", templates={"d.yaml": DEPLOYMENT, "cm.yaml": CONFIGMAP}, values={"tag": "bad"})
    wait_release(cluster, namespace, status="False", reason="UpgradeFailed", message="timeout waiting for: [Deployment/")
    obj = wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", message="Failed to upgrade after 2 attempt(s)", timeout=60)
    assert condition(obj)["reason"] == "RollbackSucceeded"
    assert condition(obj, "Remediated")["reason"] == "RollbackSucceeded"
    assert condition(obj, "Remediated")["message"] == \
        "Helm rollback to previous release %s/app.v%d with chart app@1.0.0 succeeded" % (namespace, 3)
    assert condition(obj, "Released")["reason"] == "UpgradeFailed" and condition(obj)["status"] == "False"
    assert obj["status"]["upgradeFailures"] == 2
    assert deployed_image(cluster, namespace).endswith(":1.0.0")
    assert [h[1:] for h in history(cluster, namespace)] == [
        ("superseded", "Install complete"), ("failed", history(cluster, namespace)[1][2]), ("superseded", "Rollback to 1"),
        ("failed", history(cluster, namespace)[3][2]), ("deployed", "Rollback to 3")]
    assert inventory(obj) == ["%s_app_apps_Deployment" % namespace], "of what was brought back"
    for reason, kind, revision in (("UpgradeFailed", "Warning", "1.1.0"), ("RollbackSucceeded", "Normal", "1.0.0")):
        about = wait_event(cluster, "HelmRelease", "app", namespace, reason=reason, type=kind)["metadata"]["annotations"]
        assert about["helm.toolkit.fluxcd.io/revision"] == revision
        assert about["helm.toolkit.fluxcd.io/token"] == obj["status"]["lastAttemptedConfigDigest"]
    # a new chart heals it
    charts.publish(**app("1.2.0", "1.2.0"))
    obj = wait_version(cluster, namespace, 6)
    assert not condition(obj, "Remediated") and not condition(obj, "Stalled") and "upgradeFailures" not in obj["status"]


def test_failed_install_is_uninstalled_and_tried_again(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, CRASHING)
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="2s", install={"remediation": {"retries": 1}}))
    obj = wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", message="Failed to install after 2 attempt(s)", timeout=60)
    assert obj["status"]["installFailures"] == 2 and condition(obj)["reason"] == "InstallFailed"
    wait_event(cluster, "HelmRelease", "app", namespace, reason="UninstallSucceeded", type="Normal")
    assert cluster.get("deployment", "app", namespace), "the last failure is left to be looked at"
    # force: one more attempt, without another word
    cluster.kubelet.behave(namespace, READY)
    request_reconcile(cluster, "helmrelease", "app", namespace, force=True)
    wait_release(cluster, namespace)


def test_last_failed_install_is_uninstalled_too(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, CRASHING)
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="2s", install={"remediation": {"retries": 0, "remediateLastFailure": True}}))
    obj = wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", timeout=60)
    assert (obj["status"]["history"][0]["action"], obj["status"]["history"][0]["status"]) == ("uninstall-remediation", "uninstalled")
    assert condition(obj, "Remediated")["reason"] == "UninstallSucceeded" and "inventory" not in obj["status"]
    assert cluster.get("deployment", "app", namespace) is None


def test_upgrade_remediated_by_uninstall(cluster, namespace, charts):
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="2s", upgrade={"remediation": {"retries": 0, "remediateLastFailure": True,
                                                                           "strategy": "uninstall"}}))
    wait_version(cluster, namespace, 1)
    cluster.kubelet.behave(namespace, CRASHING, image="bad")
    charts.publish(**app("bad", "1.1.0"))
    wait_event(cluster, "HelmRelease", "app", namespace, reason="UninstallSucceeded", type="Normal", message="uninstall remediation", timeout=40)
    wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", timeout=40)


def test_broken_template_is_named_with_its_line(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    charts.publish("1.1.0", templates={"bad.yaml": "a: b\nc: {{ .Values.nothing.here }}\n"})
    obj = wait_release(cluster, namespace, status="False", reason="UpgradeFailed", message="app/templates/bad.yaml:2:")
    assert "nil pointer evaluating interface {}.here" in condition(obj)["message"]
    assert condition(obj)["message"].startswith("Helm upgrade failed for release %s/app with chart app@1.1.0: " % namespace)
    assert "upgradeFailures" not in obj["status"], "nothing was stored: there is nothing to remediate"
    assert history(cluster, namespace) == [(1, "deployed", "Install complete")]
    charts.publish("1.2.0")
    wait_version(cluster, namespace, 2)


def test_object_that_the_server_refuses(cluster, namespace, charts):
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP, "bad.yaml": CONFIGMAP.replace("{{ .Release.Name }}\n", "NOT_A_NAME\n", 1)})
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="InstallFailed", message="NOT_A_NAME")
    charts.publish("1.1.0")
    wait_version(cluster, namespace, 2)


def test_object_without_a_name(cluster, namespace, charts):
    charts.publish("1.0.0", templates={"x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n"})
    cluster.apply(release(namespace))
    obj = wait_release(cluster, namespace, status="False", reason="InstallFailed", message="ConfigMap: resource name may not be empty")
    assert "installFailures" not in obj["status"], "nothing was stored"


def test_kind_that_the_server_lacks(cluster, namespace, charts):
    nothing = "apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: %s}\n"
    charts.publish("1.0.0", templates={"a.yaml": nothing % "first", "b.yaml": nothing % "second"})
    cluster.apply(release(namespace))
    obj = wait_release(cluster, namespace, status="False", reason="InstallFailed")
    tgz = os.path.join(charts.web.root, cluster.get("helmchart", "app", namespace)["status"]["artifact"]["path"])
    with pytest.raises(AssertionError) as helm_says:
        cluster.run_helm("install", "app", tgz, "-n", namespace)
    assert condition(obj)["message"].split(": ", 1)[1] == str(helm_says.value).split("INSTALLATION FAILED: ")[1]


def test_take_ownership_can_be_refused(cluster, namespace, charts):
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": namespace}, "data": {"theirs": "x"}})
    charts.publish("1.0.0")
    cluster.apply(release(namespace, install={"disableTakeOwnership": True}))
    wait_release(cluster, namespace, status="False", reason="InstallFailed", message="invalid ownership metadata")
    assert cluster.get("configmap", "app", namespace)["data"] == {"theirs": "x"}


def test_retry_on_failure_needs_no_remediation(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, CRASHING, image="1.0.0")
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="2s", install={"strategy": {"name": "RetryOnFailure", "retryInterval": "1s"}},
                          upgrade={"strategy": {"name": "RetryOnFailure", "retryInterval": "1s"}}))
    wait_release(cluster, namespace, type="Reconciling", reason="ProgressingWithRetry", message="retrying after 1s")
    wait_for("a second attempt", lambda: len(history(cluster, namespace)) >= 2)
    cluster.kubelet.behave(namespace, READY)
    wait_release(cluster, namespace)


def test_refused_secret_is_not_told(cluster, namespace, charts):
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {password: {{ .Values.password | b64enc }}, pin: {{ .Values.pin }}}\n"
    charts.publish("1.0.0", templates={"s.yaml": secret}, values={"password": "hunter2", "pin": 987654321})
    cluster.apply(release(namespace))
    obj = wait_release(cluster, namespace, status="False", reason="InstallFailed", message="Kind=Secret")
    told = json.dumps(obj["status"]["conditions"]) + json.dumps(cluster.list("events", namespace)) + history(cluster, namespace)[0][2]
    assert "***" in told and not [s for s in ("987654321", "hunter2", base64.b64encode(b"hunter2").decode()) if s in told], told


# ---- artifacts ------------------------------------------------------------------------------------------------------------------
def test_artifact_with_another_digest(cluster, namespace, charts):
    charts.publish("1.0.0", digest="sha256:" + "0" * 64)
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", message="computed digest doesn't match")
    charts.publish("1.0.0")
    wait_version(cluster, namespace, 1)


def test_artifact_that_is_gone(cluster, namespace, charts):
    artifact = charts.publish("1.0.0")
    os.unlink(os.path.join(charts.web.root, artifact["path"]))
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="ArtifactFailed", message="artifact not found. Retrying in 1s")
    charts.publish("1.0.0")
    wait_version(cluster, namespace, 1)
