"""What single fields of a HelmRelease do, where no other test is about them."""
import json

import pytest
import yaml

from env import wait_for
from env.kubelet import CRASHING, PROGRESSING
from helm_support import (CONFIGMAP, DEPLOYMENT, app, deployed_image, gone, history, hook, release, wait_release, wait_version)
from helm_support import charts, cluster, controller  # noqa: F401 (fixtures)
from runnel import condition


def delete(cluster, namespace):
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)


# ---- uninstall ------------------------------------------------------------------------------------------------------------------
def test_history_that_is_kept_and_replaced(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, uninstall={"keepHistory": True}))
    wait_version(cluster, namespace, 1)
    delete(cluster, namespace)
    assert history(cluster, namespace) == [(1, "uninstalled", "Uninstallation complete")]
    assert cluster.get("configmap", "app", namespace) is None
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="InstallFailed", message="cannot reuse a name that is still in use")
    cluster.apply(release(namespace, install={"replace": True}))
    wait_version(cluster, namespace, 2)
    assert history(cluster, namespace) == [(1, "superseded", "superseded by new release"), (2, "deployed", "Install complete")]


def test_orphans(cluster, namespace, charts):
    charts.publish(**app())
    cluster.apply(release(namespace, uninstall={"deletionPropagation": "orphan"}))
    wait_version(cluster, namespace, 1)
    delete(cluster, namespace)
    assert cluster.get("deployment", "app", namespace) is None
    assert len(cluster.list("replicasets", namespace)) == 1


def test_uninstall_without_hooks_and_waiting(cluster, namespace, charts):
    kept = yaml.safe_load(CONFIGMAP.replace("{{ .Release.Name }}", "held", 1).split("\ndata:")[0])
    kept["metadata"]["finalizers"] = ["example.com/hold"]
    charts.publish("1.0.0", templates={"cm.yaml": yaml.safe_dump(kept), "h.yaml": hook("bye", "pre-delete")})
    cluster.apply(release(namespace, uninstall={"disableHooks": True, "disableWait": True}))
    wait_version(cluster, namespace, 1)
    delete(cluster, namespace)
    assert cluster.get("job", "app-bye", namespace) is None
    assert cluster.get("configmap", "held", namespace)["metadata"]["deletionTimestamp"], "nobody waited for it"
    cluster.patch("configmap", "held", {"metadata": {"finalizers": None}}, namespace)


def test_uninstall_that_takes_too_long(cluster, namespace, charts):
    held = yaml.safe_load(CONFIGMAP.replace("{{ .Release.Name }}", "held", 1).split("\ndata:")[0])
    held["metadata"]["finalizers"] = ["example.com/hold"]
    charts.publish("1.0.0", templates={"cm.yaml": yaml.safe_dump(held)})
    cluster.apply(release(namespace, uninstall={"timeout": "1s"}))
    wait_version(cluster, namespace, 1)
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    wait_release(cluster, namespace, status="False", reason="UninstallFailed", generation=False,
                 message="timeout waiting for termination: [ConfigMap/%s/held status: 'Terminating']" % namespace)
    cluster.patch("configmap", "held", {"metadata": {"finalizers": None}}, namespace)
    gone(cluster, "helmrelease", "app", namespace)


# ---- rollback -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("disabled", [False, True], ids=["hooks", "no-hooks"])
def test_rollback(cluster, namespace, charts, disabled):
    note = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
    templates = {"d.yaml": DEPLOYMENT, "a.yaml": hook("before", "pre-rollback", body=note), "b.yaml": hook("after", "post-rollback", body=note)}
    charts.publish("1.0.0", templates=templates)
    cluster.apply(release(namespace, upgrade={"timeout": "2s", "remediation": {"retries": 0, "remediateLastFailure": True}},
                          rollback={"disableHooks": disabled, "disableWait": True, "timeout": "1m"}))
    wait_version(cluster, namespace, 1)
    cluster.kubelet.behave(namespace, CRASHING)  # what is brought back is not ready either, and that is not waited for
    charts.publish("1.1.0", templates={"d.yaml": DEPLOYMENT}, values={"tag": "bad"})
    wait_release(cluster, namespace, type="Remediated", status="True", reason="RollbackSucceeded")
    assert deployed_image(cluster, namespace).endswith(":1.0.0")
    assert [bool(cluster.get("configmap", "app-" + name, namespace)) for name in ("before", "after")] == [not disabled] * 2


# ---- install and upgrade -----------------------------------------------------------------------------------------------------------
def test_jobs_that_are_not_waited_for(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish("1.0.0", templates={"job.yaml": hook("once", None)})
    cluster.apply(release(namespace, timeout="10m", install={"disableWaitForJobs": True}))
    wait_version(cluster, namespace, 1, timeout=10)
    assert "succeeded" not in cluster.get("job", "app-once", namespace).get("status", {})


def test_schema_of_values(cluster, namespace, charts):
    schema = json.dumps({"type": "object", "properties": {"text": {"type": "integer"}}})
    charts.publish("1.0.0", files={"values.schema.json": schema})
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="InstallFailed", message="got string, want integer")
    cluster.apply(release(namespace, install={"disableSchemaValidation": True}))
    wait_version(cluster, namespace, 1)
    cluster.apply(release(namespace, values={"more": 1}, install={"disableSchemaValidation": True}))
    wait_release(cluster, namespace, status="False", reason="UpgradeFailed", message="got string, want integer")
    cluster.patch("helmrelease", "app", {"spec": {"upgrade": {"disableSchemaValidation": True}}}, namespace)
    wait_version(cluster, namespace, 2)


@pytest.mark.parametrize("strategy,version", [("Reinstall", 1), ("InPlaceUpdate", 2)])
def test_chart_of_another_name(cluster, namespace, charts, strategy, version):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, upgrade={"chartNameChangeStrategy": strategy}))
    wait_version(cluster, namespace, 1)
    uid = cluster.get("configmap", "app", namespace)["metadata"]["uid"]
    charts.publish("1.0.0", name="other")
    def renamed():
        obj = cluster.get("helmrelease", "app", namespace)
        latest = obj["status"].get("history", [{}])[0]
        return condition(obj)["status"] == "True" and latest.get("chartName") == "other" and latest["version"]
    assert wait_for("a release of the other chart", renamed) == version
    assert (cluster.get("configmap", "app", namespace)["metadata"]["uid"] == uid) == (strategy == "InPlaceUpdate")


def test_failed_tests_that_an_upgrade_ignores(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, test={"enable": True}, upgrade={"remediation": {"retries": 0, "remediateLastFailure": True,
                                                                                     "ignoreTestFailures": True}}))
    wait_release(cluster, namespace, reason="TestSucceeded")
    cluster.kubelet.behave(namespace, CRASHING, image="hook")
    charts.publish("1.1.0", templates={"cm.yaml": CONFIGMAP, "t.yaml": hook("smoke", "test")})
    obj = wait_release(cluster, namespace, type="TestSuccess", status="False", reason="TestFailed")
    wait_release(cluster, namespace, status="False", reason="TestFailed")
    assert "upgradeFailures" not in obj["status"] and not condition(obj, "Remediated")
    assert history(cluster, namespace)[-1][:2] == (2, "deployed")


# ---- sources and values --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("revision,version", [("1.0.0", "1.0.0"), ("latest@sha256:" + "ab" * 32, "1.0.0+abababababab")])
def test_external_artifact(cluster, namespace, charts, revision, version):
    charts.publish("1.0.0", kind="ExternalArtifact", revision=revision)
    cluster.apply(release(namespace, chartRef={"kind": "ExternalArtifact", "name": "app"}))
    obj = wait_version(cluster, namespace, 1)
    assert obj["status"]["history"][0]["chartVersion"] == version


def test_values_that_explode(cluster, namespace, charts):
    """Ten levels of aliases: a clear error at once, and the process lives on."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += ["a%d: &a%d [%s]" % (i, i, ", ".join(["*a%d" % (i - 1)] * 10)) for i in range(1, 10)]
    charts.publish("1.0.0")
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "data": {"values.yaml": "\n".join(lines)},
                   "metadata": {"name": "bomb", "namespace": namespace, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}})
    cluster.apply(release(namespace, valuesFrom=[{"kind": "ConfigMap", "name": "bomb"}]))
    wait_release(cluster, namespace, status="False", reason="ValuesError", message="alias")
    cluster.patch("configmap", "bomb", {"data": {"values.yaml": "text: fine"}}, namespace)
    wait_version(cluster, namespace, 1)
