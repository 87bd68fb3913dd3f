"""A stiff equation on a square: how long does each solver take to reach an error?

    python benchmarks/grid_2d.py [--quick]

The Brusselator with diffusion on 32 x 32 and on 128 x 128 points: 2,048 and 32,768 equations. Ours
finds the pattern of the Jacobian itself; CVODE's sparse solver is told of it, and its GMRES(20)
needs none; it gets the same f as loops compiled by Numba. The forcing sets in at t = 1.1, and all
solvers stop there and start anew. They run in turns, and the times are compared at equal *error*,
the largest relative one at the end. How our time grows with the number of equations is measured
with GMRES and multigrid.

Writes benchmarks/results/grid_2d.md and .json.
"""

import argparse
import functools
import time

import numpy as np
from harness import machine, peers, results
from harness.curves import curve, fastest
from harness.timing import geometric_mean

import sciml_lab as sl

SMALL, LARGE = 32, 128
GROWTH, LIMIT, AIM, EXPONENT = (32, 64, 128, 256), 80.0, 0.5, 1.15
CVODE = {"CVODE, GMRES(20)": "gmres", "CVODE, sparse": "sparse"}
SWITCH = 1.1  # when the forcing sets in
AT_LARGE = 1e-4  # the one tolerance at which CVODE runs on the large grid: it takes minutes


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="no large grids")
    options = parser.parse_args()
    machine.limit_threads(1)
    theirs, absent = peers.gather([cvode], SMALL)
    reference = sl.zoo.brusselator_2d(SMALL).reference
    points = small(ours(SMALL) | theirs, reference.error, 1 if options.quick else 2)
    print(f"{SMALL} x {SMALL} points: measured", flush=True)
    if not options.quick:
        points += large(ours(LARGE, small=False) | peers.gather([cvode], LARGE)[0])
        print(f"{LARGE} x {LARGE} points: measured", flush=True)
    growth = [grown(n) for n in (GROWTH[:2] if options.quick else GROWTH)]
    report(points, growth, absent)


def by_multigrid(n):
    """QNDF with GMRES, preconditioned on coarser and coarser grids."""
    grids = sl.Multigrid((n, n), fields=2, order="fields", boundary="periodic")
    return sl.QNDF(linear_solver=sl.GMRES(precondition=grids))


def ours(n, small=True) -> dict:
    """Our sides: ``solve(rtol) -> last state`` by `sl.solve`."""
    problem = sl.zoo.brusselator_2d(n)()
    methods = {"QNDF": sl.QNDF(), "QNDF, multigrid": by_multigrid(n)}
    methods |= {"RKC": sl.RKC()} if small else {}
    return {name: functools.partial(solve, problem, method) for name, method in methods.items()}


def solve(problem, method, rtol):
    """Our solution at the end, from the start to the switch and on from there."""
    u = problem.u0
    for span in halves(problem.tspan):
        piece, to = problem.replace(tspan=span, u0=u), {"saveat": [span[1]], "dense": False}
        u = sl.solve(piece, method, rtol=rtol, atol=1e-3 * rtol, backend="numba", **to).u[-1]
    return u


def halves(tspan):
    """The two smooth parts of the time interval."""
    return (tspan[0], np.nextafter(SWITCH, 0.0)), (SWITCH, tspan[1])


class TooLong(Exception):
    """A peer has spent its time."""


def cvode(n) -> dict:
    """CVODE's BDF with its two solvers for large systems: ``solve(rtol, limit=None)``."""
    package, problem = peers.load("sksundae.cvode"), sl.zoo.brusselator_2d(n)()
    f = loops(problem, n)
    solvers = {
        "gmres": {"linsolver": "gmres", "krylov_dim": 20},
        "sparse": {"linsolver": "sparse", "sparsity": pattern(n)},
    }

    def solve(solver, rtol, limit=np.inf):
        u, began = problem.u0, time.perf_counter()
        for start, end in halves(problem.tspan):
            run = package.CVODE(f, rtol=rtol, atol=1e-3 * rtol, max_num_steps=10**6, **solver)
            run.init_step(start, u)
            for t in np.linspace(start, end, 2 if limit == np.inf else 200)[1:]:
                u = run.step(t).y
                if time.perf_counter() - began > limit:
                    raise TooLong(f"{t:.3g} of {problem.tspan[1]:g}")
        return u

    return {name: functools.partial(solve, solvers[key]) for name, key in CVODE.items()}


def loops(problem, n):
    """The right-hand side as Numba likes it: ``f(t, u, du)``."""
    numba = peers.load("numba")
    a, b, alpha = (float(x) for x in problem.p)
    disc, rate, m = problem.f.disc, alpha * (n - 1) ** 2, n * n

    @numba.njit(error_model="numpy", fastmath={"contract"})
    def f(t, u, du):
        force = 5.0 if t >= SWITCH else 0.0
        for i in range(n):
            up, down, row = (i - 1) % n * n, (i + 1) % n * n, i * n
            for j in range(n):
                left, right = j - 1 if j > 0 else n - 1, j + 1 if j < n - 1 else 0
                k, x, y = row + j, u[row + j], u[m + row + j]
                x_near = u[up + j] + u[down + j] + u[row + left] + u[row + right]
                y_near = u[m + up + j] + u[m + down + j] + u[m + row + left] + u[m + row + right]
                x2y = x * x * y
                source = b + x2y - (a + 1.0) * x + force * disc[i, j]
                du[k] = source + rate * (x_near - 4.0 * x)
                du[m + k] = a * x - x2y + rate * (y_near - 4.0 * y)

    f(0.0, problem.u0, np.empty_like(problem.u0))
    return f


def pattern(n):
    """Where the Jacobian may be nonzero."""
    sparse = peers.load("scipy.sparse")
    line = sparse.diags([1.0] * 5, offsets=[-1, 0, 1, n - 1, 1 - n], shape=(n, n))
    point, one = sparse.identity(n * n), sparse.identity(n)
    diffusion = sparse.kron(line, one) + sparse.kron(one, line)
    return sparse.bmat([[diffusion, point], [point, diffusion]]).tocsc()


def small(sides, error_of, rounds) -> list:
    """Time all sides at several tolerances, in turns."""
    points = []
    for rtol in 10.0 ** -np.arange(3.0, 7.01, 1.0):
        calls = {side: functools.partial(call, rtol) for side, call in sides.items()}
        errors = {side: error_of(call()) for side, call in calls.items()}
        best = dict.fromkeys(calls, np.inf)
        for _ in range(rounds):
            for side, call in calls.items():
                best[side] = min(best[side], seconds(call)[0])
        points += [point(SMALL, side, rtol, errors[side], best[side]) for side in sides]
    return points


def large(sides) -> list:
    """Each side once; against FBDF at a tolerance that is 1,000 times finer."""
    n = LARGE
    problem, grids = sl.zoo.brusselator_2d(n)(), by_multigrid(n).linear_solver
    exact = solve(problem, sl.FBDF(linear_solver=grids), 1e-3 * AT_LARGE)
    points = []
    for side, call in sides.items():
        if side not in CVODE:
            call(0.1)  # compiles f
        for rtol in (AT_LARGE,) if side in CVODE else (1e-3, 1e-4, 1e-5):
            more = {"limit": LIMIT} if side in CVODE else {}
            error, stopped, began = np.nan, "", time.perf_counter()
            try:
                error = np.max(np.abs(call(rtol, **more) / exact - 1.0))
            except TooLong as reached:
                stopped = str(reached)
            taken = time.perf_counter() - began
            points.append(point(n, side, rtol, error, taken, stopped))
            print(f"  {side}, rtol = {rtol:g}: {results.duration(taken)}", flush=True)
    return points


def point(n, side, rtol, error, taken, stopped="") -> dict:
    """One point of a curve."""
    return {"problem": n, "side": side, "rtol": float(rtol), "error": float(error),
            "best": taken, "stopped": stopped}  # fmt: skip


def seconds(call):
    """How long a call takes, and what it returns."""
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def grown(n) -> dict:
    """Our time with GMRES and multigrid on a grid of n x n points."""
    problem, method = sl.zoo.brusselator_2d(n)(), by_multigrid(n)
    solve(problem.replace(tspan=(0.0, 1.2)), method, 0.1)  # compiles f
    taken = min(seconds(functools.partial(solve, problem, method, AT_LARGE))[0]
                for _ in range(3 if n <= 64 else 1))  # fmt: skip
    return {"unknowns": 2 * n * n, "seconds": taken}


def exponent(growth) -> float:
    """The q of ``time ~ N^q``, by a line through all points."""
    N, taken = (np.log([row[key] for row in growth]) for key in ("unknowns", "seconds"))
    return float(np.polyfit(N, taken, 1)[0])


def compare(points) -> list:
    """Our time over CVODE's, at each error that it reaches."""
    rows, our_sides = [], {q["side"] for q in points} - set(CVODE)
    for q in points:
        if q["side"] in CVODE:
            curves = [c for side in our_sides if len(c := curve(points, q["problem"], side))]
            error = q["error"]
            if q["stopped"]:  # our most accurate solution is accurate enough
                error = max(c[:, 0].min() for c in curves)
            us = fastest(curves, error)
            rows.append(
                {
                    "problem": q["problem"],
                    "side": q["side"],
                    "error": error,
                    "ours": us,
                    "theirs": q["best"],
                    "stopped": q["stopped"],
                    "ratio": us / q["best"],
                }
            )
    return [row for row in rows if np.isfinite(row["ratio"])]


def verdicts(rows, growth) -> list:
    """The lines of the summary."""
    found = []
    for n in (SMALL, LARGE):
        for side in CVODE:
            ratios = [r["ratio"] for r in rows if (r["problem"], r["side"]) == (n, side)]
            if ratios:
                found.append(results.Verdict(
                    f"2-D Brusselator, {2 * n * n} equations, at equal error, `sl.solve`",
                    f"scikit-sundae {side}", geometric_mean(ratios), min(ratios), max(ratios), AIM,
                ))  # fmt: skip
    q = exponent(growth)
    what = f"2-D Brusselator, {growth[0]['unknowns']} to {growth[-1]['unknowns']} equations, "
    what += "GMRES and multigrid: q of time ~ N^q"
    return [*found, results.Verdict(what, "", q, q, q, EXPONENT)]


def report(points, growth, absent) -> None:
    """Write the page and the numbers."""
    rows = compare(points)
    equal = [
        [row["problem"], row["side"], f"{row['error']:.1e}", results.duration(row["ours"]),
         results.duration(row["theirs"]) + (f" (t = {row['stopped']})" if row["stopped"] else ""),
         results.amount(row["ratio"], "")]
        for row in rows
    ]  # fmt: skip
    each = [
        [q["problem"], q["side"], f"{q['rtol']:.0e}",
         "stopped" if q["stopped"] else f"{q['error']:.1e}", results.duration(q["best"])]
        for q in points
    ]  # fmt: skip
    grows = [[row["unknowns"], results.duration(row["seconds"])] for row in growth]
    results.write(
        "grid_2d",
        title="A stiff equation on a square",
        about=results.about(__doc__) + f" On the large grid CVODE runs at rtol = {AT_LARGE:g} "
        f"only, and is stopped after {LIMIT:g} s: then the ratio is an upper bound. "
        "Its errors are those against FBDF at a tolerance 1,000 times finer.",
        environment=machine.environment(),
        verdicts=verdicts(rows, growth),
        tables=[
            ("At equal error", ["side", "against", "error", "ours", "theirs", "ours / theirs"],
             equal),
            ("At equal tolerance", ["side", "solver", "rtol", "error", "best"], each),
            ("Growth with the number of equations", ["equations", "QNDF, multigrid"], grows),
        ],
        absent=absent,
        data={"points": points, "growth": growth},
    )  # fmt: skip


if __name__ == "__main__":
    main()
