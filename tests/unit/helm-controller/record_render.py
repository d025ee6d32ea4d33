#!/usr/bin/env python3
"""Record what `helm template` prints for small charts: cases/render.yaml.

    HELM=helm record_render.py

Each case has files and words; it keeps Helm's stdout and what its stderr says from "Error: " on. CHART in words is the folder.
"""
import os, subprocess, sys, tempfile
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
HELM = os.environ.get("HELM", "helm")
CHART = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
CASES = []


def case(about, files, *words, chart=CHART):
    CASES.append((about, dict({"Chart.yaml": chart}, **files), ["template", "rel", "CHART"] + list(words)))


def text(about, template, values="{}", *words):
    """One template whose output is a YAML string."""
    case(about, {"templates/a.yaml": template, "values.yaml": values}, *words)


def document(kind, name, annotations="", more=""):
    head = "  annotations: {%s}\n" % annotations if annotations else ""
    return "---\napiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n%s%s" % (kind, name, head, more)


# ---- what templates see
text("the release", "v: |-\n  {{ toJson .Release }}\n")
text("an upgrade", "v: {{ .Release.IsUpgrade }} {{ .Release.IsInstall }}\n", "{}", "--is-upgrade")
text("a namespace", "v: {{ .Release.Namespace }}\n", "{}", "--namespace=ns1")
text("the template", "v: |-\n  {{ .Template.Name }} {{ .Template.BasePath }} {{ toJson .Template }}\n")
text("the chart", "v: |-\n  {{ .Chart }} {{ .Chart.IsRoot }} {{ .Chart.nope }}\n")
text("capabilities", "v: |-\n  {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Major }}"
     " {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.KubeVersion.GitVersion }} {{ .Capabilities.HelmVersion.Version }}"
     " {{ .Capabilities.APIVersions.Has \"apps/v1\" }} {{ .Capabilities.APIVersions.Has \"x/v1\" }}\n  {{ .Capabilities.APIVersions }}\n")
text("capabilities asked for", "v: {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }}"
     " {{ .Capabilities.APIVersions.Has \"x/v1\" }} {{ .Capabilities.APIVersions.Has \"y/v1/Kind\" }}\n", "{}",
     "--kube-version", "1.24.3-gke.100", "--api-versions", "x/v1,y/v1/Kind")
text("a kube version that is none", "v: 1\n", "{}", "--kube-version", "one")
text("printed capabilities", "v: |-\n  {{ printf \"%v\" .Capabilities.HelmVersion }} {{ .Capabilities.KubeVersion | toYaml | nindent 2 }}\n")
text("types", "v: |-\n  {{ typeOf . }} {{ typeOf .Values }} {{ typeOf .Release }} {{ typeOf .Chart }} {{ typeOf .Capabilities }}"
     " {{ typeOf .Capabilities.KubeVersion }} {{ typeOf .Capabilities.APIVersions }} {{ typeOf .Files }} {{ typeOf .Template }}"
     " {{ typeOf .Subcharts }} {{ typeOf .Release.Revision }} {{ typeOf .Values.i }} {{ typeOf .Values.f }} {{ typeOf .Values.l }}\n",
     "{i: 1, f: 1.5, l: [1]}")
text("numbers are floats", "v: |-\n  {{ .Values.i }} {{ .Values.big }} {{ toJson .Values.big }} {{ .Values.f }} {{ int .Values.big }}\n",
     "{i: 1, big: 12345678, f: 0.1}")
text("set gives ints", "v: {{ typeOf .Values.i }} {{ typeOf .Values.s }} {{ typeOf .Values.j }} {{ .Values.big }}\n", "{}",
     "--set", "i=1,big=12345678", "--set-string", "s=1", "--set-json", "j=1")
text("what is missing", "v: |-\n  {{ .Values.nope }}x{{ .Values.a }}x{{ .nope }}x{{ printf \"%v\" .Values.nope }}\n", "a: null")
FILES = {"config/a.txt": "one\ntwo\n", "config/b.txt": "three", "config/deep/c.txt": "four", "other.txt": "", "x.md": "é"}
case("files", dict(FILES, **{"templates/a.yaml": "v: |-\n  {{ .Files.Get \"config/a.txt\" | quote }} {{ .Files.Get \"nope\" | quote }}\n"
     "lines: |-\n  {{ .Files.Lines \"config/a.txt\" | toJson }} {{ .Files.Lines \"nope\" | toJson }}\n"
     "{{ range $p, $c := .Files.Glob \"config/*\" }}{{ $p | quote }}: {{ $c | toString | quote }}\n{{ end }}"
     "{{ range $p, $_ := .Files.Glob \"**.txt\" }}# {{ $p }}\n{{ end }}{{ range $p, $_ := .Files.Glob \"config/[ab].{txt,md}\" }}# {{ $p }}\n{{ end }}"
     "{{ range $p, $_ := .Files.Glob \"[\" }}# all {{ $p }}\n{{ end }}{{ range $p, $_ := .Files.Glob \"?.md\" }}# {{ $p }}\n{{ end }}"
     "config:\n{{ (.Files.Glob \"config/**\").AsConfig | indent 2 }}\nsecret:\n{{ (.Files.Glob \"config/*\").AsSecrets | indent 2 }}\n"
     "none: {{ (.Files.Glob \"nope\").AsConfig }}\nbytes: |-\n  {{ len (.Files.GetBytes \"x.md\") }} {{ index .Files \"x.md\" | toString }}\n"}))
case("lines of an empty file", {"x": "", "templates/a.yaml": "v: {{ .Files.Lines \"x\" }}\n"})
# ---- include, tpl, required, fail, lookup
HELPERS = "{{ define \"x\" }}<{{ . }}>{{ end }}{{ define \"fails\" }}{{ fail \"no\" }}{{ end }}{{ define \"nil\" }}{{ .Values.a.b.c }}{{ end }}" \
          "{{ define \"loop\" }}{{ include \"loop\" . }}{{ end }}\n"


def helper(about, template, values="{}", *words):
    case(about, {"templates/_h.tpl": HELPERS, "templates/a.yaml": template, "values.yaml": values}, *words)


helper("include", "v: |-\n  {{ include \"x\" 1 | quote }} {{ include \"x\" \"é\" | upper }}\n")
helper("include of nothing", "v: {{ include \"nope\" . }}\n")
helper("include with too few words", "v: {{ include \"x\" }}\n")
helper("include of no string", "v: {{ include 1 . }}\n")
helper("an include that fails", "v: {{ include \"fails\" . }}\n")
helper("an include with nil", "v: {{ include \"nil\" . }}\n")
helper("an include without end", "v: {{ include \"loop\" . }}\n")
helper("tpl", "v: |-\n  {{ tpl \"{{ .Values.a }}{{ include \\\"x\\\" 2 }}\" . }} {{ tpl \"plain <no value>\" . }} {{ tpl .Values.a . }}\n", "a: \"{{ 1 }}\"")
helper("tpl defines", "v: {{ tpl \"{{ define \\\"y\\\" }}y{{ end }}{{ include \\\"y\\\" . }}\" . }}\n")
helper("tpl with a fault", "v: {{ tpl \"{{ .Values }\" . }}\n")
helper("tpl that fails", "v: {{ tpl \"{{ .Values.a.b }}\" . }}\n")
helper("tpl of no string", "v: {{ tpl .Values.a . }}\n", "a: 1")
helper("required", "v: {{ required \"a is required\" .Values.a }}\n")
helper("required and empty", "v: {{ required \"a is required\" .Values.a }}\n", "a: ''")
helper("required and there", "v: {{ required \"a is required\" .Values.a }}{{ required \"b\" .Values.b }}\n", "{a: 0, b: false}")
helper("fail", "v: {{ fail \"it failed: because\" }}\n")
helper("fail in tpl", "v: {{ tpl \"{{ fail \\\"inside\\\" }}\" . }}\n")
helper("lookup", "v: |-\n  {{ lookup \"v1\" \"Pod\" \"\" \"x\" | toJson }}\n")
# ---- errors
text("nil pointer", "v: {{ .Values.a.b }}\n")
text("nil pointer in a pipe", "v: {{ .Values.a.b | default 1 | quote }}\n")
text("an unknown function", "v: {{ nope 1 }}\n")
text("an unclosed action", "v: {{ if true }}\n")
text("a bad character", "a: 1\nv: {{ $x := }}\n")
text("no field", "v: {{ .Values.a.b }}\n", "a: text")
text("wrong type", "v: {{ upper .Values.a }}\n", "a: 5")
text("an error of a function", "v: {{ index .Values.a 3 }}\n", "a: [1]")
text("a called template", "{{ define \"t\" }}{{ .a.b }}{{ end }}v: {{ template \"t\" . }}\n")
text("output that is no YAML", "a: b: c\n")
text("output that is a list", "- a\n")
text("metadata that is text", "kind: A\nmetadata: x\n")
text("annotations of other types", "kind: A\nmetadata:\n  name: 1\n  annotations: {a: {b: c}}\n")
# ---- values
text("files and sets in order", "v: {{ toJson .Values | squote }}\n", "{a: 1, b: {c: 2}}", "--set", "a=2,b.d=3", "--set-string", "b.d=4",
     "--set-json", "{\"e\":[1,{\"f\":null}]}", "--set-literal", "g=a,b=c")
text("a bad set", "v: 1\n", "{}", "--set", "a[0")
text("a worse set", "v: 1\n", "{}", "--set", "a")
text("a bad set-json", "v: 1\n", "{}", "--set-json", "a={")
text("no values file", "v: 1\n", "{}", "-f", "/nowhere/values.yaml")
case("values files", {"templates/a.yaml": "v: {{ toJson .Values | squote }}\n", "values.yaml": "a: {x: 1, z: 2}\n", "ci/one.yaml": "a: {x: null}\nb: 1\n---\nb: 2\n",
     "ci/two.yaml": "c: 3\n"}, "-f", "CHART/ci/one.yaml,CHART/ci/two.yaml", "--set-file", "d=CHART/ci/two.yaml")
# ---- documents, order, hooks
case("splitting", {"templates/a.yaml": "---\n\n# only a comment\n---\na: 1\n---\n---\nb: 2\n--- \nc: 3\n\n---d: 4\n---\n\ne: |\n  ---\n  x\n",
     "templates/b.txt": "  \n", "templates/c.txt": "text: 1"})
case("install order", {"templates/a.yaml": "".join(document(k, "n") for k in ("Zebra", "Ingress", "Pod", "Alpaca", "Service", "Namespace", "Secret", "Job", "ConfigMap")),
     "templates/b.yaml": document("Pod", "second") + document("Alpaca", "second"), "templates/0.yaml": document("Pod", "first")})
case("hooks", {"templates/h.yaml": document("Job", "b", "helm.sh/hook: \"pre-install, POST-upgrade\", helm.sh/hook-weight: \"5\"") + document("ConfigMap", "c", "helm.sh/hook: test")
     + document("Pod", "u", "helm.sh/hook: unknown") + document("Pod", "o", "other: x") + document("Job", "w", "helm.sh/hook: pre-install, helm.sh/hook-weight: \"x\""),
     "templates/a.yaml": document("Pod", "p") + document("ConfigMap", "s", "helm.sh/hook: test-success")})
HOOKS = {"templates/a.yaml": document("Pod", "p") + document("Pod", "t", "helm.sh/hook: test") + document("Pod", "i", "helm.sh/hook: pre-install")}
case("without hooks", HOOKS, "--no-hooks")
case("without tests", HOOKS, "--skip-tests")
case("nothing at all", {"templates/_x.tpl": "{{ define \"a\" }}{{ end }}", "templates/NOTES.txt": "notes {{ .Values.x }}"})
SHOW = {"templates/a.yaml": document("Pod", "p") + document("Secret", "s"), "templates/sub/b.yaml": document("Pod", "q"), "templates/c.yaml": document("Pod", "h", "helm.sh/hook: test")}
case("show one", SHOW, "-s", "templates/a.yaml")
case("show several", SHOW, "--show-only", "templates/sub/*.yaml", "-s", "templates/c.yaml")
case("show none", SHOW, "-s", "templates/z.yaml")
CRDS = {"crds/a.yaml": "kind: CustomResourceDefinition\nmetadata: {name: a}\n", "crds/readme.md": "no", "templates/a.yaml": document("Pod", "p"),
        "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "charts/sub/crds/b.yml": "# raw {{ .Values }}\nkind: X\n"}
case("with CRDs", CRDS, "--include-crds")
case("without CRDs", CRDS)
case("a CRD at the end", {"crds/a.yaml": "kind: X\n\n \n"}, "--include-crds")
case("an empty CRD at the end", {"crds/a.yaml": " \n"}, "--include-crds")
case("an empty CRD and hooks", dict(HOOKS, **{"crds/a.yaml": ""}), "--include-crds")
# ---- charts
SUB = {"charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.2.0\n", "charts/sub/values.yaml": "own: 1\n",
       "charts/sub/templates/s.yaml": "sub: |-\n  {{ toJson .Values }} {{ .Chart.Name }} {{ .Chart.IsRoot }} {{ .Template.Name }} {{ include \"shared\" . }}\n",
       "charts/sub/templates/_s.tpl": "{{ define \"shared\" }}sub's{{ end }}", "charts/sub/templates/NOTES.txt": "sub notes",
       "values.yaml": "sub: {from: parent}\nglobal: {g: 1}\n", "templates/_p.tpl": "{{ define \"shared\" }}parent's{{ end }}",
       "templates/p.yaml": "parent: |-\n  {{ toJson .Values }} {{ .Subcharts.sub.Chart.Version }} {{ .Subcharts.sub.Values.own }}\n"}
case("a subchart", SUB)
case("an alias", dict(SUB), chart=CHART + "dependencies: [{name: sub, version: 1.x, alias: other}, {name: sub, version: ^1.0.0, condition: sub.on}]\n")
case("a disabled subchart", SUB, "--set", "sub.on=false", chart=CHART + "dependencies: [{name: sub, version: 1.x, condition: sub.on}]\n")
case("a missing subchart", {}, chart=CHART + "dependencies: [{name: gone, version: 1.x}, {name: away, version: 1.x}]\n")
case("templates change values", {"values.yaml": "a: {b: 1}\n", "templates/z.yaml": "v: {{ $_ := set .Values.a \"b\" 2 }}{{ .Values.a.b }}\n", "templates/a.yaml": "v: {{ .Values.a.b }}\n"})
case("a library inside", {"charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n", "charts/lib/templates/_l.tpl": "{{ define \"l\" }}lib{{ end }}",
     "charts/lib/templates/never.yaml": "never: 1", "templates/a.yaml": "v: {{ include \"l\" . }}\n"})
case("a library alone", {}, chart=CHART + "type: library\n")
case("a deprecated chart", {"templates/a.yaml": "v: 1\n"}, chart=CHART + "deprecated: true\n")
case("another Kubernetes", {"templates/a.yaml": "v: 1\n"}, chart=CHART + "kubeVersion: '>=1.99'\n")
case("the right Kubernetes", {"templates/a.yaml": "v: 1\n"}, "--kube-version", "1.24.1-eks", chart=CHART + "kubeVersion: '<1.25'\n")
case("values against the schema", {"values.schema.json": "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "values.yaml": "a: x\n"})
case("the schema passed over", {"values.schema.json": "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "values.yaml": "a: x\n", "templates/a.yaml": "v: 1\n"}, "--skip-schema-validation")
case("a value where a subchart's should be", SUB, "--set", "sub=x")
case("dot files", {"templates/.hidden": "{{ nope", "templates/a.yaml": "v: 1\n", ".helmignore": "templates/b*\n", "templates/b.yaml": "{{ nope"})
# ---- words
CASES.append(("no such flag", {"Chart.yaml": CHART}, ["template", "rel", "CHART", "--nope"]))
CASES.append(("a bad name", {"Chart.yaml": CHART}, ["template", "Rel_1", "CHART"]))
CASES.append(("no name", {"Chart.yaml": CHART, "templates/a.yaml": "v: {{ .Release.Name }}\n"}, ["template", "CHART"]))
CASES.append(("a name template", {"Chart.yaml": CHART, "templates/a.yaml": "v: {{ .Release.Name }}\n"}, ["template", "CHART", "--name-template", "{{ \"ab\" | repeat 2 }}"]))
CASES.append(("too many words", {"Chart.yaml": CHART}, ["template", "rel", "CHART", "more", "most"]))
CASES.append(("no such chart", {"Chart.yaml": CHART}, ["template", "rel", "./nowhere"]))
CASES.append(("no repository", {"Chart.yaml": CHART}, ["template", "rel", "repository/chart"]))
CASES.append(("no chart file", {"Chart.yaml": CHART, "x/y": "no gzip"}, ["template", "rel", "CHART/x/y"]))
CASES.append(("a flag without its value", {"Chart.yaml": CHART}, ["template", "rel", "CHART", "--set"]))


def run(files, words):
    with tempfile.TemporaryDirectory() as top:
        folder = os.path.join(top, "chart")
        for name, body in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(body)
        p = subprocess.run([HELM] + [w.replace("CHART", folder) for w in words], capture_output=True, text=True)
    error = p.stderr[p.stderr.find("Error: ") + 7:].rstrip("\n") if p.returncode else ""
    return p.stdout, error.replace(folder, "CHART")


class Text(str):
    pass


yaml.add_representer(Text, lambda d, s: d.represent_scalar("tag:yaml.org,2002:str", s, style='"'), Dumper=yaml.SafeDumper)


def main():
    rows = []
    for about, files, words in CASES:
        out, error = run(files, words)
        rows.append({"about": about, "files": {k: Text(v) for k, v in files.items()}, "words": words,
                     "out": Text(out), "error": Text(error)})
    with open(os.path.join(HERE, "cases", "render.yaml"), "w") as f:
        f.write("# Recorded by record_render.py from %s.\n" % subprocess.run(
            [HELM, "version", "--short"], capture_output=True, text=True).stdout.split("+")[0])
        yaml.safe_dump(rows, f, sort_keys=False, allow_unicode=True, width=1000000)
    print(len(rows), "cases")


if __name__ == "__main__":
    sys.exit(main())
