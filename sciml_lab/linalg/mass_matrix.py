"""The mass matrix M of ``M u' = f(u, p, t)``: its products, and what it leaves undetermined.

A singular M makes some equations constraints: where a row vector w has ``w M = 0``, the equation
says ``w f(u, p, t) = 0``, and u' does not occur in it (a differential-algebraic equation).
"""

from functools import cached_property

import numpy as np

from sciml_lab._optional import need

LARGEST_DENSE = 1000


class Mass:
    """A mass matrix, and what can be asked of it.

    Parameters
    ----------
    matrix : array (n, n) or sparse matrix

    Attributes
    ----------
    diagonal : ndarray or None
        The entries of a diagonal matrix.

    Examples
    --------
    >>> mass = Mass(np.diag([2.0, 0.0]))
    >>> mass.times(np.array([1.0, 1.0])), mass.singular
    (array([2., 0.]), True)
    >>> mass.slope(np.array([1.0, 1.0]))
    array([0.5, 0. ])
    """

    def __init__(self, matrix):
        self.matrix = matrix
        self.sparse = hasattr(matrix, "tocsc")
        diagonal = matrix.diagonal()
        inside = int(np.count_nonzero(diagonal))
        entries = matrix.count_nonzero() if self.sparse else np.count_nonzero(matrix)
        self.diagonal = np.array(diagonal) if entries == inside else None

    def times(self, x):
        """The product M x, in the shape of x."""
        if self.diagonal is not None:
            return (self.diagonal * x.ravel()).reshape(x.shape)
        return (self.matrix @ x.ravel()).reshape(x.shape)

    def slope(self, x):
        """The u' of least size with ``M u' = x`` (as nearly as can be), in the shape of x."""
        return (self._inverse @ x.ravel()).reshape(x.shape)

    @property
    def singular(self) -> bool:
        """Whether some equations are constraints."""
        return self.constraints.shape[1] > 0

    @property
    def constraints(self):
        """Columns w with ``w^T M = 0``: the equations ``w^T f = 0``."""
        return self._parts[1]

    @property
    def algebraic(self):
        """Columns v with ``M v = 0``: directions of u whose derivative does not occur."""
        return self._parts[2]

    @property
    def _inverse(self):
        return self._parts[0]

    @cached_property
    def _parts(self):
        """Pseudo-inverse, left and right null space."""
        n = self.matrix.shape[0]
        if self.diagonal is not None or (self.sparse and n > LARGEST_DENSE):
            return self._by_rows(n)
        dense = self.matrix.toarray() if self.sparse else self.matrix
        left, sizes, right = np.linalg.svd(dense)
        rank = int(np.sum(sizes > n * np.finfo(float).eps * sizes[0])) if sizes[0] > 0 else 0
        inverse = (right[:rank].conj().T / sizes[:rank]) @ left[:, :rank].conj().T
        return inverse, left[:, rank:].conj(), right[rank:].conj().T

    def _by_rows(self, n):
        """The same for a diagonal matrix, or a large one that is regular but for rows of zeros."""
        sparse = need("scipy.sparse", extra="lab", what="a large mass matrix")
        full = sparse.csc_matrix(self.matrix)
        rows = np.asarray(abs(full).sum(axis=1)).ravel() != 0
        columns = np.asarray(abs(full).sum(axis=0)).ravel() != 0
        unit = sparse.identity(n, format="csc")
        if self.diagonal is not None:
            some = np.where(rows, self.diagonal, 1.0)
            inverse = sparse.diags(np.where(rows, 1.0 / some, 0.0))
        else:
            splu = need("scipy.sparse.linalg", extra="lab", what="a large mass matrix").splu
            inverse = _Solve(splu(full[rows][:, columns].tocsc()), rows, columns)
        return inverse, unit[:, ~rows], unit[:, ~columns]


class _Solve:
    """The inverse of a part of a sparse matrix, as something to multiply with."""

    def __init__(self, lu, rows, columns):
        self.lu, self.rows, self.columns = lu, rows, columns

    def __matmul__(self, x):
        out = np.zeros(len(self.columns), x.dtype)
        out[self.columns] = self.lu.solve(x[self.rows])
        return out
