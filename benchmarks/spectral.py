"""Waves and fronts on a ring by the Fourier method: the linear part exactly or implicitly.

    python benchmarks/spectral.py [--quick]

Kuramoto-Sivashinsky, Allen-Cahn and Burgers on 128 points. ETDRK4 takes the stiff linear part
exactly and KenCarp4 takes it implicitly; RK4 treats all alike, and so do the implicit BDF methods
of ours (QNDF) and of SciPy. RK4 and ETDRK4 solve for the Fourier coefficients by fast transforms,
the others for the values at the points, where the linear part is a matrix. All run in Python, in
turns; they are compared at equal *error*.

Writes benchmarks/results/spectral.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import machine, peers, results
from harness.curves import curve, fastest
from harness.timing import paired

import sciml_lab as sl

TITLES = {
    "kuramoto_sivashinsky": "Kuramoto-Sivashinsky",
    "allen_cahn": "Allen-Cahn",
    "burgers": "Burgers",
}
GOAL = 1e-8  # the error that is asked for
SIDES = ("ETDRK4", "KenCarp4", "QNDF", "RK4", "scipy BDF")
RIVALS = ("RK4", "scipy BDF")


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer settings")
    options = parser.parse_args()
    machine.limit_threads(1)
    points, absent = [], []
    for name, title in TITLES.items():
        makers = [fixed_steps, adaptive, scipy]
        families, missing = peers.gather(makers, name, options.quick)
        absent += [sentence for sentence in missing if sentence not in absent]
        for side, (solve, settings) in families.items():
            points += measure(name, side, solve, settings)
        print(f"{title}: measured", flush=True)
    report(points, absent)


def fixed_steps(name, quick) -> dict:
    """ETDRK4 and RK4 on the Fourier coefficients, by the number of steps."""
    entry = getattr(sl.zoo, name)
    problem = entry.semilinear()
    t0, t1 = problem.tspan

    def side(method):
        def solve(steps):
            sol = sl.solve(problem, method, dt=(t1 - t0) / steps, saveat=[t1], dense=False)
            return np.fft.irfft(sol.u[-1], entry.points) if sol.success else None

        return solve

    stable = 1.05 * (t1 - t0) * np.max(np.abs(problem.L)) / 2.78  # RK4's interval of stability
    factors = 2.0 ** np.arange(0, 4.1, 1.0 if quick else 0.5)
    few = {"kuramoto_sivashinsky": 100, "allen_cahn": 60, "burgers": 30}[name]
    return {
        "ETDRK4": (side(sl.ETDRK4()), [int(few * s) for s in 2 * factors]),
        "RK4": (side(sl.RK4()), [int(max(stable, few) * s) for s in factors]),
    }


def adaptive(name, quick) -> dict:
    """KenCarp4 and QNDF on the values at the points, by the tolerance."""
    problem = getattr(sl.zoo, name).split()

    def side(method):
        def solve(rtol):
            sol = sl.solve(
                problem, method, rtol=rtol, atol=rtol, saveat=problem.tspan[1:], dense=False
            )
            return sol.u[-1] if sol.success else None

        return solve

    return {
        method.name: (side(method), tolerances(quick, finest))
        for method, finest in ((sl.KenCarp4(), 10), (sl.QNDF(), 11))
    }


def scipy(name, quick) -> dict:
    """SciPy's BDF on the values at the points, with the Jacobian."""
    integrate, entry = peers.load("scipy.integrate"), getattr(sl.zoo, name)
    problem = entry.split()
    L, D = entry.matrices()

    def jac(t, u):
        return L - D * u if entry.flux is not None else L + np.diag(1 - 3 * u * u)

    def solve(rtol):
        return integrate.solve_ivp(
            lambda t, u: problem.f(u, problem.p, t), problem.tspan, problem.u0, method="BDF",
            jac=jac, rtol=rtol, atol=rtol, t_eval=problem.tspan[1:],
        ).y[:, -1]  # fmt: skip

    return {"scipy BDF": (solve, tolerances(quick, 11))}


def tolerances(quick, finest) -> list:
    """Relative tolerances from 1e-5 on."""
    return list(10.0 ** -np.arange(5.0, finest + 0.01, 2.0 if quick else 1.0))


def measure(name, side, solve, settings) -> list:
    """Error and time for every setting."""
    reference, points = getattr(sl.zoo, name).reference, []
    for setting in settings:
        u = solve(setting)
        error = np.inf if u is None else reference.error(u)
        if np.isfinite(error):
            timing = paired({side: functools.partial(solve, setting)}, seconds=0.0, rounds=3)[side]
            points.append({"problem": name, "side": side, "setting": setting, "error": error,
                           "best": timing.best, "median": timing.median})  # fmt: skip
    return points


def report(points, absent) -> None:
    """Write the page and the numbers."""
    rows = []
    for name, title in TITLES.items():
        curves = {side: curve(points, name, side) for side in SIDES}
        times = {side: fastest([c], GOAL) for side, c in curves.items()}
        for side in (side for side in SIDES if len(curves[side])):
            over = [results.amount(times[side] / times[rival], "") for rival in RIVALS]
            least = f"{min(curves[side][:, 0]):.1e}"
            rows.append([title, side, least, results.duration(times[side]), *over])
    each = [
        [TITLES[q["problem"]], q["side"], f"{q['setting']:.3g}", f"{q['error']:.1e}",
         results.duration(q["best"])]
        for q in points
    ]  # fmt: skip
    results.write(
        "spectral",
        title="Waves and fronts on a ring",
        about=results.about(__doc__) + " An error is the largest at the points at the end, against "
        "the zoo's reference values.",
        environment=machine.environment(),
        verdicts=[],
        tables=[
            (f"Time to an error of {GOAL:.0e}",
             ["equation", "method", "least error", "time", *(f"over {r}" for r in RIVALS)], rows),
            ("All runs", ["equation", "method", "steps or rtol", "error", "time"], each),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip


if __name__ == "__main__":
    main()
