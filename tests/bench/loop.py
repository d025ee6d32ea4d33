"""Seconds from a pushed image to the changed Deployment, with the bus and without, side by side in one run.

    loop.py [-n ROUNDS] [--interval INTERVAL]

What is measured is the pipeline, not the polling of the registry: the image scan is asked for right after the push. With the bus
every other interval is 10 minutes, so that each further step follows from an announcement. Without it the controllers have their
watches and the GitRepository's interval, once 1 second and once INTERVAL (1m, as most people write it).
"""
import argparse
import statistics
import time

from conftest import CRDS
from env import ControlPlane, GitServer, Registry, wait_for
from env.kubelet import Kubelet
from env.pipeline import Pipeline
from runnel import request_reconcile, start_all

PUSH_LIMIT = 10.5


def round_trip(cluster, pipeline, tag):
    """(to Deployment, to Ready), seconds after the push."""
    pipeline.push(tag)
    request_reconcile(cluster, "imagerepository", "my-app", pipeline.namespace)
    wait_for("Deployment with " + tag, lambda: (pipeline.deployed_image() or "").endswith(":" + tag), 120, pause=0.01)
    changed = time.monotonic() - pipeline.pushed_at
    number = int(tag.split(".")[2]) + 2
    wait_for("release ready", lambda: pipeline.release_ready(number), 120)
    return changed, time.monotonic() - pipeline.pushed_at


def measure(cluster, git, registry, bus, interval, rounds):
    name = "bus" if bus else "watches-" + interval
    times = []
    with start_all(cluster, bus=bus):
        p = Pipeline(cluster, git, registry, namespace=name, interval=interval, scan="10m", repository=name)
        p.set_up()
        p.wait_installed(120)
        for i in range(rounds):
            start = time.monotonic()
            times.append(round_trip(cluster, p, "2.0.%d" % i))
            if bus:     # a push that is only announced, not seen, is followed once in ten seconds (bus/rate.h)
                time.sleep(max(0.0, start + PUSH_LIMIT - time.monotonic()))
    for what, column in (("changed Deployment", 0), ("Ready", 1)):
        values = [t[column] for t in times]
        print("%-11s push to %-18s median %6.2f s   min %6.2f   max %6.2f   (%d rounds, intervals %s)"
              % (name, what, statistics.median(values), min(values), max(values), rounds, interval), flush=True)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("-n", type=int, default=5, help="rounds of each kind")
    a.add_argument("--interval", default="1m", help="the GitRepository's interval in the last case")
    a = a.parse_args()
    with ControlPlane(controller_manager=True) as cluster, GitServer() as git, Registry() as registry, Kubelet(cluster):
        cluster.crds(CRDS)
        for bus, interval in ((True, "10m"), (False, "1s"), (False, a.interval)):
            measure(cluster, git, registry, bus, interval, a.n)


main()
