"""A stiff equation on a line: how long does each solver take to reach an error?

    python benchmarks/grid_1d.py [--quick]

The Brusselator with diffusion on 128 and on 512 points: 256 and 1,024 equations whose Jacobian is a
band. Ours finds the band in the source of f; CVODE is told of it, and gets the same f compiled by
Numba. All solvers of a tolerance run in turns, and the times are compared at equal *error*.

Writes benchmarks/results/grid_1d.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import machine, peers, results, scalars
from harness.curves import compare, measure, table_of
from harness.timing import geometric_mean

import sciml_lab as sl

SIZES = (128, 512)
METHODS = ("Rosenbrock23", "Rodas4", "Rodas5P")
CVODE = "CVODE, band"
AIM = 0.8


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer tolerances and rounds")
    options = parser.parse_args()
    machine.limit_threads(1)
    step, seconds = (1.0, 0.05) if options.quick else (0.5, 0.3)
    points, firsts, absent = [], [], []
    for n in SIZES:
        sides, missing = peers.gather([ours, cvode], n)
        absent += [sentence for sentence in missing if sentence not in absent]
        for side, solve in sides.items():
            first = peers.first_call(solve, 1e-6)[1]
            firsts.append([f"{n} points, {side}", results.duration(first)])
        for rtol in 10.0 ** -np.arange(2.0, 9.01, step):
            error_of = sl.zoo.brusselator_1d(n).reference.error
            points += measure(n, sides, float(rtol), error_of, seconds)
        print(f"{n} points: measured", flush=True)
    report(points, firsts, absent)


def ours(n) -> dict:
    """Our side: ``solve(rtol) -> last state`` by `sl.solve`."""
    problem = sl.zoo.brusselator_1d(n)()

    def side(method):
        def solve(rtol):
            return sl.solve(
                problem, method, rtol=rtol, atol=rtol, saveat=[problem.tspan[1]],
                backend="numba", dense=False,
            ).u[-1]  # fmt: skip

        return solve

    return {method: side(getattr(sl, method)()) for method in METHODS}


def cvode(n) -> dict:
    """CVODE's BDF with its banded solver."""
    package, problem = peers.load("sksundae.cvode"), sl.zoo.brusselator_1d(n)()
    f, times = scalars.sundials_rhs(problem), np.array(problem.tspan)

    @functools.cache
    def solver(rtol):
        return package.CVODE(
            f, rtol=rtol, atol=rtol, linsolver="band", lband=2, uband=2, max_num_steps=10**6
        )

    return {CVODE: lambda rtol: solver(rtol).solve(times, problem.u0).y[-1]}


def report(points, firsts, absent) -> None:
    """Write the page and the numbers."""
    rows, verdicts = [], []
    for n in SIZES:
        rows += compare(points, n, METHODS, [CVODE], 1e-8)
    for n in SIZES:
        ratios = [row["ratio"] for row in rows if row["problem"] == n]
        if ratios:
            verdicts.append(results.Verdict(
                f"1-D Brusselator, {2 * n} equations, at equal error, `sl.solve`",
                "scikit-sundae CVODE, banded", geometric_mean(ratios), min(ratios), max(ratios),
                AIM,
            ))  # fmt: skip
    equal = [
        [row["problem"], f"{row['error']:.1e}", results.duration(row["ours"]),
         results.duration(row["theirs"]), results.amount(row["ratio"], "")]
        for row in rows
    ]  # fmt: skip
    each = table_of(points, int, 1)
    results.write(
        "grid_1d",
        title="A stiff equation on a line",
        about=results.about(__doc__) + " An error is the largest relative one at the end, against "
        "the zoo's reference values. A range is the best and the worst of the errors compared at.",
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[
            ("At equal error", ["points", "error", "ours", "theirs", "ours / theirs"], equal),
            ("At equal tolerance", ["points", "solver", "rtol", "error", "best", "median"], each),
            ("First call", ["points, solver", "seconds"], firsts),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip


if __name__ == "__main__":
    main()
