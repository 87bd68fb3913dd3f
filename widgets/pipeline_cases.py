"""The problems of `PipelineExplorer`: as many points on a line as on a square grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import sciml_lab as sl
from sciml_lab.linalg.colored import derivatives, try_out
from sciml_lab.linalg.coloring import color, recover, seeds


class HeatPlate:
    """Heat in a square plate of n by n points whose edges are kept at zero.

    Examples
    --------
    >>> HeatPlate(2)(np.array([1.0, 0.0, 0.0, 0.0]), None, 0.0).tolist()
    [-36.0, 9.0, 9.0, 0.0]
    """

    def __init__(self, n: int):
        self.n = n

    def __call__(self, u, p, t):
        """Row by row; four neighbours less four times the middle."""
        n, more = self.n, u.shape[1:]
        x = u.reshape(n, n, *more)
        row, column = np.zeros_like(x[:1]), np.zeros_like(x[:, :1])
        up, down = np.concatenate([row, x[:-1]]), np.concatenate([x[1:], row])
        left = np.concatenate([column, x[:, :-1]], axis=1)
        right = np.concatenate([x[:, 1:], column], axis=1)
        return (n + 1) ** 2 * (up + down + left + right - 4.0 * x).reshape(n * n, *more)


def heat_plate(n: int):
    """The problem: warm in the middle at first."""
    s = np.arange(1, n + 1) / (n + 1)
    bump = np.outer(s * (1 - s), np.sin(3 * s) ** 2).ravel()
    return sl.ODEProblem(HeatPlate(n), bump, (0.0, 0.1))


@dataclass(frozen=True)
class Case:
    """A problem, and what the preconditioners have to be told of its grid."""

    problem: Callable  # from n to a problem
    grid: Callable  # from n to the points in each direction
    fields: int  # unknowns at a point
    order: str  # "points" or "fields", see `sl.BlockJacobi`
    boundary: str
    block: Callable  # from n to the size of a block
    blocks: str  # what a block is, in words
    where: str


CASES = {
    "Brusselator on a line": Case(
        lambda n: sl.zoo.brusselator_1d(n * n)(), lambda n: (n * n,), 2, "points", "wall",
        lambda n: 2, "the two unknowns of a point", "on a line",
    ),
    "Brusselator on a plate": Case(
        lambda n: sl.zoo.brusselator_2d(n)(), lambda n: (n, n), 2, "fields", "periodic",
        lambda n: 2, "the two unknowns of a point", "on a plate that closes to a torus",
    ),
    "heat in a plate": Case(
        heat_plate, lambda n: (n, n), 1, "points", "wall",
        lambda n: n, "a row of the grid", "on a plate",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class System:
    """What an implicit step from the start works with.

    Attributes
    ----------
    problem : ODEProblem
    pattern : scipy.sparse.csc_array
        Where J may be nonzero.
    J : scipy.sparse.csc_array
    slope : ndarray
        f at the start: the right-hand side of the linear systems.
    symmetric : bool
        Whether J itself is.
    """

    problem: Any
    pattern: Any
    J: Any
    slope: np.ndarray
    symmetric: bool

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.slope.size

    def f(self):
        """Evaluate f at the start."""
        return self.problem.f(self.problem.u0, self.problem.p, 0.0)

    def columns(self, colors):
        """J times the seeds of a colouring, by dual numbers."""
        prob = self.problem
        return derivatives(prob.f, prob.u0, prob.p, 0.0, seeds(colors))

    def W(self, gamma_h):
        """I - gamma h J on the pattern of J, which holds the diagonal."""
        W = -gamma_h * self.J
        i, j = W.tocoo().coords
        W.data += i == j
        return W


@lru_cache(maxsize=32)
def system(name, n) -> System:
    """The system of a case on n x n points.

    Examples
    --------
    >>> found = system("heat in a plate", 4)
    >>> found.size, found.pattern.nnz, found.symmetric
    (16, 64, True)
    """
    prob = CASES[name].problem(n)
    f, u, p = prob.f, prob.u0, prob.p
    pattern = try_out(f, u, p, 0.0)
    if pattern is None:
        raise ValueError(f"the Jacobian of {name} is too full: take a larger grid.")
    colors = color(pattern)
    J = recover(pattern, colors, derivatives(f, u, p, 0.0, seeds(colors)))
    symmetric = abs(J - J.T).max() <= 1e-12 * abs(J).max()
    return System(prob, pattern, J, np.asarray(f(u, p, 0.0)), bool(symmetric))
