"""Our readable solvers beside SciPy's: the same method, problem and tolerances, nothing compiled.

    python benchmarks/solvers.py [--quick] [--runs 5] [--problems lorenz ...]

Each pair runs in turns, so that a busy machine slows both alike; the time is the best of the runs,
the error that of the last state against a solution at tight tolerance.

Writes benchmarks/results/solvers.md and .json.
"""

import argparse
import time

import numpy as np
from harness import machine, results
from harness.timing import geometric_mean
from scipy.integrate import solve_ivp

import sciml_lab as sl

PAIRS = {"BS3": "RK23", "DP5": "RK45", "DOP853": "DOP853"}
PROBLEMS = ("lotka_volterra", "lorenz", "arenstorf", "pleiades")
TOLERANCES = (1e-4, 1e-6, 1e-8)
HEADER = ["problem", "method", "rtol", "ours, ms", "SciPy, ms", "SciPy / ours",
          "calls of f, ours", "SciPy", "error, ours", "SciPy"]  # fmt: skip


def main() -> None:
    """Time every pair on every problem and tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument("--problems", nargs="*", default=PROBLEMS)
    options = parser.parse_args()
    machine.limit_threads(1)
    ratios, rows = [], []
    for name in options.problems:
        problem = problem_of(name)
        exact = sl.solve(problem, sl.Vern9(), rtol=1e-13, atol=1e-13, dense=False).u[-1]
        for ours, theirs in PAIRS.items():
            for rtol in TOLERANCES:
                row = compare(problem, ours, theirs, rtol, 1 if options.quick else options.runs)
                ratios.append(row["theirs"] / row["ours"])
                errors = [np.abs(row[key] - exact).max() for key in ("u_ours", "u_theirs")]
                rows.append([
                    name, ours, f"{rtol:.0e}", f"{1e3 * row['ours']:.2f}",
                    f"{1e3 * row['theirs']:.2f}", f"{ratios[-1]:.2f}", row["nf_ours"],
                    row["nf_theirs"], f"{errors[0]:.1e}", f"{errors[1]:.1e}",
                ])  # fmt: skip
    low, high = min(ratios), max(ratios)
    sentence = (
        f"SciPy's time is {geometric_mean(ratios):.2f} times ours (geometric mean of "
        f"{len(ratios)} pairs, {low:.2f} to {high:.2f})."
    )
    results.write(
        "solvers",
        title="Our readable solvers beside SciPy's",
        about=f"{results.about(__doc__)}\n\n{sentence}",
        environment=machine.environment(),
        verdicts=[],
        tables=[("All pairs", HEADER, rows)],
    )


def problem_of(name):
    """A problem of the zoo; Lorenz stops before its chaos has swallowed the digits."""
    return sl.zoo.get(name)(tspan=(0.0, 10.0)) if name == "lorenz" else sl.zoo.get(name)()


def compare(problem, ours, theirs, rtol, runs) -> dict:
    """Time both sides in turns; the best time, the last state and the calls of f of each."""
    method = getattr(sl, ours)()
    p = problem.p

    def run_ours():
        sol = sl.solve(problem, method, rtol=rtol, atol=rtol, dense=False, saveat=problem.tspan[1:])
        return sol.u[-1], sol.stats.nf

    def run_theirs():
        sol = solve_ivp(
            lambda t, u: problem.f(u, p, t), problem.tspan, problem.u0,
            method=theirs, rtol=rtol, atol=rtol, t_eval=problem.tspan[1:],
        )  # fmt: skip
        return sol.y[:, -1], sol.nfev

    best = {"ours": np.inf, "theirs": np.inf}
    for _ in range(runs):
        for side, run in (("ours", run_ours), ("theirs", run_theirs)):
            began = time.perf_counter()
            u, nf = run()
            best[side] = min(best[side], time.perf_counter() - began)
            best |= {f"u_{side}": u, f"nf_{side}": nf}
    return best


if __name__ == "__main__":
    main()
