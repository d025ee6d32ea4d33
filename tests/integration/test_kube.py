"""common/kube against the real API server, through the small program kube_probe (tests/unit/kube/kube_probe.c)."""
import base64
import json
import os
import subprocess
import threading

import pytest

from env.process import wait_for
from runnel import BUILD

PROBE = os.path.join(BUILD, "tests", "unit", "kube", "kube_probe")
DENIED, NOT_FOUND, CONFLICT, INVALID, TRANSIENT = 3, 4, 5, 2, 1


class Refused(Exception):
    """The probe's error: text, class (base.h's enum error_class) and HTTP status."""

    def __init__(self, answer):
        super().__init__(answer["error"])
        self.text, self.kind, self.code = answer["error"], answer["class"], answer["code"]


def apply_all(cluster, objects):
    cluster.apply({"apiVersion": "v1", "kind": "List", "items": objects})


def call(kubeconfig, *words):
    words = [w if isinstance(w, str) else json.dumps(w) for w in words]
    done = subprocess.run([PROBE, kubeconfig, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    if done.returncode:
        raise Refused(answer)
    return answer


class Watch:
    """A running `kube_probe … watch`: its lines as they come."""

    def __init__(self, kubeconfig, *words):
        self.process = subprocess.Popen([PROBE, kubeconfig, "watch", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        self.lines, self.errors = [], []
        for stream, into in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=self._read, args=(stream, into), daemon=True).start()

    @staticmethod
    def _read(stream, into):
        for line in stream:
            if line.startswith("{"):
                into.append(json.loads(line))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.stdin.write("end\n")
            self.process.stdin.flush()
        status = self.process.wait(timeout=10)
        if exc[0] is None:
            assert status == 0, self.errors

    def events(self, name=None):
        return [line for line in list(self.lines) if "event" in line and (name is None or line["name"] == name)]

    def synced(self):
        return wait_for("first list", lambda: [line for line in list(self.lines) if "synced" in line])[0]["synced"]

    def ask(self, command, key):
        seen = len(self.lines)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return wait_for(command, lambda: [line for line in list(self.lines)[seen:] if key in line])[0][key]

    def wait_event(self, event, name, timeout=30):
        return wait_for("%s %s" % (event, name), lambda: [e for e in self.events(name) if e["event"] == event], timeout)[-1]


def config_map(namespace, name, data=None, labels=None):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name, "labels": labels or {}},
            "data": data or {}}


# ---- calls ------------------------------------------------------------------------------------------------------------
def test_write_and_read(cluster, namespace):
    k = cluster.kubeconfig
    made = call(k, "create", config_map(namespace, "a", {"x": "1"}), "first")
    assert made["metadata"]["uid"]
    assert call(k, "get", "v1", "ConfigMap", namespace, "a")["data"] == {"x": "1"}
    with pytest.raises(Refused, match='^ALREADY EXISTS: configmaps "a" already exists$') as e:
        call(k, "create", config_map(namespace, "a"), "first")
    assert (e.value.kind, e.value.code) == (CONFLICT, 409)
    patched = call(k, "patch", "v1", "ConfigMap", namespace, "a", "merge", {"data": {"y": "2"}})
    assert patched["data"] == {"x": "1", "y": "2"}
    patched = call(k, "patch", "v1", "ConfigMap", namespace, "a", "json", [{"op": "remove", "path": "/data/x"}])
    assert patched["data"] == {"y": "2"}
    with pytest.raises(Refused, match="the object has been modified") as e:
        call(k, "patch", "v1", "ConfigMap", namespace, "a", "merge",
             {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"z": "3"}})
    assert (e.value.kind, e.value.code) == (CONFLICT, 409)


def test_apply(cluster, namespace):
    k = cluster.kubeconfig
    assert call(k, "apply", config_map(namespace, "a", {"x": "1"}), "one")["data"] == {"x": "1"}
    with pytest.raises(Refused, match='^Apply failed with 1 conflict: conflict with "one".*: .data.x$') as e:
        call(k, "apply", config_map(namespace, "a", {"x": "2"}), "two")
    assert (e.value.kind, e.value.code) == (CONFLICT, 409)
    assert call(k, "apply", config_map(namespace, "a", {"x": "3"}), "two", "force", "dry-run")["data"] == {"x": "3"}
    assert call(k, "get", "v1", "ConfigMap", namespace, "a")["data"] == {"x": "1"}
    assert call(k, "apply", config_map(namespace, "a", {"x": "2"}), "two", "force")["data"] == {"x": "2"}
    # What a manager leaves out of its next apply is gone: the point of server-side apply.
    call(k, "apply", config_map(namespace, "b", {"x": "1", "y": "1"}), "one")
    assert call(k, "apply", config_map(namespace, "b", {"x": "1"}), "one")["data"] == {"x": "1"}


def test_invalid_objects_in_the_servers_words(cluster, namespace):
    bad = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": namespace},
           "spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}},
                    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}}}
    with pytest.raises(Refused) as e:
        call(cluster.kubeconfig, "create", bad, "probe")
    assert e.value.kind == INVALID and e.value.code == 422
    assert e.value.text.startswith('Deployment.apps "x" is invalid: [spec.replicas: Invalid value: -1: must be greater')
    with pytest.raises(AssertionError) as shown:
        cluster.run("create", "--validate=false", "-f", "-", stdin=json.dumps(bad))
    for part in ("spec.replicas: Invalid value: -1", "spec.template.spec.containers: Required value"):
        assert part in e.value.text and part in str(shown.value)
    bad["spec"]["colour"] = "red"
    with pytest.raises(Refused, match="spec.colour: field not declared in schema") as e:
        call(cluster.kubeconfig, "apply", bad, "probe")
    assert e.value.kind == INVALID
    with pytest.raises(Refused, match='^no matches for kind "Nothing" in version "example.com/v1"$') as e:
        call(cluster.kubeconfig, "get", "example.com/v1", "Nothing", namespace, "x")
    assert e.value.kind == NOT_FOUND


def test_delete(cluster, namespace):
    k = cluster.kubeconfig
    made = call(k, "create", config_map(namespace, "a"), "probe")["metadata"]
    ref = ["v1", "ConfigMap", namespace, "a"]
    for uid, version in (("0000", ""), (made["uid"], "1")):
        with pytest.raises(Refused, match="recondition") as e:
            call(k, "delete", *ref, "Background", uid, version)
        assert e.value.kind == CONFLICT
    assert call(k, "get", *ref)
    call(k, "delete", *ref, "Background", made["uid"], made["resourceVersion"])
    for verb in ("get", "delete"):
        with pytest.raises(Refused, match='^configmaps "a" not found$') as e:
            call(k, verb, *ref)
        assert (e.value.kind, e.value.code) == (NOT_FOUND, 404)


def test_list_in_pages(cluster, namespace):
    objects = [config_map(namespace, "c%02d" % i, {"x": "y"}, {"half": str(i % 2)}) for i in range(25)]
    apply_all(cluster, objects)
    k = cluster.kubeconfig
    names = lambda items: [i["metadata"]["name"] for i in items if i["metadata"]["name"].startswith("c")]  # noqa: E731
    got = call(k, "list", "v1", "ConfigMap", namespace, "", "7")
    assert names(got) == [o["metadata"]["name"] for o in objects]
    assert all(i["kind"] == "ConfigMap" and "managedFields" not in i["metadata"] for i in got)
    assert len(call(k, "list", "v1", "ConfigMap", namespace, "half=1", "5")) == 12
    bare = call(k, "list", "v1", "ConfigMap", namespace, "half=1", "5", "metadata")
    assert names(bare) == names(objects)[1::2] and not any("data" in i for i in bare)
    assert all(i["kind"] == "ConfigMap" for i in bare)


def test_versions(cluster):
    k = cluster.kubeconfig
    versions = call(k, "versions")
    assert {"v1", "v1/ConfigMap", "apps/v1", "apps/v1/Deployment", "helm.toolkit.fluxcd.io/v2/HelmRelease"} <= set(versions)
    assert set(cluster.run("api-versions").split()) == {v for v in versions if v.count("/") < 2 and not v.startswith("v1/")}
    assert call(k, "version")["major"] == "1"
    assert call(k, "discover", "v1", "Namespace") == {"plural": "namespaces", "namespaced": False}
    assert call(k, "raw", "/healthz") == "ok"


# ---- who one is -------------------------------------------------------------------------------------------------------
def test_credentials(cluster, namespace, tmp_path):
    made = config_map(namespace, "a")
    with pytest.raises(Refused, match="Unauthorized") as e:
        call(cluster.client_kubeconfig("wrong", token="wrong"), "create", made, "probe")
    assert e.value.kind == DENIED
    config = json.load(open(cluster.kubeconfig))
    config["users"][0]["user"]["as"] = "alice"
    config["users"][0]["user"]["as-groups"] = ["readers"]
    path = str(tmp_path / "as-alice")
    json.dump(config, open(path, "w"))
    with pytest.raises(Refused, match='User "alice" cannot get resource "configmaps"') as e:
        call(path, "get", "v1", "ConfigMap", namespace, "a")
    assert (e.value.kind, e.value.code) == (DENIED, 403)


def test_client_certificate(cluster):
    """Inline, and as files with paths relative to the kubeconfig."""
    pair = cluster.authority.issue("carol", subject="/O=system:masters/CN=carol", hosts=(), client=True)
    path = cluster.client_kubeconfig("carol", certificate=pair)
    config = json.load(open(path))
    user = config["users"][0]["user"]
    user["client-certificate"], user["client-key"] = (os.path.relpath(p, os.path.dirname(path)) for p in pair)
    json.dump(config, open(path, "w"))
    assert call(path, "get", "v1", "Namespace", "", "default")["metadata"]["name"] == "default"
    for key, file in zip(("client-certificate", "client-key"), pair):
        del user[key]
        user[key + "-data"] = base64.b64encode(open(file, "rb").read()).decode()
    json.dump(config, open(path, "w"))
    assert call(path, "get", "v1", "Namespace", "", "default")["metadata"]["name"] == "default"
    user["client-key-data"] = base64.b64encode(open(cluster.tls_key, "rb").read()).decode()
    json.dump(config, open(path, "w"))
    with pytest.raises(Refused) as e:
        call(path, "version")
    assert e.value.kind == INVALID


def test_certificate_authority(cluster, tmp_path):
    config = json.load(open(cluster.kubeconfig))
    other = base64.b64encode(open("/etc/ssl/certs/ca-certificates.crt", "rb").read()).decode()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = other
    path = str(tmp_path / "other-ca")
    json.dump(config, open(path, "w"))
    with pytest.raises(Refused, match="certificate") as e:
        call(path, "version")
    assert e.value.kind == TRANSIENT
    # The certificate is for 127.0.0.1; by another name it is not accepted, whatever the address.
    config = json.load(open(cluster.kubeconfig))
    config["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example"
    json.dump(config, open(path, "w"))
    with pytest.raises(Refused, match="elsewhere.example"):
        call(path, "version")


# ---- the cache --------------------------------------------------------------------------------------------------------
def test_watch(cluster, namespace):
    cluster.apply(config_map(namespace, "a", {"x": "1"}))
    with Watch(cluster.kubeconfig, "v1", "ConfigMap", namespace) as w:
        assert w.synced() >= 1
        first = w.wait_event("ADDED", "a")
        cluster.patch("configmap", "a", {"data": {"x": "2"}}, namespace=namespace)
        changed = w.wait_event("UPDATED", "a")
        assert changed["old"] == first["new"] and changed["new"] != first["new"]
        got = w.ask("get %s a" % namespace, "got")
        assert got["data"] == {"x": "2"} and got["kind"] == "ConfigMap" and "managedFields" not in got["metadata"]
        cluster.run("delete", "configmap", "a", "-n", namespace)
        w.wait_event("DELETED", "a")
        assert w.ask("get %s a" % namespace, "got") is None


def test_watch_over_a_restart(cluster, namespace):
    """The watch resumes where it was: nothing is missed, nothing told twice."""
    cluster.apply(config_map(namespace, "before", {"x": "1"}))
    with Watch(cluster.kubeconfig, "v1", "ConfigMap", namespace) as w:
        w.synced()
        w.wait_event("ADDED", "before")
        cluster.stop_api_server()
        wait_for("the fault is noticed", lambda: any("watch failed" in e["msg"] for e in list(w.errors)))
        assert w.ask("get %s before" % namespace, "got")["data"] == {"x": "1"}  # the cache serves meanwhile
        cluster.start_api_server()
        cluster.apply(config_map(namespace, "after"))
        cluster.patch("configmap", "before", {"data": {"x": "2"}}, namespace=namespace)
        w.wait_event("ADDED", "after")
        w.wait_event("UPDATED", "before")
        assert [e["event"] for e in w.events("before")] == ["ADDED", "UPDATED"]
        assert [e["event"] for e in w.events("after")] == ["ADDED"]


def test_watch_of_metadata(cluster, namespace):
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": "s", "labels": {"a": "b"}},
                   "stringData": {"password": "hidden"}})
    with Watch(cluster.kubeconfig, "v1", "Secret", namespace, "metadata", "a=b") as w:
        assert w.synced() == 1
        got = w.ask("get %s s" % namespace, "got")
        assert got["kind"] == "Secret" and set(got) == {"apiVersion", "kind", "metadata"}
        cluster.run("label", "secret", "s", "c=d", "-n", namespace)
        w.wait_event("UPDATED", "s")
        cluster.run("label", "secret", "s", "a-", "-n", namespace)  # out of the selector
        w.wait_event("DELETED", "s")
        assert w.ask("count", "count") == 0


def gadgets(group):
    schema = {"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"size": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.size > 0", "message": "too small"}]}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gadgets." + group},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Gadget", "plural": "gadgets"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}


def test_definitions(cluster, namespace):
    """A CRD newer than the server is applied all the same, and an optional kind appears when its CRD does."""
    k, group = cluster.kubeconfig, namespace + ".example.com"
    old = int(call(k, "version")["minor"].rstrip("+")) < 23
    with Watch(k, group + "/v1", "Gadget", "", "optional") as w:
        assert w.synced() == 0
        refused = call(k, "apply-crd", gadgets(group))["refused"]
        assert ("field not declared in schema" in refused) if old else refused is None
        again = gadgets(group)
        again["spec"]["names"]["shortNames"] = ["gd"]
        assert bool(call(k, "apply-crd", again)["refused"]) == old
        ref = ["apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gadgets." + group]
        wait_for("established", lambda: call(k, "status", *ref) == {"status": "Current", "message": "CRD is established"})
        assert call(k, "get", *ref)["spec"]["names"]["shortNames"] == ["gd"]
        wait_for("served", lambda: call(k, "discover", group + "/v1", "Gadget"))
        cluster.apply({"apiVersion": group + "/v1", "kind": "Gadget", "metadata": {"namespace": namespace, "name": "g"},
                       "spec": {"size": 3}})
        w.wait_event("ADDED", "g", timeout=40)
        assert w.ask("get %s g" % namespace, "got")["spec"] == {"size": 3}
        cluster.run("delete", "crd", "gadgets." + group)
        w.wait_event("DELETED", "g")
        assert w.ask("count", "count") == 0


def test_memory(cluster, namespace):
    """1000 objects of 4 KiB cost about their text: a quarter for maps, malloc and what TLS buffers leave between them."""
    if b"__asan_init" in open(PROBE, "rb").read() or b"__tsan_init" in open(PROBE, "rb").read():
        pytest.skip("a build with sanitizers, whose memory says nothing")
    text = "0123456789abcdef" * 256
    apply_all(cluster, [config_map(namespace, "m%04d" % i, {"x": text}) for i in range(1000)])
    with Watch(cluster.kubeconfig, "v1", "ConfigMap", namespace + "-none", "quiet") as w:
        w.synced()
        empty = w.ask("memory", "memory")
    with Watch(cluster.kubeconfig, "v1", "ConfigMap", namespace, "quiet") as w:
        assert w.synced() >= 1000
        full = w.ask("memory", "memory")
        size = len(json.dumps(w.ask("get %s m0000" % namespace, "got"), separators=(",", ":")))
    print("empty %d KiB, with 1000 objects of %d bytes %d KiB" % (empty, size, full))
    assert full - empty < 1.25 * 1000 * size / 1024
