"""What does accuracy cost? Work-precision diagrams, and comparisons of what methods spend."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sciml_lab.measure.references import listed, problem_and_reference
from sciml_lab.solvers.solve import solve

COSTS = {
    "seconds": "seconds",
    "nf": "evaluations of f",
    "nsteps": "steps",
    "njac": "Jacobians",
    "nlu": "factorisations",
}


@dataclass(frozen=True)
class Point:
    """One solve of a work-precision diagram.

    Attributes
    ----------
    problem, method : str
        Names.
    rtol : float
        Tolerance asked for.
    error : float
        Error reached (NaN if the solve failed).
    stats : Stats
        The cost counter, with the least `seconds` of the repetitions.
    message : str
        How the solve ended.
    """

    problem: str
    method: str
    rtol: float
    error: float
    stats: Any
    message: str

    def cost(self, kind):
        """One of the counters, or the seconds."""
        return getattr(self.stats, kind)


@dataclass(frozen=True, repr=False)
class WorkPrecision:
    """Points of a work-precision diagram.

    Attributes
    ----------
    points : list of Point
    references : dict of Reference
        For each problem by name.
    cost : str
        What the plot and the table show: "seconds", "nf", "nsteps", "njac" or "nlu".
    """

    points: list
    references: dict = field(default_factory=dict)
    cost: str = "seconds"

    def curves(self, problem=None) -> dict:
        """For each method the arrays (errors, costs), of one problem (the first without it)."""
        problem = self.points[0].problem if problem is None else problem
        mine = [p for p in self.points if p.problem == problem and np.isfinite(p.error)]
        return {
            name: (
                np.array([p.error for p in mine if p.method == name]),
                np.array([p.cost(self.cost) for p in mine if p.method == name]),
            )
            for name in dict.fromkeys(p.method for p in mine)
        }

    def at_error(self, error, problem=None) -> dict:
        """Cost of each method at one error, by interpolation between its points; NaN outside."""
        costs = {}
        for name, (errors, cost) in self.curves(problem).items():
            order = np.argsort(errors)
            x, y = np.log(errors[order]), np.log(np.maximum(cost[order], 1e-300))
            inside = len(x) > 1 and x[0] <= np.log(error) <= x[-1]
            costs[name] = float(np.exp(np.interp(np.log(error), x, y))) if inside else np.nan
        return costs

    def plot(self):
        """Draw cost against error for every problem; returns a Matplotlib figure."""
        from sciml_lab import plot

        return plot.work_precision(self)

    def __str__(self) -> str:
        lines = [f"{'problem':<16} {'method':<16} {'rtol':>7} {'error':>8} {self.cost:>9}"]
        for p in self.points:
            cost = p.cost(self.cost)
            shown = f"{cost:.2e}" if self.cost == "seconds" else f"{cost}"
            lines.append(
                f"{p.problem:<16} {p.method:<16} {p.rtol:>7.0e} {p.error:>8.1e} {shown:>9}"
                + ("" if np.isfinite(p.error) else f"  {p.message}")
            )
        return "\n".join(lines)

    __repr__ = __str__


def work_precision(
    problems, methods, rtols=(1e-4, 1e-6, 1e-8, 1e-10), *, atol=1e-2, cost="seconds", repeats=3,
    reference=None, backend="numpy", max_steps=200_000,
) -> WorkPrecision:  # fmt: skip
    """Solve problems by methods at tolerances, and keep error and cost of each.

    Parameters
    ----------
    problems : Problem, model of the zoo, or a list or dict (by name) of them
    methods : Method or list of Method
    rtols : sequence of float
        Relative tolerances.
    atol : float
        Absolute tolerance as a multiple of the relative one.
    cost : str
        What the table and the plot show.
    repeats : int
        Solves of each kind; the shortest time counts.
    reference : array, optional
        A trusted final state, for a single problem.
    backend, max_steps
        As in `solve`.

    Returns
    -------
    WorkPrecision
        A method that fails on a problem has NaN there, with its message.

    Raises
    ------
    TypeError, ValueError
        For arguments that can't be right.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> wp = work_precision(sl.zoo.lotka_volterra, [sl.BS3(), sl.DP5()], [1e-4, 1e-6], cost="nf")
    >>> costs = wp.at_error(3e-5)
    >>> costs["DP5"] < costs["BS3"]
    True
    """
    if cost not in COSTS:
        raise ValueError(f"cost must be one of {', '.join(COSTS)} (got {cost!r}).")
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
        raise ValueError(f"repeats must be a positive whole number (got {repeats!r}).")
    named = _named(problems)
    if reference is not None and len(named) > 1:
        raise ValueError("reference belongs to one problem, and several were given.")
    points, references = [], {}
    for name, problem in named.items():
        problem, ref = problem_and_reference(problem, reference)
        references[name] = ref
        for method in listed(methods):
            for rtol in rtols:
                options = {"rtol": rtol, "atol": atol * rtol, "backend": backend}
                sol, seconds = _timed(problem, method, repeats, max_steps, options)
                error = ref.error(sol.u[-1]) if sol.success else np.nan
                stats = replace(sol.stats, seconds=seconds)
                points.append(Point(name, method.name, float(rtol), error, stats, sol.message))
    return WorkPrecision(points, references, cost)


def _timed(problem, method, repeats, max_steps, options):
    """A solve, and the shortest time of some."""
    best, sol = np.inf, None
    for _ in range(repeats):
        began = time.perf_counter()
        sol = solve(problem, method, saveat=problem.tspan[1:], dense=False, max_steps=max_steps,
                    **options)  # fmt: skip
        best = min(best, time.perf_counter() - began)
        if not sol.success:
            break
    return sol, best


def _named(problems):
    if isinstance(problems, dict):
        return problems
    problems = listed(problems)
    names = [getattr(x, "name", getattr(getattr(x, "f", x), "__name__", "problem"))
             for x in problems]  # fmt: skip
    return {
        (n if names.count(n) == 1 else f"{n} {i + 1}"): x
        for i, (n, x) in enumerate(zip(names, problems, strict=True))
    }


def compare(problem, methods, rtol=1e-6, *, atol=None, reference=None, backend="numpy") -> str:
    """Table of what methods spend on one problem at one tolerance, the quickest first.

    Parameters
    ----------
    problem : Problem or model of the zoo
    methods : list of Method
    rtol, atol : float
        Tolerances; atol is a hundredth of rtol without a value.
    reference : array, optional
        A trusted final state.
    backend : str
        As in `solve`.

    Returns
    -------
    str

    Examples
    --------
    >>> import sciml_lab as sl
    >>> print(compare(sl.zoo.lotka_volterra, [sl.Tsit5()]).splitlines()[0].split()[:3])
    ['method', 'error', 'seconds']
    """
    ratio = 1e-2 if atol is None else atol / rtol
    wp = work_precision(
        {"": problem}, methods, [rtol], atol=ratio, reference=reference, backend=backend
    )
    lines = [f"{'method':<16} {'error':>8} {'seconds':>8} " + " ".join(
        f"{c:>7}" for c in ("nf", "steps", "reject", "njac", "nlu", "newton"))]  # fmt: skip
    for p in sorted(wp.points, key=lambda p: (not np.isfinite(p.error), p.stats.seconds)):
        s = p.stats
        counts = (s.nf, s.naccept, s.nreject, s.njac, s.nlu, s.nnewton)
        lines.append(
            f"{p.method:<16} {p.error:>8.1e} {s.seconds:>8.2g} "
            + " ".join(f"{c:>7}" for c in counts)
            + ("" if np.isfinite(p.error) else f"  {p.message}")
        )
    return "\n".join(lines)
