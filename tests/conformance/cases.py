"""The cases of conformance: expressions and charts, how one is rendered, and what the real Helm answered.

expressions/SUBJECT.txt   templates of a few lines. "%% case", the template, then "%% out" and what it prints, or "%% err" and
                          the message without "Error: " and Helm's closing advice. Each is the one template of a chart of its own,
                          with expressions/values.yaml as its values.
charts/SUBJECT/           charts, values files and whatever else a command line names, and `cases`: a line "CASE: WORDS" for each
                          `helm template WORDS`, which runs in that folder. expected/CASE holds its exit status, stderr and stdout.
                          As in a shell, NAME=VALUE before the words is its environment, "< FILE" behind them its standard input,
                          and "&&" stands between several. $OUT is a new folder, the files of which are part of the answer;
                          $WEB the URL of a server of the folder's files.
"""
import base64
import functools
import http.server
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ADVICE = b"\n\nUse --debug flag to render out invalid YAML"
WRAP = b'b: {{ tpl (.Files.Get "case") . | b64enc }}'
LIMIT = 60  # seconds for one rendering
_mine = threading.local()


class Side:
    """A program that renders: Helm, or the engine. It sees nothing of this machine's Helm settings."""

    def __init__(self, command, **env):
        self.command = command
        self.home = tempfile.TemporaryDirectory(prefix="conformance-")
        kept = {k: v for k, v in os.environ.items() if k == "PATH" or k.endswith("SAN_OPTIONS")}
        self.env = {**kept, "HOME": self.home.name, "TZ": "UTC", "LC_ALL": "C.UTF-8", **env}

    def run(self, words, folder, stdin=b"", **env):
        """Exit status, stdout, stderr."""
        try:
            done = subprocess.run(self.command + words, cwd=folder, env={**self.env, **env}, input=stdin,
                                  capture_output=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return 124, b"", b"Error: no answer in %d s\n" % LIMIT
        return done.returncode, done.stdout, done.stderr


# ---- expressions -----------------------------------------------------------------------------------------------------

def render_alone(side, files, **env):
    """Renders a chart of these files, in a folder that each thread uses again: always the same files."""
    if not hasattr(_mine, "folder"):
        _mine.folder = tempfile.TemporaryDirectory(prefix="conformance-")
        chart = pathlib.Path(_mine.folder.name, "t")
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: t\nversion: 0.1.0\n")
        (chart / "values.yaml").write_bytes((HERE / "expressions/values.yaml").read_bytes())
    for name, text in files.items():
        pathlib.Path(_mine.folder.name, "t", name).write_bytes(text)
    return side.run(["release-name", "t"], _mine.folder.name, **env)


class Expression:
    """A template of its own. golden: (b"out", what it prints) or (b"err", the message)."""

    def __init__(self, path, line, template, golden=None):
        self.path, self.line, self.template, self.golden = path, line, template, golden

    @property
    def name(self):
        return f"{self.path.name}:{self.line}"

    def says(self, function):
        return function.encode() in re.findall(rb"\w+", self.template)

    def _printed(self, side, **env):
        status, out, err = render_alone(side, {"case": self.template, "templates/case.yaml": WRAP}, **env)
        found = re.search(rb"^b: ?(\S*)$", out, re.M)
        return (b"out", base64.b64decode(found.group(1))) if status == 0 and found else (b"err", err)

    def _message(self, side, **env):
        status, out, err = render_alone(side, {"case": self.template, "templates/case.yaml": self.template}, **env)
        if status == 0:
            return b"out", out
        return b"err", err.rstrip(b"\n").removeprefix(b"Error: ").removesuffix(ADVICE)

    def ask(self, side):
        """What a side answers, the golden unknown."""
        printed = self._printed(side)
        if printed[0] == b"out":
            return printed
        message = self._message(side)
        if message[0] == b"out":
            raise SystemExit(f"{self.name}: fails within tpl only: {printed[1]!r}")
        return message

    def answer(self, side, **env):
        """What a side answers in the way that the golden was made."""
        return self._printed(side, **env) if self.golden[0] == b"out" else self._message(side, **env)


def read_expressions(path):
    found = []
    blocks = re.split(rb"^%% case\n", path.read_bytes(), flags=re.M)
    line = 1 + blocks[0].count(b"\n")
    for block in blocks[1:]:
        template, *answer = re.split(rb"^%% (out|err)(?:\n|\Z)", b"\n" + block, maxsplit=1, flags=re.M)
        template = template.strip(b"\n") if not answer else template[1:].removesuffix(b"\n")
        found.append(Expression(path, line + 1, template, (answer[0], answer[1].removesuffix(b"\n")) if answer else None))
        line += 1 + block.count(b"\n")
    return found


def record_expressions(path, cases, answers):
    blocks = [b"%%%% case\n%s\n%%%% %s\n%s\n" % (c.template, kind, text) for c, (kind, text) in zip(cases, answers)]
    path.write_bytes(b"".join(blocks))


# ---- charts ----------------------------------------------------------------------------------------------------------

class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@functools.cache
def web_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=HERE / "charts"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def files_below(folder):
    return b"".join(b"%%%% file %s\n%s" % (bytes(f.relative_to(folder)), f.read_bytes())
                    for f in sorted(folder.rglob("*")) if f.is_file())


class ChartCase:
    """Command lines in the folder of a subject. golden: what expected/CASE holds."""

    def __init__(self, folder, case, line):
        self.folder, self.case = folder, case
        self.commands = [shlex.split(command) for command in line.split(" && ")]
        self.path = folder / "expected" / case
        self.golden = self.path.read_bytes() if self.path.exists() else None

    @property
    def name(self):
        return f"{self.folder.name}: {self.case}"

    def says(self, function):
        """Whether a chart of the folder has the word in it; nobody counts charts in archives."""
        if not hasattr(self, "vocabulary"):
            files = [f for f in self.folder.rglob("*") if f.is_file() and "expected" not in f.parts]
            self.vocabulary = {w for f in files for w in re.findall(rb"\w+", f.read_bytes())}
        return function.encode() in self.vocabulary

    def _run(self, side, words, places, **env):
        stdin = b""
        for name, place in places.items():
            words = [word.replace(name, place) for word in words]
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words[0].partition("=")
            words, env = words[1:], {**env, name: value}
        if "<" in words:
            stdin, words = (self.folder / words[-1]).read_bytes(), words[:words.index("<")]
        status, *texts = side.run(words, self.folder, stdin, **env)
        for name, place in [("$FOLDER", str(self.folder)), *places.items()]:
            texts = [text.replace(place.encode(), name.encode()) for text in texts]
        return b"%%%% exit %d\n%%%% stderr\n%s%%%% stdout\n%s" % (status, texts[1], texts[0])

    def answer(self, side, **env):
        with tempfile.TemporaryDirectory(prefix="conformance-") as out:
            places = {"$OUT": out}
            if any("$WEB" in word for words in self.commands for word in words):
                places["$WEB"] = f"{web_server()}/{self.folder.name}"
            answers = [self._run(side, words, places, **env) for words in self.commands]
            return b"".join(answers) + files_below(pathlib.Path(out))

    ask = answer


def read_charts(folder):
    found = []
    for line in (folder / "cases").read_text(encoding="utf-8").split("\n"):
        if line.strip() and not line.startswith("#"):
            case, _, words = line.partition(":")
            found.append(ChartCase(folder, case.strip(), words))
    return found


def record_charts(cases, answers):
    (cases[0].folder / "expected").mkdir(exist_ok=True)
    for old in (cases[0].folder / "expected").iterdir():
        if old.name not in {c.case for c in cases}:
            old.unlink()
    for case, text in zip(cases, answers):
        case.path.write_bytes(text)


def everything():
    return sorted((HERE / "expressions").glob("*.txt")) + sorted(f.parent for f in (HERE / "charts").glob("*/cases"))


def read(path):
    return read_charts(path) if path.is_dir() else read_expressions(path)
