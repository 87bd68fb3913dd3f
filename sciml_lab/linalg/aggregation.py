"""Algebraic multigrid: coarse grids found in the matrix, where nobody says what the grid is.

The idea is that of `sciml_lab.linalg.multigrid`. What is new is where the coarse grids come from.
Unknowns that depend on each other strongly are gathered in small aggregates, and an aggregate is
one unknown of the coarse grid. Interpolation first gives all members of an aggregate its value,
and then takes one step of Jacobi's iteration: a staircase becomes a slope.

References
----------
P. Vanek, J. Mandel, M. Brezina, "Algebraic multigrid by smoothed aggregation for second and fourth
order elliptic problems", Computing 56 (1996) 179-196.
"""

from dataclasses import dataclass

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.assembly import Assembly
from sciml_lab.linalg.mass_matrix import Mass
from sciml_lab.linalg.multigrid import COARSEST, Grids

MOST_GRIDS = 20
OTHER = 8.0  # change of gamma h after which other unknowns depend on each other strongly


@dataclass(frozen=True)
class AlgebraicMultigrid:
    """One V-cycle on coarse grids that are found in the matrix.

    Parameters
    ----------
    strong : float
        Unknowns i and j depend on each other strongly if
        ``|w_ij| > strong * sqrt(|w_ii w_jj|)``.
    sweeps : int
        Smoothing sweeps before and after the coarse grid.
    damping : float
        Part of a sweep that is added.

    Examples
    --------
    >>> from scipy import sparse
    >>> for n in (100, 1000):
    ...     W = sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsc()
    ...     apply, error = AlgebraicMultigrid().prepare(W), np.ones(n)
    ...     for _ in range(10):
    ...         error = error - apply(W @ error)
    ...     print(bool(np.abs(error).max() < 0.1))
    True
    True
    """

    strong: float = 0.2
    sweeps: int = 1
    damping: float = 0.7

    def __post_init__(self):
        if not 0 < self.strong < 1:
            raise ValueError(f"strong must lie between 0 and 1 (got {self.strong!r}).")
        if not isinstance(self.sweeps, int | np.integer) or self.sweeps < 1:
            raise ValueError(f"sweeps must be a positive whole number (got {self.sweeps!r}).")
        if not 0 < self.damping <= 1:
            raise ValueError(f"damping must lie between 0 and 1 (got {self.damping!r}).")

    def prepare(self, W):
        """Find the coarse grids, and put their matrices together."""
        return self.family(-W, 0.0 * W)(1.0)

    def family(self, J, M=None, before=None):
        """The same for all W = M - gamma h J: a function of gamma h.

        `before` is the family of an earlier J, whose aggregates may still do.
        """
        return Aggregated(self, J, M, before)

    def steps(self, W):
        """Pairs (P, P^T) from each coarse grid to the next finer one, the finest first."""
        W, found, strong = abs(W) if W.dtype.kind == "c" else W, [], self.strong
        while W.shape[0] > COARSEST and len(found) < MOST_GRIDS:
            members = aggregate(strongly(W, strong))
            if not 0 < members.max() + 1 < 0.9 * W.shape[0]:
                break
            P = smoothed(W, members)
            R = P.T.tocsr()
            found.append((P, R))
            W, strong = (R @ (W @ P)).tocsr(), strong / 2
        return tuple(found)


class Aggregated:
    """Multigrid for all W = M - gamma h J, with aggregates that are kept for a while.

    Parameters
    ----------
    method : AlgebraicMultigrid
    J : sparse matrix
    M : sparse matrix, optional
        Without it the identity.
    before : Aggregated, optional
        Of an earlier J.
    """

    def __init__(self, method, J, M, before=None):
        self.method, self.J, self.M, self.grids = method, J, M, None
        self.of, self.steps = (before.of, before.steps) if before else (0.0, None)

    def __call__(self, gamma_h):
        """The V-cycle for one gamma h."""
        size = abs(gamma_h)
        if self.steps is None or not self.of / OTHER < size < self.of * OTHER:
            self.of, self.steps, self.grids = size, self.method.steps(self._matrix(size)), None
        if self.grids is None:
            self.grids = Grids(self.J, self.M, self.steps, lambda n: np.arange(n)[:, None])
        return self.grids.cycle(gamma_h, self.method.sweeps, self.method.damping)

    def _matrix(self, gamma_h):
        sparse = need("scipy.sparse", extra="lab", what="multigrid")
        J = sparse.csc_array(self.J)
        J.sum_duplicates()
        mass = None if self.M is None else Mass(self.M)
        return Assembly(J, mass).matrix(gamma_h, J).tocsr()


def strongly(W, strong):
    """Where unknowns depend on each other strongly: a graph, each point its own neighbour too.

    Examples
    --------
    >>> from scipy import sparse
    >>> W = sparse.csr_array(np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -0.01], [0.0, -0.01, 2.0]]))
    >>> strongly(W, 0.1).toarray().astype(int)
    array([[1, 1, 0],
           [1, 1, 0],
           [0, 0, 1]])
    """
    sparse = need("scipy.sparse", extra="lab", what="multigrid")
    W = W.tocoo()
    rows, columns = W.coords
    size = np.sqrt(np.abs(W.tocsr().diagonal()))
    kept = np.abs(W.data) > strong * size[rows] * size[columns]
    kept |= rows == columns
    ones = np.ones(int(kept.sum()), np.int8)
    graph = sparse.csr_array((ones, (rows[kept], columns[kept])), shape=W.shape)
    return ((graph + graph.T) != 0).tocsr()


def aggregate(graph):
    """The number of the aggregate of each point; -1 for a point without neighbours.

    Roots are points of which no two have a common neighbour: of all points that are still free,
    those whose lot is the largest within two steps. A root gathers its neighbours, and who is left
    over joins a neighbour.

    Examples
    --------
    >>> from scipy import sparse
    >>> line = sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(12, 12)).tocsr()
    >>> np.bincount(aggregate(line)).tolist()  # sizes
    [3, 4, 5]
    """
    n, starts = graph.shape[0], graph.indptr[:-1]

    def largest(x):
        return np.maximum.reduceat(x[graph.indices], starts)

    lots = 1 + np.random.default_rng(0).permutation(n)
    alone = np.diff(graph.indptr) <= 1
    free, roots = ~alone, np.zeros(n, bool)
    while free.any():
        lot = np.where(free, lots, 0)
        new = free & (largest(largest(lot)) == lots)
        roots |= new
        free &= largest(largest(new.astype(np.int8))) == 0
    numbers = np.where(roots, np.cumsum(roots), 0)
    for _ in range(2):
        numbers = np.where(numbers > 0, numbers, largest(numbers))
    return np.where(alone, 0, numbers) - 1


def smoothed(W, members):
    """Interpolation from aggregates: their values, and one step of Jacobi's iteration."""
    sparse = need("scipy.sparse", extra="lab", what="multigrid")
    inside = np.flatnonzero(members >= 0)
    T = sparse.csr_array(
        (np.ones(inside.size), (inside, members[inside])),
        shape=(W.shape[0], int(members.max()) + 1),
    )
    inverse = 1.0 / W.diagonal()
    longest = float((np.abs(inverse) * np.asarray(abs(W).sum(axis=1)).ravel()).max())
    scaled = sparse.diags_array(inverse * (4 / 3) / longest) @ W
    return (T - scaled @ T).tocsr()
