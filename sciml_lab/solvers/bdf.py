r"""Backward differentiation, the part that all its forms share: differences, corrector, memory.

A polynomial runs through the last k + 1 states. On equidistant times it is held as backward
differences :math:`D_0 = u_n,\; D_1 = u_n - u_{n-1},\; D_2 = D_1 - (u_{n-1} - u_{n-2}), \dots`,
and one step of size h is

1. predict: continue the polynomial to t + h, :math:`u^* = \sum_j D_j`,
   with the slope :math:`h u'^* = \sum_j \gamma_j D_j`, where
   :math:`\gamma_j = 1 + 1/2 + \dots + 1/j`;
2. correct: find d with :math:`M u' = f(u)` at :math:`u = u^* + d`, where
   :math:`h u' = h u'^* + \alpha_k d`. (For ``F(u', u, p, t) = 0`` it is the same d.)
3. judge: d is the next difference, :math:`d \approx h^{k+1} u^{(k+1)}`, and so a constant times d
   estimates the error.

`QNDF` and `FBDF` differ in what they remember when h changes, in :math:`\alpha_k`, and in how they
choose order and step.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sciml_lab.problems import DAEProblem, ODEProblem
from sciml_lab.solvers.dae import ResidualSide
from sciml_lab.solvers.implicit import ImplicitMethod, ImplicitSide

MOST = 5  # BDF of order 6 is hardly stable, of order 7 not at all
GAMMA = np.array([sum(1 / i for i in range(1, j + 1)) for j in range(MOST + 3)])
EPS = float(np.finfo(float).eps)


def newton_basis(s, k):
    r"""The weights of :math:`D_0 \dots D_k` in the polynomial at ``t_n + s h``.

    :math:`P(t_n + s h) = \sum_j D_j\, s (s+1) \cdots (s+j-1) / j!` (Newton's formula).

    Examples
    --------
    >>> newton_basis(1.0, 3)  # one step ahead: the prediction
    array([1., 1., 1., 1.])
    """
    factors = [1.0] + [(s + j) / (j + 1) for j in range(k)]
    return np.cumprod(factors)


def difference_matrix(k):
    """The matrix that takes ``u_n, u_(n-1), ..., u_(n-k)`` to their backward differences.

    Examples
    --------
    >>> difference_matrix(2)
    array([[ 1.,  0.,  0.],
           [ 1., -1.,  0.],
           [ 1., -2.,  1.]])
    """
    rows = [[(-1) ** i * math.comb(j, i) for i in range(k + 1)] for j in range(k + 1)]
    return np.array(rows, dtype=float)


def combine(weights, D):
    """The sum of ``weights[j] * D[j]``, for one row of weights or a matrix of them."""
    flat = weights @ D.reshape(len(D), -1)
    return flat.reshape(weights.shape[:-1] + D.shape[1:])


def rescale(D, ratio):
    """Differences of the same polynomial on times that lie `ratio` times as far apart.

    Examples
    --------
    >>> rescale(np.array([4.0, 3.0, 2.0]), 2.0)  # t^2 at 2, 1, 0 -> at 2, 0, -2
    array([4., 4., 8.])
    """
    k = len(D) - 1
    values = np.array([newton_basis(-ratio * i, k) for i in range(k + 1)])
    return combine(difference_matrix(k) @ values, D)


def advance(D, d):
    """Differences after a step: d is the new highest one, and each is the sum of two old ones.

    Examples
    --------
    >>> advance(np.array([4.0, 3.0, 2.0]), 0.0)[:3]  # t^2 at 2, 1, 0 -> at 3, 2, 1
    array([9., 5., 2.])
    """
    new = np.empty((len(D) + 1, *np.shape(d)), dtype=np.result_type(D, d))
    new[-1] = d
    for j in range(len(D) - 1, -1, -1):
        new[j] = new[j + 1] + D[j]
    return new


def root_locus(alpha, k, angles):
    """The z = h lambda for which a root of the recursion lies on the unit circle.

    For ``u' = lambda u`` each step multiplies by a root r, and with w = 1/r the formula says
    ``z = alpha (1 - w)^(k+1) + w sum_j gamma_j (1 - w)^j``.

    Parameters
    ----------
    alpha : float
        The factor of d.
    k : int
        The order.
    angles : array
        Arguments of w on the unit circle.

    Examples
    --------
    >>> root_locus(1.0, 1, np.pi).round(12) + 0.0  # the rightmost point of |1 - z| = 1
    np.complex128(2+0j)
    """
    w = np.exp(1j * np.asarray(angles))
    x = 1 - w
    return alpha * x ** (k + 1) + w * sum(GAMMA[j] * x**j for j in range(1, k + 1))


def stability_angle(alpha, k) -> float:
    """The angle of the wedge around the negative axis in which the formula is stable, in degrees.

    Examples
    --------
    >>> round(stability_angle(GAMMA[3], 3), 1)
    86.0
    """
    z = root_locus(alpha, k, np.linspace(1e-3, np.pi, 4000))
    left = z[z.real < -1e-9 * np.abs(z)]
    return float(np.degrees(np.min(np.pi - np.abs(np.angle(left))))) if left.size else 90.0


@dataclass(frozen=True, repr=False)
class BDFMethod(ImplicitMethod):
    """What the multistep methods have in common: the problems, the start, the dense output."""

    max_order: int = MOST
    linear_solver: Any = "auto"

    adaptive = True
    patience = MappingProxyType({"slow": 0.1})  # one more iteration is cheaper than a new J
    problems = (ODEProblem, DAEProblem)
    nodes = ()
    part = 0.5  # of its order by which an error has to fall with h, or it counts as rounding

    def __post_init__(self):
        whole = isinstance(self.max_order, int) and not isinstance(self.max_order, bool)
        if not (whole and 1 <= self.max_order <= MOST):
            raise ValueError(
                f"max_order must be a whole number from 1 to {MOST} (got {self.max_order!r}): "
                "formulas of higher order are not stable enough."
            )

    @property
    def order(self) -> int:
        """The highest order: the order at work changes from step to step."""
        return self.max_order

    @property
    def start_order(self) -> int:
        """The first step has nothing to look back on but the slope."""
        return 1

    def side(self, problem, shape):
        """What the step calls: f, or the residual, with its linear algebra."""
        if isinstance(problem, DAEProblem):
            return ResidualSide(problem, shape, self.linear_solver)
        return ImplicitSide(problem, shape, self.linear_solver)

    def interpolate(self, u, k, h, theta):
        """Newton's formula on the differences at the end of the step."""
        return combine(newton_basis(theta - 1.0, len(k) - 1), np.asarray(k))

    def __str__(self) -> str:
        lines = [f"{self.name}: variable order 1 to {self.order}; dense output of the same order"]
        lines.append("order   alpha   stable in a wedge of")
        for k in range(1, self.order + 1):
            angle = stability_angle(self.alpha(k), k)
            lines.append(f"{k:5}  {self.alpha(k):6.4f}   +-{angle:.1f} degrees")
        return "\n".join(lines)

    def alpha(self, k) -> float:
        """The factor of d in ``h u'``."""
        raise NotImplementedError

    def __repr__(self) -> str:
        chosen = [] if self.max_order == MOST else [f"max_order={self.max_order}"]
        if self.linear_solver != "auto":
            chosen.append(f"linear_solver={self.linear_solver!r}")
        return f"{self.name}({', '.join(chosen)})"
