"""A control plane to work with by hand: `python3 -m env up [--pods]` below tests/. Prints its KUBECONFIG; Ctrl-C ends it."""
import argparse
import os
import signal

from . import ControlPlane

CRDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "charts", "runnel", "crds")


def main():
    p = argparse.ArgumentParser(prog="python3 -m env", description=__doc__)
    p.add_argument("command", choices=["up"])
    p.add_argument("--pods", action="store_true", help="kube-controller-manager too: Deployments make Pods")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with ControlPlane(controller_manager=a.pods) as cluster:
        if os.path.isdir(CRDS) and os.listdir(CRDS):
            cluster.crds(CRDS)
        print("export KUBECONFIG=%s PATH=%s:$PATH" % (cluster.kubeconfig, cluster.bin), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


main()
