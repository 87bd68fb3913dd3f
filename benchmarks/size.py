"""What it weighs: peak memory of a gradient, lines of the transformation, lines of a method.

    python benchmarks/size.py [--quick]

Memory is the largest resident size of a fresh process that computes the gradient of
neural_gradient.py at trained weights, minus that of the same process before it (imports made, data
computed). Lines of code are lines that hold code: no blank ones, comments or docstrings.

Writes benchmarks/results/size.md and .json.
"""

import argparse
import ast
import json
import sys
import tokenize
from pathlib import Path

from harness import fresh, machine, results

ROOT = Path(__file__).parents[1]
SIDES = ("sciml_lab, numba", "sciml_lab, numpy", "diffrax RecursiveCheckpoint",
         "torchdiffeq backprop", "autograd through our NumPy loop")  # fmt: skip


def main() -> None:
    """Measure, compare, write; or, with --side, be the process that is weighed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="accepted, and changes nothing")
    parser.add_argument("--side", choices=SIDES, help="compute one gradient")
    options = parser.parse_args()
    machine.limit_threads(1)
    if options.side:
        be_weighed(options.side)
        return
    memory, absent = [], []
    for side in SIDES:
        run = fresh.run([__file__, "--side", side])
        if run.trouble:
            absent.append(f"{side} was not measured: {run.trouble}")
        else:
            before, after, again = run.lines
            memory.append([side, megabytes(before), megabytes(after - before),
                           megabytes(again - after)])  # fmt: skip
    transform, methods = lines_of_folder("transform"), lines_of_methods()
    tables = [
        ("Peak memory", ["side", "before", "first gradient adds", "100 more add"], memory),
        ("Lines of code in transform", ["file", "lines of code", "all lines"],
         [*transform, ["together", *(sum(row[i] for row in transform) for i in (1, 2))]]),
        ("Lines of a method", ["method", "lines of its tableau", "what else"], methods),
    ]  # fmt: skip
    results.write("size", title="Size", about=results.about(__doc__), verdicts=[],
                  environment=machine.environment(), tables=tables, absent=absent)  # fmt: skip


def be_weighed(side) -> None:
    """Print the peak before the gradient, after it and after a hundred more."""
    from harness import neural

    p = neural.weights()["trained"]
    neural.data()
    call = gradient(side)
    for repeats in (0, 1, 100):
        for _ in range(repeats):
            call(p)
        print(json.dumps(peak()), flush=True)


def gradient(side):
    """``call(p) -> (loss, gradient)`` of one side."""
    from harness import neural

    import sciml_lab as sl

    if side.startswith("sciml_lab"):
        backend = side.rpartition(" ")[2]
        loss = neural.our_loss(sensitivity=sl.DiscreteAdjoint(), backend=backend)
        return sl.ad.value_and_grad(loss)
    kind = side.partition(" ")[0]
    made = {"diffrax": neural.diffrax_gradients, "torchdiffeq": neural.torch_gradients,
            "autograd": neural.autograd_gradients}[kind]()  # fmt: skip
    return made[side]


def peak() -> int:
    """Largest resident size of this process so far, in bytes."""
    import resource  # where there is none (Windows), this part isn't measured

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def megabytes(size) -> str:
    """Bytes as MB."""
    return f"{size / 1e6:.1f} MB"


def lines_of_folder(folder) -> list:
    """Each file of a folder of the package: its name, lines of code, all lines."""
    files = sorted((ROOT / "sciml_lab" / folder).rglob("*.py"))
    return [[file.name, *count(file)] for file in files]


def count(file) -> tuple:
    """Lines that hold code, and all lines, of a Python file."""
    text = file.read_text("utf-8")
    held = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
               tokenize.ENDMARKER, tokenize.ENCODING}  # fmt: skip
    with file.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type not in skipped:
                held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        holder = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if holder and ast.get_docstring(node):
            held -= lines_of(node.body[0])
    return len(held), text.count("\n")


def lines_of(node) -> set:
    """Numbers of the lines that a statement stands on."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def lines_of_methods() -> list:
    """Each compiled Runge-Kutta method: the lines of its coefficients, and one in `explicit.py`."""
    from sciml_lab.solvers.explicit import METHODS

    rows, compiled = [], {name.upper() for name in METHODS}
    for file in sorted((ROOT / "sciml_lab" / "solvers" / "tableaus").glob("*.py")):
        lines = 0
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.Assign):
                lines += len(lines_of(node))
                if getattr(getattr(node.value, "func", None), "id", "") == "Tableau":
                    name = getattr(node.targets[0], "id", "")
                    if name in compiled:
                        rows.append([name, lines, "one line and its name in METHODS"])
                    lines = 0
    return rows


if __name__ == "__main__":
    main()
