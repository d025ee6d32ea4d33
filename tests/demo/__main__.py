"""`./dev demo`: the main job on local servers, told as a timeline.

    ./dev demo [--keep]      --keep leaves everything running and prints the KUBECONFIG to use; Ctrl-C ends it
"""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from env import ControlPlane, GitServer, Registry, wait_for  # noqa: E402
from env.kubelet import Kubelet  # noqa: E402
from env.pipeline import Pipeline  # noqa: E402
from runnel import start_all  # noqa: E402

KINDS = "gitrepositories,helmcharts,helmreleases,imagerepositories,imagepolicies,imageupdateautomations"
BEGAN = time.monotonic()


def say(text):
    print("%6.1f s  %s" % (time.monotonic() - BEGAN, text), flush=True)


def memory(controller):
    resident, private = controller.memory()
    return "%s %.1f MiB (%.1f its own)" % (controller.name, resident / 1024, private / 1024)


def timeline(pipeline, tag):
    """Prints each step when it comes true, with the time since the push."""
    steps = pipeline.steps(tag)
    for what, condition in steps:
        wait_for(what, condition, timeout=60, pause=0.02)
        print("  push + %5.2f s  %s" % (time.monotonic() - pipeline.pushed_at, what), flush=True)


def show(pipeline):
    for kinds in (KINDS, "deployments,services,configmaps,secrets,ingresses,pods"):
        print("\n$ kubectl get -n %s %s" % (pipeline.namespace, kinds))
        print(pipeline.cluster.run("get", "-n", pipeline.namespace, kinds).rstrip())
    print("\n$ helm history -n %s my-app" % pipeline.namespace)
    print(pipeline.cluster.run_helm("history", "-n", pipeline.namespace, "my-app").rstrip(), flush=True)


def main():
    p = argparse.ArgumentParser(prog="./dev demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say("starting etcd, kube-apiserver, kube-controller-manager, Git server, registry")
    with ControlPlane(controller_manager=True) as cluster, GitServer() as git, Registry() as registry, Kubelet(cluster):
        cluster.crds(os.path.join(os.path.dirname(__file__), "..", "..", "charts", "runnel", "crds"))
        with start_all(cluster) as controllers:
            say("three controllers run: " + ", ".join(memory(c) for c in controllers.all))
            pipeline = Pipeline(cluster, git, registry, interval="5s", scan="2s")
            pipeline.set_up()
            say("GitOps repository with charts/my-app, image my-app:1.1.0, custom resources applied")
            pipeline.wait_installed()
            say("my-app 1.1.0 is released: HelmRelease Ready")
            pipeline.push("1.2.3")
            say("CI pushed my-app:1.2.3")
            timeline(pipeline, "1.2.3")
            show(pipeline)
            print("\nmemory now: " + ", ".join(memory(c) for c in controllers.all), flush=True)
            if a.keep:
                print("\nEverything is running. export KUBECONFIG=%s PATH=%s:$PATH\nCtrl-C ends it."
                      % (cluster.kubeconfig, cluster.bin), flush=True)
                try:
                    signal.pause()
                except KeyboardInterrupt:
                    pass
            say("stopping")
    return 0


sys.exit(main())
