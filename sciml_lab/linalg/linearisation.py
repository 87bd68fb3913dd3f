r"""J and the factors of W = M - gamma h J, kept while they are good enough.

An implicit step of any family solves systems with the matrix :math:`W = M - \gamma h J`, where
J = df/du and M is the mass matrix (the identity if there is none). The Jacobian is the dear part,
the factors come next, a solve is cheap: so J is kept from step to step and W as long as
:math:`\gamma h` stays the same. W is never inverted.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.jacobians import EPS, jacobian_function


class SingularMatrix(ArithmeticError):
    """W has no inverse: the equations do not determine the step."""


class Linearisation:
    """The linear algebra of one solve.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``, the right-hand side.
    size : int
        Number n of unknowns; u may have any shape.
    mass : array (n, n) or sparse matrix, optional
        M; without it the identity.
    jac : callable, optional
        The user's Jacobian.
    sparsity : array or sparse matrix (n, n), optional
        Where J may be nonzero.
    linear_solver : str or object
        "auto", "dense", or an object with ``prepare(W) -> solve``.

    Attributes
    ----------
    J : ndarray or None
        The Jacobian at `point`.
    njac, nlu, nkrylov : int
        Counters.

    Examples
    --------
    >>> lin = Linearisation(lambda u, p, t: -p * u, 2)
    >>> lin.update(np.ones(2), 3.0, 0.0)
    >>> lin.factor(0.5)(np.array([2.5, 5.0]))  # W = 1 + 0.5 * 3
    array([1., 2.])
    """

    def __init__(self, f, size, *, mass=None, jac=None, sparsity=None, linear_solver="auto"):
        self.f, self.size, self.mass = f, size, mass
        self.sparsity, self.linear_solver = sparsity, linear_solver
        self.jacobian = jacobian_function(f, jac)
        self.J = self.point = self._factored = self._solve = None
        self.njac = self.nlu = self.nkrylov = 0

    def update(self, u, p, t):
        """Evaluate J at (u, t), unless it has just been evaluated there."""
        if self.point is not None and self.point[0] is u and self.point[1] == t:
            return
        self.J = self.jacobian(u, p, t)
        self.point, self._factored = (u, t), None
        self.njac += 1

    def factor(self, gamma_h):
        """Return ``solve(b)``, the solution x of ``W x = b`` in the shape of b.

        Raises
        ------
        SingularMatrix
            If W has no inverse.
        """
        if self._factored != gamma_h or self._solve is None:
            self._solve = dense_lu(self._matrix(gamma_h))
            self._factored = gamma_h
            self.nlu += 1
        return self._solve

    def _matrix(self, gamma_h):
        """W = M - gamma h J."""
        W = -gamma_h * np.asarray(self.J)
        if self.mass is None:
            W.flat[:: self.size + 1] += 1.0
            return W
        return self.mass + W

    def times_mass(self, x):
        """The product M x, in the shape of x."""
        return x if self.mass is None else (self.mass @ x.ravel()).reshape(x.shape)

    def time_slope(self, u, p, t, h, f0):
        """The derivative of f by t, from a difference over a small part of the step."""
        delta = np.sqrt(EPS) * max(abs(t), abs(h)) * (1.0 if h > 0 else -1.0)
        moved = t + delta
        return (self.f(u, p, moved) - f0) / (moved - t)


def dense_lu(W):
    """Factorise a full matrix; return ``solve(b)``.

    Examples
    --------
    >>> solve = dense_lu(np.array([[0.0, 2.0], [1.0, 0.0]]))
    >>> solve(np.array([2.0, 3.0]))
    array([3., 1.])
    """
    lapack = need("scipy.linalg.lapack", extra="lab", what="implicit methods")
    factorise, back = (lapack.zgetrf, lapack.zgetrs) if W.dtype.kind == "c" else (
        lapack.dgetrf, lapack.dgetrs)  # fmt: skip
    if not np.isfinite(W).all():
        raise SingularMatrix("the Jacobian of f is not finite there")
    lu, pivots, info = factorise(W)
    if info > 0:
        raise SingularMatrix(f"W = M - gamma h J is singular (pivot {info} is zero)")

    def solve(b):
        return back(lu, pivots, b.ravel())[0].reshape(b.shape)

    return solve
