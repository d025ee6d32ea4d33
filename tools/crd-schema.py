#!/usr/bin/python3
"""Turns the spec of a CRD into the static C tables of common/controller/schema.h: crd-schema.py CRD.yaml OUT.c"""
import json
import sys

import yaml

TYPES = {"object", "array", "string", "integer", "number", "boolean"}
# What the tables hold, and what says nothing about which values are good. Anything else must not be lost silently.
CHECKED = {"type", "nullable", "x-kubernetes-preserve-unknown-fields", "minimum", "maximum", "minLength", "maxLength", "minItems",
           "maxItems", "minProperties", "maxProperties", "pattern", "enum", "default", "required", "properties", "items",
           "additionalProperties", "x-kubernetes-validations"}
SILENT = {"description", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "example", "title"}


def text(s):
    """A C string literal."""
    out = []
    for b in s.encode():
        c = chr(b)
        out.append("\\" + c if c in '"\\?' else c if 32 <= b < 127 else f"\\{b:03o}")
    return '"' + "".join(out) + '"'


def as_json(v):
    return text(json.dumps(v, separators=(",", ":"), sort_keys=True, ensure_ascii=False))


class Tables:
    def __init__(self):
        self.lines = []
        self.count = 0

    def table(self, c_type, rows):
        name = f"t{self.count}"
        self.count += 1
        self.lines.append(f"static const {c_type} {name}[] = {{{', '.join(rows)}}};")
        return name

    def strings(self, values):
        return self.table("char *const", [*values, "NULL"])

    def node(self, schema, path):
        """The initialiser of a struct schema_node."""
        unknown = set(schema) - CHECKED - SILENT
        if unknown:
            sys.exit(f"crd-schema: {path}: {', '.join(sorted(unknown))}: not supported")
        f = {"min_length": -1, "max_length": -1}
        kind = schema.get("type")
        f["type"] = f"SCHEMA_{kind.upper()}" if kind in TYPES else "SCHEMA_ANY"
        for key, name in (("nullable", "nullable"), ("x-kubernetes-preserve-unknown-fields", "preserve_unknown")):
            if schema.get(key):
                f[name] = "true"
        for end in ("min", "max"):
            if f"{end}imum" in schema:
                f[f"has_{end}imum"] = "true"
                f[f"{end}imum"] = float(schema[f"{end}imum"])
            for what in ("Length", "Items", "Properties"):
                if end + what in schema:
                    f[f"{end}_length"] = schema[end + what]
        if "pattern" in schema:
            f["pattern"] = text(schema["pattern"])
        if "enum" in schema:
            f["allowed"] = self.strings(as_json(v) for v in schema["enum"])
        if "default" in schema:
            f["fallback"] = as_json(schema["default"])
        if schema.get("required"):
            f["required"] = self.strings(text(r) for r in schema["required"])
        properties = schema.get("properties")
        if properties:
            rows = [f"{{{text(p)}, {self.pointer(s, path + '.' + p)}}}" for p, s in sorted(properties.items())]
            f["properties"] = self.table("struct schema_property", rows)
            f["property_count"] = len(rows)
        items = schema.get("items", schema.get("additionalProperties"))
        if isinstance(items, dict):
            f["items"] = self.pointer(items, path + "[]")
        rules = schema.get("x-kubernetes-validations")
        if rules:
            for rule in rules:
                if set(rule) - {"rule", "message", "reason", "fieldPath"}:
                    sys.exit(f"crd-schema: {path}: rule {rule}: not supported")
            rows = [f"{{{text(r['rule'])}, {text(r.get('message', 'failed rule: ' + r['rule']))}}}" for r in rules]
            f["validations"] = self.table("struct schema_validation", rows)
            f["validation_count"] = len(rows)
        return "{" + ", ".join(f".{k} = {v}" for k, v in f.items()) + "}"

    def pointer(self, schema, path):
        return "&" + self.table("struct schema_node", [self.node(schema, path)]) + "[0]"


def main(source, target):
    with open(source) as f:
        crd = next(d for d in yaml.safe_load_all(f) if d and d["kind"] == "CustomResourceDefinition")
    kind = crd["spec"]["names"]["kind"]
    version = next(v for v in crd["spec"]["versions"] if v["storage"])
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    tables = Tables()
    spec = tables.node(properties["spec"], "spec")
    status = tables.strings(text(s) for s in sorted(properties.get("status", {}).get("properties", {})))
    with open(target, "w") as out:
        out.write(f"// Made by tools/crd-schema.py from the CRD of {kind}. Do not edit.\n#include \"controller/schema.h\"\n\n")
        out.write("\n".join(tables.lines))
        out.write(f"\nconst struct schema schema_{kind} = {{.kind = {text(kind)}, .spec = {spec}, .status_fields = {status}}};\n")


main(*sys.argv[1:])
