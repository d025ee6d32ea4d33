"""ImageUpdateAutomation on a real registry, Git server and API server: from a pushed tag to the commit, and what goes wrong on the way."""
import os

import pytest

from env import wait_for
from env.git_server import git
from image_objects import automation, policy, repository, secret, source
from runnel import Controller, condition, request_reconcile, wait_condition, wait_event
from stub import Stub

KIND = "imageupdateautomation"


@pytest.fixture(scope="module")
def controller(cluster):
    with Controller("image-controller", cluster, "--max-retry-delay=2s") as c:
        yield c


def marker(namespace, part="", name="my-app"):
    return '# {"$imagepolicy": "%s:%s%s"}' % (namespace, name, part)


def values(namespace, tag="1.1.0"):
    return "# values of the chart\nimage:\n  repository: x   # stays\n  tag: %s %s\n\nreplicas:   3\n" % (tag, marker(namespace, ":tag"))


@pytest.fixture
def elected(controller, cluster, registry, namespace):
    """An image whose policy has elected 1.2.3; its name."""
    registry.push_image(namespace, "1.2.3")
    image = registry.host + "/" + namespace
    cluster.apply(repository(namespace, image), policy(namespace))
    wait_condition(cluster, "imagepolicy", "my-app", namespace, message="resolved to 1.2.3")
    return image


def up_to_date(cluster, namespace, **words):
    return wait_condition(cluster, KIND, "auto", namespace, reason="Succeeded", message="repository up-to-date", **words)


def failing(cluster, namespace, reason, message):
    return wait_condition(cluster, KIND, "auto", namespace, status="False", reason=reason, message=message)


def pushed(cluster, namespace, git_server, name, branch="main", after=None):
    """Waits for the automation to be ready with the branch's head as its last push (another one than `after`)."""
    def check():
        obj = cluster.get(KIND, "auto", namespace)
        assert condition(obj).get("status") == "True", obj.get("status")
        assert obj["status"]["lastPushCommit"] == git_server.head(name, branch) != after, obj["status"]
        return obj
    return wait_for("push of %s" % name, check, 30)


def reconciled(cluster, namespace):
    token = request_reconcile(cluster, KIND, "auto", namespace)
    return wait_for("request handled", lambda: (lambda o: o if o["status"].get("lastHandledReconcileAt") == token
                                               and condition(o)["status"] == "True" else None)(cluster.get(KIND, "auto", namespace)))


def test_scan_elect_commit(controller, cluster, registry, git_server, namespace):
    name = namespace
    image = "%s/%s" % (registry.host, name)
    for tag in ("1.0.0", "1.1.0", "latest", "1.2.0-rc.1", "1.1.0.sig"):
        registry.push_image(name, tag)
    template = "{{- if .Values.x }}\nx: y\n{{- end }}\n# {\"$imagepolicy\": \"%s:my-app\"}\n" % namespace
    git_server.create(name, {"charts/my-app/values.yaml": values(namespace), "charts/my-app/templates/t.yaml": template})
    cluster.apply(source(namespace, git_server.http(name)), repository(namespace, image), policy(namespace), automation(namespace))
    repo = wait_condition(cluster, "imagerepository", "my-app", namespace, reason="Succeeded", message="successful scan: found 4 tags with checksum")
    assert repo["status"]["canonicalImageName"] == image
    assert repo["status"]["lastScanResult"]["tagCount"] == 4
    assert repo["status"]["lastScanResult"]["latestTags"] == ["latest", "1.2.0-rc.1", "1.1.0", "1.0.0"]
    assert repo["status"]["observedExclusionList"] == ["^.*\\.sig$"]
    chosen = wait_condition(cluster, "imagepolicy", "my-app", namespace, message="Latest image tag for %s resolved to 1.1.0" % image)
    assert chosen["status"]["latestRef"] == {"name": image, "tag": "1.1.0"}
    auto = up_to_date(cluster, namespace)
    first = git_server.head(name)
    assert "lastPushCommit" not in auto["status"] and len(git_server.log(name)) == 1
    assert auto["status"]["observedSourceRevision"] == "main@sha1:" + first

    registry.push_image(name, "1.2.3")
    request_reconcile(cluster, "imagerepository", "my-app", namespace)
    auto = pushed(cluster, namespace, git_server, name)
    head = git_server.head(name)
    assert auto["status"]["observedPolicies"] == {"my-app": {"name": image, "tag": "1.2.3"}}
    assert auto["status"]["observedSourceRevision"] == "main@sha1:" + head
    assert git_server.log(name)[0] == (head, "bot <bot@example.com>", "Update from image update automation")
    assert git_server.show(name, "charts/my-app/values.yaml").decode() == values(namespace, "1.2.3")
    assert git_server.show(name, "charts/my-app/templates/t.yaml").decode() == template
    assert git("show", "--format=", "--name-only", head, cwd=git_server.bare(name)) == "charts/my-app/values.yaml"
    wait_event(cluster, "ImageUpdateAutomation", "auto", namespace, reason="Succeeded",
               message="pushed commit '%s' to branch 'main'\nUpdate from image update automation" % head[:7])
    wait_event(cluster, "ImagePolicy", "my-app", namespace, message="resolved to 1.2.3 (previously %s:1.1.0)" % image)
    assert cluster.get("imagepolicy", "my-app", namespace)["status"]["observedPreviousRef"] == {"name": image, "tag": "1.1.0"}

    # Nothing new: no clone, no commit, one request to the remote.
    def asked():
        return sum("/git/%s.git/" % name in line for line in git_server.accesses())
    before = asked()
    reconciled(cluster, namespace)
    assert asked() == before + 1
    assert git_server.head(name) == head
    assert os.listdir(os.path.join(controller.storage, "work")) == []


def test_whole_images_and_message(cluster, git_server, namespace, elected):
    name = namespace
    deployment = ("apiVersion: apps/v1\r\nkind: Deployment\r\nmetadata: {name: web, namespace: prod}\r\nspec:\r\n"
                  "  image: 'old:1' %s\r\n---\r\nkind: ConfigMap\r\nmetadata:\r\n  name: c\r\ndata:\r\n  name: old %s")
    marks = (marker(namespace), marker(namespace, ":name"))
    git_server.create(name, {"apps/web.yml": deployment % marks, "other/values.yaml": values(namespace),
                             "apps/Kustomization": "images: [{newTag: '1.0', %s\n}]\n" % marker(namespace, ":tag")})
    message = """Update {{ .AutomationObject }} of {{ .Values.cluster }}

{{ range $file, $objects := .Changed.FileChanges }}- {{ $file }}
{{ end }}{{ range $object, $changes := .Changed.Objects }}{{ $object.Kind | default "none" }} {{ $object.Name }}:{{ range $changes }} {{ .OldValue }} -> {{ .NewValue }}{{ end }}
{{ end }}"""
    cluster.apply(source(namespace, git_server.http(name)),
                  automation(namespace, path="./apps", commit={"messageTemplate": message, "messageTemplateValues": {"cluster": "prod"}}))
    pushed(cluster, namespace, git_server, name)
    expected = deployment.replace("old:1", elected + ":1.2.3").replace("name: old", "name: " + elected) % marks
    assert git_server.show(name, "apps/web.yml").decode() == expected
    assert git_server.show(name, "apps/Kustomization").decode() == "images: [{newTag: '1.2.3', %s\n}]\n" % marker(namespace, ":tag")
    assert git_server.show(name, "other/values.yaml").decode() == values(namespace)  # outside of update.path
    body = git("log", "-1", "--format=%B", "main", cwd=git_server.bare(name))
    assert body == ("Update %s/auto of prod\n\n- Kustomization\n- web.yml\nnone :%s\nConfigMap c: old -> %s\nDeployment web: old:1 -> %s:1.2.3"
                    % (namespace, " 1.0 -> 1.2.3", elected, elected))


def test_another_branch(cluster, git_server, namespace, elected):
    """Rebuilt from the checkout and forced; only when there is a reason to."""
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace), "a": "1"})
    cluster.apply(source(namespace, git_server.http(name)), automation(namespace, push={"branch": "image/updates"}))
    obj = pushed(cluster, namespace, git_server, name, "image/updates")
    first, main = obj["status"]["lastPushCommit"], git_server.head(name)
    assert git("rev-parse", first + "^", cwd=git_server.bare(name)) == main
    assert obj["status"]["observedSourceRevision"] == "main@sha1:" + main
    assert git_server.show(name, "values.yaml").decode() == values(namespace)
    reconciled(cluster, namespace)
    assert git_server.head(name, "image/updates") == first  # no second push of the same
    # The checkout moves on: the branch is made anew on top of it.
    main = git_server.commit(name, {"a": "2"})
    reconciled(cluster, namespace)
    second = pushed(cluster, namespace, git_server, name, "image/updates", after=first)["status"]["lastPushCommit"]
    assert git("rev-parse", second + "^", cwd=git_server.bare(name)) == main
    # Somebody commits to the branch: it is rebuilt.
    theirs = git_server.commit(name, {"b": "theirs"}, branch="image/updates")
    reconciled(cluster, namespace)
    third = pushed(cluster, namespace, git_server, name, "image/updates", after=theirs)["status"]["lastPushCommit"]
    assert git("rev-parse", third + "^", cwd=git_server.bare(name)) == main
    # Merged: nothing is left to do.
    git("update-ref", "refs/heads/main", third, cwd=git_server.bare(name))
    obj = reconciled(cluster, namespace)
    assert obj["status"]["observedSourceRevision"] == "main@sha1:" + third
    assert git_server.head(name, "image/updates") == third


def test_refspec_and_tag(cluster, git_server, namespace, elected):
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace)})
    git_server.commit(name, {"a": "1"}, tag="v1.0.0")
    git_server.commit(name, {"a": "2"})
    cluster.apply(source(namespace, git_server.http(name)),
                  automation(namespace, checkout={"tag": "v1.0.0"}, push={"branch": "release", "refspec": "refs/heads/release:refs/heads/review"}))
    pushed(cluster, namespace, git_server, name, "release")
    assert git_server.head(name, "review") == git_server.head(name, "release")
    assert git_server.show(name, "a", "release") == b"1"
    wait_event(cluster, "ImageUpdateAutomation", "auto", namespace, message="to branch 'release' and refspecs 'refs/heads/release:refs/heads/review'")


def test_a_second_writer(cluster, git_server, namespace, elected):
    """Somebody pushes between our clone and our push: once more with a fresh checkout; both changes are there."""
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace), "a": "1"})
    theirs = []

    def answer(request):
        body, kind = request.ask(git_server.url + "/git" + request.path)
        if request.path.endswith("/git-upload-pack") and len(theirs) < 2:
            theirs.append(git_server.commit(name, {"a": "theirs %d" % len(theirs)}))
        request.reply(200, body, Content_Type=kind)
    with Stub(answer) as proxy:
        cluster.apply(source(namespace, proxy.url + "/%s.git" % name), automation(namespace))
        pushed(cluster, namespace, git_server, name)
    assert len(theirs) == 2
    assert git("rev-parse", "main^", cwd=git_server.bare(name)) == theirs[1]
    assert git_server.show(name, "a") == b"theirs 1"
    assert git_server.show(name, "values.yaml").decode() == values(namespace, "1.2.3")
    assert len(git_server.log(name)) == 4


def test_credentials(controller, cluster, git_server, namespace, elected):
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace)})
    cluster.apply(source(namespace, git_server.private(name), secret="login"), automation(namespace))
    failing(cluster, namespace, "SourceManagerFailed", 'failed configuring source manager: failed to get auth secret \'%s/login\': secrets "login" not found' % namespace)
    cluster.apply(secret(namespace, "login", username=git_server.user, password="Wrong-Word"))
    obj = failing(cluster, namespace, "GitOperationFailed", "authentication required")
    assert condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
    wait_event(cluster, "ImageUpdateAutomation", "auto", namespace, reason="GitOperationFailed", type="Warning")
    assert "Wrong-Word" not in controller.process.output() + str(obj)
    cluster.apply(secret(namespace, "login", username=git_server.user, password=git_server.secret))
    pushed(cluster, namespace, git_server, name)  # heals by itself


def test_ssh(cluster, git_server, namespace, elected):
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace)})
    with open(git_server.identity) as f:
        identity = f.read()
    cluster.apply(secret(namespace, "key", identity=identity), source(namespace, git_server.ssh(name), secret="key"), automation(namespace))
    failing(cluster, namespace, "SourceManagerFailed", "invalid 'ssh' auth option: 'known_hosts' is required")
    cluster.apply(secret(namespace, "key", identity=identity, known_hosts=git_server.known_hosts().replace("127.0.0.1", "127.0.0.2")))
    failing(cluster, namespace, "GitOperationFailed", "knownhosts: key is unknown")
    cluster.apply(secret(namespace, "key", identity=identity, known_hosts=git_server.known_hosts()))
    pushed(cluster, namespace, git_server, name)


def test_missing_things(cluster, git_server, namespace, elected):
    name = namespace
    git_server.create(name, {"values.yaml": values(namespace)})
    cluster.apply(automation(namespace, path="./none"))
    failing(cluster, namespace, "SourceManagerFailed", 'referenced git repository does not exist: gitrepositories.source.toolkit.fluxcd.io "repo" not found')
    cluster.apply(source(namespace, git_server.http(name), ref={"branch": "none"}))
    failing(cluster, namespace, "GitOperationFailed", "couldn't find remote ref \"refs/heads/none\"")
    cluster.apply(source(namespace, git_server.http(name)))
    failing(cluster, namespace, "UpdateFailed", "failed to apply policies: walking path for files: ./none: No such file or directory")
    cluster.apply(automation(namespace, path="./"))
    pushed(cluster, namespace, git_server, name)


@pytest.mark.parametrize("name,change,reason,message", [
    ("signing", {"git": {"commit": {"author": {"email": "a@b"}, "signingKey": {"secretRef": {"name": "k"}}}}}, None,
     "spec.git.commit.signingKey is not supported by Runnel yet"),
    ("removed", {"git": {"commit": {"author": {"email": "a@b"}, "messageTemplate": "{{ .Updated.Images }}"}}}, "RemovedTemplateField", "'.Updated'"),
    ("selector", {"policySelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}, "InvalidPolicySelector",
     '"Like" is not a valid label selector operator'),
    ("nogit", {"git": None}, "InvalidSourceConfiguration", "necessitates field .spec.git"),
])
def test_stalled(cluster, git_server, namespace, elected, name, change, reason, message):
    git_server.create(namespace, {"values.yaml": values(namespace)})
    auto = automation(namespace)
    auto["spec"].update(change)
    auto["spec"] = {k: v for k, v in auto["spec"].items() if v is not None}
    cluster.apply(source(namespace, git_server.http(namespace)), auto)
    obj = wait_condition(cluster, KIND, "auto", namespace, status="False", reason=reason, message=message)
    assert condition(obj, "Stalled")["status"] == "True"
    assert len(git_server.log(namespace)) == 1


def test_bad_template_is_no_commit(cluster, git_server, namespace, elected):
    git_server.create(namespace, {"values.yaml": values(namespace)})
    cluster.apply(source(namespace, git_server.http(namespace)), automation(namespace, commit={"messageTemplate": "{{ .Nope }}"}))
    failing(cluster, namespace, "GitOperationFailed", "failed to update source: failed to run template from spec: template: commit message:1:3")
    assert len(git_server.log(namespace)) == 1


def test_ten_levels_of_aliases(controller, cluster, git_server, namespace, elected):
    """9^10 nodes to who expands them; the marked scalar is edited, and every other byte stays."""
    bomb = "l0: &l0 {x: y}\n" + "".join("l%d: &l%d [%s]\n" % (i, i, ", ".join(["*l%d" % (i - 1)] * 9)) for i in range(1, 11))
    text = bomb + "tag: &t x %s\nagain: *t\n" % marker(namespace, ":tag")
    git_server.create(namespace, {"values.yaml": text})
    cluster.apply(source(namespace, git_server.http(namespace)), automation(namespace))
    pushed(cluster, namespace, git_server, namespace)
    assert git_server.show(namespace, "values.yaml").decode() == text.replace("&t x", "&t 1.2.3")
    assert controller.memory()[0] < 64 * 1024


def test_policy_selector(cluster, git_server, registry, namespace, elected):
    other = policy(namespace, "other")
    other["metadata"]["labels"] = {"team": "web"}
    text = "a: x %s\nb: x %s\n" % (marker(namespace, ":tag"), marker(namespace, ":tag", "other"))
    git_server.create(namespace, {"values.yaml": text})
    cluster.apply(other, source(namespace, git_server.http(namespace)),
                  automation(namespace, policySelector={"matchLabels": {"team": "web"}}))
    obj = pushed(cluster, namespace, git_server, namespace)
    assert list(obj["status"]["observedPolicies"]) == ["other"]
    assert git_server.show(namespace, "values.yaml").decode() == text.replace("b: x", "b: 1.2.3")


def test_source_of_another_namespace(cluster, git_server, namespace, elected):
    other = namespace + "-b"
    cluster.namespace(other)
    git_server.create(namespace, {"values.yaml": values(namespace)})
    cluster.apply(source(other, git_server.http(namespace)), automation(namespace, source_namespace=other))
    pushed(cluster, namespace, git_server, namespace)


def test_a_hook_that_refuses(cluster, git_server, namespace, elected):
    git_server.create(namespace, {"values.yaml": values(namespace)})
    hook = os.path.join(git_server.bare(namespace), "hooks", "pre-receive")
    with open(hook, "w") as f:
        f.write("#!/bin/sh\necho frozen until Monday >&2\nexit 1\n")
    os.chmod(hook, 0o755)
    cluster.apply(source(namespace, git_server.http(namespace)), automation(namespace))
    failing(cluster, namespace, "GitOperationFailed", "frozen until Monday")
    os.unlink(hook)
    pushed(cluster, namespace, git_server, namespace)


def test_deleted_and_suspended(cluster, git_server, namespace, elected):
    git_server.create(namespace, {"values.yaml": values(namespace)})
    cluster.apply(source(namespace, git_server.http(namespace)), automation(namespace, suspend=True))
    wait_for("finalizer", lambda: cluster.get(KIND, "auto", namespace)["metadata"].get("finalizers"))
    cluster.patch(KIND, "auto", {"spec": {"suspend": False}}, namespace)
    pushed(cluster, namespace, git_server, namespace)
    assert len(git_server.log(namespace)) == 2
    cluster.run("delete", KIND, "auto", "-n", namespace, "--timeout=10s")
    assert cluster.get(KIND, "auto", namespace) is None
