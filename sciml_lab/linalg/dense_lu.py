"""LU factors of a full matrix."""

from sciml_lab._optional import need


class SingularMatrix(ArithmeticError):
    """W has no inverse, or none was found: the equations do not determine the step."""


def dense_lu(W):
    """Factorise a full matrix of finite numbers; return ``solve(b)``.

    Examples
    --------
    >>> import numpy as np
    >>> solve = dense_lu(np.array([[0.0, 2.0], [1.0, 0.0]]))
    >>> solve(np.array([2.0, 3.0]))
    array([3., 1.])
    """
    lapack = need("scipy.linalg.lapack", extra="lab", what="implicit methods")
    factorise, back = (lapack.zgetrf, lapack.zgetrs) if W.dtype.kind == "c" else (
        lapack.dgetrf, lapack.dgetrs)  # fmt: skip
    lu, pivots, info = factorise(W)
    if info > 0:
        raise SingularMatrix(f"W = M - gamma h J is singular (pivot {info} is zero)")

    def solve(b):
        return back(lu, pivots, b.ravel())[0].reshape(b.shape)

    return solve
