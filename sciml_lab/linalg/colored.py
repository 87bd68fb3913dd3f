"""Sparse Jacobians: where J may be nonzero, and its entries from as few directions as colours.

The pattern comes from the user, from the source of f (run on sets of indices, it never misses an
entry), or from a few Jacobians near the start. Either of the other two may miss an entry, so J v is
compared with differences of f, at the first J, the second, the fourth, the eighth and so on.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import jacobian as by_mode
from sciml_lab.ad import primal
from sciml_lab.ad.modes import push_dual
from sciml_lab.linalg.coloring import as_pattern, color, seeds
from sciml_lab.linalg.generated import generated
from sciml_lab.linalg.jacobians import EPS, Derived, sizes, slope_along

TRIED = 500  # most unknowns for which the pattern is found by trying
HINTS = {
    "given": "sparsity misses the entry [{i}, {j}] of the Jacobian: add it, or leave sparsity out",
    "tried": "the pattern of the Jacobian, found by trying, misses the entry [{i}, {j}]: give "
    "sparsity=",
}


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
    text = generated(f, u, p, t) if u.dtype.kind == "f" else None
    if text is not None:
        return text.pattern, "source"
    if u.size > TRIED:
        return None, f"the source of f can't be read, and {u.size} unknowns are many to try"
    try:
        return _try_out(f, u, p, t), "tried"
    except TypeError:
        return None, "neither the source of f nor dual numbers give a pattern"


def _try_out(f, u, p, t):
    """Where J is nonzero at one of a few random points near u."""
    random, kick = np.random.default_rng(3), sizes(u).reshape(u.shape)
    found = np.zeros((u.size, u.size), bool)
    with np.errstate(all="ignore"):
        for k in range(4):
            point = u + kick * (0.0 if k == 0 else random.uniform(-0.1, 0.1, u.shape))
            found |= by_mode(lambda x: f(x, p, t), point).reshape(u.size, u.size) != 0
    return as_pattern(found)


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
                self.how, k = "duals", self.directions
                seed = seeds(self.colors).reshape(*u.shape, k)
                return push_dual(lambda x: self.f(x, p, t), [u], [seed])[1].reshape(u.size, k)
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
    ValueError: sparsity misses the entry [1, 0] of the Jacobian: add it, or leave sparsity out \
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
            raise ValueError(
                f"{hint.format(i=i, j=j)} (at t = {t:.6g} it is {rise[i] / kicks[j]:.4g})."
            )
