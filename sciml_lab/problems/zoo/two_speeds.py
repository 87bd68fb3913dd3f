"""Two speeds in one equation, with exact solutions: for stiff order, IMEX and multirate methods."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sciml_lab.problems.structured import SplitProblem
from sciml_lab.problems.zoo.entry import Entry, Reference


def prothero_robinson_rhs(u, p, t):
    """A pull towards the curve sin t, and the slope of the curve."""
    (rate,) = p
    return rate * (u - np.sin(t)) + np.cos(t)


def prothero_robinson_exact(t, u0, p):
    """The curve, and the distance from it, which decays."""
    return [np.sin(t) + u0[0] * np.exp(p[0] * t)]


prothero_robinson = Entry(
    name="prothero_robinson",
    title="Prothero-Robinson: stiff decay to a known curve, which lowers the order of methods",
    equation="u' = rate (u - sin t) + cos t",
    f=prothero_robinson_rhs,
    u0=np.array([0.0]),
    tspan=(0.0, 10.0),
    parameters={"rate": -1e6},
    states=("u",),
    source="A. Prothero and A. Robinson, Math. Comp. 28 (1974) 145; Hairer and Wanner, Solving "
    "Ordinary Differential Equations II (1996), section IV.15.",
    reference=Reference(10.0, np.array([np.sin(10.0)]), 1e-12, "exact solution"),
    solution=prothero_robinson_exact,
    stiff=True,
)


@dataclass(frozen=True, eq=False, repr=False)
class SplitEntry(Entry):
    """An `Entry` whose right-hand side has two parts; `split` returns them as a `SplitProblem`.

    Attributes
    ----------
    slow, fast : callable
        The parts of f, each ``(u, p, t)`` and of the shape of u.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.slow_fast.split(w=50.0)
    >>> prob.f_slow.__name__, prob.f_fast.__name__
    ('slow_fast_slow', 'slow_fast_fast')
    """

    slow: Callable = field(kw_only=True)
    fast: Callable = field(kw_only=True)

    def split(self, u0=None, tspan=None, **parameters) -> SplitProblem:
        """Return the problem in two parts; arguments as in a call of the entry."""
        whole = self(u0, tspan, **parameters)
        return SplitProblem(self.slow, self.fast, whole.u0, whole.tspan, whole.p)


def _defects(u, p, t):
    """How far u and v are from their curves, in the measure of the equation."""
    x, y = u
    w = p[3]
    return (x * x - 1 - 0.5 * np.cos(t)) / (2 * x), (y * y - 2 - np.cos(w * t)) / (2 * y)


def slow_fast_slow(u, p, t):
    """The slope of the slow variable; the other one rests."""
    x, _ = u
    pull, couple, _, _ = p
    slow, fast = _defects(u, p, t)
    return np.array([pull * slow + couple * fast - 0.25 * np.sin(t) / x, 0.0 * x])


def slow_fast_fast(u, p, t):
    """The slope of the fast variable; the other one rests."""
    _, y = u
    _, couple, drag, w = p
    slow, fast = _defects(u, p, t)
    return np.array([0.0 * y, couple * slow + drag * fast - 0.5 * w * np.sin(w * t) / y])


def slow_fast_rhs(u, p, t):
    """Both."""
    return slow_fast_slow(u, p, t) + slow_fast_fast(u, p, t)


def slow_fast_exact(t, u0, p):
    """Square roots of cosines, for the start on the curves."""
    if not np.allclose(u0, SLOW_FAST_START, rtol=1e-14):
        raise ValueError(
            "slow_fast has a closed form for its default u0 only (got another): leave u0 out."
        )
    return [np.sqrt(1 + 0.5 * np.cos(t)), np.sqrt(2 + np.cos(p[3] * t))]


SLOW_FAST_START = np.array([np.sqrt(1.5), np.sqrt(3.0)])
SLOW_FAST_END = np.array([np.sqrt(1 + 0.5 * np.cos(5.0)), np.sqrt(2 + np.cos(500.0))])

slow_fast = SplitEntry(
    name="slow_fast",
    title="Slow and fast: two coupled variables, one a hundred times as fast",
    equation="x' = pull X + couple Y - sin(t)/(4 x)\n"
    "y' = couple X + drag Y - w sin(w t)/(2 y)\n"
    "X = (x^2 - 1 - cos(t)/2)/(2 x),   Y = (y^2 - 2 - cos(w t))/(2 y)",
    f=slow_fast_rhs,
    u0=SLOW_FAST_START,
    tspan=(0.0, 5.0),
    parameters={"pull": -10.0, "couple": 0.5, "drag": -1.0, "w": 100.0},
    states=("x", "y"),
    source="A. Kvaerno and P. Rentrop, Univ. Karlsruhe preprint 99/1 (1999); A. Sandu, SIAM J. "
    "Numer. Anal. 57 (2019) 2300.",
    reference=Reference(5.0, SLOW_FAST_END, 1e-12, "exact solution"),
    solution=slow_fast_exact,
    slow=slow_fast_slow,
    fast=slow_fast_fast,
)
