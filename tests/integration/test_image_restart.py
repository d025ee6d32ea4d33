"""image-controller started and killed by the test: restarts, lost disks, flags. Each watches the test's namespace only."""
import os
import shutil
import signal
import threading
import time

import pytest

from env import Registry, wait_for
from env.process import scratch
from image_objects import automation, policy, repository, source
from runnel import Controller, condition, wait_condition
from stub import Stub

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


def test_no_cross_namespace_refs(cluster, registry, git_server, namespace):
    """--no-cross-namespace-refs: neither a policy's repository nor an automation's source may be elsewhere."""
    other = namespace + "-b"
    cluster.namespace(other)
    ref = {"name": "my-app", "namespace": other}
    with Controller("image-controller", cluster, "--no-cross-namespace-refs", "--watch-all-namespaces=false", env={"RUNTIME_NAMESPACE": namespace}):
        cluster.apply(policy(namespace, imageRepositoryRef=ref), source(other, git_server.http("none")), automation(namespace, source_namespace=other))
        wait_condition(cluster, "imagepolicy", "my-app", namespace, status="False", reason="AccessDenied",
                       message="cannot access 'ImageRepository/%s/my-app', cross-namespace references have been blocked" % other)
        obj = wait_condition(cluster, "imageupdateautomation", "auto", namespace, status="False", reason="AccessDenied",
                             message="can't access 'GitRepository/%s/repo', cross-namespace references have been blocked" % other)
        assert condition(obj, "Stalled")["status"] == "True"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
@pytest.mark.parametrize("stage", ["git-upload-pack", "git-receive-pack"])
def test_ended_at_work(cluster, registry, git_server, namespace, stage, number):
    """In the middle of a clone, or of a push whose answer is never heard: the next instance clears up and finishes; one commit is made."""
    storage, released, seen = scratch("image-storage"), threading.Event(), threading.Event()
    registry.push_image(namespace, "1.2.3")
    marked = 'tag: x # {"$imagepolicy": "%s:my-app:tag"}\n'
    git_server.create(namespace, {"values.yaml": marked % namespace})

    def answer(request):
        body, kind = request.ask(git_server.url + "/git" + request.path)
        if request.command == "POST" and request.path.endswith(stage):
            seen.set()
            released.wait(30)
        request.reply(200, body, Content_Type=kind)

    def controller():
        return Controller("image-controller", cluster, "--storage-path", storage, "--watch-all-namespaces=false",
                          env={"RUNTIME_NAMESPACE": namespace})
    try:
        with Stub(answer) as proxy:
            cluster.apply(repository(namespace, registry.host + "/" + namespace), policy(namespace),
                          source(namespace, proxy.url + "/%s.git" % namespace), automation(namespace))
            with controller() as c:
                assert seen.wait(30)
                assert len(os.listdir(storage + "/work")) == 1
                began = time.monotonic()
                c.process.signal(number)
                status = c.process.popen.wait(timeout=10)
                if number == signal.SIGTERM:  # by itself, in time, and without a word of failure
                    assert status == 0 and time.monotonic() - began < 5
                    assert os.listdir(storage + "/work") == []
                    assert condition(cluster.get("imageupdateautomation", "auto", namespace)).get("status") != "False"
            released.set()
            with controller():
                wait_for("push", lambda: git_server.show(namespace, "values.yaml").decode() == marked.replace(" x ", " 1.2.3 ") % namespace)
                wait_condition(cluster, "imageupdateautomation", "auto", namespace)
                assert os.listdir(storage + "/work") == []
                assert len(git_server.log(namespace)) == 2
    finally:
        released.set()
        shutil.rmtree(storage, ignore_errors=True)
