"""What happens after every step: corrections, records, and the end at a steady state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sciml_lab.solvers.events import Callback, Failure, Stop, between, takes_state


@dataclass(frozen=True, repr=False)
class Project(Callback):
    """After every step: the nearest point with ``manifold(u, p, t) = 0``.

    Parameters
    ----------
    manifold : callable
        ``manifold(u, p, t) -> array (m,)``, for example the energy minus its first value.
    tol : float
        Newton's iteration (with the least change of u) ends when the correction is this small
        compared with u.

    References
    ----------
    E. Hairer, C. Lubich, G. Wanner, *Geometric Numerical Integration*, section IV.4.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> circle = sl.ODEProblem(lambda u, p, t: np.array([-u[1], u[0]]), [1.0, 0.0], (0.0, 50.0))
    >>> stay = Project(lambda u, p, t: np.array([u[0] ** 2 + u[1] ** 2 - 1.0]))
    >>> u = sl.solve(circle, sl.Tsit5(), rtol=1e-3, callbacks=[stay]).u[-1]
    >>> bool(abs(u @ u - 1) < 1e-14)
    True
    """

    manifold: Callable
    tol: float = 1e-14

    def __post_init__(self):
        takes_state("manifold", self.manifold)

    def after_step(self, f, u, p, t):
        """Gauss and Newton's iteration: ``u - J^+ g``, J^+ the pseudoinverse."""
        from sciml_lab.ad import jacobian

        new, change, g = u.copy(), np.inf * u, np.inf * u
        for _ in range(10):
            g = np.atleast_1d(np.asarray(self.manifold(new, p, t), dtype=float)).ravel()
            J = np.asarray(jacobian(lambda x: np.atleast_1d(self.manifold(x, p, t)), new))
            change = np.linalg.lstsq(J.reshape(g.size, new.size), -g, rcond=None)[0]
            new = new + change.reshape(u.shape)
            if np.linalg.norm(change) <= self.tol * max(np.linalg.norm(new), 1e-300):
                return new
        if not np.linalg.norm(change) <= 1e-8 * np.linalg.norm(new):
            return Failure(
                "no point on the manifold",
                f"at t = {t:.6g} Newton's iteration towards manifold(u, p, t) = 0 did not "
                f"converge (the last residual is {np.max(np.abs(g)):.3g}).",
                "Check that the first state lies on the manifold, and that its derivative by u "
                "has full rank there.",
            )
        return new


@dataclass(frozen=True, repr=False)
class Positive(Callback):
    """After every step: entries below zero become zero.

    Parameters
    ----------
    entries : sequence of int, optional
        Which entries; all of them without it.

    Notes
    -----
    What is cut off is of the size of the tolerance; conserved sums change by as much.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> fast = sl.ODEProblem(lambda u, p, t: -1e3 * u, [1.0], (0.0, 1.0))
    >>> bool(np.all(sl.solve(fast, sl.Tsit5(), callbacks=[Positive()]).u >= 0))
    True
    """

    entries: Any = None

    def after_step(self, f, u, p, t):
        """Cut off."""
        part = u if self.entries is None else u[list(self.entries)]
        if not np.any(part < 0):
            return None
        new = u.copy()
        index = ... if self.entries is None else list(self.entries)
        new[index] = np.maximum(part, 0.0)
        return new


class Saving(Callback):
    """Keep a quantity along the way, in `t` and `values`.

    Parameters
    ----------
    function : callable
        ``function(u, p, t)``, any value.
    when : sequence of float, optional
        At which times (a step ends at each); without it after every step.

    Examples
    --------
    >>> import numpy as np, sciml_lab as sl
    >>> spring = sl.ODEProblem(lambda u, p, t: np.array([u[1], -u[0]]), [1.0, 0.0], (0.0, 1.0))
    >>> energy = Saving(lambda u, p, t: (u @ u) / 2, when=[0.5, 1.0])
    >>> sol = sl.solve(spring, sl.Tsit5(), callbacks=[energy])
    >>> energy.t, [round(float(e), 6) for e in energy.values]
    ([0.5, 1.0], [0.5, 0.5])
    """

    def __init__(self, function, when=None):
        takes_state("function", function)
        self.function, self.when = function, None if when is None else np.asarray(when, float)
        self.t, self.values = [], []

    def begin(self, run):
        """Forget an earlier solve."""
        self.t, self.values = [], []

    def times(self, start, end):
        """Those of its times that lie inside."""
        return np.empty(0) if self.when is None else between(self.when, start, end)

    def after_step(self, f, u, p, t):
        """Keep the value, if it is time to."""
        if self.when is None or np.any(self.when == t):
            self.t.append(t)
            self.values.append(self.function(u, p, t))


@dataclass(frozen=True, repr=False)
class SteadyState(Callback):
    """End the solve where nothing changes any more: ``|f_i| <= atol + rtol |u_i|`` for every i.

    Parameters
    ----------
    atol, rtol : float
        In units of u per time, and of one over time.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> decay = sl.ODEProblem(lambda u, p, t: 1.0 - u, [0.0], (0.0, 1e6))
    >>> sol = sl.solve(decay, sl.Tsit5(), callbacks=[SteadyState()])
    >>> sol.success, bool(abs(sol.u[-1, 0] - 1) < 1e-5)
    (True, True)
    """

    atol: float = 1e-8
    rtol: float = 1e-6

    def after_step(self, f, u, p, t):
        """Evaluate f."""
        if np.all(np.abs(f(u, p, t)) <= self.atol + self.rtol * np.abs(u)):
            return Stop(f"reached a steady state at t = {t:.6g}")
        return None


@dataclass(frozen=True, repr=False)
class StepLimit(Callback):
    """No step is longer than a limit.

    Parameters
    ----------
    limit : float or callable
        A length, or ``limit(u, p, t) -> length``.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> rest = sl.ODEProblem(lambda u, p, t: 0 * u, [1.0], (0.0, 1.0))
    >>> sl.solve(rest, sl.Tsit5(), callbacks=[StepLimit(0.25)]).stats.naccept >= 4
    True
    """

    limit: Any

    def __post_init__(self):
        if callable(self.limit):
            return takes_state("limit", self.limit)
        if not (np.isscalar(self.limit) and np.isreal(self.limit) and self.limit > 0):
            raise ValueError(
                f"limit must be a positive length or a function (u, p, t) (got {self.limit!r})."
            )
        return None

    def longest(self, u, p, t):
        """The limit here."""
        return float(self.limit(u, p, t)) if callable(self.limit) else float(self.limit)
