"""Plays the kubelet and the cloud: gives Pods and LoadBalancer Services the status that real ones would get.

The workloads are real (kube-controller-manager makes the Pods, and rolls them); only the containers are not.
"""
import json
import threading
import time
import urllib.error

READY, PROGRESSING, CRASHING = "ready", "progressing", "crashing"


class Kubelet:
    """A thread; behave() says what becomes of the Pods of a namespace (and, optionally, of one image)."""

    def __init__(self, cluster, behaviour=READY):
        self.cluster, self.default, self.rules = cluster, behaviour, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.thread.join(10)

    def behave(self, namespace, behaviour, image=None):
        """The newest rule that fits decides. Pods that have another status already are moved over."""
        self.rules.insert(0, (namespace, image, behaviour))

    def _behaviour(self, pod):
        images = [c["image"] for c in pod["spec"]["containers"]]
        for namespace, image, behaviour in self.rules:
            if namespace == pod["metadata"]["namespace"] and (image is None or any(image in i for i in images)):
                return behaviour
        return self.default

    def _run(self):
        while not self.stopping.wait(0.1):
            try:
                for pod in json.loads(self.cluster.raw("/api/v1/pods"))["items"]:
                    self._pod(pod)
                for service in json.loads(self.cluster.raw("/api/v1/services"))["items"]:
                    self._service(service)
            except (urllib.error.URLError, OSError, KeyError, ValueError):
                continue  # the API server is away for a moment: tests restart it

    def _patch(self, path, patch, query=""):
        self.cluster.raw(path + query, "PATCH", json.dumps(patch), content_type="application/merge-patch+json")

    def _pod(self, pod):
        path = "/api/v1/namespaces/%s/pods/%s" % (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if pod["metadata"].get("deletionTimestamp"):
            self.cluster.raw(path + "?gracePeriodSeconds=0", "DELETE")
            return
        job = any(o["kind"] == "Job" for o in pod["metadata"].get("ownerReferences", []))
        status = self._status(pod, self._behaviour(pod), job)
        have = pod.get("status", {})
        if have.get("phase") == status["phase"] and [(c["type"], c["status"]) for c in have.get("conditions", [])] == \
                [(c["type"], c["status"]) for c in status["conditions"]] and \
                [c.get("state", {}).keys() for c in have.get("containerStatuses", [])] == \
                [c["state"].keys() for c in status["containerStatuses"]]:
            return
        self._patch(path + "/status", {"status": status})

    def _status(self, pod, behaviour, job):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        done = job and behaviour == READY
        failed = job and behaviour == CRASHING
        ready = behaviour == READY and not job
        state = {READY: {"running": {"startedAt": now}},
                 PROGRESSING: {"waiting": {"reason": "ContainerCreating"}},
                 CRASHING: {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}}[behaviour]
        if done or failed:
            state = {"terminated": {"exitCode": 1 if failed else 0, "startedAt": now, "finishedAt": now,
                                    "reason": "Error" if failed else "Completed"}}
        phase = "Succeeded" if done else "Failed" if failed else "Pending" if behaviour == PROGRESSING else "Running"
        word = lambda b: "True" if b else "False"
        return {"phase": phase, "podIP": "10.0.0.1", "hostIP": "127.0.0.1", "startTime": now,
                "conditions": [{"type": t, "status": word(v), "lastTransitionTime": now} for t, v in
                               (("Initialized", True), ("Ready", ready), ("ContainersReady", ready), ("PodScheduled", True))],
                "containerStatuses": [{"name": c["name"], "image": c["image"], "imageID": "", "ready": ready,
                                       "started": ready, "restartCount": 5 if behaviour == CRASHING else 0, "state": state}
                                      for c in pod["spec"]["containers"]]}

    def _service(self, service):
        if service["spec"].get("type") != "LoadBalancer" or service.get("status", {}).get("loadBalancer", {}).get("ingress"):
            return
        path = "/api/v1/namespaces/%s/services/%s/status" % (service["metadata"]["namespace"], service["metadata"]["name"])
        self._patch(path, {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}})
