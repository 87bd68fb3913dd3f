"""A trial of a method: a small nonlinear problem of its kind, solved with ever shorter steps.

The problem has no symmetry and depends on time, so that no order condition is hidden; it is smooth
and short, so that a few dozen steps show the order.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sciml_lab.problems import ODEProblem, SecondOrderProblem, SplitProblem
from sciml_lab.solvers.explicit import Vern9
from sciml_lab.solvers.solve import solve

START, END = (1.2, -0.4), 2.0
HIGH, LOW = 2e-2, 2e-12  # errors in between mean something
MOST = 3000  # steps
STEADY = 0.05  # a slope that changes by less has settled


@dataclass(frozen=True, repr=False)
class Measured:
    """Errors of solves with fixed steps.

    Attributes
    ----------
    order : float
        Slope of log(error) against log(step) at the smallest steps.
    steps, errors : ndarray
        Step sizes and relative errors at the end.
    """

    order: float
    steps: Any
    errors: Any

    def __str__(self) -> str:
        return (
            f"{self.order:.2f} (error {self.errors[-1]:.1e} with {round(END / self.steps[-1])} "
            "steps)"
        )

    __repr__ = __str__


def first(u, p, t):
    """One half of the vector field."""
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -0.2 * y * x])


def second(u, p, t):
    """The other half."""
    x, y = u
    return np.array([0.1 * x * y, -np.sin(x) + 0.5 * np.cos(2 * t)])


def whole(u, p, t):
    """Both."""
    return first(u, p, t) + second(u, p, t)


def pull(x, v, p, t):
    """An acceleration that depends on the positions and on time."""
    return np.array([
        -np.sin(x[0]) + 0.3 * x[1] * np.cos(t),
        -x[1] + 0.4 * x[0] * x[0] * np.sin(2 * t + 1),
    ])  # fmt: skip


def problem_for(method):
    """A problem of the kind that the method is made for.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> [type(problem_for(m)).__name__ for m in (sl.RK4(), sl.ARS222(), sl.Yoshida6())]
    ['ODEProblem', 'SplitProblem', 'SecondOrderProblem']
    """
    span = (0.0, END)
    if SplitProblem in method.problems:
        return SplitProblem(first, second, START, span)
    if SecondOrderProblem in method.problems and ODEProblem not in method.problems:
        return SecondOrderProblem(pull, [1.2, -0.4], [0.3, 0.8], span)
    return ODEProblem(whole, START, span)


@cache
def exact(kind) -> np.ndarray:
    """The end of such a problem, by a method of order 9 with steps far shorter than needed."""
    prob = {
        "SecondOrderProblem": SecondOrderProblem(pull, [1.2, -0.4], [0.3, 0.8], (0.0, END))
    }.get(kind, ODEProblem(whole, START, (0.0, END)))
    prob = ODEProblem(prob.f, prob.u0, prob.tspan)
    return solve(prob, Vern9(), dt=END / 200, adaptive=False, dense=False).u[-1]


def measured_order(method, order) -> Measured:
    """Solve with more and more steps, until the slope of the errors has settled.

    Parameters
    ----------
    method : Method
    order : int
        The order that is expected: it decides how many steps to begin with.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> round(measured_order(sl.RK4(), 4).order, 1)
    4.0
    """
    prob = problem_for(method)
    end, ratio = exact(type(prob).__name__), 1.5 if order < 6 else 1.25
    count, steps, errors, slopes = (8 if order < 4 else 4), [], [], []
    while count <= MOST:
        sol = solve(prob, method, dt=END / count, adaptive=False, dense=False, rtol=1e-13,
                    atol=1e-14)  # fmt: skip
        error = float(np.max(np.abs(sol.u[-1] - end)) / np.max(np.abs(end)))
        if error < LOW and len(slopes) > 1:
            break
        if error < HIGH:
            steps.append(END / count)
            errors.append(error)
        if len(errors) > 1:
            slopes.append(np.log(errors[-2] / errors[-1]) / np.log(steps[-2] / steps[-1]))
        if len(slopes) > 2 and np.ptp(slopes[-3:]) < STEADY:
            break
        count = max(count + 1, round(ratio * count))
    h, e = np.array(steps), np.array(errors)
    few = slice(-min(len(h), 4), None)
    slope = np.polyfit(np.log(h[few]), np.log(e[few]), 1)[0] if len(h) > 1 else np.nan
    return Measured(float(slope), h, e)
