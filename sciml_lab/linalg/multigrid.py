"""Geometric multigrid: a preconditioner for diffusion on a grid, as good on a fine one.

A few sweeps of Jacobi's iteration smooth the error of a solution, but hardly change its smooth
part. On a grid with every other point that part is no longer smooth, and cheaper to treat. So one
cycle is: smooth, hand what is left to the coarse grid, add its answer, smooth again; on the
coarsest grid solve. The matrices of the coarse grids are products ``P^T W P``, with P the linear
interpolation from a coarse grid to the next finer one.

References
----------
W. L. Briggs, V. E. Henson, S. F. McCormick, *A Multigrid Tutorial* (SIAM, 2000).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.assembly import Assembly
from sciml_lab.linalg.dense_lu import dense_lu
from sciml_lab.linalg.mass_matrix import Mass
from sciml_lab.linalg.precondition import Blocks, blocks, check_order

COARSEST = 150  # so many unknowns are solved for as they are
BOUNDARIES = ("wall", "closed", "periodic")


class Level(NamedTuple):
    """What one grid needs in a cycle: W, its inverse blocks, interpolation P, restriction P^T."""

    W: Any
    inverse: Any
    P: Any
    R: Any


@dataclass(frozen=True)
class Multigrid:
    """One V-cycle of geometric multigrid.

    Parameters
    ----------
    grid : tuple of int
        Number of points in each direction.
    fields : int
        Number of unknowns at each point.
    order : {"points", "fields"}
        "points": the unknowns of a point are neighbours. "fields": all values of the first unknown
        come first, then all of the second.
    boundary : {"wall", "closed", "periodic"}
        What lies beyond the last point: a given value, nothing (no flux), or the first point.
    sweeps : int
        Smoothing sweeps before and after the coarse grid.
    damping : float
        Part of a sweep that is added.

    Examples
    --------
    The error of Poisson's equation shrinks by the same factor on every grid:

    >>> from scipy import sparse
    >>> for n in (31, 255):
    ...     W = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsc()
    ...     apply, error = Multigrid((n,)).prepare(W), np.ones(n)
    ...     for _ in range(5):
    ...         error = error - apply(W @ error)
    ...     print(bool(np.abs(error).max() < 1e-4))
    True
    True
    """

    grid: tuple
    fields: int = 1
    order: str = "points"
    boundary: str = "wall"
    sweeps: int = 1
    damping: float = 0.75

    def __post_init__(self):
        counts = (*self.grid, self.fields, self.sweeps)
        if not all(isinstance(n, int | np.integer) and n > 0 for n in counts):
            raise ValueError(
                "grid, fields and sweeps must be positive whole numbers, for example "
                f"Multigrid(grid=(32, 32), fields=2) (got grid={self.grid}, fields={self.fields}, "
                f"sweeps={self.sweeps})."
            )
        check_order(self.order)
        if self.boundary not in BOUNDARIES:
            raise ValueError(
                f"boundary must be 'wall', 'closed' or 'periodic' (got {self.boundary!r})."
            )
        if not 0 < self.damping <= 1:
            raise ValueError(f"damping must lie between 0 and 1 (got {self.damping!r}).")

    def prepare(self, W):
        """Put the matrices of all grids together."""
        return self.family(-W, 0.0 * W)(1.0)

    def family(self, J, M=None, before=None):
        """The same for all W = M - gamma h J: a function of gamma h, whatever was before."""
        unknowns = int(np.prod(self.grid)) * self.fields
        if J.shape[0] != unknowns:
            raise ValueError(
                f"Multigrid is made for grid {self.grid} with {self.fields} unknown(s) a point, "
                f"{unknowns} in all, and u has {J.shape[0]} entries."
            )
        steps = interpolations(self.grid, self.fields, self.order, self.boundary)
        grids = Grids(J, M, steps, lambda n: blocks(n, self.fields, self.order))
        return lambda gamma_h: grids.cycle(gamma_h, self.sweeps, self.damping)


class Grids:
    """J and M on all grids: ``P^T J P`` and ``P^T M P``, from one grid to the next.

    Parameters
    ----------
    J : sparse matrix
    M : sparse matrix, optional
        Without it the identity.
    steps : sequence of pairs (P, P^T)
        From each coarse grid to the next finer one, the finest first.
    places : callable
        ``places(n)``: the blocks of n unknowns that Jacobi's iteration takes together.
    """

    def __init__(self, J, M, steps, places):
        sparse = need("scipy.sparse", extra="lab", what="multigrid")
        self.steps, self.pencils = steps, []
        for P, R in (*steps, (None, None)):
            J = sparse.csr_array(J)
            J.sum_duplicates()
            pencil = Assembly(J.T, None if M is None else Mass(sparse.csr_array(M).T))
            self.pencils.append((pencil, J, Blocks(pencil.pattern.T, places(J.shape[0]))))
            if P is not None:
                M = R @ P if M is None else R @ (M @ P)
                J = R @ (J @ P)

    def cycle(self, gamma_h, sweeps, damping):
        """The V-cycle of one gamma h, a function of the right-hand side."""
        matrices = [pencil.matrix(gamma_h, J.T).T for pencil, J, _ in self.pencils]
        solve = self._coarsest(matrices.pop(), damping)
        levels = [
            Level(W, damping * block.inverse(W), P, R)
            for W, (_, _, block), (P, R) in zip(matrices, self.pencils, self.steps, strict=False)
        ]
        return lambda b: v_cycle(levels, solve, b, sweeps)

    def _coarsest(self, W, damping):
        """Solve on the coarsest grid; where it is large, W has nothing smooth left: one sweep."""
        if W.shape[0] <= 2 * COARSEST:
            return dense_lu(W.toarray())
        inverse = damping * self.pencils[-1][2].inverse(W)
        return lambda b: inverse @ b


def v_cycle(levels, solve, b, sweeps):
    """About ``W^-1 b`` on the first of these grids."""
    if not levels:
        return solve(b)
    (W, inverse, P, R), *coarser = levels
    x = inverse @ b
    for _ in range(sweeps - 1):
        x += inverse @ (b - W @ x)
    x += P @ v_cycle(coarser, solve, R @ (b - W @ x), sweeps)
    for _ in range(sweeps):
        x += inverse @ (b - W @ x)
    return x


@lru_cache(maxsize=16)
def interpolations(grid, fields, order, boundary):
    """Pairs (P, P^T) from each coarse grid to the next finer one, the finest first.

    Examples
    --------
    >>> [P.shape for P, _ in interpolations((16, 16), 1, "points", "periodic")]
    [(256, 64)]
    """
    sparse = need("scipy.sparse", extra="lab", what="multigrid")
    found, each = [], sparse.eye_array(fields)
    while int(np.prod(grid)) * fields > COARSEST and max(grid) > 3:
        P = sparse.eye_array(1)
        for n in grid:
            P = sparse.kron(P, line(n, boundary) if n > 3 else sparse.eye_array(n))
        P = sparse.kron(P, each) if order == "points" else sparse.kron(each, P)
        found.append((P.tocsr(), P.T.tocsr()))
        grid = tuple(coarse_points(n, boundary).size if n > 3 else n for n in grid)
    return tuple(found)


def coarse_points(n, boundary):
    """Every other point: the second, fourth, ... between walls, else the first, third, ...

    Examples
    --------
    >>> coarse_points(7, "wall"), coarse_points(8, "periodic")
    (array([1, 3, 5]), array([0, 2, 4, 6]))
    """
    return np.arange(1 if boundary == "wall" else 0, n, 2)


def line(n, boundary):
    """Linear interpolation along a line, from the coarse points to all n.

    Examples
    --------
    >>> line(3, "wall").toarray().ravel()
    array([0.5, 1. , 0.5])
    """
    sparse = need("scipy.sparse", extra="lab", what="multigrid")
    coarse = coarse_points(n, boundary)
    P = np.zeros((n, coarse.size))
    P[coarse, np.arange(coarse.size)] = 1.0
    number = {int(i): k for k, i in enumerate(coarse)}
    for i in set(range(n)) - set(number):
        sides = [(i + s) % n if boundary == "periodic" else i + s for s in (-1, 1)]
        known = [number[j] for j in sides if j in number]
        for k in known:  # beyond a wall the value is zero; elsewhere a lone neighbour counts fully
            P[i, k] += 0.5 if boundary == "wall" else 1.0 / len(known)
    return sparse.csr_array(P)
