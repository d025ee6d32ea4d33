"""Other hands, and crashes: helm beside us, releases left pending, controllers and API servers killed at any moment."""
import json
import os
import signal

import pytest

from env import wait_for
from env.kubelet import PROGRESSING, READY
from helm_support import (CONFIGMAP, DEPLOYMENT, Charts, app, deployed_image, gone, helm, history, hook, release, set_stored_status,
                          wait_release, wait_version)
from helm_support import charts, cluster, controller  # noqa: F401 (fixtures)
from runnel import condition, request_reconcile, wait_event


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"])
def test_release_left_pending_by_another(cluster, namespace, charts, status):
    charts.publish("1.0.0")
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    set_stored_status(cluster, namespace, 1, status)
    request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_version(cluster, namespace, 2)
    wait_event(cluster, "HelmRelease", "app", namespace, reason="PendingRelease", message="in %s state" % status)
    assert [h[:2] for h in history(cluster, namespace)] == [(1, "failed"), (2, "deployed")]


def test_helm_by_hand(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, values={"text": "one"}))
    wait_version(cluster, namespace, 1)
    cluster.patch("helmrelease", "app", {"spec": {"values": {"text": "two"}}}, namespace)
    wait_version(cluster, namespace, 2)
    cluster.run_helm("rollback", "app", "1", "-n", namespace, "--force-conflicts")
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "one"
    request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_version(cluster, namespace, 4)
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "two"
    tgz = os.path.join(charts.web.root, cluster.get("helmchart", "app", namespace)["status"]["artifact"]["path"])
    cluster.run_helm("upgrade", "app", tgz, "-n", namespace, "--set", "text=hand", "--force-conflicts")
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "hand"
    request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_version(cluster, namespace, 6)
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "two"
    # removed behind our back
    cluster.run_helm("uninstall", "app", "-n", namespace)
    request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_version(cluster, namespace, 1)


@pytest.mark.parametrize("moment", ["hook", "wait"])
def test_killed_in_the_middle_of_an_upgrade(cluster, namespace, web_server, controller, moment):
    charts = Charts(cluster, web_server, namespace)
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="5m"))
    wait_version(cluster, namespace, 1)
    cluster.kubelet.behave(namespace, PROGRESSING, image="hook" if moment == "hook" else "2.0.0")
    templates = {"d.yaml": DEPLOYMENT}
    if moment == "hook":
        templates["h.yaml"] = hook("migrate", "pre-upgrade")
    charts.publish("2.0.0", templates=templates, values={"tag": "2.0.0"})
    wait_for("the upgrade is under way", lambda: cluster.get("job", "app-migrate", namespace) if moment == "hook"
             else deployed_image(cluster, namespace).endswith("2.0.0"))
    os.kill(controller.process.pid, signal.SIGKILL)
    controller.process.stop(timeout=5)
    assert history(cluster, namespace)[-1][:2] == (2, "pending-upgrade")
    cluster.kubelet.behave(namespace, READY)
    controller.start()
    obj = wait_version(cluster, namespace, 2)
    assert [(h["version"], h["status"]) for h in obj["status"]["history"]] == [(2, "deployed"), (1, "superseded")]
    assert condition(obj)["reason"] == "UpgradeSucceeded"
    assert history(cluster, namespace) == [(1, "superseded", "Install complete"), (2, "deployed", "Upgrade complete")]


def test_deleted_while_it_installs(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="10m"))
    wait_for("deployment", lambda: cluster.get("deployment", "app", namespace))
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert cluster.get("deployment", "app", namespace) is None
    assert helm(cluster, namespace, "list") == []


def test_namespace_that_terminates(cluster, namespace, charts):
    charts.publish(**app())
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    cluster.run("delete", "namespace", namespace, "--wait=false")
    gone(cluster, "namespace", namespace, None, timeout=60)


def test_api_server_restarts_during_an_upgrade(cluster, namespace, charts):
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="5m", upgrade={"remediation": {"retries": 0}}))
    wait_version(cluster, namespace, 1)
    cluster.kubelet.behave(namespace, PROGRESSING, image="2.0.0")
    charts.publish(**app("2.0.0", "2.0.0"))
    wait_for("the upgrade is under way", lambda: deployed_image(cluster, namespace).endswith("2.0.0"))
    cluster.stop_api_server()
    cluster.start_api_server()
    cluster.kubelet.behave(namespace, READY)
    obj = wait_version(cluster, namespace, 2, timeout=60)
    assert "upgradeFailures" not in obj["status"] and "failures" not in obj["status"]


def test_killed_at_any_moment(cluster, namespace, web_server, controller):
    """A dozen upgrades, each with a kill somewhere in it: every one ends deployed, applied, and told in the status."""
    charts = Charts(cluster, web_server, namespace)
    templates = {"cm.yaml": CONFIGMAP, "d.yaml": DEPLOYMENT, "a.yaml": hook("pre", "pre-install,pre-upgrade"),
                 "b.yaml": hook("post", "post-install,post-upgrade", 0, "hook-succeeded")}
    charts.publish("1.0.0", templates=templates, values={"text": "0"})
    cluster.apply(release(namespace, upgrade={"remediation": {"retries": 0}}))
    wait_release(cluster, namespace)
    for i in range(1, 13):
        charts.publish("1.0.%d" % i, templates=templates, values={"text": str(i), "tag": str(i)})
        seen = lambda: len(cluster.list("secrets", namespace, "owner=helm")) + len(cluster.list("jobs", namespace)) * 10
        before, steps = seen(), i % 4
        for _ in range(steps):  # the kill comes a number of visible steps into the upgrade
            try:
                before = wait_for("a step", lambda: seen() != before and seen(), timeout=1.5)
            except AssertionError:
                break
        os.kill(controller.process.pid, signal.SIGKILL)
        controller.process.stop(timeout=5)
        controller.start()
        def settled():
            obj = cluster.get("helmrelease", "app", namespace)
            now = obj["status"]["history"][0]
            assert condition(obj)["status"] == "True" and now["chartVersion"] == "1.0.%d" % i and now["status"] == "deployed", obj["status"]
            return obj
        obj = wait_for("release of 1.0.%d" % i, settled, 30)
        assert obj["status"].get("upgradeFailures", 0) == 0
        statuses = [h[1] for h in history(cluster, namespace)]
        assert statuses[-1] == "deployed" and statuses.count("deployed") == 1 and not [s for s in statuses if s.startswith("pending")]
        assert cluster.get("configmap", "app", namespace)["data"]["text"] == str(i)
        assert deployed_image(cluster, namespace).endswith(":%d" % i)


def test_object_that_moves_to_another_group_stays(cluster, namespace, charts):
    if "extensions/v1beta1" not in cluster.run("api-versions").split():
        pytest.skip("this API server no longer has a kind in two groups that a chart would use")
    ingress = "apiVersion: %s\nkind: Ingress\nmetadata: {name: web}\nspec: {rules: [{host: a.example.com}]}\n"
    charts.publish("1.0.0", templates={"i.yaml": ingress % "extensions/v1beta1"})
    cluster.apply(release(namespace, install={"disableWait": True}, upgrade={"disableWait": True}))
    wait_version(cluster, namespace, 1)
    uid = cluster.get("ingress", "web", namespace)["metadata"]["uid"]
    charts.publish("1.1.0", templates={"i.yaml": ingress % "networking.k8s.io/v1"})
    wait_version(cluster, namespace, 2)
    assert cluster.get("ingress", "web", namespace)["metadata"]["uid"] == uid


def test_history_of_one(cluster, namespace, charts):
    charts.publish("1.0.0")
    cluster.apply(release(namespace, maxHistory=1))
    wait_version(cluster, namespace, 1)
    for version in (2, 3, 4):
        charts.publish("1.0.%d" % version)
        wait_version(cluster, namespace, version)
    assert [h[:2] for h in history(cluster, namespace)] == [(3, "superseded"), (4, "deployed")]


@pytest.mark.parametrize("mode", ["true", "false"], ids=["server-side", "client-side"])
def test_taken_over_from_helm(cluster, namespace, charts, mode):
    """What helm installed, by server-side or client-side apply, is ours afterwards: also the fields that the chart has no more."""
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP + "  old: x\n"})
    tgz = os.path.join(charts.web.root, cluster.get("helmchart", "app", namespace)["status"]["artifact"]["path"])
    cluster.run_helm("install", "app", tgz, "-n", namespace, "--server-side=" + mode)
    assert cluster.get("configmap", "app", namespace)["data"]["old"] == "x"
    charts.publish("1.1.0")
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 2)
    assert cluster.get("configmap", "app", namespace)["data"] == {"text": "default", "revision": "2"}
    raw = json.loads(cluster.raw("/api/v1/namespaces/%s/configmaps/app" % namespace))
    assert [(m["manager"], m["operation"]) for m in raw["metadata"]["managedFields"]] == [("helm-controller", "Apply")]
    assert [h[:2] for h in history(cluster, namespace)] == [(1, "superseded"), (2, "deployed")]
