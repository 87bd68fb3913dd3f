"""Ten thousand Lorenz trajectories, t = 0 to 1, each with its own steps, on all cores.

    python benchmarks/ensembles.py [--quick] [--count 10000]

The trajectories start at random around the zoo's initial state and have random parameters. Ours is
`sl.Ensemble` on threads; numbalsoda runs inside a Numba `prange`; diffrax is vmapped and jitted.
Times are compared at equal error (root mean square of the relative errors of the end states of 500
trajectories).

Writes benchmarks/results/ensembles.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import equations, machine, peers, results
from harness.timing import geometric_mean, paired, time_at

import sciml_lab as sl

TSPAN = (0.0, 1.0)
CHECKED = 500
RIVALS = (
    ("numbalsoda DOP853 in a Numba prange", "numbalsoda dop853, prange", 0.6),
    ("diffrax Tsit5, vmapped and jitted", "diffrax Tsit5, vmap", 0.1),
)


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer tolerances and rounds")
    parser.add_argument("--count", type=int, default=10_000, help="trajectories")
    options = parser.parse_args()
    threads = machine.limit_threads(None)
    u0, p = draws(options.count)
    exact = reference(u0[:, :CHECKED], p[:, :CHECKED])
    sides, absent = peers.gather([ours, numbalsoda, diffrax], u0, p)
    firsts = {side: peers.first_call(run, 1e-6)[1] for side, run in sides.items()}
    points = []
    rtols = (1e-5, 1e-7) if options.quick else (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
    for rtol in rtols:
        calls = {side: functools.partial(run, rtol) for side, run in sides.items()}
        timings = paired(calls, seconds=0.0, rounds=3 if options.quick else 7, slow=0.2)
        for side, run in calls.items():
            points.append({"side": side, "rtol": rtol, "error": error(run(), exact),
                           "best": timings[side].best, "median": timings[side].median})  # fmt: skip
    report(points, firsts, absent, threads, options.count)


def draws(count):
    """Initial states (3, count) and parameters (3, count)."""
    rng = np.random.default_rng(0)
    entry = sl.zoo.lorenz
    u0 = np.asarray(entry.u0, dtype=float)[:, None] + rng.normal(0.0, 1.0, (3, count))
    return u0, entry.p[:, None] * rng.uniform(0.9, 1.1, (3, count))


def reference(u0, p) -> np.ndarray:
    """End states at tight tolerance, one column a trajectory."""
    problem = sl.ODEProblem(sl.zoo.lorenz.f, u0, TSPAN, p, batch=True)
    return sl.solve(problem, sl.Vern9(), rtol=1e-12, atol=1e-12, dense=False).u[-1]


def error(u, exact) -> float:
    """Root mean square over the trajectories of the error's norm over the state's."""
    off = np.linalg.norm(np.asarray(u)[:, :CHECKED] - exact, axis=0)
    return float(np.sqrt(np.mean((off / np.linalg.norm(exact, axis=0)) ** 2)))


def numbalsoda(u0, p) -> dict:
    """LSODA and DOP853 in C, called in parallel from compiled code; states as rows."""
    numba, package = peers.load("numba"), peers.load("numbalsoda")
    address = equations.numbalsoda_rhs("lorenz")
    starts, parameters = np.ascontiguousarray(u0.T), np.ascontiguousarray(p.T)
    times = np.array(TSPAN)

    def side(solver):
        @numba.njit(parallel=True)
        def run(starts, parameters, rtol):
            ends = np.empty_like(starts)
            for i in numba.prange(len(starts)):
                u, _ = solver(address, starts[i], times, parameters[i], rtol, rtol, 10**6)
                ends[i] = u[-1]
            return ends

        return lambda rtol: run(starts, parameters, rtol).T

    return {f"numbalsoda {s}, prange": side(getattr(package, s)) for s in ("dop853", "lsoda")}


def diffrax(u0, p) -> dict:
    """One compiled program for all trajectories."""
    (jax, jnp), package = peers.jax_modules(), peers.load("diffrax")
    term = package.ODETerm(equations.jax_rhs("lorenz"))
    starts, parameters = jnp.array(u0.T), jnp.array(p.T)

    @jax.jit
    def run(starts, parameters, rtol):
        def one(u, q):
            return package.diffeqsolve(
                term, package.Tsit5(), *TSPAN, None, u, q, max_steps=100_000,
                stepsize_controller=package.PIDController(rtol=rtol, atol=rtol),
            ).ys[-1]  # fmt: skip

        return jax.vmap(one)(starts, parameters)

    return {
        "diffrax Tsit5, vmap": lambda rtol: (
            np.asarray(run(starts, parameters, rtol).block_until_ready()).T
        )
    }


def ours(u0, p) -> dict:
    """Our ensemble on threads."""
    peers.load("numba")
    problem = sl.ODEProblem(sl.zoo.lorenz.f, u0[:, 0], TSPAN, p[:, 0])
    ensemble = sl.Ensemble(problem, u0=u0, p=p)

    def side(method):
        def run(rtol):
            return ensemble.solve(
                method, rtol=rtol, atol=rtol, saveat=[TSPAN[1]], backend="numba",
                executor="threads",
            ).u[-1]  # fmt: skip

        return run

    return {f"sciml_lab {m.name}": side(m) for m in (sl.Tsit5(), sl.Vern7(), sl.Vern9())}


def report(points, firsts, absent, threads, count) -> None:
    """Write the page and the numbers."""
    mine = sorted({q["side"] for q in points if q["side"].startswith("sciml_lab")})
    verdicts = []
    for rival, side, aim in RIVALS:
        ratios = []
        for q in points:
            if q["side"] == side:
                best = [time_at(q["error"], *_curve(points, us)) for us in mine]
                ratios.append(min(best, default=float("nan")) / q["best"])
        ratios = [r for r in ratios if np.isfinite(r)]
        if ratios:
            verdicts.append(results.Verdict(
                f"{count} Lorenz trajectories at equal error, {threads} cores", rival,
                geometric_mean(ratios), min(ratios), max(ratios), aim))  # fmt: skip
    rows = [
        [q["side"], f"{q['rtol']:.0e}", f"{q['error']:.1e}", results.duration(q["best"]),
         results.duration(q["median"]), f"{count / q['best']:.2g}"]
        for q in points
    ]  # fmt: skip
    first = [[side, results.duration(seconds)] for side, seconds in firsts.items()]
    results.write(
        "ensembles",
        title="Ensembles",
        about=results.about(__doc__) + " A range is the best and the worst of the tolerances.",
        environment=machine.environment(threads),
        verdicts=verdicts,
        tables=[
            ("All runs", ["side", "rtol", "error", "best", "median", "a second"], rows),
            ("First call", ["side", "seconds"], first),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip


def _curve(points, side):
    """Errors and times of one side."""
    chosen = [(q["error"], q["best"]) for q in points if q["side"] == side]
    return [e for e, _ in chosen], [t for _, t in chosen]


if __name__ == "__main__":
    main()
