"""The sparse matrix W = M - gamma h J: where its entries go is found once, not in every step."""

from functools import cached_property

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.banded import Band
from sciml_lab.linalg.coloring import as_pattern
from sciml_lab.linalg.sparse_lu import is_symmetric


class Assembly:
    """W for all J of one pattern.

    Parameters
    ----------
    J : scipy.sparse.csc_array
        Sorted by rows in each column.
    mass : Mass, optional
        M; without it the identity.

    Attributes
    ----------
    pattern : scipy.sparse.csc_array
        Where W may be nonzero.

    Examples
    --------
    >>> from scipy import sparse
    >>> J = sparse.csc_array(np.array([[0.0, 2.0], [0.0, 4.0]]))
    >>> Assembly(J).matrix(0.5, J).toarray()
    array([[ 1., -1.],
           [ 0., -1.]])
    """

    def __init__(self, J, mass=None):
        sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
        n, self.mass, self.of = J.shape[0], mass, (J.indices, J.indptr)
        if mass is None:
            M = sparse.eye_array(n, format="csc")
        elif mass.diagonal is not None:
            M = sparse.csc_array(sparse.diags_array(mass.diagonal))
        else:
            M = sparse.csc_array(mass.matrix)
        M.sum_duplicates()
        self.pattern = P = as_pattern(as_pattern(J) + as_pattern(M))
        self._places = _places(P, J)
        self._base = np.zeros(P.nnz, dtype=M.dtype)
        self._base[_places(P, M)] = M.data

    @cached_property
    def symmetric(self) -> bool:
        """Whether the pattern is (nearly) symmetric."""
        return is_symmetric(self.pattern)

    @cached_property
    def band(self) -> Band:
        """The band that holds the pattern."""
        return Band(self.pattern)

    def serves(self, J, mass) -> bool:
        """Whether J has the same pattern, and the mass matrix is the same."""
        rows, starts = self.of
        same = J.indices is rows or np.array_equal(J.indices, rows)
        return same and mass is self.mass and np.array_equal(J.indptr, starts)

    def matrix(self, gamma_h, J):
        """W = M - gamma h J as a csc_array."""
        sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
        P, base, J_data = self.pattern, self._base, gamma_h * J.data
        if J_data.size == base.size:  # J has an entry wherever W has
            data = base - J_data
        else:
            data = base.astype(np.result_type(base, J_data))
            data[self._places] -= J_data
        return sparse.csc_array((data, P.indices, P.indptr), shape=P.shape)


def _places(P, A):
    """Where the entries of A lie among those of P; both are sorted."""
    return np.searchsorted(_keys(P), _keys(A))


def _keys(A):
    columns = np.repeat(np.arange(A.shape[1], dtype=np.int64), np.diff(A.indptr))
    return columns * A.shape[0] + A.indices
