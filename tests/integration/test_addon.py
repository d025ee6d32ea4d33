"""charts/runnel: helm lint passes, the API server takes what it renders, and the roles are enough for the controllers."""
import json
import os
import subprocess

import pytest
import yaml

from runnel import BUILD, NAMES, ROOT

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
