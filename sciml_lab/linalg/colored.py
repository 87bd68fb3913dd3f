"""Sparse Jacobians: where J may be nonzero, and its entries from as few directions as colours.

The pattern comes from the user, from the source of f (run on sets of indices, it never misses an
entry), or from derivatives at a few points near the start. The first and the last may miss an
entry, so J v is compared with differences of f, at the first J, the second, the fourth, the eighth
and so on.
"""

from contextlib import suppress

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import primal
from sciml_lab.ad.modes import push_dual
from sciml_lab.linalg.choice import FULL, SMALL
from sciml_lab.linalg.coloring import as_pattern, color, recover, seeds
from sciml_lab.linalg.generated import generated
from sciml_lab.linalg.jacobians import EPS, Derived, WrongJacobian, sizes, slope_along

READ = 1000  # most unknowns for which the source is run on sets, a third of a second for so many
MANY = 500  # colours
KEPT = 16  # patterns found by trying that are remembered
TOO_FULL = "the Jacobian is too full"
HINTS = {
    "given": "sparsity misses the entry [{i}, {j}] of the Jacobian: add it, or leave sparsity out",
    "tried": "the pattern of the Jacobian, found by trying, misses the entry [{i}, {j}]: give "
    "sparsity=",
}

_tried: dict = {}  # (f, shapes): pattern


def find_pattern(f, u, p, t, given=None):
    """Return (pattern of df/du, where it is from), or (None, why there is none).

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``.
    u, p, t : array, array or None, float
        The start.
    given : array or sparse matrix, optional
        The pattern as the user knows it.

    Returns
    -------
    tuple
        The second part is "given", "source" or "tried".

    Examples
    --------
    >>> pattern, origin = find_pattern(lambda u, p, t: u * u, np.ones(2), None, 0.0)
    >>> pattern.toarray(), origin
    (array([[ True, False],
           [False,  True]]), 'source')
    """
    if given is not None:
        return as_pattern(given), "given"
    text = generated(f, u, p, t) if u.dtype.kind == "f" and u.size <= READ else None
    if text is None:
        return _remembered(f, u, p, t) or _by_trying(f, u, p, t)
    if text.found is None:  # trying is cheap, and tells whether reading is worth it
        found = _by_trying(f, u, p, t)
        text.found = found if found[1] == TOO_FULL else (text.pattern, "source")
    return text.found


def _by_trying(f, u, p, t):
    """The pattern and "tried", or None and a reason."""
    try:
        found = try_out(f, u, p, t)
    except (TypeError, ValueError, ArithmeticError):  # no duals, or f refuses a point beside u
        return None, "neither the source of f nor dual numbers give a pattern"
    if found is None or (u.size > SMALL and found.nnz > FULL * u.size**2):
        return None, TOO_FULL
    with suppress(TypeError):  # an f that is no key of a dictionary
        _tried[_key(f, u, p)] = found
        if len(_tried) > KEPT:
            del _tried[next(iter(_tried))]
    return found, "tried"


def _key(f, u, p):
    return getattr(f, "as_written", f), u.shape, np.shape(p)


def _remembered(f, u, p, t):
    """The pattern that an earlier solve has found by trying, if it holds at this start too."""
    try:
        found = _tried.get(_key(f, u, p))
        return (found, "tried") if found is not None and holds(found, f, u, p, t) else None
    except (TypeError, ValueError, ArithmeticError):
        return None


def holds(pattern, f, u, p, t):
    """Whether J v is the same for a random v, once J is put together by a pattern.

    Every missing entry would change its row of J v.

    Examples
    --------
    >>> holds(as_pattern(np.eye(2)), lambda u, p, t: u**2, np.ones(2), None, 0.0)
    True
    >>> holds(as_pattern(np.eye(2)), lambda u, p, t: u * u[::-1], np.ones(2), None, 0.0)
    False
    """
    random, colors = np.random.default_rng(4), color(pattern)
    point = beside(u, random)
    v = random.uniform(0.5, 1.5, u.size)
    answers = derivatives(f, point, p, t, np.column_stack([seeds(colors), v]))
    J = recover(pattern, colors, answers[:, :-1])
    return bool(np.all(np.abs(J @ v - answers[:, -1]) <= 1e-10 * (abs(J) @ v)))


def beside(u, random):
    """A random point near u, where no derivative is zero by chance; no entry changes its sign."""
    kick = 0.1 * sizes(u).reshape(u.shape) * np.where(u.real < 0, -1.0, 1.0)
    return u + kick * random.uniform(0.0, 1.0, u.shape)


def try_out(f, u, p, t):
    """The pattern from derivatives along blocks of columns, which are halved until they are one.

    Each row knows which blocks it depends on. Of blocks that no row knows together, the halves can
    be tried at once: so a pattern of few colours takes few directions, ``log2(n)`` times. The
    points are random ones near u, where no derivative is zero by chance. None: so many columns
    share a row that J is no sparse matrix.

    Examples
    --------
    >>> try_out(lambda u, p, t: u[::-1] * u[1], np.array([1.0, 2.0, 3.0]), None, 0.0).toarray()
    array([[False,  True,  True],
           [False,  True, False],
           [ True,  True, False]])
    """
    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    n, random = u.size, np.random.default_rng(3)
    found = sparse.csc_array(np.ones((n, 1), bool))
    for shift in range((n - 1).bit_length() - 1, -1, -1):
        block = np.arange(n) >> shift
        colors = color(found)
        if colors.max() >= MANY:
            return None
        direction = 2 * colors[block >> 1] + (block & 1)
        answers = np.zeros((n, 2 * (colors.max() + 1)), bool)
        for _ in range(2):
            seed = np.zeros(answers.shape)
            seed[np.arange(n), direction] = random.uniform(0.5, 1.5, n)
            point = beside(u, random)
            with np.errstate(all="ignore"):
                answers |= derivatives(f, point, p, t, seed) != 0
        rows, parents = found.tocoo().coords
        rows, halves = np.tile(rows, 2), np.concatenate([2 * parents, 2 * parents + 1])
        kept = answers[rows, 2 * colors[halves >> 1] + (halves & 1)]
        where, shape = (rows[kept], halves[kept]), (n, 2 * found.shape[1])
        found = sparse.csc_array((np.ones(kept.sum(), bool), where), shape=shape)
        found = found[:, : block[-1] + 1]
    return as_pattern(found)


def derivatives(f, u, p, t, seed):
    """J times the columns of a matrix: by dual numbers, unless f knows better.

    A compiled f has a method ``derivative_along(u, p, t, seed)`` for it.

    Examples
    --------
    >>> derivatives(lambda u, p, t: u**2, np.array([1.0, 2.0]), None, 0.0, np.eye(2))
    array([[2., 0.],
           [0., 4.]])
    """
    known = getattr(f, "derivative_along", None)
    if known is not None:
        return known(u, p, t, seed)
    directions = seed.reshape(*u.shape, -1)
    return push_dual(lambda x: f(x, p, t), [u], [directions])[1].reshape(seed.shape)


class Colored(Derived):
    """A sparse Jacobian of a known pattern.

    Parameters
    ----------
    f, call : callable
        As in `jacobian_function`.
    pattern : scipy.sparse.csc_array
    origin : {"given", "source", "tried"}
        Where the pattern comes from.

    Attributes
    ----------
    colors : ndarray of int
        Colour of each column.
    directions : int
        Number of colours: so many columns are computed, instead of n.
    how : str
        Where the numbers come from: "source", "duals" or "differences".

    Examples
    --------
    >>> def f(u, p, t):
    ...     return np.array([u[1] - 2 * u[0], u[0] - 2 * u[1] + u[2], u[1] - 2 * u[2]])
    >>> pattern, origin = find_pattern(f, np.ones(3), None, 0.0)
    >>> jac = Colored(f, f, pattern, origin)
    >>> jac(np.ones(3), None, 0.0).toarray()
    array([[-2.,  1.,  0.],
           [ 1., -2.,  1.],
           [ 0.,  1., -2.]])
    >>> jac.directions
    3
    """

    def __init__(self, f, call, pattern, origin):
        super().__init__(f, call)
        self.pattern, self.origin, self.count = pattern, origin, 0
        self.colors = color(pattern)
        self.directions = int(self.colors.max(initial=-1)) + 1
        self._columns = np.repeat(np.arange(pattern.shape[1]), np.diff(pattern.indptr))
        self._entries = pattern.indices, self.colors[self._columns]

    def __call__(self, u, p, t):
        """J at (u, t), a csc_array."""
        sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
        u, p, P = np.asarray(primal(u)), primal(p), self.pattern
        data = self.products(u, p, t)[self._entries]
        if self.how == "differences":
            data = data / self._moves[self._columns]
        J = sparse.csc_array((data, P.indices, P.indptr), shape=P.shape)
        self.count += 1
        if self.origin != "source" and self.count & (self.count - 1) == 0:
            require_complete(J, self.call, u, p, t, HINTS[self.origin])
        return J

    def products(self, u, p, t):
        """J times the seeds of the colours, from the best source there is."""
        text = self._source(u, p, t)
        if text is not None and text.flat:
            self.how = "source"
            return text.compressed(self.colors)(u, p, t)
        if self._duals:
            try:
                self.how = "duals"
                return derivatives(self.f, u, p, t, seeds(self.colors))
            except TypeError:
                self._duals = False
        self.how = "differences"
        return self._differences(u, p, t)

    def _differences(self, u, p, t):
        """Change of f where all columns of a colour move together."""
        base, kick = np.asarray(self.call(u, p, t)).ravel(), np.sqrt(EPS) * sizes(u)
        flat, columns = u.ravel(), []
        self._moves = (flat + kick) - flat
        for c in range(self.directions):
            moved = flat + np.where(self.colors == c, kick, 0.0)
            columns.append(np.asarray(self.call(moved.reshape(u.shape), p, t)).ravel() - base)
        return np.stack(columns, axis=1) if columns else np.zeros((u.size, 0))


def require_complete(J, f, u, p, t, hint):
    """Raise if f depends on an entry of u that the pattern of J leaves out.

    Every column is moved by another amount, so that a difference of f disagrees with J v in each
    row that misses an entry (unless f does not answer there, or is rough).

    Examples
    --------
    >>> from scipy import sparse
    >>> f = lambda u, p, t: np.array([u[1], -u[0]])
    >>> J = sparse.csc_array(np.array([[0.0, 1.0], [0.0, 0.0]]))
    >>> require_complete(J, f, np.ones(2), None, 0.0, HINTS["given"])
    Traceback (most recent call last):
        ...
    sciml_lab.linalg.jacobians.WrongJacobian: sparsity misses the entry [1, 0] of the Jacobian: \
add it, or leave sparsity out \
(at t = 0 it is -1).
    """
    u = np.asarray(u)
    kicks = np.random.default_rng(2).uniform(0.5, 1.0, u.size) * sizes(u)
    found, spread = slope_along(f, u, p, t, kicks.reshape(u.shape))
    told = J @ kicks
    wrong = np.abs(told - found) > 1e-2 * (abs(J) @ kicks + np.abs(found)) + 10 * spread
    if not np.isfinite(told).all() or not wrong.any():
        return
    i = int(np.argmax(wrong))
    known = set(J.tocsr()[[i]].indices.tolist())
    for j in (j for j in range(u.size) if j not in known):
        one = np.zeros(u.size)
        one[j] = kicks[j]
        rise, unsure = slope_along(f, u, p, t, one.reshape(u.shape))
        if np.abs(rise[i]) > 10 * unsure[i] + 1e-3 * np.abs(told[i] - found[i]):
            raise WrongJacobian(
                f"{hint.format(i=i, j=j)} (at t = {t:.6g} it is {rise[i] / kicks[j]:.4g})."
            )
