"""LU factors of a band matrix: n (kl + ku) numbers instead of n squared, no fill outside.

LAPACK keeps the diagonals of the matrix as the rows of an array. Row interchanges may widen the
upper band by kl, for which room is left. A matrix whose entries lie far from the diagonal may still
be a band in another order of the unknowns, which reverse Cuthill-McKee looks for.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.coloring import as_pattern
from sciml_lab.linalg.dense_lu import SingularMatrix


class Band:
    """The band of a pattern, in the order of the unknowns that makes it narrowest.

    Parameters
    ----------
    pattern : scipy.sparse.csc_array
        Sorted by rows in each column.

    Attributes
    ----------
    kl, ku : int
        Number of diagonals below and above the main one.
    order : ndarray or None
        Row and column k of the band matrix are ``order[k]`` of the given one; None: as they come.

    Examples
    --------
    >>> from scipy import sparse
    >>> band = Band(sparse.csc_array(np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])))
    >>> band.kl, band.ku
    (0, 1)
    """

    def __init__(self, pattern):
        n = pattern.shape[0]
        self.size, self.order = n, None
        rows, columns = pattern.indices, np.repeat(np.arange(n), np.diff(pattern.indptr))
        self.kl, self.ku = _widths(rows, columns)
        if self.kl + self.ku > 0:
            graph = need("scipy.sparse.csgraph", extra="lab", what="a banded linear solver")
            edges = as_pattern(pattern)
            order = graph.reverse_cuthill_mckee((edges + edges.T).tocsr(), True)
            place = np.empty(n, int)
            place[order] = np.arange(n)
            widths = _widths(place[rows], place[columns])
            if sum(widths) < 0.8 * (self.kl + self.ku):
                self.order, (self.kl, self.ku) = order, widths
                rows, columns = place[rows], place[columns]
        height = 2 * self.kl + self.ku + 1
        self._places = columns * height + (self.kl + self.ku + rows - columns)

    def store(self, data):
        """The entries of a matrix of this pattern as LAPACK wants them."""
        height = 2 * self.kl + self.ku + 1
        stored = np.zeros(height * self.size, dtype=data.dtype)
        stored[self._places] = data
        return stored.reshape((height, self.size), order="F")


def _widths(rows, columns):
    below = rows.astype(np.int64) - columns
    return int(max(below.max(initial=0), 0)), int(max((-below).max(initial=0), 0))


def banded_lu(W, band=None):
    """Factorise a sparse matrix as a band; return ``solve(b)``.

    Parameters
    ----------
    W : scipy.sparse.csc_array
    band : Band, optional
        Of its pattern, if it is known.

    Examples
    --------
    >>> from scipy import sparse
    >>> solve = banded_lu(sparse.csc_array(np.array([[2.0, 0.0], [1.0, 1.0]])))
    >>> solve(np.array([2.0, 3.0]))
    array([1., 2.])
    """
    lapack = need("scipy.linalg.lapack", extra="lab", what="a banded linear solver")
    band = Band(W) if band is None else band
    factorise, back = (lapack.zgbtrf, lapack.zgbtrs) if W.dtype.kind == "c" else (
        lapack.dgbtrf, lapack.dgbtrs)  # fmt: skip
    kl, ku, order = band.kl, band.ku, band.order
    lu, pivots, info = factorise(band.store(W.data), kl, ku, overwrite_ab=True)
    if info > 0:
        raise SingularMatrix(f"W = M - gamma h J is singular (pivot {info} is zero)")

    def solve(b):
        flat = b.ravel()
        x = back(lu, kl, ku, flat if order is None else flat[order], pivots)[0]
        if order is not None:
            x, moved = np.empty_like(x), x
            x[order] = moved
        return x.reshape(b.shape)

    return solve
