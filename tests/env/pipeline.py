"""The main job as a scenario: one GitOps repository, one chart, one image, the custom resources that join them.

Both `./dev demo` and the test of the loop set it up with this, push an image, and watch what follows.
"""
import json
import os
import re
import time

from .process import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CHART = os.path.join(HERE, "..", "charts", "my-app")


class Pipeline:
    def __init__(self, cluster, git_server, registry, namespace="apps", interval="1m", scan="5m", repository="gitops"):
        self.cluster, self.git, self.registry = cluster, git_server, registry
        self.namespace, self.interval, self.scan, self.repository = namespace, interval, scan, repository
        self.image = "%s/%s/my-app" % (registry.host, namespace)
        self.pushed_at = None

    # ---- what people write ------------------------------------------------------------------------------------------
    def files(self):
        """The repository: the chart, whose values.yaml carries the marker, pointing at this registry."""
        out = {}
        for folder, _, names in os.walk(CHART):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    out[os.path.join("charts/my-app", os.path.relpath(path, CHART))] = f.read()
        values = out["charts/my-app/values.yaml"].decode()
        values = re.sub(r"(?m)^(\s+repository:) .*$", r"\1 " + self.image, values, count=1)
        out["charts/my-app/values.yaml"] = values.replace('"apps:my-app', '"%s:my-app' % self.namespace).encode()
        return out

    def objects(self):
        def obj(group, kind, name, spec):
            return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}, "spec": spec}
        source = {"kind": "GitRepository", "name": self.repository}
        return [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git-auth", "namespace": self.namespace},
             "stringData": {"username": self.git.user, "password": self.git.secret}},
            obj("source.toolkit.fluxcd.io/v1", "GitRepository", self.repository,
                {"interval": self.interval, "url": self.git.private(self.repository), "ref": {"branch": "main"},
                 "secretRef": {"name": "git-auth"}}),
            obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "my-app",
                {"interval": self.interval, "chart": {"spec": {"chart": "./charts/my-app", "sourceRef": source,
                                                               "reconcileStrategy": "Revision", "interval": self.interval}}}),
            obj("image.toolkit.fluxcd.io/v1", "ImageRepository", "my-app",
                {"interval": self.scan, "image": self.image, "insecure": True}),
            obj("image.toolkit.fluxcd.io/v1", "ImagePolicy", "my-app",
                {"imageRepositoryRef": {"name": "my-app"}, "policy": {"semver": {"range": ">=1.0.0"}}}),
            obj("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", "my-app",
                {"interval": self.interval, "sourceRef": source, "update": {"path": "./charts", "strategy": "Setters"},
                 "git": {"checkout": {"ref": {"branch": "main"}},
                         "commit": {"author": {"name": "runnel", "email": "runnel@example.com"},
                                    "messageTemplate": "Update {{ range .Changed.Changes }}{{ .OldValue }} to {{ .NewValue }}{{ end }}"},
                         "push": {"branch": "main"}}}),
        ]

    def set_up(self):
        self.registry.push_image("%s/my-app" % self.namespace, "1.1.0", b"1.1.0")
        self.git.create(self.repository, self.files())
        self.cluster.namespace(self.namespace)
        self.cluster.apply({"apiVersion": "v1", "kind": "List", "items": self.objects()})

    def push(self, tag):
        """What CI does. The clock of the timeline starts here."""
        self.registry.push_image("%s/my-app" % self.namespace, tag, tag.encode())
        self.pushed_at = time.monotonic()

    # ---- what can be seen ---------------------------------------------------------------------------------------------
    def get(self, kind, name):
        return self.cluster.get(kind, name, self.namespace)

    def deployed_image(self):
        d = self.get("deployment", "my-app")
        return d and d["spec"]["template"]["spec"]["containers"][0]["image"]

    def release_ready(self, revision):
        """The HelmRelease when it is Ready at this Helm revision."""
        hr = self.get("helmrelease", "my-app")
        ready = [c for c in hr.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
        history = hr.get("status", {}).get("history", [])
        if ready and ready[0]["status"] == "True" and history and history[0]["version"] == revision \
                and ready[0].get("observedGeneration") == hr["metadata"]["generation"]:
            return hr
        raise AssertionError(json.dumps({"conditions": hr.get("status", {}).get("conditions"), "history": history[:1]}))

    def wait_installed(self, timeout=60):
        return wait_for("first release", lambda: self.release_ready(1), timeout)

    def steps(self, tag):
        """(what, condition) in the order in which they come true after push(tag)."""
        def policy():
            return self.get("imagepolicy", "my-app")["status"]["latestRef"]["tag"] == tag
        def committed():
            return ("tag: " + tag).encode() in self.git.show(self.repository, "charts/my-app/values.yaml")
        def revision(kind, name, text):
            return text in self.get(kind, name)["status"]["artifact"]["revision"]
        return [
            ("image-controller: ImagePolicy picked " + tag, policy),
            ("image-controller: commit on main", committed),
            ("source-controller: GitRepository artifact", lambda: revision("gitrepository", self.repository, self.git.head(self.repository))),
            ("source-controller: HelmChart artifact",
             lambda: revision("helmchart", "%s-my-app" % self.namespace, self.git.head(self.repository)[:12])),
            ("helm-controller: Deployment has image " + tag, lambda: (self.deployed_image() or "").endswith(":" + tag)),
            ("helm-controller: HelmRelease Ready, revision 2", lambda: self.release_ready(2)),
        ]
