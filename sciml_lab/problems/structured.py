"""Problems that show their structure, for the methods that use it.

Each is an initial-value problem ``u' = f(u, p, t)`` as well (`.f` puts the parts together), so
every method of `ODEProblem` solves it too, and can be held against the one that knows more.

| class | equation | methods that use the structure |
|---|---|---|
| `SplitProblem` | u' = f_stiff + f_nonstiff | IMEX; multirate, where the parts are slow and fast |
| `SemilinearProblem` | u' = L u + N(u, p, t) | exponential |
| `HamiltonianProblem` | q' = dH/dp, p' = -dH/dq | symplectic |
| `SecondOrderProblem` | x'' = a(x, x', p, t) | symplectic, Nystrom |
"""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from sciml_lab.problems import checks
from sciml_lab.problems.ode import Problem


class Structured(Problem):
    """What the problems of this file have in common: they set u0, p and f themselves.

    `f` is made here, so a copy (also one in another process) makes it anew.
    """

    def _settle(self, u0, tspan, p, f):
        """Check what every problem has, and set u0, tspan, p and f."""
        u0, p = checks.state(u0, False), checks.parameters(p)
        if p is not None:
            checks.parameter_shape(checks.shape_of(p), checks.shape_of(u0), False)
        self._set(u0=u0, tspan=checks.time_span(tspan), p=p, f=f)

    def _set(self, **values):
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __reduce__(self):
        fields = dataclasses.fields(cast(Any, self))
        return functools.partial(type(self), **{x.name: getattr(self, x.name) for x in fields}), ()


class TwoHalves(Structured):
    """A problem whose state u0 is made of two vectors of the same length, `_halves`."""

    _halves: tuple[str, str]

    def replace(self, **changes) -> Any:
        """Return a new problem in which some fields are different.

        Parameters
        ----------
        **changes
            Fields by name. `u0` stands for both halves of the state, and `p` for the parameters,
            as in every problem.

        Examples
        --------
        >>> spring = SecondOrderProblem(lambda x, v, p, t: -x, [1.0], [0.0], (0.0, 1.0))
        >>> spring.replace(u0=[3.0, 4.0]).v0
        array([4.])
        """
        names = [one.name for one in dataclasses.fields(cast(Any, self))]
        if "p" in changes and "params" in names:
            changes["params"] = changes.pop("p")
        if "u0" in changes:
            u0, n = checks.state_vector("u0", changes.pop("u0")), len(self.u0) // 2
            if u0.shape != (2 * n,):
                raise ValueError(
                    f"u0 must hold {' and '.join(self._halves)}, {n} entries each (got "
                    f"{u0.shape[0]} entries)."
                )
            changes = dict(zip(self._halves, (u0[:n], u0[n:]), strict=True)) | changes
        return super().replace(**changes)


def _vector(x):
    """What a user's function returned; two lists would not add up."""
    return np.array(x) if isinstance(x, list | tuple) else x


@dataclass(frozen=True, eq=False, repr=False)
class SplitProblem(Structured):
    r"""A problem in two parts: :math:`u' = f_{stiff}(u, p, t) + f_{nonstiff}(u, p, t)`.

    IMEX methods take the stiff part implicitly and the other one explicitly; multirate methods
    take the first part in large steps (slow) and the second in small ones (fast).

    Parameters
    ----------
    f_stiff, f_nonstiff : callable
        ``f(u, p, t) -> array`` of the shape of u. Multirate methods read them as `f_slow` and
        `f_fast`.
    u0, tspan, p
        As in `ODEProblem`.
    jac : callable, optional
        ``jac(u, p, t)``, the Jacobian of `f_stiff`.
    sparsity : array or sparse matrix (n, n), optional
        Nonzero where the Jacobian of `f_stiff` may be nonzero.

    Attributes
    ----------
    f : callable
        The sum of both.
    f_slow, f_fast : callable
        Other names of `f_stiff` and `f_nonstiff`.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> prob = SplitProblem(lambda u, p, t: -50 * u, lambda u, p, t: np.cos(u), [1.0], (0.0, 1.0))
    >>> float(prob.f(np.zeros(1), None, 0.0)[0])
    1.0
    """

    f_stiff: Callable
    f_nonstiff: Callable
    u0: Any
    tspan: Any
    p: Any = None
    jac: Callable | None = field(default=None, kw_only=True)
    sparsity: Any = field(default=None, kw_only=True)
    mass_matrix = None

    def __post_init__(self):
        checks.function(self.f_stiff, "f_stiff")
        checks.function(self.f_nonstiff, "f_nonstiff")
        checks.jacobian(self.jac)
        stiff, nonstiff = self.f_stiff, self.f_nonstiff

        def f(u, p, t):
            return _vector(stiff(u, p, t)) + _vector(nonstiff(u, p, t))

        self._settle(self.u0, self.tspan, self.p, f)
        n = int(np.prod(checks.shape_of(self.u0), dtype=int))
        self._set(sparsity=checks.square("sparsity", self.sparsity, n))

    @property
    def f_slow(self):
        """The part that multirate methods take in large steps."""
        return self.f_stiff

    @property
    def f_fast(self):
        """The part that multirate methods take in small steps."""
        return self.f_nonstiff


@dataclass(frozen=True, eq=False, repr=False)
class SemilinearProblem(Structured):
    r"""A stiff linear part and a mild rest: :math:`u' = L u + N(u, p, t)`.

    Parameters
    ----------
    L : array (n,), array (n, n) or sparse matrix
        The linear part. A vector stands for a diagonal matrix (a spectral method: the
        multipliers of the modes). Where it is complex, the state becomes complex.
    N : callable
        ``N(u, p, t) -> array``.
    u0, tspan, p
        As in `ODEProblem`; u0 of shape ``(n,)``.

    Attributes
    ----------
    f : callable
        ``L u + N``.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> prob = SemilinearProblem([-1.0, -100.0], lambda u, p, t: u[::-1], [1.0, 2.0], (0.0, 1.0))
    >>> prob.f(np.array([1.0, 2.0]), None, 0.0)
    array([   1., -199.])
    """

    L: Any
    N: Callable
    u0: Any
    tspan: Any
    p: Any = None
    mass_matrix = jac = sparsity = None

    def __post_init__(self):
        checks.function(self.N, "N")
        u0 = checks.state(self.u0, False)
        shape = checks.shape_of(u0)
        if len(shape) != 1:
            raise ValueError(
                f"u0 of a SemilinearProblem must be a vector (n,) (got shape {shape}): pass "
                "u0.ravel() and reshape u inside N."
            )
        linear = checks.linear_part(self.L, shape[0])
        if np.iscomplexobj(linear) and isinstance(u0, np.ndarray):
            u0 = u0.astype(complex)
        rest = self.N

        if len(linear.shape) == 1:

            def f(u, p, t):
                return linear * u + _vector(rest(u, p, t))
        else:

            def f(u, p, t):
                return linear @ u + _vector(rest(u, p, t))

        self._set(L=linear)
        self._settle(u0, self.tspan, self.p, f)


@dataclass(frozen=True, eq=False, repr=False)
class HamiltonianProblem(TwoHalves):
    r"""Hamilton's equations :math:`q' = \partial H/\partial p,\; p' = -\partial H/\partial q`.

    Parameters
    ----------
    dHdp, dHdq : callable
        ``dHdp(q, p, params, t)`` and ``dHdq(q, p, params, t)``, arrays of the shape of q.
    q0, p0 : array (n,)
        Initial positions and momenta.
    tspan : (float, float)
        Start and end.
    params : array, optional
        Parameters.
    H : callable, optional
        ``H(q, p, params, t)``, the energy: for pictures and checks only.

    Attributes
    ----------
    u0 : ndarray (2 n,)
        The state: q, then p.
    f : callable
        ``f(u, params, t) = [dHdp, -dHdq]``.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> pendulum = HamiltonianProblem(
    ...     lambda q, p, c, t: p, lambda q, p, c, t: np.sin(q), [1.0], [0.0], (0.0, 10.0))
    >>> pendulum.u0
    array([1., 0.])
    """

    dHdp: Callable
    dHdq: Callable
    q0: Any
    p0: Any
    tspan: Any
    params: Any = None
    H: Callable | None = field(default=None, kw_only=True)
    mass_matrix = jac = sparsity = None
    _halves = ("q0", "p0")

    def __post_init__(self):
        for name in ("dHdp", "dHdq"):
            checks.function(getattr(self, name), name, "(q, p, params, t)")
        if self.H is not None:
            checks.function(self.H, "H", "(q, p, params, t)")
        q0, p0 = checks.pair("q0", self.q0, "p0", self.p0)
        n, dHdp, dHdq = q0.size, self.dHdp, self.dHdq

        def f(u, p, t):
            q, momenta = u[:n], u[n:]
            slopes = _vector(dHdq(q, momenta, p, t))
            return np.concatenate((_vector(dHdp(q, momenta, p, t)), -slopes))

        self._settle(np.concatenate((q0, p0)), self.tspan, self.params, f)
        self._set(q0=q0, p0=p0, params=self.p)


@dataclass(frozen=True, eq=False, repr=False)
class SecondOrderProblem(TwoHalves):
    r"""Newton's equation :math:`x'' = a(x, x', p, t)`.

    Parameters
    ----------
    acceleration : callable
        ``acceleration(x, v, p, t)``, an array of the shape of x.
    x0, v0 : array (n,)
        Initial positions and velocities.
    tspan, p
        As in `ODEProblem`.

    Attributes
    ----------
    u0 : ndarray (2 n,)
        The state: x, then v.
    f : callable
        ``f(u, p, t) = [v, a]``.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> spring = SecondOrderProblem(lambda x, v, p, t: -x, [1.0], [0.0], (0.0, 1.0))
    >>> spring.f(np.array([1.0, 2.0]), None, 0.0)
    array([ 2., -1.])
    """

    acceleration: Callable
    x0: Any
    v0: Any
    tspan: Any
    p: Any = None
    mass_matrix = jac = sparsity = None
    _halves = ("x0", "v0")

    def __post_init__(self):
        checks.function(self.acceleration, "acceleration", "(x, v, p, t)")
        x0, v0 = checks.pair("x0", self.x0, "v0", self.v0)
        n, acceleration = x0.size, self.acceleration

        def f(u, p, t):
            return np.concatenate((u[n:], _vector(acceleration(u[:n], u[n:], p, t))))

        self._settle(np.concatenate((x0, v0)), self.tspan, self.p, f)
        self._set(x0=x0, v0=v0)
