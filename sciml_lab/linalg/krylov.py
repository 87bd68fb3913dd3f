"""GMRES: the linear system ``W x = b`` from products with W alone, without its factors.

After k products the solution is sought among the combinations of ``r, W r, ..., W^(k-1) r``: the
one with the smallest residual. An orthonormal basis of these vectors (Arnoldi) makes that a small
least-squares problem, which rotations keep solved from one k to the next. After `restart` vectors
the basis is given up and begun anew from what has been reached.

A preconditioner P on the right, ``W P^-1 y = b`` with ``x = P^-1 y``, leaves the residual what it
is, so that the accuracy asked for is that of the system itself. The preconditioned vectors are kept
beside the basis: x is put together from them, without another application of P.

References
----------
Y. Saad, M. H. Schultz, "GMRES: a generalized minimal residual algorithm for solving nonsymmetric
linear systems", SIAM J. Sci. Stat. Comput. 7 (1986) 856-869.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.linalg.dense_lu import SingularMatrix
from sciml_lab.linalg.newton import forcing_term

TIGHT, LOOSE = 1e-8, 1e-2  # relative residual without and with an iteration around
FEW = 7  # vectors of a basis for which there is room at first


class Stagnation(SingularMatrix):
    """GMRES did not reach the accuracy asked for."""


class Found(NamedTuple):
    """What GMRES returns.

    Attributes
    ----------
    x : array
        The solution.
    count : int
        Number of products with the matrix.
    residual : float
        ``|b - A x| / |b|``.
    """

    x: np.ndarray
    count: int
    residual: float


def gmres(A, b, *, precondition=None, rtol=1e-8, restart=30, limit=300) -> Found:
    """Solve ``A x = b`` by restarted GMRES with a preconditioner on the right.

    Parameters
    ----------
    A : matrix or operator
        Anything with ``A @ x``.
    b : array (n,)
    precondition : callable, optional
        ``precondition(y)``, about ``A^-1 y``; the same linear function in every call.
    rtol : float
        Reach ``|b - A x| <= rtol |b|``.
    restart : int
        Length of the basis.
    limit : int
        Most products.

    Returns
    -------
    Found
        Its `residual` exceeds rtol where `limit` was not enough, or a restart brought nothing.

    Examples
    --------
    >>> found = gmres(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([4.0, 3.0]))
    >>> found.x.round(12), found.count
    (array([1.5, 1. ]), 2)
    """
    P = precondition if precondition is not None else np.asarray
    size = norm(b)
    x, count, left = np.zeros_like(b), 0, 1.0
    if size == 0.0 or not np.isfinite(size):
        return Found(b.copy(), 0, 0.0 if size == 0.0 else np.nan)
    r = b
    while left > rtol and count < limit:
        change, used = _cycle(A, P, r, rtol * size, min(restart, limit - count))
        x, count, before = x + change, count + used, left
        r = b - A @ x
        left = norm(r) / size
        if not left < 0.99 * before:
            break
    return Found(x, count, left)


def _cycle(A, P, r, target, restart):
    """Return (what to add to x, number of products): one basis, until the residual is small."""
    beta = norm(r)
    kind = np.result_type(r, A.dtype) if hasattr(A, "dtype") else r.dtype
    V = np.empty((min(restart, FEW) + 1, r.size), dtype=kind)  # the basis, one vector a row
    V[0] = r / beta
    R, g = [], [beta]  # columns of a triangle, and the right-hand side, both rotated
    rotations, ready = [], []
    for k in range(restart):
        ready.append(P(V[k]))
        product = A @ ready[k]
        size = norm(product)
        w, h, below = _orthogonal(product, V[: k + 1], size)
        closed = below <= 1e-14 * size  # the basis holds all that can come
        for i, (c, s) in enumerate(rotations):
            h[i], h[i + 1] = c * h[i] + s * h[i + 1], -s.conjugate() * h[i] + c * h[i + 1]
        c, s, h[k] = _rotation(h[k], below)
        rotations.append((c, s))
        R.append(h[: k + 1])
        g[k:] = c * g[k], -s.conjugate() * g[k]
        if abs(g[k + 1]) <= target or closed or k + 1 == restart:
            break
        if k + 1 == len(V):
            V = np.concatenate([V, np.empty_like(V)])
        V[k + 1] = w / below
    used = len(R)
    if abs(R[-1][-1]) <= 1e-13 * math.hypot(*map(abs, R[-1])):
        R.pop()  # A is singular: the last vector adds nothing to the products of the others
    change = np.zeros(r.size, kind)
    for y, z in zip(_back(R, g), ready, strict=False):
        change += y * z
    return change, used


def norm(x) -> float:
    """The Euclidean norm of a vector.

    Examples
    --------
    >>> norm(np.array([3.0, 4.0j]))
    5.0
    """
    return math.sqrt(np.vdot(x, x).real)


def _orthogonal(w, V, size):
    """Split w into its part in the basis V, as coefficients, and the rest, with its norm.

    Where little is left, rounding has brought back a part in the basis: then once more.
    """
    basis, left = V.conj() if V.dtype.kind == "c" else V, 0.0
    h = np.zeros(len(V), dtype=V.dtype)
    for _ in range(2):
        part = basis @ w
        w = w - part @ V
        h += part
        left = norm(w)
        if left > 0.7 * size:
            break
    return w, [*h.tolist(), 0.0], left


def _rotation(a, b):
    """(c, s, r) with c a + s b = r and -conj(s) a + c b = 0, for a real b that is not negative."""
    if b == 0.0:
        return 1.0, 0.0, a
    size = math.hypot(abs(a), b)
    if a == 0.0:
        return 0.0, 1.0, b
    phase = a / abs(a)
    return abs(a) / size, phase * b / size, phase * size


def _back(R, g):
    """Solve with the triangle of these columns by substitution from below."""
    y = g[: len(R)]
    for i in range(len(R) - 1, -1, -1):
        y[i] /= R[i][i]
        for j in range(i):
            y[j] -= R[i][j] * y[i]
    return y


class Forcing:
    """How accurate the next system of a Newton iteration has to be (Eisenstat and Walker).

    A right-hand side that is larger than the last one begins a new iteration.

    Examples
    --------
    >>> forcing = Forcing()
    >>> [round(forcing.next(size), 6) for size in (1.0, 0.01, 5.0)]
    [0.01, 9e-05, 0.01]
    """

    def __init__(self):
        self.size, self.term = 0.0, LOOSE

    def next(self, size):
        """The relative residual for a right-hand side of this norm."""
        if 0.0 < size < self.size:
            self.term = forcing_term(size, self.size, self.term, largest=LOOSE)
        else:
            self.term = LOOSE
        self.size, self.term = size, max(self.term, TIGHT)
        return self.term


@dataclass(frozen=True)
class GMRES:
    """A linear solver for implicit methods: restarted GMRES.

    Parameters
    ----------
    precondition : Jacobi, BlockJacobi, ILU, Multigrid or object with ``prepare(W) -> apply``
        Without one, W is never put together: the products ``J v`` are derivatives of f along v.
    restart : int
        Length of the basis.
    rtol : float, optional
        Relative residual. By default 1e-8 where the solution is used as it is (Rosenbrock methods),
        and in a Newton iteration from 1e-2 on, as accurate as it pays (Eisenstat and Walker).
    limit : int
        Most iterations for one system; then the step fails, and a shorter one is tried.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.brusselator_1d(40)(tspan=(0.0, 0.5))
    >>> solver = sl.GMRES(precondition=sl.ILU())
    >>> sol = sl.solve(prob, sl.Rodas4(linear_solver=solver))
    >>> sol.success, sol.stats.nkrylov > 0
    (True, True)
    """

    precondition: Any = None
    restart: int = 30
    rtol: float | None = None
    limit: int = 300

    def __post_init__(self):
        for name in ("restart", "limit"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number, at least 1 (got {value!r}).")
        if self.rtol is not None and not 0 < self.rtol < 1:
            raise ValueError(f"rtol must lie between 0 and 1 (got {self.rtol!r}).")
        if self.precondition is not None and (
            isinstance(self.precondition, type) or not hasattr(self.precondition, "prepare")
        ):
            raise TypeError(
                "precondition must be an object with prepare(W) -> apply, for example sl.ILU() "
                f"(got {self.precondition!r})."
            )

    @property
    def matrix_free(self) -> bool:
        """Whether products are all that is needed."""
        return self.precondition is None

    def prepare(self, W, *, apply=None, forcing=None, spent=None):
        """Return ``solve(b)``, the solution of ``W x = b`` in the shape of b.

        Parameters
        ----------
        W : sparse matrix or operator
        apply : callable, optional
            The preconditioner, if it is ready.
        forcing : Forcing, optional
            Says how accurate a solve has to be, where an iteration corrects what it leaves.
        spent : callable, optional
            ``spent(k)`` is told the number of iterations.
        """
        if apply is None and self.precondition is not None:
            apply = self.precondition.prepare(W)

        def solve(b):
            flat, rtol = b.ravel(), self.rtol or TIGHT
            if forcing is not None and self.rtol is None:
                rtol = forcing.next(norm(flat))
            found = gmres(
                W, flat, precondition=apply, rtol=rtol, restart=self.restart, limit=self.limit
            )
            if spent is not None:
                spent(found.count)
            if found.residual > rtol:
                raise Stagnation(
                    f"GMRES stagnates: after {found.count} iterations the residual is "
                    f"{found.residual:.1e} of the right-hand side, and {rtol:.1e} was asked for; "
                    "take a (better) preconditioner, for example GMRES(precondition=ILU())"
                )
            return found.x.reshape(b.shape)

        return solve
