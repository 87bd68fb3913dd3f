"""The tolerance asked for, and the error that comes out: every stiff method on every problem.

    python benchmarks/tolerance.py [--quick] [--problems rober ...] [--methods Rodas5P ...]

A cell is the largest relative error of a component at the end, in units of rtol; atol is so small
that it plays no part for the components which are left then. "-" stands for more steps than a cell
may take: a million compiled ones, or eight thousand in Python. With names, only those run, and the
page keeps the other cells that it has. Empty: not measured, or not claimed by the method.

Writes benchmarks/results/tolerance.md and .json.
"""

import argparse
import itertools
import math
import warnings

import numpy as np
from harness import machine, results

import sciml_lab as sl
from sciml_lab.backends.numba.implicit import no_kernel

FAMILIES = {
    "Rosenbrock": ("Rosenbrock23", "Rodas4", "Rodas4P", "Rodas5P"),
    "diagonally implicit": ("Trapezoid", "TRBDF2", "Kvaerno3", "Kvaerno5",
                            "KenCarp3", "KenCarp4", "KenCarp5"),
    "fully implicit": ("RadauIIA5",),
    "multistep": ("QNDF", "FBDF"),
    "no method given": ("",),
    "stabilised": ("RKC",),
}  # fmt: skip
METHODS = [name for names in FAMILIES.values() for name in names]
SMALL = ("rober", "hires", "pollu", "van_der_pol_stiff", "van_der_pol_scaled", "oregonator",
         "chemical_akzo_nobel", "ring_modulator")  # fmt: skip
PROBLEMS = (*SMALL, "medical_akzo_nobel")
RTOLS = (1e-4, 1e-6, 1e-8, 1e-10)
ALLOWED = 10.0
COMPILED, IN_PYTHON = 1_000_000, 8_000
ON_A_GRID = 5_000  # steps with 400 unknowns
CLAIMED_BY_RKC = ("medical_akzo_nobel",)  # it is made for diffusion
MADE_FOR_NO_DAE = ("",)  # there, the method that is chosen is Rodas5P, which has its own column
UNDAMPED = {("Trapezoid", "rober")}  # not L-stable: it never gets rid of what the start stirs up


def main() -> None:
    """Solve, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two tolerances")
    parser.add_argument("--problems", nargs="*", default=PROBLEMS)
    parser.add_argument("--methods", nargs="*", default=METHODS)
    options = parser.parse_args()
    machine.limit_threads(1)
    cells = []
    for name in options.problems:
        for method in options.methods:
            cells += row(name, method, RTOLS[:2] if options.quick else RTOLS)
        print(f"{name}: solved", flush=True)
    measured = {(c["problem"], c["method"]) for c in cells}
    before = (results.read("tolerance") or {"data": []})["data"]
    report(cells + [c for c in before if (c["problem"], c["method"]) not in measured])


def row(problem, method, rtols) -> list:
    """One method on one problem, from the loosest tolerance on, as long as it can be paid."""
    cells = []
    for rtol in rtols if claimed(problem, method) else ():
        error, steps = error_in_tolerances(problem, method, rtol)
        cells.append({"problem": problem, "method": method, "rtol": rtol, "error": error,
                      "steps": steps})  # fmt: skip
        if error is None:
            break
    return cells


def claimed(problem, method) -> bool:
    """Whether the method is made for the problem."""
    if method == "RKC":
        return problem in CLAIMED_BY_RKC
    dae = sl.zoo.get(problem).mass_matrix is not None if problem in SMALL else False
    return (method, problem) not in UNDAMPED and not (dae and method in MADE_FOR_NO_DAE)


def error_in_tolerances(problem, method, rtol) -> tuple:
    """The error over rtol, None where it takes too many steps; and the number of steps."""
    entry = sl.zoo.get(problem) if problem in SMALL else getattr(sl.zoo, problem)()
    reference = entry.reference
    size = np.abs(reference.u)
    floor = reference.floor or 1e-3 * np.min(size[size > 0])
    u, steps = entry.u0, 0
    for start, end in pieces(entry):
        solution = solve(entry().replace(u0=u, tspan=(start, end)), method, rtol, rtol * floor)
        steps += int(solution.stats.nsteps)
        if not solution.success:
            return None, steps
        u = solution.u[-1]
    return reference.error(u) / rtol, steps


def pieces(entry) -> list:
    """The intervals on which f is smooth: the supply of Medical Akzo Nobel ends at t = 5."""
    start, end = entry.tspan
    switches = [5.0] if entry.name.startswith("medical") else []
    times = [start, *switches, end]
    return [(a if a == start else math.nextafter(a, end), b)
            for a, b in itertools.pairwise(times)]  # fmt: skip


def solve(problem, name, rtol, atol):
    """One solve, compiled where there is a kernel, with a limit to its steps."""
    method = getattr(sl, name)() if name else None
    kernel = method is not None and not no_kernel(problem, method)
    most = ON_A_GRID if np.size(problem.u0) > 100 else COMPILED if kernel else IN_PYTHON
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Rosenbrock23 on a DAE warns, and rightly
        return sl.solve(
            problem, method, rtol=rtol, atol=atol, saveat=[problem.tspan[1]], dense=False,
            max_steps=most, backend="numba" if kernel else "numpy",
        )  # fmt: skip


def report(cells) -> None:
    """Write the page and the numbers."""
    cells.sort(key=lambda c: (PROBLEMS.index(c["problem"]), METHODS.index(c["method"]), -c["rtol"]))
    found = {(c["problem"], c["method"], c["rtol"]): c["error"] for c in cells}
    problems = list(dict.fromkeys(c["problem"] for c in cells))
    rtols = sorted({c["rtol"] for c in cells}, reverse=True)
    tables = []
    for family, names in FAMILIES.items():
        header = ["problem", "rtol", *(name or "sl.solve(problem)" for name in names)]
        rows = [
            [problem, f"{rtol:.0e}", *(shown(found, problem, n, rtol) for n in names)]
            for problem in problems
            for rtol in rtols
            if any((problem, n, rtol) in found for n in names)
        ]
        if rows:
            tables.append((family.capitalize(), header, rows))
    results.write(
        "tolerance",
        title="The tolerance asked for, and the error that comes out",
        about=results.about(__doc__) + f" Bold: more than {ALLOWED:.0f}.",
        environment=machine.environment(),
        verdicts=judge(cells),
        tables=[*tables, ("Order left on the equation of Prothero and Robinson", STIFF, orders())],
        data=cells,
    )


def shown(found, problem, method, rtol) -> str:
    """A cell of the page."""
    if not claimed(problem, method):
        return ""
    if not any((problem, method, other) in found for other in RTOLS):
        return ""  # not measured yet
    error = found.get((problem, method, rtol))
    if error is None:
        return "-"
    return f"**{error:.2g}**" if error > ALLOWED else f"{error:.2g}"


def judge(cells) -> list:
    """The worst cell of each family."""
    verdicts = []
    for family, names in FAMILIES.items():
        errors = [c["error"] for c in cells if c["method"] in names and c["error"]]
        if errors:
            what = f"Error over tolerance, {family}: the worst of {len(errors)}"
            worst = max(errors)
            verdicts.append(
                results.Verdict(what, "the reference", worst, worst, worst, ALLOWED, unit="rtol")
            )
    return verdicts


STIFF = ["method", "order", "for every stiffness"]


def orders() -> list:
    """Order, and what is left of it on very stiff equations, from the tables of coefficients."""
    names = [n for family in list(FAMILIES)[:3] for n in FAMILIES[family]]
    tables = [(name, getattr(sl, name)().tableau) for name in names]
    return [[name, table.order, table.stiff_order] for name, table in tables]


if __name__ == "__main__":
    main()
