r"""J and the factors of W = M - gamma h J, kept while they are good enough.

An implicit step of any family solves systems with the matrix :math:`W = M - \gamma h J`, where
J = df/du and M is the mass matrix (the identity if there is none). The Jacobian is the dear part,
the factors come next, a solve is cheap: so J is kept from step to step and W as long as
:math:`\gamma h` stays the same. W is never inverted.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import primal
from sciml_lab.linalg.aggregation import AlgebraicMultigrid
from sciml_lab.linalg.assembly import Assembly
from sciml_lab.linalg.banded import banded_lu
from sciml_lab.linalg.choice import SMALL, Choice, choose
from sciml_lab.linalg.colored import Colored, find_pattern
from sciml_lab.linalg.dense_lu import SingularMatrix, dense_lu
from sciml_lab.linalg.jacobians import jacobian_function
from sciml_lab.linalg.krylov import GMRES, Forcing, Stagnation
from sciml_lab.linalg.mass_matrix import Mass
from sciml_lab.linalg.matrix_free import JacobianProduct, Products, Shifted
from sciml_lab.linalg.precondition import Kept
from sciml_lab.linalg.sparse_lu import sparse_lu

__all__ = ["Linearisation", "SingularMatrix", "dense_lu"]

NAMES = ("auto", "dense", "banded", "sparse")


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
        Where J may be nonzero; without it the pattern is looked for when it is worth it.
    linear_solver : str or object
        "auto" (see `choose`), "dense", "banded", "sparse", a `GMRES`, or an object with
        ``prepare(W) -> solve`` for the full matrix W.
    call : callable, optional
        What differences call instead of f, for example f with a counter.

    Attributes
    ----------
    mass, mass_matrix : array or None, Mass or None
        M as given, and with all that can be asked of it.
    J : ndarray, sparse array, JacobianProduct or None
        The Jacobian at `point`.
    choice : Choice or None
        The linear solver, and why it was chosen; known after the first J.
    inexact : bool
        Whether an iteration corrects what a solve leaves; a method that has one says so.
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
        self.sparsity, self.linear_solver = sparsity, checked_solver(linear_solver)
        self.given, self.call = jac is not None, call
        self.jacobian = jacobian_function(f, jac, call)
        self.J = self.point = self._factored = self._solve = self._by_time = None
        self.choice = self._assembly = self._kept = None
        self.iterative = linear_solver if isinstance(linear_solver, GMRES) else None
        self.inexact, self._forcing = False, Forcing()
        self.njac = self.nlu = self.nkrylov = 0

    @property
    def singular_mass(self) -> bool:
        """Whether some equations are constraints (a DAE)."""
        return self.mass_matrix is not None and self.mass_matrix.singular

    def update(self, u, p, t):
        """Evaluate J at (u, t), unless it has just been evaluated there."""
        if self._is_at(u, t):
            return
        if self.choice is None:
            self._look_for_zeros(u, p, t)
        self.J = self.jacobian(u, p, t)
        self.point, self._factored, self._by_time = (u, t), None, None
        self.njac += not isinstance(self.J, JacobianProduct)
        if self.choice is None and _is_finite(self.J):
            self.choice = self._choose()
            if self.choice.name == "dense" and self.sparsity is None and not self.given:
                self.jacobian = jacobian_function(self.f, None, self.call)  # too full for colours

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
            self._solve = self._prepare(gamma_h)
            self._factored = gamma_h
            self.nlu += 1
        return self._solve

    def _look_for_zeros(self, u, p, t):
        """Make J sparse, or a mere product, where the linear solver can do with that."""
        solver, u = self.linear_solver, np.asarray(primal(u))
        if self.given:
            return
        if isinstance(solver, GMRES) and solver.matrix_free:
            self.jacobian = Products(self.jacobian, self.f, self.call)
            return
        by_pattern = solver in NAMES[2:] or isinstance(solver, GMRES)
        large = solver == "auto" and self.size > SMALL
        if by_pattern or large or (self.sparsity is not None and solver != "dense"):
            pattern, origin = find_pattern(self.f, u, p, t, self.sparsity)
            if pattern is not None:
                self.jacobian = Colored(self.f, self.call or self.f, pattern, origin)

    def _choose(self) -> Choice:
        """The linear solver, now that J is known."""
        solver = self.linear_solver
        if isinstance(solver, GMRES):
            return Choice("krylov", "as asked for" + self._told())
        if not isinstance(solver, str):
            return Choice("dense", f"W goes to {type(solver).__name__}")
        if solver != "auto":
            return Choice(solver, "as asked for" + self._told())
        if self.size <= SMALL:
            return Choice("dense", f"{self.size} unknowns, and up to {SMALL} nothing is quicker")
        assembly = self._put_together(self._sparse_jacobian())
        J = self._sparse_jacobian() if self.mass_matrix is None else None
        found = choose(assembly.pattern, assembly.band, J, self.inexact)
        if found.name == "krylov":
            self.iterative = GMRES(precondition=AlgebraicMultigrid())
        return found._replace(why=found.why + self._told())

    def _told(self):
        """What is known of the Jacobian, as the end of a sentence."""
        jac = self.jacobian
        if isinstance(jac, Colored):
            return (
                f" (pattern: {jac.origin}; {jac.directions} colours for {self.size} columns, "
                f"by {jac.how})"
            )
        return f" (Jacobian: {getattr(jac, 'how', 'given')})"

    def _prepare(self, gamma_h):
        """The factors of W, or what stands for them."""
        solver = self.linear_solver
        if self.choice is None:
            self.choice = self._choose()
        if self.choice.name == "dense":
            prepare = dense_lu if isinstance(solver, str) else solver.prepare
            return prepare(self._full(gamma_h))
        if isinstance(self.J, JacobianProduct):
            W = Shifted(self.mass_matrix, gamma_h, self.J)
        else:
            J = self._sparse_jacobian()
            W = self._put_together(J).matrix(gamma_h, J)
        if self.choice.name == "krylov":
            return self._iterative(W, gamma_h)
        if self.choice.name == "sparse":
            return sparse_lu(W, self._assembly.symmetric)
        return banded_lu(W, self._assembly.band)

    def _iterative(self, W, gamma_h):
        """The Krylov iteration for W, with a preconditioner that may be of an earlier W."""
        solver, apply = self.iterative, None
        if not isinstance(self.J, JacobianProduct) and solver.precondition is not None:
            self._kept = self._kept or Kept(solver.precondition)
            mass = None if self.mass_matrix is None else self.mass_matrix.matrix
            apply = self._kept.serve(W, gamma_h, self.J, mass)
        forcing = self._forcing if self.inexact else None
        solve = solver.prepare(W, apply=apply, forcing=forcing, spent=self._spend)
        return solve if solver is self.linear_solver else self._or_factors(solve, W)

    def _or_factors(self, solve, W):
        """An iteration that nobody has asked for: where it stagnates, factorise after all."""

        def careful(b):
            try:
                return solve(b)
            except Stagnation as trouble:
                self.choice = Choice("sparse", f"the iteration was given up ({trouble})")
                self._solve = sparse_lu(W, self._assembly.symmetric)
                return self._solve(b)

        return careful

    def _spend(self, count):
        self.nkrylov += count
        if self._kept is not None:
            self._kept.note(count)

    def _put_together(self, J) -> Assembly:
        """What adds M and J; made anew only if one of them has another pattern."""
        if self._assembly is None or not self._assembly.serves(J, self.mass_matrix):
            self._assembly = Assembly(J, self.mass_matrix)
        return self._assembly

    def _sparse_jacobian(self):
        """J as a sorted csc_array of finite numbers, of the kind of u."""
        sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
        J = sparse.csc_array(self.J)
        J.sum_duplicates()
        if not np.isfinite(J.data).all():
            k = int(np.argmin(np.isfinite(J.data)))
            j = int(np.searchsorted(J.indptr, k, side="right")) - 1
            raise SingularMatrix(_not_finite(J.indices[k], j, J.data[k]))
        kind = np.result_type(J, self.point[0])
        return J if J.dtype == kind else J.astype(kind)

    def _full(self, gamma_h):
        """W = M - gamma h J as a full matrix."""
        J = self.J.toarray() if hasattr(self.J, "toarray") else np.asarray(self.J)
        if not np.isfinite(J).all():
            i, j = np.argwhere(~np.isfinite(J))[0]
            raise SingularMatrix(_not_finite(i, j, J[i, j]))
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

    def size_of_terms(self, u):
        """How large the terms are that f adds up: ``|J| |u|``, in the shape of u."""
        return (abs(self.J) @ np.abs(u).ravel()).reshape(np.shape(u))

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


def _not_finite(i, j, value):
    return f"the Jacobian of f has the entry [{i}, {j}] = {value} there"


def _is_finite(J):
    entries = J.data if hasattr(J, "tocsc") else J
    return isinstance(J, JacobianProduct) or np.isfinite(entries).all()


def checked_solver(linear_solver):
    """Return it, or raise with a sentence about what was asked for.

    Examples
    --------
    >>> checked_solver("banded")
    'banded'
    """
    named = isinstance(linear_solver, str) and linear_solver in NAMES
    prepares = hasattr(linear_solver, "prepare") and not isinstance(linear_solver, type)
    if not named and not prepares:
        raise ValueError(
            "linear_solver must be 'auto', 'dense', 'banded', 'sparse', sl.GMRES(...), or an "
            f"object with prepare(W) -> solve (got {linear_solver!r})."
        )
    return linear_solver
