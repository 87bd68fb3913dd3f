"""The derivatives of a right-hand side by u and by t, from the best source there is.

With this module one can: get J and df/dt for any `f(u, p, t)`. In order of preference J is the one
that the user wrote (compared with differences once), generated text, one with dual numbers, and
one from differences of f.
"""

import numpy as np

from sciml_lab.ad import derivative as by_number
from sciml_lab.ad import jacobian as by_mode
from sciml_lab.ad import primal
from sciml_lab.linalg.generated import generated

EPS = float(np.finfo(float).eps)


class WrongJacobian(ValueError):
    """A Jacobian, or a pattern of one, that f contradicts; the message names the entry.

    Raised where a solve begins; later the solve fails with this reason, and keeps what it has.
    """


def jacobian_function(f, given=None, call=None):
    """Return a function ``jac(u, p, t) -> (n, n)``; its attribute `how` says where it comes from.

    Parameters
    ----------
    f : callable
        ``f(u, p, t)``.
    given : callable, optional
        The user's own ``jac(u, p, t)``.
    call : callable, optional
        What differences call instead of f: f with a counter.

    Returns
    -------
    callable
        With an attribute `how`: "given", "source", "duals" or "differences", and a method
        ``by_time(u, p, t, h, f0)``, the derivative by t (None where f does not read t).

    Examples
    --------
    >>> jac = jacobian_function(lambda u, p, t: u**2)
    >>> jac(np.array([1.0, 2.0]), None, 0.0)
    array([[2., 0.],
           [0., 4.]])
    >>> jac.how
    'source'
    """
    return Derived(f, call or f) if given is None else Given(given, f, call or f)


class Derived:
    """The Jacobian from the text of f, from dual numbers, or from differences of f."""

    def __init__(self, f, call):
        self.f, self.call, self.how = f, call, "source"
        self._text, self._read, self._duals = None, False, True

    def _source(self, u, p, t):
        """What the source of f says; looked up once."""
        if not self._read:
            self._text, self._read = generated(self.f, u, p, t), True
        return self._text if u.dtype.kind == "f" else None

    def __call__(self, u, p, t):
        """J at (u, t)."""
        u, p, n = np.asarray(primal(u)), primal(p), np.size(u)
        text = self._source(u, p, t)
        if text is not None and text.jacobian is not None:
            return text.jacobian(u, p, t)
        if self._duals:
            try:
                self.how = "duals"
                return by_mode(lambda x: self.f(x, p, t), u).reshape(n, n)
            except TypeError:
                self._duals = False
        self.how = "differences"
        return differences(self.call, u, p, t)

    def by_time(self, u, p, t, h, f0):
        """Derivative of f by t, of the shape of u; None if f does not read t.

        Where it is infinite (``sqrt(t)`` at 0), the mean over the step takes its place.
        """
        u, p = np.asarray(primal(u)), primal(p)
        text = self._source(u, p, t)
        if text is not None and text.autonomous:
            return None
        found = self._by_time(text, u, p, t, h, f0)
        return found if np.isfinite(found).all() else (self.call(u, p, t + h) - f0) / h

    def _by_time(self, text, u, p, t, h, f0):
        if text is not None and text.by_time is not None:
            return text.by_time(u, p, t).reshape(u.shape)
        if self._duals:
            try:
                return by_number(lambda s: self.f(u, p, s), t).reshape(u.shape)
            except TypeError:
                self._duals = False
        return time_difference(self.call, u, p, t, h, f0)


class Given(Derived):
    """The user's own Jacobian, checked for its shape, and once for its values."""

    def __init__(self, jac, f, call):
        super().__init__(f, call)
        self.jac, self.checked, self.how = jac, False, "given"

    def __call__(self, u, p, t):
        """J at (u, t)."""
        J = self.jac(u, p, t)
        J = J if hasattr(J, "tocsc") else np.asarray(J)
        n = np.size(u)
        if tuple(J.shape) != (n, n):
            raise WrongJacobian(
                f"jac returned an array of shape {tuple(J.shape)}, and u has {n} entries: "
                f"jac(u, p, t) must return a matrix of shape {(n, n)}."
            )
        if not self.checked:
            self.checked = True
            compare(J, self.call, u, p, t)
        return J


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
    for j, size in enumerate(sizes(u)):
        moved = u.copy()
        moved.flat[j] = u.flat[j] + np.sqrt(EPS) * size
        J[:, j] = (np.asarray(f(moved, p, t)).ravel() - base) / (moved.flat[j] - u.flat[j])
    return J


def sizes(u):
    """How large each entry of u is, for a difference: at least a thousandth of all.

    Examples
    --------
    >>> sizes(np.array([2.0, -1.0]))
    array([2., 1.])
    """
    floor = 1e-3 * np.sqrt(np.mean(np.abs(u) ** 2)) or 1e-5
    return np.maximum(np.abs(u.ravel()), floor)


def time_difference(f, u, p, t, h, f0):
    """Derivative of f by t from two more points inside the step: error about 1e-10 of f/h.

    Examples
    --------
    >>> f = lambda u, p, t: np.array([np.sin(t)])
    >>> slope = time_difference(f, np.ones(1), None, 0.0, 0.1, np.zeros(1))
    >>> round(float(slope[0]), 8)
    1.0
    """
    delta = EPS ** (1 / 3) * h
    delta = (t + delta) - t or np.spacing(abs(t)) * np.sign(h)
    return (4 * f(u, p, t + delta) - f(u, p, t + 2 * delta) - 3 * f0) / (2 * delta)


def compare(J, f, u, p, t):
    """Hold a Jacobian against differences of f in one direction; raise if it is wrong.

    Differences to both sides and at two distances have to agree with each other and not with J:
    where f has a kink, or is rough, nothing is said.

    Examples
    --------
    >>> f = lambda u, p, t: np.array([u[1], -9.0 * u[0]])
    >>> try:
    ...     compare(np.array([[0.0, 1.0], [9.0, 0.0]]), f, np.ones(2), None, 0.0)
    ... except WrongJacobian as error:
    ...     print(error)
    jac(u, p, t) is wrong: at t = 0 its entry [1, 0] is 9, and differences of f give -9.
    """
    u = np.asarray(primal(u))
    kicks = np.random.default_rng(1).uniform(0.5, 1.0, u.size) * sizes(u)
    found, spread = slope_along(f, u, p, t, kicks.reshape(u.shape))
    told = J @ kicks
    parts = (abs(J) @ kicks) + np.abs(found)
    wrong = np.abs(told - found) > 1e-2 * parts + 10 * spread
    if not np.isfinite(told).all() or not wrong.any():
        return
    i = int(np.argmax(np.where(wrong, np.abs(told - found) / parts, -1.0)))
    row = np.asarray(J[[i]].todense() if hasattr(J, "tocsc") else J[i]).ravel()
    true = np.empty_like(kicks, dtype=found.dtype)
    for j, kick in enumerate(kicks):
        one = np.zeros(u.size)
        one[j] = kick
        true[j] = slope_along(f, u, p, t, one.reshape(u.shape))[0][i] / kick
    j = int(np.argmax(np.abs((true - row) * kicks)))
    raise WrongJacobian(
        f"jac(u, p, t) is wrong: at t = {t:.6g} its entry [{i}, {j}] is {row[j]:.6g}, and "
        f"differences of f give {true[j]:.6g}."
    )


def slope_along(f, u, p, t, kick):
    """Derivative of f in a direction, flat, and how far differences of it lie apart.

    Examples
    --------
    >>> slope, spread = slope_along(lambda u, p, t: 3 * u, np.ones(1), None, 0.0, np.ones(1))
    >>> bool(abs(slope[0] - 3) < 1e-6), bool(spread[0] < 1e-6)
    (True, True)
    """
    found = []
    with np.errstate(all="ignore"):
        base = np.asarray(f(u, p, t)).ravel()
        for step in (1e-5, 1e-6, -1e-6, -1e-5):
            found.append((np.asarray(f(u + step * kick, p, t)).ravel() - base) / step)
    found = np.array(found)
    spread = np.max(np.abs(found - found[0]), axis=0)
    return (found[0] + found[-1]) / 2, np.where(np.isfinite(spread), spread, np.inf)
