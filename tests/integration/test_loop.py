"""The loop that Runnel exists for: an image is pushed, and without another hand the Deployment runs it."""
import json

from env import wait_for
from env.pipeline import Pipeline
from runnel import condition, start_all, wait_event


def test_push_to_deployment(pods_cluster, git_server, registry):
    with start_all(pods_cluster):
        p = Pipeline(pods_cluster, git_server, registry, namespace="loop", interval="1m", scan="2s", repository="loop")
        p.set_up()
        p.wait_installed()
        before = git_server.show("loop", "charts/my-app/values.yaml")
        p.push("1.2.3")
        for what, holds in p.steps("1.2.3"):
            wait_for(what, holds, timeout=90)

        # nothing else in the file changed by a byte
        after = git_server.show("loop", "charts/my-app/values.yaml")
        assert after == before.replace(b"tag: 1.1.0", b"tag: 1.2.3")
        head, author, _ = git_server.log("loop")[0]
        assert author == "runnel <runnel@example.com>"

        # Helm's own view
        listed = json.loads(pods_cluster.run_helm("list", "-n", "loop", "-o", "json"))
        assert [(r["name"], r["revision"], r["status"]) for r in listed] == [("my-app", "2", "deployed")]
        history = json.loads(pods_cluster.run_helm("history", "-n", "loop", "my-app", "-o", "json"))
        assert [(h["revision"], h["status"]) for h in history] == [(1, "superseded"), (2, "deployed")]
        assert "1.2.3" in pods_cluster.run_helm("get", "manifest", "-n", "loop", "my-app")

        # the five objects, and Flux's view
        for kind in ("deployment", "service", "configmap", "secret", "ingress"):
            o = p.get(kind, "my-app")
            assert o["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] == "my-app"
            assert o["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
            assert o["metadata"]["annotations"]["meta.helm.sh/release-name"] == "my-app"
        hr = p.get("helmrelease", "my-app")
        assert condition(hr)["reason"] == "UpgradeSucceeded" and condition(hr, "Released")["status"] == "True"
        assert hr["status"]["history"][0]["status"] == "deployed"
        assert hr["status"]["history"][0]["chartVersion"].endswith("+" + head[:12])
        for kind, name in (("GitRepository", "loop"), ("HelmChart", "loop-my-app"), ("HelmRelease", "my-app"),
                           ("ImageRepository", "my-app"), ("ImagePolicy", "my-app"), ("ImageUpdateAutomation", "my-app")):
            wait_event(pods_cluster, kind, name, "loop", type="Normal")
