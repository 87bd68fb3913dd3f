"""Preconditioners for GMRES: cheap solutions of ``W x = y`` that are roughly right.

Each is a small frozen object with ``prepare(W) -> apply``: W is a sparse matrix, and ``apply(y)``
is about ``W^-1 y``. `sciml_lab.linalg.multigrid` has two more.

A preconditioner need not be of the present W = M - gamma h J: `Kept` says when it is made anew.
"""

from dataclasses import dataclass

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.dense_lu import SingularMatrix
from sciml_lab.linalg.sparse_lu import SYMMETRIC, is_symmetric

ORDERS = ("points", "fields")
WINDOW = 0.3  # change of gamma h that a preconditioner survives
NO_JACOBIAN = object()
SINGULAR_BLOCK = "a block on the diagonal of W is singular"


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
    return Blocks(W, places).inverse(W)


class Blocks:
    """Where the blocks on the diagonal lie, in all matrices of one pattern.

    Parameters
    ----------
    W : sparse matrix
        In the format that the others will have.
    places : array (count, size)
        See `blocks`.
    """

    def __init__(self, W, places):
        self.shape, (self.count, self.size) = W.shape, places.shape
        block, inside = np.empty(places.size, int), np.empty(places.size, int)
        block[places] = np.arange(self.count)[:, None]
        inside[places] = np.arange(self.size)
        rows, columns = W.tocoo().coords
        self._own = np.flatnonzero(block[rows] == block[columns])
        rows, columns = rows[self._own], columns[self._own]
        self._inside = block[rows], inside[rows], inside[columns]
        self._row, self._columns = (block, inside), places[block].ravel()

    def inverse(self, W):
        """The inverses of the blocks, in a sparse matrix."""
        sparse = need("scipy.sparse", extra="lab", what="preconditioners")
        found = np.zeros((self.count, self.size, self.size), dtype=W.dtype)
        found[self._inside] = W.data[self._own]
        data, starts = inverses(found)[self._row], np.arange(0, self._columns.size + 1, self.size)
        return sparse.csr_array((data.ravel(), self._columns, starts), shape=self.shape)


def inverses(matrices):
    """The inverses of many small matrices: in closed form for one or two rows.

    Examples
    --------
    >>> inverses(np.array([[[2.0, 2.0], [1.0, 3.0]], [[1.0, 1.0], [1.0, 2.0]]]))
    array([[[ 0.75, -0.5 ],
            [-0.25,  0.5 ]],
    <BLANKLINE>
           [[ 2.  , -1.  ],
            [-1.  ,  1.  ]]])
    """
    size = matrices.shape[-1]
    if size > 2:
        try:
            return np.linalg.inv(matrices)
        except np.linalg.LinAlgError:
            raise SingularMatrix(SINGULAR_BLOCK) from None
    (a, *b), (*c, d) = (matrices[:, 0].T, matrices[:, -1].T)
    determinant = a if size == 1 else a * d - b[0] * c[0]
    if not np.all(determinant):
        raise SingularMatrix(SINGULAR_BLOCK)
    if size == 1:
        return 1.0 / matrices
    rows = [[d, -b[0]], [-c[0], a]]
    return np.moveaxis(np.array(rows) / determinant, -1, 0)


class Kept:
    """A preconditioner, and for which W it was made.

    Where it can be had for all gamma h at once (``family(J, M, before)``, a function of gamma h),
    it always belongs to the present W. Else it is kept as long as it serves: until J is another
    one, gamma h has changed by `WINDOW`, or the iterations have become more than twice as many as
    at first.

    Parameters
    ----------
    precondition : object
        With ``prepare(W) -> apply``, and perhaps ``family(J, M, before)``.

    Attributes
    ----------
    made : int
        How often one was made.

    Examples
    --------
    >>> from scipy import sparse
    >>> kept, J, W = Kept(ILU()), None, sparse.csc_array(np.eye(2))
    >>> for gamma_h in (1.0, 1.2, 2.0):
    ...     apply = kept.serve(W, gamma_h, J, None)
    >>> kept.made
    2
    """

    def __init__(self, precondition):
        self.precondition, self.made = precondition, 0
        self._apply = self._gamma_h = self._family = None
        self._of = NO_JACOBIAN
        self._usual = self._last = 0

    def serve(self, W, gamma_h, J, M):
        """What stands for the inverse of W = M - gamma_h J."""
        new, self._of = self._of is not J, J
        if hasattr(self.precondition, "family"):
            self._family = self.precondition.family(J, M, self._family) if new else self._family
            return self._family(gamma_h)
        if new or self._is_off(gamma_h) or self._last > 2 * self._usual + 2:
            self._apply, self._gamma_h = self.precondition.prepare(W), gamma_h
            self.made, self._usual = self.made + 1, 0
        return self._apply

    def note(self, count):
        """Remember how many iterations a system took."""
        self._usual, self._last = self._usual or count, count

    def _is_off(self, gamma_h):
        return abs(gamma_h / self._gamma_h - 1) > WINDOW


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
