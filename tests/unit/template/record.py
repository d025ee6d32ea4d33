#!/usr/bin/python3
"""Fills a file of template cases with what the real Helm answers.

    HELM=/path/to/helm tests/unit/template/record.py tests/unit/template/cases/*.txt

A case is "%% case", the template, then "%% out" with what it prints or "%% err" with parts of the message, one a line.
Cases that have an answer are asked again too, so that a new Helm shows where it differs.
"""
import base64
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HELM = os.environ.get("HELM", "helm")
NAME = "t/templates/case.yaml"


def read_cases(path):
    cases, part = [], None
    for line in open(path, encoding="utf-8", newline="").read().split("\n"):
        if line == "%% case":
            part = []
            cases.append(part)
        elif line in ("%% out", "%% err"):
            part = None
        elif part is not None:
            part.append(line)
    return ["\n".join(c).rstrip("\n") for c in cases]


def render(files):
    with tempfile.TemporaryDirectory() as top:
        chart = os.path.join(top, "t")
        os.makedirs(os.path.join(chart, "templates"))
        with open(os.path.join(chart, "Chart.yaml"), "w") as f:
            f.write("apiVersion: v2\nname: t\nversion: 0.1.0\n")
        with open(os.path.join(HERE, "cases", "values.yaml")) as src, \
                open(os.path.join(chart, "values.yaml"), "w") as f:
            f.write(src.read())
        for name, text in files.items():
            with open(os.path.join(chart, name), "w", encoding="utf-8", newline="") as f:
                f.write(text)
        return subprocess.run([HELM, "template", "release-name", chart], capture_output=True, text=True,
                              encoding="utf-8", errors="surrogateescape")


def message_parts(text):
    text = text.strip()
    text = text.removeprefix("Error: ")
    text = re.sub(r"\n\nUse --debug flag .*", "", text, flags=re.S)
    m = re.fullmatch(r"(?:parse|execution) error at \((.*?)\): (.*)", text, re.S)
    if m:
        return [m.group(1)] + m.group(2).split("\n")
    parts = []
    for line in text.split("\n"):
        line = line.strip()
        if line.endswith(">:") or line.startswith("error calling "):
            line = line.rstrip(":")
        if line:
            parts.append(line)
    return parts


def answer(template):
    good = render({"case": template, "templates/case.yaml": 'b: {{ tpl (.Files.Get "case") . | b64enc }}'})
    if good.returncode == 0:
        printed = re.search(r"^b: ?(\S*)$", good.stdout, re.M)
        return "out", base64.b64decode(printed.group(1)).decode("utf-8", "surrogateescape")
    bad = render({"templates/case.yaml": template})
    if bad.returncode == 0:
        raise SystemExit(f"fails within tpl only:\n{template}\n{good.stderr}")
    return "err", "\n".join(message_parts(bad.stderr))


def main():
    for path in sys.argv[1:]:
        cases = read_cases(path)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(answer, cases))
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as f:
            f.write("\n".join(f"%% case\n{c}\n%% {kind}\n{text}" for c, (kind, text) in zip(cases, answers)) + "\n")


if __name__ == "__main__":
    main()
