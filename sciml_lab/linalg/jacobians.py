"""The Jacobian of a right-hand side, from the best source there is.

With this module one can: get a function ``jac(u, p, t)`` for any `f`. In order of preference it is
the one that the user wrote, one with dual numbers, and one from differences of f.
"""

import numpy as np

from sciml_lab.ad import jacobian as by_mode
from sciml_lab.ad import primal

EPS = float(np.finfo(float).eps)


def jacobian_function(f, given=None):
    """Return a function ``jac(u, p, t) -> (n, n)``; its attribute `how` says where it comes from.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``.
    given : callable, optional
        The user's own ``jac(u, p, t)``.

    Returns
    -------
    callable
        With an attribute `how`: "given", "duals" or "differences".

    Examples
    --------
    >>> jac = jacobian_function(lambda u, p, t: u**2)
    >>> jac(np.array([1.0, 2.0]), None, 0.0)
    array([[2., 0.],
           [0., 4.]])
    >>> jac.how
    'duals'
    """
    return Given(given) if given is not None else Derived(f)


class Given:
    """The user's own Jacobian, checked for its shape."""

    how = "given"

    def __init__(self, jac):
        self.jac = jac

    def __call__(self, u, p, t):
        """J at (u, t)."""
        J = self.jac(u, p, t)
        J = J if hasattr(J, "tocsc") else np.asarray(J)
        n = np.size(u)
        if tuple(J.shape) != (n, n):
            raise ValueError(
                f"jac returned an array of shape {tuple(J.shape)}, and u has {n} entries: "
                f"jac(u, p, t) must return a matrix of shape {(n, n)}."
            )
        return J


class Derived:
    """The Jacobian from dual numbers, or from differences where f does not take duals."""

    def __init__(self, f):
        self.f, self.how = f, "duals"

    def __call__(self, u, p, t):
        """J at (u, t)."""
        u, n = primal(u), np.size(u)
        if self.how == "duals":
            try:
                return by_mode(lambda x: self.f(x, p, t), u).reshape(n, n)
            except TypeError:
                self.how = "differences"
        return differences(self.f, u, p, t)


def differences(f, u, p, t):
    """Jacobian from one-sided differences: error about 1e-8 of the size of J, cost n + 1 calls.

    Examples
    --------
    >>> J = differences(lambda u, p, t: u**2, np.array([1.0, 2.0]), None, 0.0)
    >>> np.allclose(J, np.diag([2.0, 4.0]), rtol=1e-6)
    True
    """
    u = np.asarray(u)
    base = np.asarray(f(u, p, t)).ravel()
    J = np.empty((u.size, u.size), dtype=np.result_type(base, u))
    floor = 1e-3 * np.sqrt(np.mean(np.abs(u) ** 2)) or 1e-5
    for j, x in enumerate(u.ravel()):
        moved = u.copy()
        moved.flat[j] = x + np.sqrt(EPS) * max(abs(x), floor)
        J[:, j] = (np.asarray(f(moved, p, t)).ravel() - base) / (moved.flat[j] - x)
    return J
