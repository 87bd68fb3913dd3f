r"""Motion under constraints, written down in the ways that differ for a solver.

The same motion :math:`x'' = a(x, x', p, t) - G(x)^T \lambda,\; g(x, p) = 0` with G = dg/dx has
several forms. The more often the constraint is differentiated, the easier the problem is to solve
(its index falls), and the more the solution may drift away from g = 0: a derivative that vanishes
leaves its integral free.

| form | what is solved with x' = v, v' = a - G'lambda | drift |
|---|---|---|
| index 3 | g = 0 | none; hard to solve |
| index 2 | G v = 0 | g grows like t |
| index 1 | G v' + v'g''v = 0 | g grows like t^2 |
| index 0 | the same, solved for lambda: an ordinary equation | the same |
| "baumgarte" (index 1) | the damped g'' + 2 b g' + b^2 g = 0 | stays small |
| "ggl" (index 2) | g = 0 and G v = 0, with x' = v - G'mu | none |

A third way is to project every step of an index-0 or index-1 form back onto the `manifold`.

References
----------
J. Baumgarte, "Stabilization of constraints and integrals of motion in dynamical systems",
Comput. Methods Appl. Mech. Eng. 1 (1972) 1-16.
C. W. Gear, B. Leimkuhler, G. K. Gupta, "Automatic integration of Euler-Lagrange equations with
constraints", J. Comput. Appl. Math. 12-13 (1985) 77-90.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab.problems import checks
from sciml_lab.problems.ode import ODEProblem

STABILISATIONS = (None, "baumgarte", "ggl")


@dataclass(frozen=True, eq=False)
class ConstrainedMotion:
    r"""A point (or many) that moves freely but for constraints on its position.

    Parameters
    ----------
    acceleration : callable
        ``acceleration(x, v, p, t)`` without the constraint forces, an array of the shape of x.
    constraint : callable
        ``constraint(x, p) -> array (m,)``, zero where x may be.
    x0, v0 : array (n,)
        Initial position and velocity; they must satisfy the constraint and its derivative.
    tspan, p
        As in `ODEProblem`.
    jacobian : callable, optional
        ``jacobian(x, p) -> (m, n)``, the derivative G of the constraint; without it dual numbers
        find it.
    curvature : callable, optional
        ``curvature(x, v, p) -> (m,)``, the second derivative of the constraint along v.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Examples
    --------
    A pendulum of length 1 that starts at rest in the horizontal:

    >>> import numpy as np, sciml_lab as sl
    >>> motion = sl.ConstrainedMotion(lambda x, v, p, t: np.array([0.0, -9.81]) + 0 * x,
    ...     lambda x, p: np.array([x @ x - 1]), [1.0, 0.0], [0.0, 0.0], (0.0, 2.0))
    >>> motion.problem(stabilisation="ggl").u0.shape
    (6,)
    >>> sol = sl.solve(motion.problem(index=0), sl.Tsit5())
    >>> bool(np.max(np.abs(motion.manifold(sol.u[-1], None, 2.0))) < 1e-3)
    True
    """

    acceleration: Callable
    constraint: Callable
    x0: Any
    v0: Any
    tspan: Any
    p: Any = None
    jacobian: Callable | None = field(default=None, kw_only=True)
    curvature: Callable | None = field(default=None, kw_only=True)

    def __post_init__(self):
        checks.function(self.acceleration, "acceleration", "(x, v, p, t)")
        checks.function(self.constraint, "constraint", "(x, p)")
        x0, v0 = checks.pair("x0", self.x0, "v0", self.v0)
        values = {"x0": x0, "v0": v0, "p": checks.parameters(self.p)}
        values["tspan"] = checks.time_span(self.tspan)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        off = np.abs(self.manifold(np.concatenate([x0, v0]), self.p, 0.0))
        if np.max(off) > 1e-8 * (1 + np.max(np.abs(x0)) + np.max(np.abs(v0))):
            what = "x0 violates the constraint" if np.argmax(off) < off.size // 2 else (
                "v0 leads away from the constraint")  # fmt: skip
            raise ValueError(
                f"{what} (residual {np.max(off):.3g}): give an x0 with constraint(x0, p) = 0 and a "
                "v0 with G(x0) v0 = 0."
            )

    def problem(self, index=1, stabilisation=None, damping=10.0) -> ODEProblem:
        """Return the problem in one of its forms.

        Parameters
        ----------
        index : {0, 1, 2, 3}
            Which derivative of the constraint is solved; without a stabilisation.
        stabilisation : {None, "baumgarte", "ggl"}
            What keeps the solution on the constraint, see the table above.
        damping : float
            The rate b of Baumgarte's method: deviations decay like ``exp(-b t)``. A large one makes
            the problem stiff.

        Returns
        -------
        ODEProblem
            With the state ``[x, v, lambda]`` (and mu for "ggl"; no lambda for index 0) and a
            mass matrix that is singular for an index above 0.
        """
        if stabilisation not in STABILISATIONS:
            raise ValueError(
                f"stabilisation must be None, 'baumgarte' or 'ggl' (got {stabilisation!r})."
            )
        if index not in (0, 1, 2, 3) or isinstance(index, bool):
            raise ValueError(f"index must be 0, 1, 2 or 3 (got {index!r}).")
        x, v, p = self.x0, self.v0, self.p
        if stabilisation is None and index == 0:
            return ODEProblem(self._ordinary, np.concatenate([x, v]), self.tspan, p)
        force = self.multiplier(x, v, p, self.tspan[0])
        algebraic = [force] if stabilisation != "ggl" else [force, 0.0 * force]
        u0 = np.concatenate([x, v, *algebraic])
        free = np.zeros(u0.size)
        free[: 2 * x.size] = 1.0
        rows = {3: self._position, 2: self._speed, 1: self._force}[max(index, 1)]
        if stabilisation == "baumgarte":

            def rows(x, v, a, force, p):
                bend, speed = self._force(x, v, a, force, p), self._speed(x, v, a, force, p)
                return bend + 2 * damping * speed + damping**2 * self.constraint(x, p)

        f = self._ggl if stabilisation == "ggl" else self._with(rows)
        return ODEProblem(f, u0, self.tspan, p, mass_matrix=np.diag(free))

    def manifold(self, u, p, t):
        """The constraint and its derivative, for `sl.Project`: both vanish along the motion."""
        x, v = self._split(u)[:2]
        return np.concatenate([self.constraint(x, p), self.G(x, p) @ v])

    def multiplier(self, x, v, p, t):
        """The lambda that keeps the acceleration on the constraint."""
        G = self.G(x, p)
        wanted = G @ self.acceleration(x, v, p, t) + self.bend(x, v, p)
        return np.linalg.solve(G @ G.T, wanted)

    def G(self, x, p):
        """The derivative of the constraint, (m, n)."""
        if self.jacobian is not None:
            return self.jacobian(x, p)
        from sciml_lab.ad import jacobian

        return jacobian(lambda y: self.constraint(y, p), x)

    def bend(self, x, v, p):
        """The second derivative of the constraint along v, (m,)."""
        if self.curvature is not None:
            return self.curvature(x, v, p)
        from sciml_lab.ad import jvp

        def along(y):
            return jvp(lambda z: self.constraint(z, p), y, v)[1]

        return jvp(along, x, v)[1]

    def _split(self, u):
        n = self.x0.size
        return u[:n], u[n : 2 * n], u[2 * n :]

    def _ordinary(self, u, p, t):
        x, v, _ = self._split(u)
        push = self.multiplier(x, v, p, t)
        return np.concatenate([v, self.acceleration(x, v, p, t) - push @ self.G(x, p)])

    def _with(self, rows):
        """The right-hand side with one set of constraint rows."""

        def f(u, p, t):
            x, v, force = self._split(u)
            a = self.acceleration(x, v, p, t)
            return np.concatenate([v, a - force @ self.G(x, p), rows(x, v, a, force, p)])

        return f

    def _position(self, x, v, a, force, p):
        return self.constraint(x, p)

    def _speed(self, x, v, a, force, p):
        return self.G(x, p) @ v

    def _force(self, x, v, a, force, p):
        G = self.G(x, p)
        return G @ (a - force @ G) + self.bend(x, v, p)

    def _ggl(self, u, p, t):
        x, v, both = self._split(u)
        m = both.shape[0] // 2
        G, a = self.G(x, p), self.acceleration(x, v, p, t)
        moves = [v - both[m:] @ G, a - both[:m] @ G]
        return np.concatenate([*moves, self.constraint(x, p), G @ v])
