"""The tag database over restarts of image-controller, and without its disk."""
import os
import shutil

from env import Registry
from env.process import scratch
from image_objects import policy, repository
from runnel import Controller, wait_condition

KIND = "imagerepository"


def test_restart(cluster, namespace):
    """The registry is gone after a restart, and policies are elected all the same."""
    def controller():
        return Controller("image-controller", cluster, "--storage-path", storage, "--watch-all-namespaces=false",
                          env={"RUNTIME_NAMESPACE": namespace})
    storage = scratch("image-storage")
    try:
        with Registry() as r:
            r.push_image("my-app", "1.0.0")
            r.push_image("my-app", "1.1.0")
            with controller() as c:
                cluster.apply(repository(namespace, r.host + "/my-app"))
                before = wait_condition(cluster, KIND, "my-app", namespace)
                c.process.kill()
                c.start()
        with controller():
            cluster.apply(policy(namespace))
            wait_condition(cluster, "imagepolicy", "my-app", namespace, message="resolved to 1.1.0")
            assert cluster.get(KIND, "my-app", namespace)["status"]["lastScanResult"] == before["status"]["lastScanResult"]
        # An empty disk: the repository is scanned again, which fails, and says so; the policy keeps what it elected.
        shutil.rmtree(os.path.join(storage, "tags"))
        with controller():
            wait_condition(cluster, KIND, "my-app", namespace, status="False", reason="ReadOperationFailed", message="scan failed:")
            obj = wait_condition(cluster, "imagepolicy", "my-app", namespace, status="False", reason="DependencyNotReady",
                                 message="no tags in database")
            assert obj["status"]["latestRef"]["tag"] == "1.1.0"
    finally:
        shutil.rmtree(storage, ignore_errors=True)
