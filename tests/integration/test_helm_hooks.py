"""What a chart brings beside its objects: hooks, tests, CustomResourceDefinitions."""
import json

import yaml

from env import wait_for
from env.kubelet import CRASHING
from helm_support import (CONFIGMAP, crd, gone, history, hook, inventory, release, stored_release, wait_release, wait_version)
from helm_support import charts, cluster, controller  # noqa: F401 (fixtures)
from runnel import condition, request_reconcile, wait_event


# ---- hooks ------------------------------------------------------------------------------------------------------------------------
def test_hooks_in_order_with_their_policies(cluster, namespace, charts):
    record = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    charts.publish("1.0.0", templates={
        "cm.yaml": CONFIGMAP,
        "a.yaml": hook("second", "pre-install", 5, "hook-succeeded"),
        "b.yaml": hook("first", "pre-install", -5, body=record),
        "c.yaml": hook("after", "post-install,post-upgrade", 0, "before-hook-creation")})
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    assert cluster.get("job", "app-second", namespace) is None, "hook-succeeded"
    assert cluster.get("configmap", "app-first", namespace)
    job = cluster.get("job", "app-after", namespace)
    assert job["status"]["succeeded"] == 1
    hooks = {h["name"]: h["last_run"] for h in stored_release(cluster, namespace, 1)["hooks"]}
    assert all(h["phase"] == "Succeeded" for h in hooks.values())
    assert hooks["app-first"]["started_at"] < hooks["app-second"]["started_at"] < hooks["app-after"]["started_at"]
    cluster.patch("helmrelease", "app", {"spec": {"values": {"text": "again"}}}, namespace)
    wait_version(cluster, namespace, 2)
    assert cluster.get("job", "app-after", namespace)["metadata"]["uid"] != job["metadata"]["uid"], "before-hook-creation"


def test_hook_that_fails(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, CRASHING, image="hook")
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP, "h.yaml": hook("check", "pre-install", 0, "hook-failed")})
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="InstallFailed", message="pre-install hook app/templates/h.yaml failed")
    gone(cluster, "job", "app-check", namespace)
    assert cluster.get("configmap", "app", namespace) is None
    cluster.patch("helmrelease", "app", {"spec": {"install": {"disableHooks": True}, "upgrade": {"disableHooks": True}}}, namespace)
    wait_version(cluster, namespace, 2)


def test_hooks_of_an_uninstall(cluster, namespace, charts):
    charts.publish("1.0.0", templates={"cm.yaml": CONFIGMAP, "h.yaml": hook("bye", "pre-delete")})
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert cluster.get("job", "app-bye", namespace)["status"]["succeeded"] == 1


def test_definition_as_a_hook_is_never_deleted(cluster, namespace, charts):
    """Its objects would go with it. And an object of its kind can be a hook after it."""
    plural = "h%ss" % namespace[-5:]
    definition = json.loads(crd(plural))
    definition["metadata"]["annotations"] = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "-5",
                                             "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
    thing = {"apiVersion": "helm.test.dev/v1", "kind": plural[:-1].title(), "spec": {}}
    templates = {"cm.yaml": CONFIGMAP, "crd.yaml": json.dumps(definition), "thing.yaml": hook("thing", "pre-install", body=thing)}
    charts.publish("1.0.0", templates=templates)
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    assert cluster.get(plural + ".helm.test.dev", "app-thing", namespace)
    charts.publish("1.1.0", templates=templates)
    wait_version(cluster, namespace, 2)
    assert cluster.get(plural + ".helm.test.dev", "app-thing", namespace), "the definition was deleted in between"


def test_hook_that_is_to_be_kept_is_made_anew(cluster, namespace, charts):
    """helm.sh/resource-policy is for objects of the release: a hook's own policy decides about a hook."""
    secret = yaml.safe_load(hook("token", "pre-install,pre-upgrade", body={"apiVersion": "v1", "kind": "Secret"}))
    secret["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep"
    templates = {"cm.yaml": CONFIGMAP, "secret.yaml": yaml.safe_dump(secret)}
    charts.publish("1.0.0", templates=templates)
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    uid = cluster.get("secret", "app-token", namespace)["metadata"]["uid"]
    charts.publish("1.1.0", templates=templates)
    wait_version(cluster, namespace, 2, timeout=15)
    assert cluster.get("secret", "app-token", namespace)["metadata"]["uid"] != uid


# ---- CRDs -------------------------------------------------------------------------------------------------------------------------
def test_crds_come_before_their_objects(cluster, namespace, charts):
    plural = "w%ss" % namespace[-5:]
    thing = "apiVersion: helm.test.dev/v1\nkind: %s\nmetadata: {name: a}\n" % plural[:-1].title()
    stray = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stray}\n"
    charts.publish("1.0.0", templates={"thing.yaml": thing}, crds={"a.yaml": crd(plural, "one"), "stray.yaml": stray})
    cluster.apply(release(namespace))
    obj = wait_version(cluster, namespace, 1)
    assert cluster.get(plural + ".helm.test.dev", "a", namespace)
    assert cluster.get("configmap", "stray", namespace) is None and cluster.get("configmap", "stray", "default") is None
    # marked with where they come from; no part of the release
    metadata = cluster.get("crd", plural + ".helm.test.dev", None)["metadata"]
    assert metadata["labels"] == {"helm.toolkit.fluxcd.io/name": "app", "helm.toolkit.fluxcd.io/namespace": namespace}
    assert not [k for k in metadata.get("annotations", {}) if "helm.sh" in k]
    assert inventory(obj) == ["%s_a_helm.test.dev_%s" % (namespace, plural[:-1].title()),
                              "_%s.helm.test.dev_apiextensions.k8s.io_CustomResourceDefinition" % plural]
    text = lambda: cluster.get("crd", plural + ".helm.test.dev", None)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"]
    charts.publish("1.1.0", templates={"thing.yaml": thing}, crds={"a.yaml": crd(plural, "two")})
    wait_version(cluster, namespace, 2)
    assert text() == "one", "upgrades skip CRDs unless told otherwise"
    cluster.patch("helmrelease", "app", {"spec": {"values": {"a": 1}, "upgrade": {"crds": "CreateReplace"}}}, namespace)
    wait_version(cluster, namespace, 3)
    assert text() == "two"
    cluster.run("delete", "helmrelease", "app", "-n", namespace, "--wait=false")
    gone(cluster, "helmrelease", "app", namespace)
    assert text() == "two", "CRDs stay"


def test_crds_of_what_is_switched_off(cluster, namespace, charts):
    plural = "o%ss" % namespace[-5:]
    sub = {"Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": "app", "version": "1.0.0",
                                         "dependencies": [{"name": "sub", "version": "1.0.0", "condition": "sub.enabled"}]}),
           "charts/sub/Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": "sub", "version": "1.0.0"}),
           "charts/sub/crds/a.yaml": crd(plural)}
    charts.publish("1.0.0", files=sub, values={"text": "x", "sub": {"enabled": False}})
    cluster.apply(release(namespace))
    wait_version(cluster, namespace, 1)
    assert cluster.get("crd", plural + ".helm.test.dev", None) is None
    cluster.patch("helmrelease", "app", {"spec": {"values": {"sub": {"enabled": True}}, "upgrade": {"crds": "Create"}}}, namespace)
    wait_version(cluster, namespace, 2)
    assert cluster.get("crd", plural + ".helm.test.dev", None)


def test_crd_that_cannot_be_established(cluster, namespace, charts):
    kind = "N%s" % namespace[-5:]
    cluster.apply(json.loads(crd("n%ss" % namespace[-5:], kind=kind)))
    charts.publish("1.0.0", crds={"a.yaml": crd("m%ss" % namespace[-5:], kind=kind)})
    cluster.apply(release(namespace))
    wait_release(cluster, namespace, status="False", reason="InstallFailed",
                 message="failed to wait for CustomResourceDefinition m%ss.helm.test.dev: status: 'Failed'" % namespace[-5:])


# ---- helm tests -------------------------------------------------------------------------------------------------------------------------
def test_tests_that_succeed(cluster, namespace, charts):
    templates = {"cm.yaml": CONFIGMAP, "a.yaml": hook("smoke", "test"), "b.yaml": hook("slow", "test", 5)}
    charts.publish("1.0.0", templates=templates)
    cluster.apply(release(namespace, test={"enable": True, "filters": [{"name": "app-slow", "exclude": True}]}))
    obj = wait_release(cluster, namespace, reason="TestSucceeded")
    assert condition(obj)["message"] == \
        "Helm test succeeded for release %s/app.v1 with chart app@1.0.0: 1 test hook completed successfully" % namespace
    assert condition(obj, "TestSuccess")["status"] == condition(obj, "Released")["status"] == "True"
    assert obj["status"]["history"][0]["testHooks"]["app-smoke"]["phase"] == "Succeeded"
    assert cluster.get("job", "app-slow", namespace) is None
    wait_event(cluster, "HelmRelease", "app", namespace, reason="TestSucceeded", type="Normal")
    assert history(cluster, namespace) == [(1, "deployed", "Install complete")]
    # nothing is tested twice
    uid = cluster.get("job", "app-smoke", namespace)["metadata"]["uid"]
    token = request_reconcile(cluster, "helmrelease", "app", namespace)
    wait_for("the request", lambda: cluster.get("helmrelease", "app", namespace)["status"].get("lastHandledReconcileAt") == token)
    assert cluster.get("job", "app-smoke", namespace)["metadata"]["uid"] == uid
    # a chart without tests has passed them; tests that are no longer wanted are forgotten
    charts.publish("1.1.0")
    wait_release(cluster, namespace, reason="TestSucceeded", message="v2 with chart app@1.1.0: no test hooks")
    cluster.patch("helmrelease", "app", {"spec": {"test": {"enable": False}}}, namespace)
    assert not condition(wait_release(cluster, namespace, reason="UpgradeSucceeded"), "TestSuccess")


def test_tests_that_fail_are_remediated(cluster, namespace, charts):
    charts.publish("1.0.0", values={"text": "good"})
    cluster.apply(release(namespace, test={"enable": True}, upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}}))
    wait_release(cluster, namespace, reason="TestSucceeded")
    cluster.kubelet.behave(namespace, CRASHING, image="hook")
    charts.publish("1.1.0", templates={"cm.yaml": CONFIGMAP, "t.yaml": hook("smoke", "test")}, values={"text": "bad"})
    obj = wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", message="Failed to upgrade after 1 attempt(s)")
    assert condition(obj, "TestSuccess")["reason"] == "TestFailed" and condition(obj, "Remediated")["reason"] == "RollbackSucceeded"
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "good"
    wait_event(cluster, "HelmRelease", "app", namespace, reason="TestFailed", type="Warning", message="test hook app/templates/t.yaml failed")
    # the same failure, ignored
    cluster.patch("helmrelease", "app", {"spec": {"test": {"ignoreFailures": True}}}, namespace)
    wait_release(cluster, namespace, type="TestSuccess", status="False", reason="TestFailed")
    wait_release(cluster, namespace, reason="UpgradeSucceeded")
    assert cluster.get("configmap", "app", namespace)["data"]["text"] == "bad"
