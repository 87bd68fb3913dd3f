"""LU factors of a sparse matrix, with the unknowns in an order that keeps the factors sparse."""

from sciml_lab._optional import need
from sciml_lab.linalg.dense_lu import SingularMatrix


def sparse_lu(W):
    """Factorise a sparse matrix by SuperLU; return ``solve(b)``.

    Parameters
    ----------
    W : scipy.sparse.csc_array

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> solve = sparse_lu(sparse.csc_array(np.array([[2.0, 0.0], [1.0, 1.0]])))
    >>> solve(np.array([2.0, 3.0]))
    array([1., 2.])
    """
    linalg = need("scipy.sparse.linalg", extra="lab", what="a sparse linear solver")
    try:
        lu = linalg.splu(W)
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        raise SingularMatrix("W = M - gamma h J is singular (a pivot is zero)") from None

    def solve(b):
        return lu.solve(b.ravel().astype(W.dtype, copy=False)).reshape(b.shape)

    return solve
