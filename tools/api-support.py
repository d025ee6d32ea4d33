#!/usr/bin/python3
"""Makes docs/api-support.md from the field tables of the controllers: api-support.py --write|--check FILE CRD_FOLDER CONTROLLER..."""
import difflib
import glob
import os
import re
import subprocess
import sys

import yaml

HEAD = """# API support

Every field of the spec of every kind: it works, or an object that sets it is refused by name (`Ready=False`, `Stalled=True`, reason
`UnsupportedField`). No field is accepted and ignored. What says the same as leaving a field out (`false`, `""`, `[]`, the CRD's default)
is accepted everywhere. Generated from the controllers' own tables by `./dev docs`; a test fails when this page is stale.

"""
FOREIGN = {"ExternalArtifact"}   # reconciled by no controller, in Flux neither
FOREIGN_TEXT = "Other programs write this kind, and its consumers read its status: no controller reconciles it, in Flux neither.\n\n"


def fields(schema, path="spec"):
    """The paths of a schema's leaves; arrays are passed through."""
    while "items" in schema or isinstance(schema.get("additionalProperties"), dict):
        schema = schema.get("items") or schema["additionalProperties"]
    below = schema.get("properties", {})
    return [f for name in sorted(below) for f in fields(below[name], path + "." + name)] or [path]


def page(crds, controllers):
    text = HEAD
    for controller in controllers:
        dump = subprocess.run([controller, "--dump-fields"], capture_output=True, text=True)
        if dump.returncode:
            sys.exit("%s --dump-fields: %s" % (controller, dump.stderr))
        text += "# %s\n\n%s" % (os.path.basename(controller), dump.stdout)
    known = set(re.findall(r"^## (\w+) ", text, re.M))
    rest = ""
    for path in sorted(glob.glob(os.path.join(crds, "*.yaml"))):
        with open(path) as f:
            crd = yaml.safe_load(f)
        kind, version = crd["spec"]["names"]["kind"], next(v for v in crd["spec"]["versions"] if v["storage"])
        if kind not in known and kind not in FOREIGN:
            sys.exit("no controller says anything about %s" % kind)
        if kind not in known:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            rest += "## %s (%s/%s)\n\n%s" % (kind, crd["spec"]["group"], version["name"], FOREIGN_TEXT)
            rest += "".join("- `%s`\n" % f for f in fields(spec)) + "\n"
    return (text + ("# Other kinds\n\n" + rest if rest else "")).rstrip("\n") + "\n"


def main(mode, target, crds, *controllers):
    wanted = page(crds, controllers)
    if mode == "--write":
        with open(target, "w") as f:
            f.write(wanted)
        return 0
    with open(target) as f:
        found = f.read()
    sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), target, "what the controllers say"))
    return found != wanted


sys.exit(main(*sys.argv[1:]))
