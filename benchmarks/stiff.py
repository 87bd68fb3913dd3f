"""Stiff equations: how long does each solver take to reach an error?

    python benchmarks/stiff.py [--quick] [--problems rober ...]

ROBER, HIRES, the Oregonator, POLLU and Van der Pol's oscillator with mu = 1000. Every solver runs
at tolerances from 1e-2 to 1e-10, all solvers of a tolerance in turns, and the times are compared at
equal *error*. Every peer gets a right-hand side that Numba (or XLA) has compiled, and where it
takes one, with its Jacobian.

Writes benchmarks/results/stiff.md and .json.
"""

import argparse
import functools
import itertools

import numpy as np
from harness import machine, peers, results, scalars
from harness.curves import compare as equal
from harness.curves import measure, table_of
from harness.timing import geometric_mean

import sciml_lab as sl

#: Name in the zoo, title, and the absolute tolerance over the relative one.
PROBLEMS = {
    "rober": ("ROBER", 1e-10),
    "hires": ("HIRES", 1e-4),
    "oregonator": ("Oregonator", 1e-4),
    "pollu": ("POLLU", 1e-6),
    "van_der_pol_stiff": ("Van der Pol", 1e-2),
}
METHODS = ("Rosenbrock23", "Rodas4", "Rodas5P")
WAYS = {"prepared": "sl.prepare", "solve": "sl.solve"}
CVODE = ("CVODE, differences", "CVODE, Jacobian")
SCIPY = ("scipy Radau", "scipy BDF")
#: The rivals of the table: name, the sides it may choose from, and the aim for our time over its.
RIVALS = (
    ("numbalsoda LSODA", ("numbalsoda lsoda",), 0.7),
    ("scikit-sundae CVODE", CVODE, 1 / 8),
    ("diffrax Kvaerno5, jitted", ("diffrax Kvaerno5",), 1 / 20),
    ("SciPy's Radau or BDF", SCIPY, 1 / 60),
)
SLOW = {  # not beyond these tolerances
    "diffrax Kvaerno5": 1e-9, **dict.fromkeys(SCIPY, 1e-9),
    **{f"Rosenbrock23, {way}": 5e-7 for way in WAYS},
}  # fmt: skip


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer tolerances and rounds")
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS))
    options = parser.parse_args()
    machine.limit_threads(1)
    step, seconds = (1.0, 0.02) if options.quick else (0.5, 0.2)
    points, firsts, absent = [], {}, []
    for name in options.problems:
        sides, missing = peers.gather([ours, numbalsoda, cvode, diffrax, scipy], name)
        absent += [sentence for sentence in missing if sentence not in absent]
        for side, solve in sides.items():
            firsts[f"{PROBLEMS[name][0]}, {side}"] = peers.first_call(solve, 1e-6)[1]
        for rtol in 10.0 ** -np.arange(2.0, 10.01, step):
            quick = {side: sides[side] for side in sides if rtol > SLOW.get(side, 0.0)}
            error = functools.partial(error_of, name)
            points += measure(name, quick, float(rtol), error, seconds)
        print(f"{PROBLEMS[name][0]}: measured", flush=True)
    report(points, firsts, absent, options.problems)


def tolerances(name, rtol) -> dict:
    """Relative tolerance, and the absolute one that suits the problem."""
    return {"rtol": rtol, "atol": rtol * PROBLEMS[name][1]}


def error_of(name, u) -> float:
    """Root mean square of the errors at the end, relative to the size that atol allows for."""
    exact, floor = sl.zoo.get(name).reference.u, PROBLEMS[name][1]
    if u is None or not np.all(np.isfinite(u)):
        return np.inf
    return float(np.sqrt(np.mean(((np.asarray(u) - exact) / (np.abs(exact) + floor)) ** 2)))


def ours(name) -> dict:
    """Our side: ``solve(rtol) -> last state``, once through `sl.solve` and once prepared."""
    problem = sl.zoo.get(name)()
    options = {"saveat": [problem.tspan[1]], "backend": "numba"}

    def sides_of(method):
        @functools.cache
        def prepared(rtol):
            return sl.prepare(problem, method, **tolerances(name, rtol), **options)

        def solve(rtol):
            sol = sl.solve(problem, method, **tolerances(name, rtol), dense=False, **options)
            return sol.u[-1] if sol.success else None

        return {
            f"{method.name}, solve": solve,
            f"{method.name}, prepared": lambda rtol: prepared(rtol)().u[-1],
        }

    sides = {}
    for method in METHODS:
        sides |= sides_of(getattr(sl, method)())
    return sides


def numbalsoda(name) -> dict:
    """LSODA, compiled, behind Numba; its Jacobian comes from differences."""
    package, problem = peers.load("numbalsoda"), sl.zoo.get(name)()
    address, times = scalars.numbalsoda_rhs(problem), np.array(problem.tspan)

    def solve(rtol):
        tol = tolerances(name, rtol)
        u, success = package.lsoda(
            address, problem.u0, times, problem.p, tol["rtol"], tol["atol"], 10**6
        )
        return u[-1] if success else None

    return {"numbalsoda lsoda": solve}


def cvode(name) -> dict:
    """CVODE's BDF with its dense solver."""
    package, problem = peers.load("sksundae.cvode"), sl.zoo.get(name)()
    f, jac = scalars.sundials_rhs(problem), scalars.sundials_jacobian(problem)
    times = np.array(problem.tspan)

    def side(**more):
        @functools.cache
        def solver(rtol):
            return package.CVODE(f, **tolerances(name, rtol), max_num_steps=10**6, **more)

        return lambda rtol: solver(rtol).solve(times, problem.u0).y[-1]

    return dict(zip(CVODE, (side(), side(jacfn=jac)), strict=True))


def diffrax(name) -> dict:
    """Diffrax's Kvaerno5, jitted once for all tolerances, inputs already on the device."""
    (jax, jnp), package = peers.jax_modules(), peers.load("diffrax")
    problem = sl.zoo.get(name)()
    term = package.ODETerm(scalars.jax_rhs(problem))
    u0, p, (t0, t1) = jnp.array(problem.u0), jnp.array(problem.p), problem.tspan

    @jax.jit
    def solve(u0, p, rtol, atol):
        control = package.PIDController(rtol=rtol, atol=atol)
        return package.diffeqsolve(
            term, package.Kvaerno5(), t0, t1, None, u0, p, stepsize_controller=control,
            max_steps=200_000, throw=False,
        ).ys[-1]  # fmt: skip

    def side(rtol):
        return solve(u0, p, *tolerances(name, rtol).values()).block_until_ready()

    return {"diffrax Kvaerno5": side}


def scipy(name) -> dict:
    """SciPy's solve_ivp with a compiled right-hand side and Jacobian."""
    integrate, problem = peers.load("scipy.integrate"), sl.zoo.get(name)()
    f, jac = scalars.scipy_rhs(problem), scalars.scipy_jacobian(problem)

    def side(method):
        return lambda rtol: integrate.solve_ivp(
            f, problem.tspan, problem.u0, method=method, jac=jac, t_eval=problem.tspan[1:],
            **tolerances(name, rtol),
        ).y[:, -1]  # fmt: skip

    return {f"scipy {method}": side(method) for method in ("Radau", "BDF")}


def compare(points, problems) -> list:
    """Our time over each rival's at equal error.

    The errors compared at are those that the rival reaches at tolerances 1e-4 to 1e-8; where
    several sides make up a rival, or us, the fastest at that error counts.
    """
    return [
        {"way": way, "rival": rival, **row}
        for way, (rival, sides, _), name in itertools.product(WAYS, RIVALS, problems)
        for row in equal(points, name, [f"{method}, {way}" for method in METHODS], sides, 1e-8)
    ]


def judge(rows) -> list:
    """One verdict a rival and way: the geometric mean; as its range the best and the worst."""
    verdicts = []
    for way, (rival, _, aim) in itertools.product(WAYS, RIVALS):
        ratios = [r["ratio"] for r in rows if (r["way"], r["rival"]) == (way, rival)]
        if ratios:
            what = f"Five stiff problems at equal error, `{WAYS[way]}`"
            mean = geometric_mean(ratios)
            verdicts.append(results.Verdict(what, rival, mean, min(ratios), max(ratios), aim))
    return verdicts


def report(points, firsts, absent, problems) -> None:
    """Write the page and the numbers."""
    rows = compare(points, problems)
    means = [
        [rival, f"`{WAYS[way]}`", PROBLEMS[name][0], results.amount(geometric_mean(ratios), ""),
         f"{results.amount(min(ratios), '')} to {results.amount(max(ratios), '')}"]
        for way, (rival, _, _), name in itertools.product(WAYS, RIVALS, problems)
        if (ratios := [r["ratio"] for r in rows
                       if (r["way"], r["rival"], r["problem"]) == (way, rival, name)])
    ]  # fmt: skip
    each = table_of(points, lambda name: PROBLEMS[name][0])
    results.write(
        "stiff",
        title="Stiff equations",
        about=results.about(__doc__) + " An error is the root mean square over the components at "
        "the end, each relative to its reference value plus atol/rtol. A range is the best and the "
        "worst of the errors compared at.",
        environment=machine.environment(),
        verdicts=judge(rows),
        tables=[
            ("At equal error", ["against", "by", "problem", "ours / theirs", "range"], means),
            ("At equal tolerance", ["problem", "solver", "rtol", "error", "best", "median"], each),
            ("First call", ["problem, solver", "seconds"],
             [[side, results.duration(seconds)] for side, seconds in firsts.items()]),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip


if __name__ == "__main__":
    main()
