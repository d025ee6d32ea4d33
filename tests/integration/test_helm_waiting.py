"""Waiting for what a release has made: as a state and by kstatus, on Deployments and Jobs that the real controllers work on."""
import pytest

from env import wait_for
from env.kubelet import PROGRESSING, READY
from helm_support import (CONFIGMAP, DEPLOYMENT, Charts, app, crd, history, hook, looked_again, release, stored_release, wait_release,
                          wait_version)
from helm_support import charts, cluster, controller  # noqa: F401 (fixtures)
from runnel import condition, request_reconcile, wait_event


def test_deployment_never_ready_then_healed(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish(**app())
    cluster.apply(release(namespace, timeout="3s", install={"remediation": {"retries": 0}}))
    obj = wait_release(cluster, namespace, status="Unknown", reason="Progressing", message="Running 'install' action with timeout of 3s")
    assert condition(obj, "Reconciling")["status"] == "True"
    obj = wait_release(cluster, namespace, status="False", reason="InstallFailed")
    assert condition(obj)["message"] == ("Helm install failed for release %s/app with chart app@1.0.0: timeout waiting for: [Deployment/%s/app "
                                         "status: 'InProgress': Available: 0/2]" % (namespace, namespace))
    obj = wait_release(cluster, namespace, type="Stalled", reason="RetriesExceeded", message="Failed to install after 1 attempt(s)")
    assert condition(obj)["reason"] == "InstallFailed"
    assert obj["status"]["installFailures"] == obj["status"]["failures"] == 1
    assert history(cluster, namespace)[0][1] == "failed"
    wait_event(cluster, "HelmRelease", "app", namespace, reason="InstallFailed", type="Warning")
    # the cause is gone, and somebody asks for another attempt
    cluster.kubelet.behave(namespace, READY)
    request_reconcile(cluster, "helmrelease", "app", namespace, reset=True)
    obj = wait_version(cluster, namespace, 2)
    assert not condition(obj, "Stalled") and "failures" not in obj["status"]


def test_waits_as_a_state(cluster, namespace, charts, controller):
    """While one release waits for its pods, others pass, and a newer chart takes its place."""
    cluster.kubelet.behave(namespace, PROGRESSING, image="1.0.0")
    charts.publish(**app())
    for i in range(6):
        cluster.apply(release(namespace, "stuck%d" % i, timeout="10m"))
    for i in range(6):
        wait_release(cluster, namespace, "stuck%d" % i, status="Unknown", message="Running 'install' action")
    Charts(cluster, charts.web, namespace).publish("1.0.0", source="plain")
    cluster.apply(release(namespace, "quick", chartRef={"kind": "HelmChart", "name": "plain"}))
    wait_version(cluster, namespace, 1, "quick", timeout=10)
    charts.publish(**app("2.0.0", "2.0.0"))
    for i in range(6):
        obj = wait_version(cluster, namespace, 2, "stuck%d" % i)
        assert obj["status"]["history"][0]["chartVersion"] == "2.0.0" and "upgradeFailures" not in obj["status"]


def test_disable_wait(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish(**app())
    cluster.apply(release(namespace, install={"disableWait": True}))
    wait_version(cluster, namespace, 1, timeout=10)


# ---- by kind -------------------------------------------------------------------------------------------------------------------
def test_claims_services_and_custom_resources(cluster, namespace, charts):
    plural = "g%ss" % namespace[-5:]
    gadget = "apiVersion: helm.test.dev/v1\nkind: %s\nmetadata: {name: g}\nstatus: {conditions: [{type: Ready, status: 'False'}]}\n"
    charts.publish("1.0.0", crds={"a.yaml": crd(plural)}, templates={
        "claim.yaml": "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
                      "spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Mi}}}\n",
        "service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n",
        "ingress.yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {rules: [{host: a.example.com}]}\n",
        "gadget.yaml": gadget % plural[:-1].title()})
    cluster.apply(release(namespace, timeout="10m"))
    wait_for("the claim", lambda: cluster.get("persistentvolumeclaim", "data", namespace))
    looked_again(cluster, namespace)
    assert history(cluster, namespace)[0][1] == "pending-install", history(cluster, namespace)
    cluster.raw("/api/v1/namespaces/%s/persistentvolumeclaims/data/status" % namespace, "PATCH", '{"status": {"phase": "Bound"}}',
                content_type="application/merge-patch+json")
    looked_again(cluster, namespace)
    assert history(cluster, namespace)[0][1] == "pending-install", "the custom resource is not ready"
    cluster.patch(plural + ".helm.test.dev", "g", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, namespace)
    wait_version(cluster, namespace, 1)


def test_deployment_beyond_its_deadline_fails_early(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish("1.0.0", templates={"d.yaml": DEPLOYMENT.replace("spec:\n", "spec:\n  progressDeadlineSeconds: 2\n", 1)})
    cluster.apply(release(namespace, timeout="10m"))
    wait_release(cluster, namespace, status="False", reason="InstallFailed",
                 message="failed early due to stalled resources: [Deployment/%s/app status: 'Failed'" % namespace)


def test_paused_deployment_is_not_waited_for(cluster, namespace, charts):
    cluster.kubelet.behave(namespace, PROGRESSING)
    charts.publish("1.0.0", templates={"d.yaml": DEPLOYMENT.replace("spec:\n", "spec:\n  paused: true\n", 1)})
    cluster.apply(release(namespace, timeout="10m"))
    wait_version(cluster, namespace, 1, timeout=10)


@pytest.mark.parametrize("events", [None, "pre-install"], ids=["object", "hook"])
def test_job_that_vanishes_has_ended(cluster, namespace, charts, events):
    """ttlSecondsAfterFinished: the cluster takes it away before anybody has seen it complete."""
    cluster.kubelet.behave(namespace, PROGRESSING)
    job = hook("once", events).replace("spec:\n", "spec:\n  ttlSecondsAfterFinished: 0\n", 1)
    charts.publish("1.0.0", templates={"job.yaml": job, "cm.yaml": CONFIGMAP})
    cluster.apply(release(namespace, timeout="10m"))
    wait_for("the Job", lambda: cluster.get("job", "app-once", namespace))
    looked_again(cluster, namespace)
    assert history(cluster, namespace)[0][1] == "pending-install", history(cluster, namespace)
    cluster.run("delete", "job", "app-once", "-n", namespace)
    wait_version(cluster, namespace, 1)
    assert cluster.get("job", "app-once", namespace) is None, "it ran once"
    if events:
        assert stored_release(cluster, namespace, 1)["hooks"][0]["last_run"]["phase"] == "Succeeded"
