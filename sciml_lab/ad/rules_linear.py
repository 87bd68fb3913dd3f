"""The rule table, third part: products of matrices, linear systems, determinants, norms.

With this module one can: read how matrix products and solves are differentiated. For
``C = A B`` and a cotangent G of C the transposes are ``G B^T`` and ``A^T G``; for the solution
of ``A x = b`` a tangent obeys ``A x' = b' - A' x``, and the cotangent of b is ``A^-T g``. So no
derivative is taken of the elimination itself.

Examples
--------
>>> from sciml_lab.ad import grad
>>> A = np.array([[2.0, 0.0], [0.0, 4.0]])
>>> grad(lambda b: np.sum(np.linalg.solve(A, b)), np.ones(2))
array([0.5 , 0.25])
"""

import operator

import numpy as np

from .primitive import define, expand, unbroadcast
from .values import primal


def flipped(a):
    """Transpose the last two axes."""
    return np.swapaxes(a, -1, -2)


def _fold(t):
    """Join the last two axes of a tangent: columns and directions become columns."""
    return np.reshape(t, (*t.shape[:-2], t.shape[-2] * t.shape[-1]))


# Matrix product: vectors, matrices, and stacks of matrices, as in NumPy.
def _push_left(t, ans, x, y):
    if x.ndim == 1:
        return (y @ t) if y.ndim == 1 else flipped(y) @ t
    if y.ndim == 1:
        return flipped(t) @ y
    n, k = x.shape[-2], t.shape[-1]
    rows = flipped(t)  # (..., n, k, m)
    rows = np.reshape(rows, (*rows.shape[:-3], n * k, rows.shape[-1])) @ y
    return flipped(np.reshape(rows, (*rows.shape[:-2], n, k, rows.shape[-1])))


def _push_right(t, ans, x, y):
    if y.ndim == 1:
        return x @ t
    return np.reshape(x @ _fold(t), (*ans.shape, t.shape[-1]))


def _pull_left(g, ans, x, y):
    if y.ndim == 1:
        return g * y if x.ndim == 1 else g[..., None] * y
    if x.ndim == 1:
        return unbroadcast((y @ g[..., None])[..., 0], x)
    return unbroadcast(g @ flipped(y), x)


def _pull_right(g, ans, x, y):
    if x.ndim == 1:
        return g * x if y.ndim == 1 else unbroadcast(x[:, None] * g[..., None, :], y)
    if y.ndim == 1:
        return g @ x if x.ndim == 2 else unbroadcast((flipped(x) @ g[..., None])[..., 0], y)
    return unbroadcast(flipped(x) @ g, y)


matmul = define(
    operator.matmul,
    (_push_left, _push_right),
    (_pull_left, _pull_right),
    name="matmul",
    dispatch=(np.matmul,),
)


# Einstein summation, for subscripts in which no letter stands twice in one operand.
def full_subscripts(subscripts, count):
    """Write out the part after the arrow, and refuse what the rule does not cover."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    parts = left.split(",")
    if not arrow:
        out = "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))
    if "." in subscripts or any(len(set(part)) < len(part) for part in parts):
        raise TypeError(
            f"np.einsum({subscripts!r}) of a traced value has no derivative rule: only subscripts "
            "without '...' and without a letter repeated in one operand are covered; use @, "
            "np.sum and np.swapaxes."
        )
    if len(parts) != count:
        raise ValueError(f"np.einsum: {subscripts!r} names {len(parts)} arrays, {count} are given.")
    return parts, out


def _push_einsum(ts, ans, *xs, subscripts):
    parts, out = full_subscripts(subscripts, len(xs))
    free = next(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba"
                if c not in subscripts)  # fmt: skip
    total = 0.0
    for k, t in enumerate(ts):
        names = [*parts[:k], parts[k] + free, *parts[k + 1 :]]
        total = total + np.einsum(f"{','.join(names)}->{out + free}", *xs[:k], t, *xs[k + 1 :])
    return total


def _pull_einsum(k, g, ans, *xs, subscripts):
    parts, out = full_subscripts(subscripts, len(xs))
    others = [*parts[:k], *parts[k + 1 :]]
    known = "".join([out, *others])
    kept = "".join(c for c in parts[k] if c in known)
    g = np.einsum(f"{','.join([out, *others])}->{kept}", g, *xs[:k], *xs[k + 1 :])
    if len(kept) < len(parts[k]):  # a letter that was summed over in x alone
        g = g[tuple(slice(None) if c in kept else None for c in parts[k])]
        g = np.broadcast_to(g, xs[k].shape)
    return g


einsum = define(
    lambda *xs, subscripts: np.einsum(subscripts, *xs),
    _push_einsum,
    _pull_einsum,
    name="einsum",
    joint=True,
)


# Linear systems: one matrix, one or many right-hand sides.
def _solve(a, b):
    if a.ndim != 2 or b.ndim > 2:
        raise TypeError(
            "np.linalg.solve of traced values is covered for one matrix (n, n) and a right-hand "
            "side (n,) or (n, m): call it for each matrix of a stack."
        )
    return np.linalg.solve(a, b)


def _push_solve_matrix(t, ans, a, b):
    rhs = -_push_left(t, ans, a, ans)
    return _push_solve_rhs(rhs, ans, a, b)


def _push_solve_rhs(t, ans, a, b):
    if t.ndim == 2:
        return np.linalg.solve(a, t)
    return np.reshape(np.linalg.solve(a, _fold(t)), t.shape)


def _pull_solve_matrix(g, ans, a, b):
    g = np.linalg.solve(a.T, g)
    return -(g[:, None] * ans if ans.ndim == 1 else g @ ans.T)


solve = define(
    _solve,
    (_push_solve_matrix, _push_solve_rhs),
    (_pull_solve_matrix, lambda g, ans, a, b: np.linalg.solve(a.T, g)),
    name="solve",
    dispatch=(np.linalg.solve,),
)
inv = define(
    np.linalg.inv,
    lambda t, ans, a: -_push_left(_push_right(t, ans, ans, a), ans, a, ans),
    lambda g, ans, a: -flipped(ans) @ g @ flipped(ans),
    name="inv",
    dispatch=(np.linalg.inv,),
)
det = define(
    np.linalg.det,
    lambda t, ans, a: np.sum(t * expand(_cofactors(ans, a)), axis=(-3, -2)),
    lambda g, ans, a: g[..., None, None] * _cofactors(ans, a),
    name="det",
    dispatch=(np.linalg.det,),
)


def _cofactors(ans, a):
    """Slope of the determinant: det(A) A^-T, for a matrix that has an inverse."""
    if np.any(primal(ans) == 0):
        raise ValueError(
            "np.linalg.det has no derivative by this rule at a singular matrix: "
            "its formula det(A) inv(A).T needs an inverse."
        )
    return ans[..., None, None] * flipped(np.linalg.inv(a))
