r"""FBDF: backward differentiation of order 1 to 5 with a fixed leading coefficient.

The past is held where the steps really ended. Each step reads the polynomial through these points
off on times that lie h apart, and goes on as if the past had been equidistant: so alpha is that of
constant steps (the leading coefficient is fixed, W serves longer), yet no value of the past is ever
replaced by an interpolated one. That keeps the formulas stable when h changes often.

References
----------
L. F. Shampine, "Solving 0 = F(t, y(t), y'(t)) in Matlab", J. Numer. Math. 10 (2002) 291-310.
K. E. Brenan, S. L. Campbell, L. R. Petzold, *Numerical Solution of Initial-Value Problems in
Differential-Algebraic Equations*, chapter 5 (order and step size as in the code DASSL).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sciml_lab.solvers.bdf import GAMMA, BDFMethod, combine, difference_matrix
from sciml_lab.solvers.multistep import Multistep


class TruePoints:
    """The past as states at the times where the steps ended.

    Attributes
    ----------
    ages : array (m,)
        How far each point lies back; the first one is the present, with age zero.
    points : array (m, *shape)
        The states.

    Examples
    --------
    >>> past = TruePoints(np.array([1.0]), np.array([2.0]), 0.5)
    >>> past.differences(0.1, 1).round(12)
    array([[1. ],
           [0.2]])
    """

    def __init__(self, u, slope, h):
        self.ages, self.points = np.array([0.0, h]), np.array([u, u - h * slope])

    def differences(self, h, k):
        """D_0 ... D_k on times that lie h apart."""
        return combine(resampling(tuple(self.ages[: k + 1] / h)), self.points[: k + 1])

    def accept(self, attempt, k):
        """Take the end of the step for the present, and forget what no order needs any more."""
        self.ages = np.array([0.0, *(self.ages + attempt.h)])[: k + 3]
        self.points = np.array([attempt.u, *self.points[: k + 2]])

    def error_constant(self, h, k):
        """The part of d that is the error of the step, or of the polynomial inside it."""
        ratios = h / (self.ages[: k + 1] + h)
        return max(abs(ratios.sum() - GAMMA[k]), ratios[-1])

    def derivatives(self, h):
        """The present ``h^j u^(j)`` for j = 0, 1, ..., from divided differences."""
        return combine(derivative_weights(tuple(self.ages / h)), self.points)


@lru_cache(maxsize=256)
def derivative_weights(ages):
    """Weights of the points in ``h^j u^(j)``, row by row, where the ages are in units of h.

    Examples
    --------
    >>> derivative_weights((0.0, 1.0, 2.0)) + 0.0
    array([[ 1.,  0.,  0.],
           [ 1., -1.,  0.],
           [ 1., -2.,  1.]])
    """
    m, weights = len(ages), np.zeros((len(ages), len(ages)))
    for j in range(m):
        near = np.array(ages[: j + 1])
        apart = near[None, :] - near[:, None] + np.eye(j + 1)
        weights[j, : j + 1] = math.factorial(j) / np.prod(apart, axis=1)
    return weights


@lru_cache(maxsize=256)
def resampling(ages):
    """The matrix that takes the points to differences on the times 0, -h, -2h, ...

    Examples
    --------
    >>> resampling((0.0, 2.0))  # half of the way
    array([[ 1. ,  0. ],
           [ 0.5, -0.5]])
    """
    wanted = np.arange(float(len(ages)))
    return difference_matrix(len(ages) - 1) @ lagrange(np.array(ages), wanted)


def lagrange(nodes, wanted):
    """The matrix that takes values at the nodes to those of the polynomial at other places.

    Examples
    --------
    >>> lagrange(np.array([0.0, 1.0, 2.0]), np.array([0.5, 3.0]))
    array([[ 0.375,  0.75 , -0.125],
           [ 1.   , -3.   ,  3.   ]])
    """
    n = len(nodes)
    below = nodes[:, None] - nodes[None, :] + np.eye(n)
    above = np.broadcast_to(wanted[:, None, None] - nodes, (len(wanted), n, n)).copy()
    above[:, np.arange(n), np.arange(n)] = 1.0
    return np.prod(above / below, axis=2)


@dataclass(frozen=True, repr=False)
class FBDF(BDFMethod):
    """Backward differentiation of variable order 1 to 5, for stiff problems and for DAEs.

    The default for a `DAEProblem`. Order and step size follow the rules of DASSL: the order falls
    when the terms of the Taylor series do not, h doubles or stays, and both grow with every step at
    the start.

    Parameters
    ----------
    max_order : int
        Highest order, 1 to 5. Orders 1 and 2 are L-stable; see ``print(sl.FBDF())`` for the others.
    linear_solver : str or object
        As in `Linearisation`: "auto", "dense", "banded", "sparse" or a `GMRES`.

    References
    ----------
    L. F. Shampine, "Solving 0 = F(t, y(t), y'(t)) in Matlab", J. Numer. Math. 10 (2002) 291-310.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> def circle(du, u, p, t):  # x' = -y on the circle, x + iy = exp(it)
    ...     return np.array([du[0] + u[1], u[0]**2 + u[1]**2 - 1])
    >>> prob = sl.DAEProblem(circle, [-np.sin(0.5), np.cos(0.5)], [np.cos(0.5), np.sin(0.5)],
    ...                      (0.5, 2.5))
    >>> sol = sl.solve(prob, sl.FBDF(), rtol=1e-8, atol=1e-10)
    >>> bool(np.max(np.abs(sol.u[-1] - [np.cos(2.5), np.sin(2.5)])) < 1e-7)
    True
    """

    name = "FBDF"
    part = 0.75  # no change of h disturbs the past here, so that errors fall as they should

    def alpha(self, k):
        """The factor of d in ``h u'``."""
        return GAMMA[k]

    def remember(self, u, slope, h):
        """A memory with nothing in it but the start."""
        return TruePoints(u, slope, h)

    def begin(self, run):
        """What takes the steps of one solve."""
        return Multistep(self, run)

    def after(self, stepper, size, attempt):
        """Order and step after an accepted one."""
        k, terms = stepper.order, self.terms(stepper, attempt)
        settled = stepper.equal > k
        falls = (settled or stepper.starting) and self.must_fall(k, terms)
        if falls or k == self.max_order:
            stepper.starting = False
        if stepper.starting:
            return k + 1, 2.0
        new = k - 1 if falls else k
        if settled and not falls and k < self.max_order and k + 1 in terms:
            new = self.raised(k, terms)
        factor = step_factor(size if new == k else terms[new] / (new + 1), new)
        if factor >= 1:
            return new, 2.0 if factor >= 2 and not stepper.wary else 1.0
        return new, min(0.9, max(0.5, factor))

    def terms(self, stepper, attempt):
        """Sizes of ``h^(j+1) u^(j+1)``, the leading error term of order j, for j near k."""
        k, memory = stepper.order, stepper.memory
        known = range(max(k - 2, 1), min(k + 1, len(memory.ages) - 2) + 1)
        derivatives = stepper.strictness * memory.derivatives(attempt.h)
        return {j: attempt.norm(derivatives[j + 1]) for j in known}

    @staticmethod
    def must_fall(k, terms):
        """Whether the terms of the series grow with the order: then a lower one is better."""
        if k == 1:
            return False
        if k == 2:
            return terms[1] <= 0.5 * terms[2]
        return max(terms[k - 1], terms[k - 2]) <= terms[k]

    @staticmethod
    def raised(k, terms):
        """The order after k + 1 equal steps."""
        if k == 1:
            return 2 if terms[2] < 0.5 * terms[1] else 1
        if terms[k - 1] <= min(terms[k], terms[k + 1]):
            return k - 1
        return k + 1 if terms[k + 1] < terms[k] else k

    def after_rejection(self, stepper, size, attempt):
        """A shorter step; after the third failure in a row back to order 1."""
        stepper.starting, k = False, stepper.order
        if attempt is None or stepper.failures > 1:
            return (1 if stepper.failures > 2 else k), 0.25
        return k, min(0.9, max(0.25, 0.9 * step_factor(size, k)))


def step_factor(size, k):
    """The change of h that would have brought an error of this size to half the tolerance."""
    return (2 * size + 1e-4) ** (-1 / (k + 1))
