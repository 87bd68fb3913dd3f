"""The measuring kit: does a method have the order that it claims, and what does accuracy cost?

With this module one can: measure orders (`convergence`), draw work-precision diagrams of any
methods on any problems (`work_precision`), and see side by side what methods spend on one problem
(`compare`). All return data that print as a table; ``.plot()`` draws them.

Errors are measured at the end of the time interval against a reference: the zoo's own, one that is
given, or a solve at tight tolerance by two different methods, whose distance says how far the
reference can be trusted.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sciml_lab.problems import DAEProblem, Problem
from sciml_lab.solvers.explicit import Vern9
from sciml_lab.solvers.fbdf import FBDF
from sciml_lab.solvers.radau import RadauIIA5
from sciml_lab.solvers.rosenbrock import Rodas5P
from sciml_lab.solvers.solve import solve

COSTS = {
    "seconds": "seconds",
    "nf": "evaluations of f",
    "nsteps": "steps",
    "njac": "Jacobians",
    "nlu": "factorisations",
}


@dataclass(frozen=True)
class Reference:
    """A trusted state at the end, and how far to trust it.

    Attributes
    ----------
    u : ndarray
        The state.
    accuracy : float
        Estimated error of u, in the norm of `error`.
    how : str
        Where it comes from.

    Examples
    --------
    >>> Reference(np.array([2.0, 0.0]), 0.0, "by hand").error(np.array([2.0, 0.2])) > 0.09
    True
    """

    u: Any
    accuracy: float
    how: str

    def error(self, u) -> float:
        """Relative error in the norm ``|u - ref|/|ref|``, root mean square over the components.

        Every component is measured by its own size, at least a thousandth of the largest one.
        """
        ref, u = np.ravel(self.u), np.ravel(u)
        scale = np.maximum(np.abs(ref), 1e-3 * (np.max(np.abs(ref)) or 1.0))
        return float(np.sqrt(np.mean(np.abs((u - ref) / scale) ** 2)))


def reference(problem, u=None) -> Reference:
    """Return a reference for the state at the end of a problem.

    Parameters
    ----------
    problem : Problem
    u : array, optional
        The state, if it is known.

    Returns
    -------
    Reference
        Without `u`: of a solve at rtol = 1e-12, by Vern9 if that reaches the end in 200,000
        steps and by RadauIIA5 if not; its distance from another solve is its accuracy.

    Raises
    ------
    ValueError
        If no solve at tight tolerance reaches the end.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> ref = reference(sl.zoo.lotka_volterra())
    >>> ref.accuracy < 1e-9
    True
    """
    if u is not None:
        return Reference(np.asarray(u), 0.0, "given")
    pairs = [(Vern9(), Vern9()), (RadauIIA5(), Rodas5P())]
    pairs = [(FBDF(), FBDF())] if isinstance(problem, DAEProblem) else pairs
    pairs = pairs[1:] if problem.mass_matrix is not None else pairs
    message = ""
    for fine, coarse in pairs:
        limit = 200_000 if fine is pairs[0][0] and len(pairs) > 1 else 1_000_000
        sols = [
            solve(problem, method, rtol=rtol, atol=1e-2 * rtol, dense=False, max_steps=limit)
            for method, rtol in ((fine, 1e-12), (coarse, 1e-11))
        ]
        message = sols[0].message
        if all(sol.success for sol in sols):
            found = Reference(sols[0].u[-1], 0.0, f"{fine.name} at rtol = 1e-12")
            return replace(found, accuracy=found.error(sols[1].u[-1]))
    raise ValueError(
        "no solve at rtol = 1e-12 reached the end, so there is nothing to measure errors by: give "
        f"reference=..., a trusted final state ({message})."
    )


def _problem_and_reference(problem, given):
    """Accept problems and models of the zoo, which know their own reference."""
    if isinstance(problem, Problem):
        return problem, reference(problem, given)
    if callable(problem) and hasattr(problem, "reference"):
        entry, problem = problem, problem()
        if given is None and entry.reference is not None:
            return problem, Reference(entry.reference.u, entry.reference.accuracy, "the zoo")
        return problem, reference(problem, given)
    raise TypeError(
        f"problem must be a problem or a model of the zoo (got {type(problem).__name__}): write "
        "for example sl.zoo.lotka_volterra."
    )


# Orders --------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Convergence:
    """Errors of fixed-step solves, and the order that they show.

    Attributes
    ----------
    dts : ndarray
        Step sizes, falling.
    errors : dict
        For every method (by name) its errors.
    orders : dict
        Slope of log(error) against log(dt) by regression, over the steps where the error lies
        between the reference's accuracy and a tenth.
    claimed : dict
        The order that each method states.
    reference : Reference
    """

    dts: Any
    errors: dict
    orders: dict
    claimed: dict
    reference: Reference

    def plot(self):
        """Draw errors against step sizes; returns a Matplotlib figure."""
        from sciml_lab import plot

        return plot.convergence(self.dts, self.errors)

    def __str__(self) -> str:
        lines = [f"{'method':<18} {'claimed':>7} {'measured':>8}   errors"]
        for name, errors in self.errors.items():
            shown = " ".join(f"{e:.1e}" for e in errors)
            lines.append(f"{name:<18} {self.claimed[name]:>7} {self.orders[name]:>8.2f}   {shown}")
        return "\n".join(lines)

    __repr__ = __str__


def convergence(problem, methods, dts, *, reference=None) -> Convergence:
    """Measure the order of methods by halving (or otherwise shrinking) a fixed step.

    Parameters
    ----------
    problem : Problem or model of the zoo
    methods : Method or list of Method
    dts : sequence of float
        At least three step sizes.
    reference : array, optional
        A trusted final state.

    Returns
    -------
    Convergence

    Raises
    ------
    TypeError, ValueError
        For a problem, a method or step sizes that can't be right.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> decay = sl.ODEProblem(lambda u, p, t: -u, [1.0], (0.0, 1.0))
    >>> exact, dts = [np.exp(-1)], [1 / 8, 1 / 12, 1 / 16]
    >>> table = convergence(decay, [sl.Heun(), sl.RK4()], dts, reference=exact)
    >>> [round(order) for order in table.orders.values()]
    [2, 4]
    """
    dts = np.sort(np.asarray(dts, dtype=float))[::-1]
    if dts.ndim != 1 or dts.size < 3 or not np.all(dts > 0):
        raise ValueError("dts must be a list of at least three positive step sizes.")
    problem, ref = _problem_and_reference(problem, reference)
    errors, orders, claimed = {}, {}, {}
    for method in _listed(methods):
        sols = [solve(problem, method, dt=dt, adaptive=False, dense=False) for dt in dts]
        found = [ref.error(sol.u[-1]) if sol.success else np.nan for sol in sols]
        errors[method.name], claimed[method.name] = np.array(found), method.order
        orders[method.name] = _slope(dts, errors[method.name], ref.accuracy)
    return Convergence(dts, errors, orders, claimed, ref)


def _slope(h, errors, accuracy):
    """Slope by regression, where the error is above rounding and small enough to mean something."""
    with np.errstate(invalid="ignore"):
        good = (errors > max(1e-13, 10 * accuracy)) & (errors < 0.1)
    if good.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log(h[good]), np.log(errors[good]), 1)[0])


def _listed(methods):
    return list(methods) if isinstance(methods, list | tuple) else [methods]


# Cost ----------------------------------------------------------------------------------------


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
        problem, ref = _problem_and_reference(problem, reference)
        references[name] = ref
        for method in _listed(methods):
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
    problems = _listed(problems)
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
