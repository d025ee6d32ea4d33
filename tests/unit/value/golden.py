#!/usr/bin/python3
"""Writes the golden files of this folder by asking the real Helm (v4.1) what it makes of each case.

    golden.py [HELM]

Run it by hand when cases are added; the tests read only the files, and every file is one JSON object a line:

    yaml_read.jsonl    yaml (or base64), and json or error: what fromYaml gives
    yaml_write.jsonl   yaml, and plain and pretty: what toYaml and toYamlPretty give for it; null: nothing, it fails
    key_order.jsonl    keys, and for each pair (i < j) whether i comes first: one string of < and > for each i
    print.jsonl        yaml, and text and quoted: printf "%v" and "%q"
"""
import base64
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
HELM = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path.home() / ".cache/runnel/control-plane/helm"


def render(expressions, files):
    """What each template expression prints, as bytes. Files are reached as files/N."""
    with tempfile.TemporaryDirectory() as folder:
        chart = pathlib.Path(folder)
        for name in ("templates", "files"):
            (chart / name).mkdir()
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: golden\nversion: 0.1.0\n")
        for i, content in enumerate(files):
            (chart / "files" / str(i)).write_bytes(content)
        (chart / "templates" / "a.yaml").write_text(
            "".join("c%d: {{ %s | b64enc | quote }}\n" % pair for pair in enumerate(expressions)))
        out = subprocess.run([HELM, "template", "x", folder], check=True, capture_output=True).stdout
    found = {int(n): base64.b64decode(text) for n, text in re.findall(rb'^c(\d+): "([^"]*)"$', out, re.M)}
    return [found[i] for i in range(len(expressions))]


def save(name, rows):
    with open(HERE / name, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=True) + "\n")


def quoted(text):
    """A YAML string that no rule of plain scalars touches."""
    return '"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "\\U%08x" % ord(c) for c in text) + '"'


# ---- reading ---------------------------------------------------------------------------------------------------------
SCALARS = """yes no on off y n Y N Yes YES yEs true True TRUE tRue false ~ null Null NULL nUll 0 00 01 07 08 09 0777
0o17 0O17 0o8 0x1F 0X1f 0xg 0x 0b101 0B11 0b2 -0b11 +0b11 0b-1 0b+1 -0b-1 1_000 1__0 _1 1_ 0_7 0x_F +1 -1 +-1
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808
-9223372036854775809 1.0 1. .5 . .5e3 .1_0 1_0.5_0 .1__0 .5_ 1e3 1E+3 1e-3 1e 1e+ 1e999 -1e999 1e-999 1.5.2 nan inf
Infinity 1:30 1:30:45 190:20:30.15 2001-01-01 2001-1-1 2001-01-01T00:00:00Z 2001-01-01t1:2:3.5+01:00 12e03 -2E+05 1e2e3
0.1e1 +.5 -.5 -. +. .e5 .5. ._5 0x1p4 0x1.8p1 1f 0x7fffffffffffffff 0xffffffffffffffff 0x10000000000000000 -0x1F +0x1F
-017 -0o17 +0 -0 0.0 -0.0 1,000 1e1_0 0e0 00.5 0.10 123456789012345678901234567890 1.7976931348623157e308
1.7976931348623159e308 5e-324 1e-400 0.1 123456.7 1234567.8 100000 1000000 1e20 1e21 0.000001 0.0000001 =a << .inf -.inf
+.inf .Inf .INF .nan .NaN .NAN""".split()

DOCUMENTS = [
    # tags
    "a: !!str 123\n", 'a: !!int "5"\n', "a: !!int 1.5\n", "a: !!float 1\n", "a: !!float abc\n", "a: !!bool yes\n",
    "a: !!bool 1\n", "a: !!null x\n", "a: !!null\n", "a: !!null ''\n", "a: !!foo x\n", "a: !local x\n",
    "a: !!binary aGVsbG8=\n", "a: !!binary '!!!'\n", "a: !!binary |\n  aGVs\n  bG8=\n", "a: !!binary /w==\n",
    "a: !!timestamp 2001-01-01\n", "a: !!timestamp abc\n", "a: !!timestamp 5\n", "a: ! 5\n", "a: ! x\n",
    "a: !!map {a: 1}\n", "a: !!seq [1]\n", "a: !!set {a, b}\n", "a: !!omap [a: 1]\n", "a: !!map [1]\n",
    "a: !!str [1]\n", "a: !!float 18446744073709551615\n", "a: !!int 18446744073709551615\n",
    "a: !<tag:yaml.org,2002:int> 5\n", "%TAG !e! tag:yaml.org,2002:\n---\na: !e!int 0x10\n",
    "%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "# c\n%YAML 1.2\n---\na: 1\n", "%YAML 1.3\n---\na: 1\n",
    "%YAML 2.0\n---\na: 1\n", "%FOO bar\n---\na: 1\n", "a: !!str\n", "a: !!str ~\n", "!!str a: 1\n",
    "? !!int 5\n: x\n", "!!binary aGk=: 1\n", "a: !x!y z\n", "a: !!\n",
    # anchors, aliases, merges
    "a: &x 1\nb: *x\n", "a: &x {k: 1}\nb: *x\nc: {<<: *x, k: 2}\nd: {k: 2, <<: *x}\n",
    "a: &x {k: 1}\nb: &y {l: 2, k: 3}\nc: {<<: [*x, *y]}\nd: {<<: [*y, *x]}\n", "a: &x [1]\nb: {<<: *x}\n",
    "a: &x 1\nb: {<<: *x}\n", "b: {<<: 1}\n", "b: {<<: null}\n", "b: {<<: [1]}\n", "b: {<<: {a: 1}}\n",
    "b: {<<: [{a: 1},{a: 2, b: 3}]}\n", 'b: {"<<": {a: 1}}\n', "b: {!!merge <<: {a: 1}}\n", "b: {! <<: {a: 1}}\n",
    "a: &x {<<: {z: 1}, y: 2}\nb: {<<: *x, z: 3}\n", "a: &x [{k: 1}]\nb: {<<: *x}\n", "a: *x\n", "a: &x [*x]\n",
    "a: &x {b: *x}\n", "&x a: *x\n", "a: &x\nb: *x\n", "a: &x b\na2: &x c\nd: *x\n", "a: &a [1,2]\nb: [*a, *a]\n",
    "*a : 1\n", "&a x: 1\n*a : 2\n", "- &a a\n- *a\n- {*a : 1}\n", "<<: {a: 1}\na: 2\n", "a: 2\n<<: {a: 1}\n",
    "a: {<<: {a: 1}, <<: {a: 2}}\n", "a: &x {b: &y {c: 1}}\nd: *y\ne: *x\n", "a: &x [*x]\nb: [\n",
    # keys
    "a: 1\na: 2\n", "a: {b: 1, b: 2}\n", "? [a]\n: b\n", "? {a: 1}\n: b\n", "a: {{ .Values.x }}\n",
    "a: {{ x }}\nb: 1\n", "{{ x }}: 1\n", "a: {{x}}\n", "{[1, 2.5, null, true, {z: 1, a: b}]: x}\n", "null: 1\n",
    "~: 1\n", "? \n: 1\n", "a: {? : 1}\n", "18446744073709551615: 1\n",
    "1.5: a\n1e10: b\n0.1: c\n123456789.123: d\n.inf: e\n-.inf: f\n.nan: g\n", "true: 1\n", "null: [1, {a: b}]\n",
    "null: {a: [x]}\n", "0x10: 1\n", "? null\n: {z: 1, a: 2.5, c: null, d: 'q\"'}\n", "? \n: [1\n",
    # scalars of every style
    "a: |\n  x\n  y\nb: |-\n  x\nc: |+\n  x\n\nd: >\n  a\n  b\n\n  c\ne: |2\n    x\nf: >-\n  a\n   b\n  c\n",
    "a: 'it''s'\nb: \"x\\ty\\u0041\\x41\\U0001F600\\e\\0\\N\\_\\L\\P\\\"\\\\\"\n", 'a: "x\n  y\n\n  z"\n',
    "a: 'x\n  y'\n",
    "a: x\n  y\n  z\n", "a:\n- 1\n- 2\n", "a:\n  - 1\n  -   b: 1\n      c: 2\n", "- - 1\n  - 2\n- - 3\n",
    "a: [1, 2,]\n", "a: [1, , 2]\n", "a: {b, c: }\n", "a: {b: 1, }\n", "[a: 1, b: 2]\n", "{a: [b: c]}\n",
    # documents
    "# only comment\n", "", "---\n", "---\n...\n", "--- a: 1\n", "--- {a: 1}\n", "---\na: 1\n---\nb: 2\n",
    "a: 1\n---\n", "a: 1\n...\nb: 2\n", "a: 1\n...\n", "a: #c\n", "a: b #c\n", "a: b#c\n", "a: 'b' #c\n",
    "a: http://x:80/y\n", "'a': 1\n\"b\": 2\n", '"a":1\n', '{"a":1,"b":[1,2,{"c":null}]}\n', "{a:1}\n", "[a,b]\n",
    # what is wrong with it
    "a:b\n", "a: b: c\n", "a: -\n", "a: - b\n", "-a: 1\n", "- a\nb: 1\n", "a: 1\n- b\n", "a:\n b: 1\n  c: 2\n",
    "a:\n  b: 1\n c: 2\n", "  a: 1\nb: 2\n", "a: 1\n b: 2\n", "a\nb\n", "a\nb: 1\n", "a: 'b\n", 'a: "b\n',
    'a: "\\q"\n', 'a: "\\x4"\n', 'a: "\\ud800"\n', 'a: "\\U00110000"\n', "a: [1\n", "a: {b: 1\n", "a: ]\n", "a: }\n",
    "a: [}\n", "a: {]\n", "a: @b\n", "a: `b\n", "a: %b\n", "%b\n", "a: &\n", "a: *\n", "a: & b\n", "a: !<\n",
    "a: !<x\n", "a: |3x\n  b\n", "a: |0\n  b\n", "a: |a\n  b\n", "a: |\n\tb\n", "\ta: 1\n", "a:\n\tb: 1\n", "a:\t1\n",
    "a: 1\t\n", "- \ta\n", "-\ta\n", "a: [\n\t1]\n", "a: {b: 1}}\n", "a: [1]]\n", "a: 1 2\n", "a: 'b' c\n",
    'a: "b" c\n', "a: [b] c\n", "a: ? b\n", "? a\n", "? a\n: b\n? c\n", "? a : b\n", ": a\n", "a: : b\n", "a: b:\n",
    "a: , b\n", "a: |\n b\n  c\n d\n", "a: >\n\n  b\n", "a: 'x\n---\ny'\n", "a: x\n---y\n", "key: [a, b]: c\n",
    "? - a\n: b\n", "a: !!str &x b\nc: *x\n", "a: &x !!str b\n", "a: &x &y b\n", "a: !!str !!int b\n",
    "a:\n  - b\n c: 1\n", "x:\n  y: |\n    a\n   b\n", 'a: "x\\\n   y"\n', "a: b\n\nc:\n\n  d\n",
    "metadata:\n  name: x\n  labels:\n    app: y\n   tier: z\n", "spec:\n  a: [1, 2\n  b: 3\n", "a: b\n  c: d\n",
    "image: repo:tag:\n", "args: [--x={{y}}]\n", "name: {{ a }}-b\n", "- name: a\n  value: b\n - name: c\n",
    # line breaks and the byte order mark
    "\ufeffa: 1\n", "a: \ufeffb\n", "a: \u0085b\n", "a: x\u0085y\n", "a: \u2028b\n", "a: 'x\u2028y'\n",
    "a: |\n  x\u2028  y\n", "a\r\nb: 1\r\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "a: |\r\n  x\r\n  y\r\n",
    # bytes that are no text
    b"a: \xff\n", b"a: b\nc: \xc3\n", b"a: \xc3", b"a: \xed\xa0\x80\n", b"a: \x01\n", b"a: b\nc: \x7f\n",
    b"a: \x00b\n", b"a: \xf5\x80\x80\x80\n", b"a: \xc0\x80\n", b"a: 1\n\x00\n",
    b"\xff\xfea\x00:\x00 \x001\x00\n\x00", b"\xfe\xff\x00a\x00:\x00 \x001\x00\n",
    # aliases that multiply
    "".join("l%d: &l%d [%s]\n" % (i, i, ", ".join(["*l%d" % (i - 1)] * 9 if i else ["x"] * 9)) for i in range(10)),
]


def read_goldens():
    cases = ["a: %s\n" % s for s in SCALARS] + ["%s: v\n" % s for s in SCALARS] + DOCUMENTS
    files = [case if isinstance(case, bytes) else case.encode() for case in cases]
    expressions = []
    for i in range(len(files)):
        expressions.append('fromYaml (.Files.Get "files/%d") | toRawJson' % i)
        expressions.append('fromYamlArray (.Files.Get "files/%d") | toRawJson' % i)
    answers = render(expressions, files)
    prefix = "error converting YAML to JSON: "
    for case, as_map, as_list in zip(cases, answers[::2], answers[1::2]):
        row = {"yaml": case} if isinstance(case, str) else {"base64": base64.b64encode(case).decode()}
        error = json.loads(as_map).get("Error", "")
        if error.startswith(prefix):
            row["error"] = error[len(prefix):]
        elif not error:
            row["json"] = as_map.decode()
        elif not as_list.startswith(b'["error '):
            row["json"] = as_list.decode()
        else:
            continue  # neither map nor list: Helm shows nothing of it
        yield row


# ---- writing ---------------------------------------------------------------------------------------------------------
WORDS = "word " * 60
STRINGS = [
    WORDS.strip(), "x" * 300, "it's " * 40, "a: " + WORDS.strip(), '"' + WORDS, "tab\t" + WORDS + " end",
    WORDS + "  double  spaces  " + WORDS + "e", "x" * 78 + " y z", "x" * 77 + " y  z", "é" * 90 + " f g",
    "x" * 100 + "  y",
    "a😀b", "\ufeffabc", "abc\ufeff", "a\u0085b", "a\u0085\u0085b  \u0085 c\u0085", "a\u2028b", "a\tb", "<<", "=",
    "a\u007fb",
    "a\nb \nc", "\n", "\n\n", "a\n", " a\nb", "\ta\nb", "a\n\tb", "a\tb\nc", "", "a: b", "- a", "-a", "?a", "? a",
    "'a",
    "a'b", "#a", "a #b", "a#b", ".", "...", "---", "--- a", "---a", "-", "- ", "a ", "%a", "@a", "`a", "&a", "*a",
    "!a",
    "|", "|a", ">", "{", "}", "[", "]", "a,b", ",", "a]b", ":", ":a", "a:", "a:b", "a\r\nb", "a\rb", "\u00a0", "é",
    "a\nb\n\n", "\u2028\n", "a\u2028\nb", "a\n b", "a\nb\u2028", "a\u2028", "\u2028a", "a \u2028b",
    "a\u2028\u2029'b", "日本",
    "\u0001", "\x1b", "\0", "\a\b\v\f", "\ue000", "\ufffd", "\ufffe", "\u0090", "a\\b", 'a"b', '"', "a\n'b\"",
    "<a>&", "\u2029",
    "null ", "  ", " ", "a\n  \nb", "a\n\n\nb", "12:30", "12:30:45.5", "1:60", "+1:2", "1_0:20", "2001-13-01",
    "2001-02-29",
    "2004-02-29", "2001-01-01 1:2:3", "2001-01-01 1:2:3Z", "2001-01-01T1:2:3,5Z", "2001-01-01T25:2:3Z",
    "2001-01-01T1:2:3+25:00", "2001-1-1t01:02:03.999-07:00", "k" * 128, "k" * 129, "k" * 1022, "k" * 1023, "<" * 170,
    "<" * 171, "#!/bin/sh\nset -e\nif true; then\n  echo \"x\"\nfi\n", "a\n\n", "\n a", "a\n#b", "key: |\n  x\n",
] + SCALARS

STRUCTURES = [
    "{}", "[]", "null", "true", "[[], {}, [[]], [{}], null]",
    "{a: {}, b: [], c: null, d: [[], {}], e: [[1, [2]], {x: [1]}]}",
    "[[[1, 2], 3], [4]]", "{a: {b: {c: {d: [e, {f: g, h: [i, {j: k}]}]}}}}", "[{a: 1, b: 2}, {c: [1, 2], d: {e: f}}]",
    "{d: {\"nl\\nkey\": [1, 2]}}", "{d: [{\"nl\\nkey\": [1, 2]}]}", "{\"nl\\nkey\": {a: 1, b: 2}}",
    "{\"nl\\nkey\": [1, [2, 3]]}", "[\"a\\nb\\n\", {k: \"x\\n y\\n\", z: 1}]", "[{\"nl\\nkey\": {\"nl\\nkey\": {}}}]",
    "{a: \"x\\ny\", b: {c: \"x\\ny\\n\", d: [\"x\\ny\\n\\n\", \"\\nx\"]}}",
    "[1, 1.0, 1e6, 1234567.5, 1e20, 1e19, 1e21, 1e-7, 0.00001, 0.1, 1.5e300, 123456789012345680000, 5e-324, -2.5, 0.0]",
    "{a: '%s', b: ['%s', {c: '%s'}]}" % ((WORDS.strip(),) * 3),
    "{a: {b: {c: {d: '%s', e: \"%s: \\t\"}}}}" % (("it''s " * 30).strip(), WORDS.strip()),
]


def write_goldens():
    cases = []
    for string in STRINGS:
        text = quoted(string)
        cases += [text, "{k: %s}" % text, "{? %s : 1}" % text]
        if "\n" in string or " " in string:
            cases.append("{k: [{l: %s}]}" % text)
    cases += STRUCTURES
    files = [("v: " + case + "\n").encode() for case in cases]
    expressions = []
    for i in range(len(files)):
        for function in ("toYaml", "toYamlPretty"):
            expressions.append('get (fromYaml (.Files.Get "files/%d")) "v" | %s' % (i, function))
    answers = render(expressions, files)
    for case, plain, pretty in zip(cases, answers[::2], answers[1::2]):
        yield {"yaml": case, "plain": plain.decode() or None, "pretty": pretty.decode() or None}


KEYS = ["a1", "a10", "a2", "b", "B", "A", "1", "10", "2", "a-b", "a_b", "a.b", "a", "ab", "a1b", "a01", "a001", "é",
        "_x", "-x", "x1y2", "x1y10", "1a", "a b", "Z", "0", "00", "01", "v1", "v1.2", "v1.10", "v-1", "aé", "a1é", "日",
        "٣", "a٣",
        "10a", "1-a", "1b", "a/b", "a/1", "a:1", "100", "1000", "10.1", "a99999999999999999999", "a9", "é1", "é10"]


def order_goldens():
    pairs = list(itertools.combinations(KEYS, 2))
    expressions = []
    for a, b in pairs:
        for function in ("toYaml", "toYamlPretty"):
            expressions.append("%s (dict %s 1 %s 1) | splitList \"\\n\" | first | trimSuffix \": 1\" | trimAll `'\"`"
                               % (function, quoted(a), quoted(b)))
    first = [answer.decode() for answer in render(expressions, [])]
    signs = [{"plain": "<" if x == a else ">", "pretty": "<" if y == a else ">"}
             for (a, _), x, y in zip(pairs, first[::2], first[1::2])]
    for key in KEYS:
        of_key = [sign for (a, _), sign in zip(pairs, signs) if a == key]
        yield {"key": key, "plain": "".join(s["plain"] for s in of_key),
        "pretty": "".join(s["pretty"] for s in of_key)}


def print_goldens():
    cases = STRUCTURES + [quoted(s) for s in STRINGS if len(s) < 100] + [s for s in SCALARS if "inf" not in s.lower()
                                                                         and "nan" not in s.lower()]
    cases += [quoted(chr(c)) for c in (0x7f, 0x80, 0xa0, 0xad, 0x300, 0x378, 0x2028, 0xd7ff, 0xe000, 0xfeff, 0xfffd,
    0x1f600,
                                       0xe0001, 0x10ffff)]
    files = [("v: " + case + "\n").encode() for case in cases]
    expressions = []
    for i in range(len(files)):
        value = 'get (fromYaml (.Files.Get "files/%d")) "v"' % i
        expressions += ['printf "%%v" (%s)' % value, 'printf "%%q" (%s | toString)' % value]
    answers = render(expressions, files)
    for case, text, quote in zip(cases, answers[::2], answers[1::2]):
        yield {"yaml": case, "text": text.decode(), "quoted": quote.decode()}


save("yaml_read.jsonl", read_goldens())
save("yaml_write.jsonl", write_goldens())
save("key_order.jsonl", order_goldens())
save("print.jsonl", print_goldens())
