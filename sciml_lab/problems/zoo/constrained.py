"""The pendulum in Cartesian coordinates, where its rod is a constraint."""

import numpy as np

from sciml_lab.problems.constrained import ConstrainedMotion
from sciml_lab.problems.ode import ODEProblem


def gravity(x, v, p, t):
    """Acceleration without the rod: downwards."""
    return np.array([0.0 * x[0], 0.0 * x[1] - p[0]])


def rod(x, p):
    """Zero where the mass is at the distance l from the pivot."""
    return np.array([0.5 * (x[0] * x[0] + x[1] * x[1] - p[1] * p[1])])


def rod_jacobian(x, p):
    """The derivative of `rod`: the direction of the rod."""
    return np.array([[x[0], x[1]]])


def rod_curvature(x, v, p):
    """The second derivative of `rod` along v."""
    return np.array([v[0] * v[0] + v[1] * v[1]])


def pendulum_motion(angle=np.pi / 2, g=9.81, length=1.0, tspan=(0.0, 10.0)) -> ConstrainedMotion:
    """Return the pendulum that is let go at rest, as a constrained motion.

    Parameters
    ----------
    angle : float
        First angle from the vertical.
    g, length : float
        Gravity and length of the rod: the parameters p.
    tspan : (float, float)
        Time interval.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> motion = sl.zoo.pendulum_motion()
    >>> motion.manifold(motion.problem(index=3).u0, motion.p, 0.0).round(12) + 0.0
    array([0., 0.])
    """
    x0 = length * np.array([np.sin(angle), -np.cos(angle)])
    return ConstrainedMotion(
        gravity, rod, x0, [0.0, 0.0], tspan, [g, length], jacobian=rod_jacobian,
        curvature=rod_curvature,
    )  # fmt: skip


def pendulum_dae(index=1, stabilisation=None, damping=10.0, **options) -> ODEProblem:
    """Return the pendulum ``x'' = -x lambda, y'' = -g - y lambda, x^2 + y^2 = l^2`` as a DAE.

    Its solution is that of ``sl.zoo.pendulum``: ``x = l sin(theta), y = -l cos(theta)``.

    Parameters
    ----------
    index, stabilisation, damping
        Which form, as in `ConstrainedMotion.problem`.
    **options
        ``angle, g, length, tspan`` as in `pendulum_motion`.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sl.zoo.pendulum_dae(index=2).u0.round(12) + 0.0
    array([1., 0., 0., 0., 0.])
    """
    return pendulum_motion(**options).problem(index, stabilisation, damping)
