r"""Iterations that solve the equations of an implicit step, and when they may stop.

An implicit stage asks for z with :math:`r(z) = 0`. Every iteration here repeats

    z <- z + correction(z)

and differs in the correction: :math:`W^{-1} r(z)` with a matrix W kept from earlier
(`SimplifiedNewton`), with one of the present z (`FullNewton`), or r(z) itself (`FixedPoint`,
`Anderson`). All stop by the same test: if the corrections shrink by the factor theta, what is
still missing is about ``eta = theta/(1 - theta)`` times the last one, and that has to be a small
part kappa of the error that the step may have.

References
----------
E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.8.
S. C. Eisenstat, H. F. Walker, "Choosing the forcing terms in an inexact Newton method",
SIAM J. Sci. Comput. 17 (1996) 16-32.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.linalg.anderson import Mixer
from sciml_lab.linalg.jacobians import EPS

FAR_OUT = 1e3  # corrections so much larger than the first come from no iteration that converges

# Verdicts; up to here a correction is added to z
GO_ON, SOLVED, ENOUGH, NOT_FINITE, DIVERGES, TOO_SLOW = range(6)


class Progress(NamedTuple):
    """Where an iteration is after some corrections: a few numbers, which decide how it goes on.

    Attributes
    ----------
    verdict : int
        GO_ON, SOLVED, or why it ends without a solution: ENOUGH (of corrections), NOT_FINITE,
        DIVERGES, TOO_SLOW.
    count : int
        Number of corrections.
    rate, eta : float
        As in `Outcome`.
    size, first : float
        Norms of the last correction and of the first.
    """

    verdict: int
    count: int
    rate: float
    eta: float
    size: float
    first: float


class Outcome(NamedTuple):
    """How an iteration ended.

    Attributes
    ----------
    z : array
        The last iterate.
    count : int
        Number of corrections.
    rate : float
        Factor theta by which the corrections shrank at last (0 after a single one).
    eta : float
        ``theta/(1 - theta)``: where the next iteration with the same W may start from.
    size : float
        Norm of the last correction.
    trouble : str
        Why there is no solution; empty after convergence.
    """

    z: Any
    count: int
    rate: float
    eta: float
    size: float
    trouble: str = ""


@dataclass(frozen=True)
class SimplifiedNewton:
    """Newton's iteration with a matrix W that is kept as long as it works.

    Parameters
    ----------
    kappa : float
        What the iteration may leave undone, as a part of the error that the step may have.
    limit : int
        Give up after this many corrections.

    Examples
    --------
    The root of ``z**2 = 2`` with the slope 3 instead of 2z:

    >>> newton = SimplifiedNewton(kappa=1e-10, limit=20)
    >>> outcome = newton.solve(lambda z: (2 - z**2) / 3, 1.5, abs)
    >>> round(outcome.z, 9), outcome.trouble
    (1.414213562, '')
    """

    kappa: float = 0.01
    limit: int = 8
    linear = "kept"
    predicts = True

    def mixer(self):
        """What turns corrections into the next iterate, if it is not just a sum."""
        return None

    def solve(self, correction, z, norm, eta=1.0, floor=0.0) -> Outcome:
        """Iterate from z until the rest is small.

        Parameters
        ----------
        correction : callable
            ``correction(z)``: what is to be added to z.
        z : array
            The start.
        norm : callable
            Size of a correction in units of the error that is allowed.
        eta : float
            From the last iteration with the same W: one correction may then be enough.
        floor : float
            Size of the rounding errors in z: nothing below it can be improved.

        Returns
        -------
        Outcome
        """
        mixer, now = self.mixer(), self.start(eta)
        while now.verdict == GO_ON:
            delta = correction(z)
            now = self.judge(now, norm(delta), floor)
            if now.verdict <= ENOUGH:
                z = z + delta if mixer is None else mixer.next(z, delta)
        return Outcome(z, now.count, now.rate, now.eta, now.size, self.trouble(*now[:3]))

    def start(self, eta):
        """No correction yet."""
        return Progress(GO_ON, 0, 0.0, max(eta, EPS) ** 0.8, math.inf, math.inf)

    def judge(self, now, size, floor):
        """How it stands after one more correction, of this size; its arguments as in `solve`."""
        count, rate, eta = now.count + 1, now.rate, now.eta
        first, verdict = size if count == 1 else now.first, GO_ON
        if not math.isfinite(size):
            rate, verdict = math.inf, NOT_FINITE
        elif count > 1 and size > floor:
            rate = size / now.size if count == 2 else math.sqrt(rate * size / now.size)
            eta = rate / (1 - rate) if rate < 1 else math.inf
            verdict = self.outlook(rate, size, count, first)
        if verdict == GO_ON:
            small = size <= floor or eta * size <= self.kappa
            verdict = SOLVED if small else GO_ON if count < self.limit else ENOUGH
        return Progress(verdict, count, rate, eta, size, first)

    def outlook(self, rate, size, count, first):
        """Whether it makes sense to go on: the rate tells how it will end."""
        if rate >= 1 and (self.predicts or size > FAR_OUT * first):
            return DIVERGES
        if self.predicts and rate ** (self.limit - count) / (1 - rate) * size > self.kappa:
            return TOO_SLOW
        return GO_ON

    def trouble(self, verdict, count, rate) -> str:
        """Why there is no solution, in words; empty if there is one.

        Examples
        --------
        >>> SimplifiedNewton().trouble(DIVERGES, 2, 1.5)
        'the iteration diverges (its corrections grow by a factor 1.5)'
        """
        if verdict == SOLVED:
            return ""
        return {
            ENOUGH: f"{count} iterations were not enough",
            NOT_FINITE: "f or its Jacobian is not finite there",
            DIVERGES: f"the iteration diverges (its corrections grow by a factor {rate:.2g})",
            TOO_SLOW: f"the iteration is too slow (its corrections shrink by {rate:.2g} only)",
        }[verdict]


@dataclass(frozen=True)
class FullNewton(SimplifiedNewton):
    """Newton's iteration as in the textbook: J and W anew for every correction.

    Examples
    --------
    >>> outcome = FullNewton(kappa=1e-12).solve(lambda z: (2 - z**2) / (2 * z), 1.5, abs)
    >>> outcome.z == 2**0.5, outcome.count
    (True, 4)
    """

    linear = "fresh"
    predicts = False  # its rate improves from one correction to the next


@dataclass(frozen=True)
class FixedPoint(SimplifiedNewton):
    """The plain iteration ``z <- g(z)``: no Jacobian, no W, and no stiff problems.

    Examples
    --------
    >>> outcome = FixedPoint(kappa=1e-9).solve(lambda z: np.cos(z) - z, 0.7, abs)
    >>> bool(abs(outcome.z - 0.7390851332) < 1e-8)
    True
    """

    limit: int = 60
    linear = "none"
    predicts = False  # corrections that turn round do not shrink each time


@dataclass(frozen=True)
class Anderson(SimplifiedNewton):
    """The fixed-point iteration, accelerated by a least-squares fit of earlier corrections.

    Parameters
    ----------
    depth : int
        How many earlier corrections take part.

    References
    ----------
    D. G. Anderson, "Iterative procedures for nonlinear integral equations", J. ACM 12 (1965).

    Examples
    --------
    >>> g = lambda z: np.cos(z) - z
    >>> [one(kappa=1e-9).solve(g, 0.7, abs).count for one in (FixedPoint, Anderson)]
    [49, 5]
    """

    limit: int = 30
    depth: int = 5
    linear = "none"
    predicts = False

    def mixer(self):
        """A memory of `depth` corrections."""
        return Mixer(self.depth)


def scaled_norm(scale):
    """A function ``norm(x)``: the root mean square of ``x/scale``.

    Examples
    --------
    >>> scaled_norm(np.array([1.0, 2.0]))(np.array([3.0, 6.0]))
    3.0
    """
    inverse = 1.0 / scale
    return lambda x: mean_square(x * inverse) ** 0.5


def mean_square(x):
    """The mean of ``|x|**2`` over all entries."""
    x = x.ravel()
    return float(np.vdot(x, x).real) / x.size


def forcing_term(size, before, last, *, largest=0.9, gamma=0.9, alpha=2.0) -> float:
    """How accurately an inexact Newton iteration solves its linear systems (choice 2).

    The residual of the next system may be this part of the right side: a rough solution while
    Newton is far off, an accurate one when it converges, never refined too abruptly.

    Parameters
    ----------
    size, before : float
        Norm of the residual now and one correction ago.
    last : float
        The forcing term of the last system.
    largest : float
        Upper limit.
    gamma, alpha : float
        The rule ``gamma (size/before)**alpha``; quadratic convergence for ``alpha = 2``.

    Examples
    --------
    >>> round(forcing_term(1e-3, 1.0, 0.1), 9)
    9e-07
    >>> round(forcing_term(1e-3, 1.0, 0.9), 9)  # the safeguard: not below gamma * last**alpha
    0.729
    """
    term, safeguard = gamma * (size / before) ** alpha, gamma * last**alpha
    return min(max(term, safeguard) if safeguard > 0.1 else term, largest)
