#!/usr/bin/python3
"""Breaks each template function and each method in turn; a golden has to fail each time.

    mutate.py MUTANT [FUNCTION ...]

A method or a field of a template object has its type before it: engine.files.Get.

MUTANT is the program of mutant.c, which says what the mutations are. Which of them a function gets follows from its signature:
`first` and `empty` where it has arguments (`empty` always), `drop` for each argument, `swap` for each two arguments of a type.
A mutant that no case can tell from the function itself is listed in SAME, with the reason.
Ends with a table of functions and mutations, and the survivors.
"""
import concurrent.futures
import functools
import itertools
import os
import pathlib
import re
import sys

from cases import Side, everything, read, render_alone

ANY = "vr"  # interface {} and reflect.Value: any two of these may be swapped

# Mutants that are the function itself to all who call it: whose, which (a pattern), and why.
SAME = [
    ("add addf mul mulf max min biggest maxf minf deepEqual all any", "swap .*", "the order of its arguments does not matter"),
    ("subf without mustWithout omit pick", "swap 1 2", "what is taken from the first, in any order"),
    ("call", "drop 1|swap 1 2", "no value of a chart is a function: it fails by its first argument"),
    ("common.Values.Encode", "drop 0", "nothing in a template is a writer: only nil gets there"),
    ("lookup", "drop .|swap . .", "`helm template` has no cluster to ask: tests/integration asks a real one"),
]


def same(name, mutation):
    return any(name in names.split() and re.fullmatch(pattern, mutation) for names, pattern, _ in SAME)


def mutations(name, signature):
    """What is broken in a function of this signature."""
    fixed, variadic = (signature[:-2], signature[-2]) if signature.endswith("*") else (signature, "")
    letters = fixed + variadic * 2 if variadic else fixed
    found = ["empty"] + (["first"] if letters else [])
    if "." in name:  # of a method arguments are dropped only
        letters = ""
    found += [f"drop {i}" for i in range(len(fixed + variadic))]
    for i, j in itertools.combinations(range(len(letters)), 2):
        if letters[i] == letters[j] or (letters[i] in ANY and letters[j] in ANY):
            found.append(f"swap {i} {j}")
    return found


# All that has methods: what is listed is what a rendering meets.
OBJECTS = b"""{{ $now := now }}{{ $now.Month }}{{ $now.Weekday }}{{ semver "1.2.3" }}{{ (semver "1.2.3").IncMajor }}{{ genCA "a" 1 }}
{{ .Files }}{{ .Capabilities.KubeVersion }}{{ .Capabilities.HelmVersion }}{{ list .Capabilities.KubeVersion }}"""


def signatures(mutant):
    """Functions and their signatures, as the engine binds them: what comes first wins."""
    found = {}
    files = {"templates/case.yaml": OBJECTS}
    for line in render_alone(Side([mutant], RUNNEL_MUTANT="list"), files)[1].decode().split("\n"):
        name, _, signature = line.partition(" ")
        if re.fullmatch(r"[*\w.]+", name) and re.fullmatch(r"[a-z]*\*?", signature) and name not in found:
            found[name] = signature
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    mutant, only = os.path.abspath(sys.argv[1]), sys.argv[2:]
    side = Side([mutant])
    fetch = pathlib.Path(mutant).with_name("helm-fetch")  # which the engine looks for beside itself
    if not fetch.exists():
        fetch.symlink_to("../../helm-controller/helm-fetch")
    cases = [case for path in everything() for case in read(path)]
    functions = {n: s for n, s in signatures(mutant).items() if n in (only or [n])}
    relevant = {name: [case for case in cases if case.says(name.split(".")[-1])] for name in functions}

    @functools.cache
    def sound(case):
        """Whether the golden holds for the functions as they are: only then its failing says something."""
        return case.answer(side, RUNNEL_MUTANT="none") == case.golden

    def seen_by(work):
        name, mutation = work
        for case in relevant[name]:
            if case.answer(side, RUNNEL_MUTANT=f"{name} {mutation}") != case.golden and sound(case):
                return case.name
        return None

    work = [(name, m) for name, signature in sorted(functions.items()) for m in mutations(name, signature)
            if not same(name, m)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = dict(zip(work, pool.map(seen_by, work)))
    columns = ["empty", "first"] + sorted({m for _, m in work} - {"empty", "first"})
    print(f"{'function':28} {'cases':>5}  " + "  ".join(columns))
    for name, signature in sorted(functions.items()):
        marks = []
        for m in columns:
            mark = "" if m not in mutations(name, signature) else "same" if same(name, m) else \
                "seen" if seen[name, m] else "LIVES"
            marks.append(mark.ljust(len(m)))
        print(f"{name:28} {len(relevant[name]):5}  " + "  ".join(marks).rstrip())
    alive = [f"{name} {m}" for (name, m), case in seen.items() if not case]
    print(f"\n{len(functions)} functions, {len(seen)} mutants, {len(alive)} survivors")
    for line in alive:
        print("  " + line)
    sys.exit(1 if alive or not seen else 0)


if __name__ == "__main__":
    main()
