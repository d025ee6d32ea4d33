"""Seconds from a pushed image to the changed Deployment, with the bus and without, side by side in one run.

    loop.py [-n ROUNDS]

Intervals are long (10 minutes) but for the image scan, which the push is answered by on request: what is measured is the
pipeline, not the polling. Without the bus the controllers have only their watches and intervals, so that case runs with the
source's interval at one second and says so.
"""
import argparse
import os
import statistics

from conftest import CRDS
from env import ControlPlane, GitServer, Registry, wait_for
from env.kubelet import Kubelet
from env.pipeline import Pipeline
from runnel import request_reconcile, start_all


def round_trip(cluster, pipeline, tag):
    """(to Deployment, to Ready), seconds after the push."""
    import time
    pipeline.push(tag)
    request_reconcile(cluster, "imagerepository", "my-app", pipeline.namespace)
    wait_for("Deployment with " + tag, lambda: (pipeline.deployed_image() or "").endswith(":" + tag), 120, pause=0.01)
    changed = time.monotonic() - pipeline.pushed_at
    number = int(tag.split(".")[2]) + 2
    wait_for("release ready", lambda: pipeline.release_ready(number), 120)
    return changed, time.monotonic() - pipeline.pushed_at


def measure(cluster, git, registry, bus, rounds):
    name = "bus" if bus else "nobus"
    with start_all(cluster, bus=bus):
        p = Pipeline(cluster, git, registry, namespace=name, interval="10m" if bus else "1s", scan="10m", repository=name)
        p.set_up()
        p.wait_installed(120)
        times = [round_trip(cluster, p, "2.0.%d" % i) for i in range(rounds)]
    for what, column in (("changed Deployment", 0), ("Ready", 1)):
        values = [t[column] for t in times]
        print("%-7s push to %-18s median %6.2f s   min %6.2f   max %6.2f   (%d rounds%s)"
              % (name, what, statistics.median(values), min(values), max(values), rounds, "" if bus else ", source interval 1 s"), flush=True)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("-n", type=int, default=5)
    a = a.parse_args()
    with ControlPlane(controller_manager=True) as cluster, GitServer() as git, Registry() as registry, Kubelet(cluster):
        cluster.crds(CRDS)
        for bus in (True, False):
            measure(cluster, git, registry, bus, a.n)


main()
