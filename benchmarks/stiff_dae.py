"""Differential-algebraic equations: how long does each solver take to reach an error?

    python benchmarks/stiff_dae.py [--quick]

Robertson's reactions with the conservation of mass as an algebraic equation, and the transistor
amplifier, whose mass matrix is singular: both of index 1. IDA gets a residual and a Jacobian that
Numba has compiled, and slopes at the start that satisfy the equations. All solvers of a tolerance
run in turns, and the times are compared at equal *error*.

Writes benchmarks/results/stiff_dae.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import machine, peers, results, scalars
from harness.curves import compare, measure, table_of
from harness.timing import geometric_mean

import sciml_lab as sl
from sciml_lab.ad import derivative, jacobian

#: Name in the zoo, title, and the absolute tolerance over the relative one.
PROBLEMS = {
    "rober_dae": ("Robertson DAE", 1e-8),
    "transistor_amplifier": ("transistor amplifier", 1.0),
}
METHODS = ("Rodas4", "Rodas4P", "Rodas5P")
IDA = ("IDA, differences", "IDA, Jacobian")
AIM = 0.3
FINEST = 0.9e-15  # absolute tolerance below which IDA does not come to an end


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer tolerances and rounds")
    options = parser.parse_args()
    machine.limit_threads(1)
    step, seconds = (1.0, 0.02) if options.quick else (0.5, 0.2)
    points, absent = [], []
    for name in PROBLEMS:
        sides, missing = peers.gather([ours, ida], name)
        absent += [sentence for sentence in missing if sentence not in absent]
        for rtol in 10.0 ** -np.arange(2.0, 8.01, step):
            too_fine = IDA if tolerances(name, rtol)["atol"] < FINEST else ()
            able = {side: sides[side] for side in sides if side not in too_fine}
            points += measure(name, able, float(rtol), functools.partial(error_of, name), seconds)
        print(f"{PROBLEMS[name][0]}: measured", flush=True)
    report(points, absent)


def tolerances(name, rtol) -> dict:
    """Relative tolerance, and the absolute one that suits the problem."""
    return {"rtol": rtol, "atol": rtol * PROBLEMS[name][1]}


def error_of(name, u) -> float:
    """Root mean square of the errors at the end, relative to the size that atol allows for."""
    exact, floor = sl.zoo.get(name).reference.u, PROBLEMS[name][1]
    return float(np.sqrt(np.mean(((np.asarray(u) - exact) / (np.abs(exact) + floor)) ** 2)))


def ours(name) -> dict:
    """Our side: ``solve(rtol) -> last state`` by `sl.solve`."""
    problem = sl.zoo.get(name)()

    def side(method):
        def solve(rtol):
            return sl.solve(
                problem, method, **tolerances(name, rtol), saveat=[problem.tspan[1]],
                backend="numba", dense=False,
            ).u[-1]  # fmt: skip

        return solve

    return {method: side(getattr(sl, method)()) for method in METHODS}


def ida(name) -> dict:
    """IDA's BDF with its dense solver."""
    package, numba = peers.load("sksundae.ida"), peers.load("numba")
    problem = sl.zoo.get(name)()
    p, M = np.asarray(problem.p, float), np.asarray(problem.mass_matrix, float)
    f, by_u = (
        scalars.compiled(make(problem))
        for make in (scalars.loops, scalars.jacobian_loops)
    )  # fmt: skip

    @numba.njit
    def residual_loops(t, u, du, res, p):
        f(t, u, res, p)
        for i in range(len(u)):
            total = -res[i]
            for j in range(len(u)):
                total += M[i, j] * du[j]
            res[i] = total

    @numba.njit
    def jacobian_loops(t, u, cj, flat, p):
        by_u(flat, u, p, t)
        for i in range(len(u)):
            for j in range(len(u)):
                k = i * len(u) + j
                flat[k] = cj * M[i, j] - flat[k]

    def residual(t, u, du, res):
        residual_loops(t, u, du, res, p)

    def jac(t, u, du, res, cj, J):
        flat = np.empty(J.size)
        jacobian_loops(t, u, cj, flat, p)
        J[:, :] = flat.reshape(J.shape)

    times, slope = np.array(problem.tspan), slope_of(problem, M)

    def side(**more):
        @functools.cache
        def solver(rtol):
            return package.IDA(
                residual, **tolerances(name, rtol), max_num_steps=20_000, **algebraic(M), **more
            )

        def solve(rtol):
            found = solver(rtol).solve(times, problem.u0, slope)
            return found.y[-1] if found.success else problem.u0 * np.nan

        return solve

    return dict(zip(IDA, (side(), side(jacfn=jac)), strict=True))


def algebraic(M) -> dict:
    """Which unknowns have no derivative, where that is a matter of single unknowns."""
    none = np.flatnonzero(~M.any(axis=0))
    return {"algebraic_idx": none.tolist()} if none.size else {}


def slope_of(problem, M):
    """The u' at the start: M u' = f, and the derivatives of the algebraic equations by time."""
    u, p, t = problem.u0, problem.p, problem.tspan[0]
    left = np.linalg.svd(M.T)[2][np.linalg.matrix_rank(M) :]  # rows w with w M = 0
    J = jacobian(lambda x: problem.f(x, p, t), u)
    by_time = derivative(lambda s: problem.f(u, p, s), t)
    right = np.concatenate([problem.f(u, p, t), -left @ by_time])
    return np.linalg.lstsq(np.concatenate([M, left @ J]), right, rcond=1e-14)[0]


def report(points, absent) -> None:
    """Write the page and the numbers."""
    rows, verdicts = [], []
    for name in PROBLEMS:
        rows += compare(points, name, METHODS, IDA, 1e-8)
    for name, (title, _) in PROBLEMS.items():
        ratios = [row["ratio"] for row in rows if row["problem"] == name]
        if ratios:
            mean = geometric_mean(ratios)
            what = f"{title} at equal error, `sl.solve`"
            verdicts.append(
                results.Verdict(what, "scikit-sundae IDA", mean, min(ratios), max(ratios), AIM)
            )
    equal = [
        [PROBLEMS[row["problem"]][0], f"{row['error']:.1e}", results.duration(row["ours"]),
         results.duration(row["theirs"]), results.amount(row["ratio"], "")]
        for row in rows
    ]  # fmt: skip
    each = table_of(points, lambda name: PROBLEMS[name][0], 1)
    results.write(
        "stiff_dae",
        title="Differential-algebraic equations",
        about=results.about(__doc__) + " An error is the root mean square over the components at "
        "the end, each relative to its reference value plus atol/rtol. IDA does not end where atol "
        "comes near to rounding errors (ROBER at 1e-8), and is not measured there. A range is the "
        "best and the worst of the errors compared at.",
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[
            ("At equal error", ["problem", "error", "ours", "theirs", "ours / theirs"], equal),
            ("At equal tolerance", ["problem", "solver", "rtol", "error", "best", "median"], each),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip


if __name__ == "__main__":
    main()
