"""charts/runnel: helm lint passes, the API server takes what it renders, and the roles are enough for the controllers."""
import os
import subprocess

import pytest
import yaml

from env import wait_for
from env.pipeline import Pipeline
from helm_support import Charts, gone, release, wait_release
from runnel import BUILD, NAMES, ROOT, Controller, start_all, wait_condition, wait_event

CHART = os.path.join(ROOT, "charts", "runnel")


def test_lint(cluster):
    cluster.run_helm("lint", "--strict", CHART)


def rendered(cluster, *words):
    return [d for d in yaml.safe_load_all(cluster.run_helm("template", "runnel", CHART, "-n", "flux-system", *words)) if d]


def test_api_server_accepts_what_it_renders(cluster, namespace):
    text = cluster.run_helm("template", "runnel", CHART, "-n", namespace)
    cluster.run("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text)


def test_own_engine_renders_the_same(cluster):
    helm = cluster.run_helm("template", "runnel", CHART, "-n", "flux-system", "--include-crds")
    ours = subprocess.run(["%s/helm-controller/helm-controller" % BUILD, "template", "runnel", CHART, "-n", "flux-system", "--include-crds"],
                          capture_output=True, text=True, check=True).stdout
    assert ours == helm


def test_hardening(cluster):
    deployments = [d for d in rendered(cluster) if d["kind"] == "Deployment"]
    assert sorted(d["metadata"]["name"] for d in deployments) == sorted(NAMES)
    for d in deployments:
        assert d["spec"]["strategy"]["type"] == "Recreate"
        pod = d["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for c in pod["containers"]:
            s = c["securityContext"]
            assert s["readOnlyRootFilesystem"] is True and s["allowPrivilegeEscalation"] is False and s["capabilities"]["drop"] == ["ALL"]


@pytest.mark.parametrize("name", NAMES)
def test_flags_of_the_deployment_are_known(cluster, name):
    """Each flag that the chart passes is one that the binary knows."""
    d = [d for d in rendered(cluster) if d["kind"] == "Deployment" and d["metadata"]["name"] == name][0]
    known = subprocess.run(["%s/%s/%s" % (BUILD, name, name), "--help"], capture_output=True, text=True).stdout
    for word in d["spec"]["template"]["spec"]["containers"][0]["args"]:
        assert word.split("=")[0] in known.split(), word


def test_a_controller_can_be_left_out(cluster):
    names = [d["metadata"]["name"] for d in rendered(cluster, "--set", "imageController.enabled=false") if d["kind"] == "Deployment"]
    assert sorted(names) == ["helm-controller", "source-controller"]


# ---- roles ------------------------------------------------------------------------------------------------------------------------
def install(cluster, namespace, *words, tokens=True):
    """Installs the add-on; returns a kubeconfig with the token of each controller's ServiceAccount."""
    cluster.run_helm("install", "runnel", CHART, "-n", namespace, "--skip-crds", *words)
    return tokens and {name: cluster.client_kubeconfig("%s-%s" % (namespace, name), token=cluster.run("create", "token", name, "-n", namespace).strip())
            for name in NAMES}


def uninstall(cluster, namespace):
    cluster.run_helm("uninstall", "runnel", "-n", namespace)


def test_roles_are_enough(pods_cluster, git_server, registry):
    """The whole loop, and its end, by controllers that may do what their ServiceAccounts may."""
    system = "addon-system"
    pods_cluster.namespace(system)
    configs = install(pods_cluster, system)
    with start_all(pods_cluster, kubeconfig=configs, flags=("--enable-leader-election",), env={"RUNTIME_NAMESPACE": system}) as controllers:
        p = Pipeline(pods_cluster, git_server, registry, namespace="addon", interval="1m", scan="1s", repository="addon")
        p.set_up()
        p.wait_installed()
        p.push("1.2.3")
        for what, holds in p.steps("1.2.3"):
            wait_for(what, holds, timeout=60)
        wait_event(pods_cluster, "HelmRelease", "my-app", "addon", reason="UpgradeSucceeded", type="Normal")
        for kind in ("imageupdateautomation", "imagepolicy", "imagerepository", "helmrelease", "gitrepository"):
            pods_cluster.run("delete", kind, "--all", "-n", "addon", "--wait=false")
        for kind, name in (("helmrelease", "my-app"), ("helmchart", "addon-my-app"), ("gitrepository", "addon"), ("imagerepository", "my-app")):
            gone(pods_cluster, kind, name, "addon")
        for controller in controllers.all:
            refused = [line for line in controller.log() if "forbidden" in str(line).lower()]
            assert not refused, refused
    uninstall(pods_cluster, system)


def test_without_cluster_admin(cluster, namespace, web_server):
    """clusterAdmin=false: a release needs rights of its own, and says which it lacks; they heal it."""
    configs = install(cluster, namespace, "--set", "clusterAdmin=false")
    charts = Charts(cluster, web_server, namespace)
    charts.publish("1.0.0")
    with Controller("helm-controller", cluster, "--min-retry-delay=200ms", "--max-retry-delay=1s", kubeconfig=configs["helm-controller"]):
        cluster.apply(release(namespace))
        wait_condition(cluster, "helmrelease", "app", namespace, status="False", message='cannot create resource "secrets"')
        cluster.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "releases", "namespace": namespace},
                       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                       "subjects": [{"kind": "ServiceAccount", "name": "helm-controller", "namespace": namespace}]})
        obj = wait_release(cluster, namespace)
        assert "installFailures" not in obj["status"]
    uninstall(cluster, namespace)


def test_people_of_a_namespace_see_its_releases(pods_cluster):
    """The role view, which the cluster aggregates, takes in the custom resources; edit may change them."""
    system = "addon-people"
    pods_cluster.namespace(system)
    install(pods_cluster, system, "--set", "sourceController.enabled=false,imageController.enabled=false", tokens=False)
    for role, verb, allowed in (("view", "get", "yes"), ("view", "delete", "no"), ("edit", "delete", "yes")):
        pods_cluster.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": role, "namespace": system},
                            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": role + "er"}]})
        wait_for("%s may %s: %s" % (role, verb, allowed), lambda: pods_cluster.run(
            "auth", "can-i", verb, "helmreleases.helm.toolkit.fluxcd.io", "-n", system, "--as", role + "er", check=False).strip() == allowed)
    uninstall(pods_cluster, system)
