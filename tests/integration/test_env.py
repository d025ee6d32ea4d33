"""How tests/env/control-plane.sh picks the programs: no server runs here."""
import os
import subprocess

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "env", "control-plane.sh")
FROM_ASSETS = ("etcd", "kube-apiserver", "kubectl")
PROGRAMS = FROM_ASSETS + ("kube-controller-manager", "helm")


def program(folder, name, says):
    path = folder / name
    path.write_text("#!/bin/sh\necho %s\n" % says)
    path.chmod(0o755)


def run(cache, **env):
    """What each program of the folder that the script prints says."""
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), **env}
    folder = subprocess.check_output([SCRIPT], text=True, env=env).strip()
    return {name: subprocess.check_output([os.path.join(folder, name)], text=True).strip()
            for name in PROGRAMS if os.path.exists(os.path.join(folder, name))}


def test_kubebuilder_assets_come_first(tmp_path):
    """The folder's programs serve for the runs that name it; the cache keeps its own for the others."""
    assets, kept = tmp_path / "assets", tmp_path / "cache" / "runnel" / "control-plane"
    for folder, names, says in ((assets, FROM_ASSETS, "assets"), (kept, PROGRAMS, "cache")):
        folder.mkdir(parents=True)
        for name in names:
            program(folder, name, says)
    with open(SCRIPT) as f:
        recipe = next(line.split("=")[1].split()[0] for line in f if line.startswith("RECIPE="))
    (kept / ".recipe").write_text(recipe + "\n")
    cached = dict.fromkeys(PROGRAMS, "cache")
    assert run(tmp_path / "cache", KUBEBUILDER_ASSETS=str(assets)) == {**cached, **dict.fromkeys(FROM_ASSETS, "assets")}
    assert run(tmp_path / "cache", KUBEBUILDER_ASSETS="") == cached
