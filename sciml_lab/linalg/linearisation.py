r"""J and the factors of W = M - gamma h J, kept while they are good enough.

An implicit step of any family solves systems with the matrix :math:`W = M - \gamma h J`, where
J = df/du and M is the mass matrix (the identity if there is none). The Jacobian is the dear part,
the factors come next, a solve is cheap: so J is kept from step to step and W as long as
:math:`\gamma h` stays the same. W is never inverted.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.jacobians import jacobian_function
from sciml_lab.linalg.mass_matrix import Mass


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
        The user's Jacobian; it is compared with differences of f once.
    sparsity : array or sparse matrix (n, n), optional
        Where J may be nonzero.
    linear_solver : str or object
        "auto", "dense", or an object with ``prepare(W) -> solve``.
    call : callable, optional
        What differences call instead of f, for example f with a counter.

    Attributes
    ----------
    mass, mass_matrix : array or None, Mass or None
        M as given, and with all that can be asked of it.
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

    def __init__(
        self, f, size, *, mass=None, jac=None, sparsity=None, linear_solver="auto", call=None
    ):
        self.f, self.size = f, size
        self.mass, self.mass_matrix = mass, None if mass is None else Mass(mass)
        self.sparsity, self.linear_solver = sparsity, linear_solver
        _preparation(linear_solver)  # a wrong one is named before the solve
        self.jacobian = jacobian_function(f, jac, call)
        self.J = self.point = self._factored = self._solve = self._by_time = None
        self.njac = self.nlu = self.nkrylov = 0

    @property
    def singular_mass(self) -> bool:
        """Whether some equations are constraints (a DAE)."""
        return self.mass_matrix is not None and self.mass_matrix.singular

    def update(self, u, p, t):
        """Evaluate J at (u, t), unless it has just been evaluated there."""
        if self._is_at(u, t):
            return
        self.J = self.jacobian(u, p, t)
        self.point, self._factored, self._by_time = (u, t), None, None
        self.njac += 1

    def _is_at(self, u, t):
        return self.point is not None and self.point[0] is u and self.point[1] == t

    def factor(self, gamma_h):
        """Return ``solve(b)``, the solution x of ``W x = b`` in the shape of b.

        Raises
        ------
        SingularMatrix
            If W has no inverse, or J is not finite.
        """
        if self._factored != gamma_h or self._solve is None:
            self._factored = None
            self._solve = _preparation(self.linear_solver)(self._matrix(gamma_h))
            self._factored = gamma_h
            self.nlu += 1
        return self._solve

    def _matrix(self, gamma_h):
        """W = M - gamma h J."""
        J = self.J.toarray() if hasattr(self.J, "toarray") else np.asarray(self.J)
        if not np.isfinite(J).all():
            i, j = np.argwhere(~np.isfinite(J))[0]
            raise SingularMatrix(f"the Jacobian of f has the entry [{i}, {j}] = {J[i, j]} there")
        W = -gamma_h * J.astype(np.result_type(J, self.point[0]), copy=False)
        if self.mass_matrix is None:
            W.flat[:: self.size + 1] += 1.0
        elif self.mass_matrix.diagonal is not None:
            W.flat[:: self.size + 1] += self.mass_matrix.diagonal
        else:
            W = np.asarray(self.mass_matrix.matrix + W)
        return W

    def times_mass(self, x):
        """The product M x, in the shape of x."""
        return x if self.mass_matrix is None else self.mass_matrix.times(x)

    def slope(self, x):
        """The u' with ``M u' = x``; what a singular M leaves open is zero."""
        return x if self.mass_matrix is None else self.mass_matrix.slope(x)

    def by_time(self, u, p, t, h, f0):
        """The derivative of f by t at (u, t), or None where f does not read t."""
        if not self._is_at(u, t):
            return self.jacobian.by_time(u, p, t, h, f0)
        if self._by_time is None:  # a rejected step asks again
            self._by_time = (self.jacobian.by_time(u, p, t, h, f0),)
        return self._by_time[0]

    def time_slope(self, u, p, t, h, f0):
        """The derivative of f by t at (u, t), zeros where f does not read t."""
        found = self.by_time(u, p, t, h, f0)
        return np.zeros_like(f0) if found is None else found


def _preparation(linear_solver):
    """What turns W into ``solve(b)``, or a sentence about what was asked for."""
    if linear_solver in ("auto", "dense"):
        return dense_lu
    if hasattr(linear_solver, "prepare") and not isinstance(linear_solver, type):
        return linear_solver.prepare
    raise ValueError(
        "linear_solver must be 'auto', 'dense', or an object with prepare(W) -> solve (got "
        f"{linear_solver!r})."
    )


def dense_lu(W):
    """Factorise a full matrix of finite numbers; return ``solve(b)``.

    Examples
    --------
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
