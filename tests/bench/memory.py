"""Resident and private memory of each controller after a full cycle over N objects of each of its kinds.

    memory.py [-n 100]

Also the size of each binary. Private is what the process alone needs (smaps: Private_Clean + Private_Dirty).
"""
import argparse
import os

from conftest import CRDS
from env import ControlPlane, GitServer, Registry, WebServer, wait_for
from env.pipeline import Pipeline
from runnel import BUILD, NAMES, condition, start_all


def obj(group, kind, name, spec):
    return {"apiVersion": group + ".toolkit.fluxcd.io/" + ("v2" if group == "helm" else "v1"), "kind": kind,
            "metadata": {"name": name, "namespace": "bench"}, "spec": spec}


def objects(n, git, registry, web):
    for i in range(n):
        name = "o%03d" % i
        source = {"kind": "GitRepository", "name": name}
        yield obj("source", "GitRepository", name, {"interval": "10m", "url": git.private("bench"), "ref": {"branch": "main"},
                                                    "secretRef": {"name": "git-auth"}})
        yield obj("source", "HelmRepository", name, {"interval": "10m", "url": web.url + "/charts"})
        yield obj("source", "HelmChart", name, {"interval": "10m", "chart": "./charts/my-app", "sourceRef": source})
        yield obj("source", "OCIRepository", name, {"interval": "10m", "url": "oci://%s/artifact" % registry.host, "insecure": True,
                                                    "ref": {"tag": "v1"}})
        yield obj("helm", "HelmRelease", name, {"interval": "10m", "chartRef": {"kind": "HelmChart", "name": name}, "releaseName": name,
                                                "values": {"fullnameOverride": name},
                                                "install": {"disableWait": True}, "upgrade": {"disableWait": True}})
        yield obj("image", "ImageRepository", name, {"interval": "10m", "image": registry.host + "/bench/my-app", "insecure": True})
        yield obj("image", "ImagePolicy", name, {"imageRepositoryRef": {"name": name}, "policy": {"semver": {"range": ">=1.0.0"}}})
        yield obj("image", "ImageUpdateAutomation", name,
                  {"interval": "10m", "sourceRef": source, "update": {"path": "./charts", "strategy": "Setters"},
                   "git": {"checkout": {"ref": {"branch": "main"}}, "push": {"branch": "main"},
                           "commit": {"author": {"name": "runnel", "email": "runnel@example.com"}}}})


KINDS = ("gitrepositories", "helmrepositories", "helmcharts", "ocirepositories", "helmreleases", "imagerepositories", "imagepolicies",
         "imageupdateautomations")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=100)
    n = p.parse_args().n
    with ControlPlane() as cluster, GitServer() as git, Registry() as registry, WebServer() as web:
        cluster.crds(CRDS)
        cluster.namespace("bench")
        pipeline = Pipeline(cluster, git, registry, namespace="bench")
        git.create("bench", pipeline.files())
        registry.push_image("bench/my-app", "1.1.0")
        registry.push_artifact("artifact", "v1", [("application/vnd.cncf.flux.content.v1.tar+gzip", tarball())])
        web.write("charts/index.yaml", "apiVersion: v1\nentries: {}\n")
        cluster.apply(pipeline.objects()[0])
        for name in NAMES:
            path = os.path.join(BUILD, name, name)
            print("%-20s binary %5d KiB" % (name, os.path.getsize(path) // 1024))
        with start_all(cluster) as controllers:
            for c in controllers.all:
                print("%-20s idle, nothing to do:    resident %6d KiB   private %6d KiB" % ((c.name,) + c.memory()), flush=True)
            everything = list(objects(n, git, registry, web))
            cluster.apply({"apiVersion": "v1", "kind": "List", "items": everything})

            def settled():
                ready = [sum(condition(o).get("status") == "True" for o in cluster.list(k, "bench")) for k in KINDS]
                assert all(r == n for r in ready), dict(zip(KINDS, ready))
                return True
            wait_for("%d objects of each kind ready" % n, settled, timeout=900, pause=2)
            for c in controllers.all:
                wait_for("workers idle", lambda: c.metric("controller_runtime_active_workers") == 0, timeout=60)
                print("%-20s %d objects of each kind: resident %6d KiB   private %6d KiB" % ((c.name, n) + c.memory()), flush=True)


def tarball():
    import io
    import tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        info = tarfile.TarInfo("app.yaml")
        info.size = 16
        t.addfile(info, io.BytesIO(b"kind: ConfigMap\n"))
    return out.getvalue()


main()
