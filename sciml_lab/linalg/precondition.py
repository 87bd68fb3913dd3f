"""Preconditioners for GMRES: cheap solutions of ``W x = y`` that are roughly right.

Each is a small frozen object with ``prepare(W) -> apply``: W is a sparse matrix, and ``apply(y)``
is about ``W^-1 y``. `sciml_lab.linalg.multigrid` has one more.
"""

from dataclasses import dataclass

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.dense_lu import SingularMatrix
from sciml_lab.linalg.sparse_lu import SYMMETRIC, is_symmetric

ORDERS = ("points", "fields")


@dataclass(frozen=True)
class Jacobi:
    """Divide by the diagonal of W: right for reactions without coupling.

    Examples
    --------
    >>> from scipy import sparse
    >>> Jacobi().prepare(sparse.csc_array(np.diag([2.0, 4.0])))(np.array([2.0, 2.0]))
    array([1. , 0.5])
    """

    def prepare(self, W):
        """Invert the diagonal; where it is zero, nothing is done."""
        diagonal = W.diagonal()
        inverse = 1.0 / np.where(diagonal == 0, 1.0, diagonal)
        return lambda y: inverse * y


@dataclass(frozen=True)
class BlockJacobi:
    """Solve with small blocks on the diagonal of W: the reactions at each point of a grid.

    Parameters
    ----------
    size : int
        Number of unknowns in a block.
    order : {"points", "fields"}
        "points": the unknowns of a point are neighbours. "fields": all values of the first unknown
        come first, then all of the second.

    Examples
    --------
    >>> from scipy import sparse
    >>> W = sparse.csc_array(np.array([[2.0, 1.0], [0.0, 4.0]]))
    >>> BlockJacobi(2).prepare(W)(np.array([3.0, 4.0]))
    array([1., 1.])
    """

    size: int
    order: str = "points"

    def __post_init__(self):
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"size must be a whole number, at least 1 (got {self.size!r}).")
        check_order(self.order)

    def prepare(self, W):
        """Invert the blocks."""
        inverse = inverse_blocks(W, blocks(W.shape[0], self.size, self.order))
        return lambda y: inverse @ y


def check_order(order):
    """Raise unless order is one of the two."""
    if order not in ORDERS:
        raise ValueError(f"order must be 'points' or 'fields' (got {order!r}).")


def blocks(n, size, order):
    """The places of the unknowns of each block, one block a row.

    Examples
    --------
    >>> blocks(4, 2, "points").tolist(), blocks(4, 2, "fields").tolist()
    ([[0, 1], [2, 3]], [[0, 2], [1, 3]])
    """
    if n % size:
        raise ValueError(f"{n} unknowns can't be put into blocks of {size}: take a divisor of {n}.")
    places = np.arange(n)
    return places.reshape(-1, size) if order == "points" else places.reshape(size, -1).T


def inverse_blocks(W, places):
    """The inverses of the blocks of W on the diagonal, in a sparse matrix.

    Examples
    --------
    >>> from scipy import sparse
    >>> W = sparse.csc_array(np.array([[2.0, 1.0], [1.0, 4.0]]))
    >>> inverse_blocks(W, np.array([[0], [1]])).toarray()
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    sparse = need("scipy.sparse", extra="lab", what="preconditioners")
    count, size = places.shape
    block, inside = np.empty(places.size, int), np.empty(places.size, int)
    block[places] = np.arange(count)[:, None]
    inside[places] = np.arange(size)
    W = W.tocoo()
    rows, columns = W.coords
    own = block[rows] == block[columns]
    rows, columns = rows[own], columns[own]
    found = np.zeros((count, size, size), dtype=W.dtype)
    found[block[rows], inside[rows], inside[columns]] = W.data[own]
    try:
        found = np.linalg.inv(found)
    except np.linalg.LinAlgError:
        raise SingularMatrix("a block on the diagonal of W is singular") from None
    rows = np.broadcast_to(places[:, :, None], found.shape).ravel()
    columns = np.broadcast_to(places[:, None, :], found.shape).ravel()
    return sparse.csr_array((found.ravel(), (rows, columns)), shape=W.shape)


@dataclass(frozen=True)
class ILU:
    """An incomplete LU decomposition: small entries of the factors are left out (SuperLU).

    Parameters
    ----------
    drop : float
        Entries below this part of the largest one in their column are left out.
    fill : float
        The factors may have so many times the entries of W.

    Examples
    --------
    >>> from scipy import sparse
    >>> ILU().prepare(sparse.csc_array(np.array([[2.0, 1.0], [0.0, 4.0]])))(np.array([3.0, 4.0]))
    array([1., 1.])
    """

    drop: float = 1e-3
    fill: float = 10.0

    def __post_init__(self):
        if not 0 <= self.drop < 1:
            raise ValueError(f"drop must lie between 0 and 1 (got {self.drop!r}).")
        if not self.fill >= 1:
            raise ValueError(f"fill must be at least 1 (got {self.fill!r}).")

    def prepare(self, W):
        """Factorise, in an order that suits the pattern: on a grid a tenth of the iterations."""
        linalg = need("scipy.sparse.linalg", extra="lab", what="incomplete factors")
        order = SYMMETRIC if is_symmetric(W) else {}
        try:
            lu = linalg.spilu(W, drop_tol=self.drop, fill_factor=self.fill, **order)
        except RuntimeError as error:
            if "singular" not in str(error):
                raise
            raise SingularMatrix("the incomplete factors of W are singular") from None
        if W.dtype.kind == "c":
            return lambda y: lu.solve(y.astype(complex, copy=False))
        return lambda y: (
            lu.solve(y)
            if y.dtype.kind != "c"
            else lu.solve(y.real.copy()) + 1j * lu.solve(y.imag.copy())
        )
