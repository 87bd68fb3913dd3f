"""LU factors of a sparse matrix, with the unknowns in an order that keeps the factors sparse."""

from sciml_lab._optional import need
from sciml_lab.linalg.coloring import as_pattern
from sciml_lab.linalg.dense_lu import SingularMatrix

SYMMETRIC = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.1,
    "options": {"SymmetricMode": True},
}
"""Minimum degree on the graph of W, pivots from the diagonal unless they are ten times too small:
on a grid half the fill, and a third of the time."""


def is_symmetric(pattern, enough=0.9) -> bool:
    """Whether nine of ten entries have their mirror image in the pattern.

    Examples
    --------
    >>> from scipy import sparse
    >>> is_symmetric(sparse.csc_array([[1.0, 2.0], [3.0, 4.0]]))
    True
    >>> is_symmetric(sparse.csc_array([[1.0, 2.0], [0.0, 4.0]]))
    False
    """
    P = as_pattern(pattern)
    return P.multiply(P.T).nnz >= enough * P.nnz


def sparse_lu(W, symmetric=None):
    """Factorise a sparse matrix by SuperLU; return ``solve(b)``.

    Parameters
    ----------
    W : scipy.sparse.csc_array
    symmetric : bool, optional
        Whether its pattern is (nearly) symmetric, if that is known.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> solve = sparse_lu(sparse.csc_array(np.array([[2.0, 0.0], [1.0, 1.0]])))
    >>> solve(np.array([2.0, 3.0]))
    array([1., 2.])
    """
    linalg = need("scipy.sparse.linalg", extra="lab", what="a sparse linear solver")
    symmetric = is_symmetric(W) if symmetric is None else symmetric
    try:
        lu = linalg.splu(W, **(SYMMETRIC if symmetric else {}))
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        raise SingularMatrix("W = M - gamma h J is singular (a pivot is zero)") from None

    def solve(b):
        return lu.solve(b.ravel().astype(W.dtype, copy=False)).reshape(b.shape)

    return solve
