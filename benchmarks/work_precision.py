"""Work against precision: how long does each solver take to reach an error?

    python benchmarks/work_precision.py [--quick] [--problems lorenz ...]

Every solver runs at tolerances from 1e-3 to 1e-11, all solvers of a tolerance in turns. The times
are compared at equal *error*, not at equal tolerance: by straight lines in the log-log picture.

Writes benchmarks/results/work_precision.md, .json and .png.
"""

import argparse
import functools
import itertools

import numpy as np
from harness import equations, machine, peers, results
from harness.curves import compare as equal
from harness.curves import curve, measure, table_of
from harness.timing import front, geometric_mean

import sciml_lab as sl

METHODS = ("Tsit5", "DP5", "Vern7", "Vern9", "DOP853")
#: How ours is called: with everything settled beforehand, or by the full `sl.solve` each time.
WAYS = {"prepared": "sl.prepare", "solve": "sl.solve"}
#: The rivals of the table: name, the sides it may choose from, and the aim for our time over its.
RIVALS = (
    ("numbalsoda DOP853", ("numbalsoda dop853",), 0.8),
    ("diffrax Tsit5 or Dopri8, jitted", ("diffrax Tsit5", "diffrax Dopri8"), 0.35),
    ("SciPy's solve_ivp", ("scipy RK45", "scipy DOP853", "scipy LSODA"), 1 / 80),
)


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer tolerances and rounds")
    parser.add_argument("--problems", nargs="*", default=equations.NAMES)
    options = parser.parse_args()
    machine.limit_threads(1)
    step = 1.0 if options.quick else 0.5
    seconds = 0.02 if options.quick else 0.25
    rtols = 10.0 ** -np.arange(3.0, 11.01, step)
    points, firsts, absent = [], {}, []
    for name in options.problems:
        sides, missing = peers.gather([ours, numbalsoda, diffrax, scipy], name)
        absent += [sentence for sentence in missing if sentence not in absent]
        for side, solve in sides.items():
            firsts[f"{name}, {side}"] = peers.first_call(solve, 1e-6)[1]
        for rtol in rtols:
            error_of = functools.partial(equations.error_of, name)
            points += measure(name, sides, float(rtol), error_of, seconds)
        print(f"{equations.TITLES[name]}: measured", flush=True)
    report(points, firsts, absent, options.problems)


def ours(name) -> dict:
    """Our side: ``solve(rtol) -> last state``, once through `sl.solve` and once prepared."""
    problem = equations.problem_of(name)
    options = {"saveat": [problem.tspan[1]], "backend": "numba"}

    def sides_of(method):
        @functools.cache
        def prepared(rtol):
            return sl.prepare(problem, method, rtol=rtol, atol=rtol, **options)

        def solve(rtol):
            sol = sl.solve(problem, method, rtol=rtol, atol=rtol, dense=False, **options)
            return sol.u[-1]

        return {
            f"{method.name}, solve": solve,
            f"{method.name}, prepared": lambda rtol: prepared(rtol)().u[-1],
        }

    sides = {}
    for name in METHODS:
        sides |= sides_of(getattr(sl, name)())
    return sides


def numbalsoda(name) -> dict:
    """The C and Fortran solvers behind Numba: LSODA and DOP853."""
    package = peers.load("numbalsoda")
    problem = equations.problem_of(name)
    times = np.array(problem.tspan)

    def side(solver, rhs):
        address = equations.numbalsoda_rhs(rhs)
        return lambda rtol: solver(address, problem.u0, times, problem.p, rtol, rtol, 10**6)[0][-1]

    sides = {f"numbalsoda {s}": side(getattr(package, s), name) for s in ("dop853", "lsoda")}
    if name == "pleiades":
        sides["numbalsoda dop853, f by pairs"] = side(package.dop853, f"{name}, each pair once")
    return sides


def diffrax(name) -> dict:
    """Diffrax, jitted once for all tolerances, inputs already on the device."""
    (jax, jnp), package = peers.jax_modules(), peers.load("diffrax")
    problem = equations.problem_of(name)
    term = package.ODETerm(equations.jax_rhs(name))
    u0, p = jnp.array(problem.u0), jnp.array(problem.p)
    t0, t1 = problem.tspan

    def side(solver):
        @jax.jit
        def solve(u0, p, rtol):
            control = package.PIDController(rtol=rtol, atol=rtol)
            return package.diffeqsolve(
                term, solver, t0, t1, None, u0, p, stepsize_controller=control, max_steps=100_000
            ).ys[-1]  # fmt: skip

        return lambda rtol: solve(u0, p, rtol).block_until_ready()

    return {f"diffrax {s}": side(getattr(package, s)()) for s in ("Tsit5", "Dopri8")}


def scipy(name) -> dict:
    """SciPy's solve_ivp with the zoo's right-hand side."""
    integrate = peers.load("scipy.integrate")
    problem = equations.problem_of(name)
    f, p = problem.f, problem.p

    def side(method):
        return lambda rtol: integrate.solve_ivp(
            lambda t, u: f(u, p, t), problem.tspan, problem.u0, method=method, rtol=rtol,
            atol=rtol, t_eval=problem.tspan[1:],
        ).y[:, -1]  # fmt: skip

    return {f"scipy {method}": side(method) for method in ("RK45", "DOP853", "LSODA")}


def compare(points, problems) -> list:
    """Our time over each rival's at equal error, for each problem and each of the rival's points.

    The errors compared at are those that the rival reaches at tolerances 1e-4 to 1e-10; where
    several sides make up a rival, or us, the fastest at that error counts.
    """
    return [
        {"way": way, "rival": rival, **row}
        for way, (rival, sides, _), name in itertools.product(WAYS, RIVALS, problems)
        for row in equal(points, name, [f"{method}, {way}" for method in METHODS], sides)
    ]


def judge(rows) -> list:
    """One verdict a rival: the geometric mean, and as its range the best and the worst."""
    verdicts = []
    for way, (rival, _, aim) in itertools.product(WAYS, RIVALS):
        ratios = [r["ratio"] for r in rows if (r["way"], r["rival"]) == (way, rival)]
        if ratios:
            what = f"Lotka-Volterra, Lorenz, Pleiades at equal error, `{WAYS[way]}`"
            low, high = min(ratios), max(ratios)
            verdicts.append(results.Verdict(what, rival, geometric_mean(ratios), low, high, aim))
            if "numbalsoda" in rival:
                worst = f"{what}: the worst of {len(ratios)}"
                verdicts.append(results.Verdict(worst, rival, high, high, high, 1.1))
    return verdicts


def report(points, firsts, absent, problems) -> None:
    """Write the page, the numbers and the picture."""
    rows = compare(points, problems)
    pairs = [
        [row["rival"], f"`{WAYS[row['way']]}`", equations.TITLES[row["problem"]],
         f"{row['error']:.1e}",
         results.duration(row["ours"]), results.duration(row["theirs"]),
         results.amount(row["ratio"], "")]
        for row in rows
    ]  # fmt: skip
    each = table_of(points, equations.TITLES.get)
    first = [[side, results.duration(seconds)] for side, seconds in firsts.items()]
    results.write(
        "work_precision",
        title="Work and precision",
        about=results.about(__doc__) + " An error is the largest relative one at the end, "
        "against the zoo's reference values; atol = rtol. A range is the best and the worst of "
        "the errors compared at. A first call includes what is compiled then, in a process that "
        "has already loaded the packages.",
        environment=machine.environment(),
        verdicts=judge(rows),
        tables=[
            ("At equal error",
             ["against", "by", "problem", "error", "ours", "theirs", "ours / theirs"], pairs),
            ("At equal tolerance", ["problem", "solver", "rtol", "error", "best", "median"], each),
            ("First call", ["problem, solver", "seconds"], first),
        ],
        absent=absent,
        data=points,
    )  # fmt: skip
    draw(points, problems)


def draw(points, problems) -> None:
    """The picture: one panel a problem; ours in strong lines, each rival in one colour."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(problems), 4.4), layout="constrained")
    panels = figure.subplots(1, len(problems), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, problems, strict=True):
        for way, style in (("prepared", {"lw": 2.5}), ("solve", {"lw": 1.5, "ls": "--"})):
            x, y = ours_together(points, name, way)
            panel.loglog(x, y, color="black", label=f"sciml_lab, {WAYS[way]}", **style)
        for side, (color, style, mark) in STYLES.items():
            c = curve(points, name, side)
            if len(c):
                x, y = front(c[:, 0], c[:, 1])
                panel.loglog(x, y, color=color, ls=style, marker=mark, ms=4, lw=1.3, label=side)
        panel.set(title=equations.TITLES[name], xlabel="relative error at the end")
        panel.invert_xaxis()
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("seconds per solve, one thread")
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.savefig(results.FOLDER / "work_precision.png", dpi=150)


def ours_together(points, name, way) -> tuple:
    """Front of all our methods together, called in this way: errors and times."""
    together = np.concatenate([curve(points, name, f"{method}, {way}") for method in METHODS])
    return front(together[:, 0], together[:, 1])


#: Okabe and Ito's colours, which the colour-blind tell apart; marks and dashes tell them apart too.
STYLES = {
    "numbalsoda dop853": ("#D55E00", "-", "o"),
    "numbalsoda lsoda": ("#D55E00", "--", "s"),
    "diffrax Tsit5": ("#0072B2", "-", "^"),
    "diffrax Dopri8": ("#0072B2", "--", "v"),
    "scipy RK45": ("#009E73", "--", "D"),
    "scipy DOP853": ("#009E73", "-", "P"),
    "scipy LSODA": ("#009E73", ":", "X"),
}

if __name__ == "__main__":
    main()
