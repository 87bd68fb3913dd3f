"""Does a method have the order that it claims?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sciml_lab.measure.references import Reference, listed, problem_and_reference
from sciml_lab.solvers.solve import solve


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
    problem, ref = problem_and_reference(problem, reference)
    errors, orders, claimed = {}, {}, {}
    for method in listed(methods):
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
