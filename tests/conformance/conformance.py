#!/usr/bin/python3
"""What `helm template` prints, to the byte: charts of our own, rendered by the engine and by the real Helm (cases.py).

    conformance.py check ENGINE [PATH ...]     the engine against the goldens; needs no Helm
    conformance.py record [--new] [PATH ...]   the goldens by $HELM (default: helm on PATH); --new: those that are missing
    conformance.py compare ENGINE [PATH ...]   Helm as it answers now against the goldens and against the engine

A PATH is a file of expressions/ or a folder of charts/; without any, all of them are taken.
ENGINE is the command of the engine, such as "build/helm-controller/helm-controller template".
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import shlex
import sys

from cases import HERE, Side, everything, read, record_charts, record_expressions


def helm_side():
    helm = os.environ.get("HELM", "helm")
    return Side([os.path.abspath(helm) if "/" in helm else helm, "template"])


def engine_side(command):
    words = shlex.split(command)
    return Side([os.path.abspath(words[0])] + words[1:])


def in_parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))


def shown(answer):
    text = answer if isinstance(answer, bytes) else b"%%%% %s\n%s" % answer
    return text.decode("utf-8", "backslashreplace").split("\n")


def differ(case, names, one, other):
    """Whether two answers differ; says where."""
    if one == other:
        return False
    print(case.name)
    if hasattr(case, "template"):
        print("    " + case.template.decode("utf-8", "backslashreplace").replace("\n", "\n    "))
    for line in difflib.unified_diff(shown(one), shown(other), *names, n=1, lineterm=""):
        print("  " + line)
    return True


def check(options):
    engine, cases, bad = engine_side(options.engine), [c for path in options.paths for c in read(path)], 0
    for case, answer in zip(cases, in_parallel(lambda c: c.answer(engine) if c.golden is not None else None, cases)):
        if answer is None:
            print(f"{case.name}: no golden: record it")
        bad += answer is None or differ(case, ("Helm", "engine"), case.golden, answer)
    print(f"{len(cases) - bad} of {len(cases)} cases as Helm's goldens")
    return bad or not cases


def record(options):
    helm = helm_side()
    for path in options.paths:
        cases = read(path)
        answers = in_parallel(lambda c: c.golden if options.new and c.golden is not None else c.ask(helm), cases)
        if path.is_dir():
            record_charts(cases, answers)
        else:
            record_expressions(path, cases, answers)
        print(f"{path.relative_to(HERE)}: {len(cases)} cases")
    return 0


def compare(options):
    helm, engine, stale, bad, count = helm_side(), engine_side(options.engine), 0, 0, 0
    for path in options.paths:
        cases = read(path)
        for case, now, ours in zip(cases, in_parallel(lambda c: c.ask(helm), cases), in_parallel(lambda c: c.ask(engine), cases)):
            stale += differ(case, ("golden", "Helm now"), case.golden or b"", now)
            bad += differ(case, ("Helm", "engine"), now, ours)
        count += len(cases)
    print(f"{count - bad} of {count} cases alike; {stale} goldens are no longer what Helm answers")
    return bad or stale or not count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("check", check), ("record", record), ("compare", compare)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        if run is record:
            command.add_argument("--new", action="store_true")
        else:
            command.add_argument("engine")
        command.add_argument("paths", nargs="*", type=lambda p: pathlib.Path(p).resolve())
    options = parser.parse_args()
    options.paths = options.paths or everything()
    sys.exit(1 if options.run(options) else 0)


if __name__ == "__main__":
    main()
