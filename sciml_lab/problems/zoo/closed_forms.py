"""Solutions in closed form: the pendulum by elliptic functions, the Kepler orbit by its equation.

The elliptic functions come from one idea of Gauss: replace two numbers by their arithmetic and
their geometric mean; the two become equal with twice as many digits at each turn.
"""

import numpy as np


def complete_elliptic(k) -> float:
    r"""Return the complete elliptic integral of the first kind, by arithmetic-geometric means.

    .. math:: K(k) = \int_0^{\pi/2} \frac{d\phi}{\sqrt{1 - k^2 \sin^2 \phi}}

    Parameters
    ----------
    k : float
        Modulus, ``0 <= k < 1``.

    Examples
    --------
    >>> bool(abs(complete_elliptic(0.0) - np.pi / 2) < 1e-15)
    True
    """
    a, b, _ = _means(k)
    return float(np.pi / (a[-1] + b[-1]))


def jacobi(x, k):
    r"""Return the Jacobi elliptic functions sn, cn, dn of `x` for the modulus `k`.

    With :math:`x = \int_0^\phi d\theta/\sqrt{1-k^2\sin^2\theta}`: sn = sin(phi), cn = cos(phi),
    dn = sqrt(1 - k^2 sin(phi)^2).

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions, section 16.4.

    Examples
    --------
    >>> sn, cn, dn = jacobi(0.3, 0.0)  # for k = 0 they are sin, cos and 1
    >>> bool(abs(sn - np.sin(0.3)) < 1e-15)
    True
    """
    a, _, c = _means(k)
    phi = 2.0 ** (len(a) - 1) * a[-1] * np.asarray(x, dtype=float)
    for n in range(len(a) - 1, 0, -1):  # halve the angle until the first modulus is back
        phi = (phi + np.arcsin(c[n] / a[n] * np.sin(phi))) / 2
    sn = np.sin(phi)
    return sn, np.cos(phi), np.sqrt(1 - (k * sn) ** 2)


def _means(k):
    """Arithmetic means, geometric means and half differences, until the differences vanish."""
    a, b, c = [1.0], [np.sqrt(1 - k * k)], [k]
    while abs(c[-1]) > 1e-16:
        a, b, c = [*a, (a[-1] + b[-1]) / 2], [*b, np.sqrt(a[-1] * b[-1])], [*c, (a[-1] - b[-1]) / 2]
    return a, b, c


def pendulum_period(amplitude, g=9.81, l=1.0) -> float:
    r"""Return the period :math:`4\sqrt{l/g}\,K(\sin(\theta_0/2))` of a pendulum let go at rest.

    Parameters
    ----------
    amplitude : float
        Largest angle in radians, between 0 and pi.
    g, l : float
        Gravity and length.

    Examples
    --------
    >>> round(pendulum_period(np.pi / 2, g=1.0), 5)  # for small swings: 2 pi
    7.4163
    """
    return float(4 * np.sqrt(l / g) * complete_elliptic(np.sin(abs(amplitude) / 2)))


def pendulum(t, u0, p):
    """Angle and angular velocity of a pendulum let go at rest, at times t."""
    g, l = p
    if u0[1] != 0:
        raise ValueError(
            "u0: the closed form is that of a pendulum let go at rest, u0 = [angle, 0.0]; solve "
            "the equation for other starts."
        )
    k, w = np.sin(u0[0] / 2), np.sqrt(g / l)
    sn, cn, dn = jacobi(w * t, abs(k))
    return 2 * np.arcsin(k * cn / dn), -2 * k * w * np.sqrt(1 - k * k) * sn / dn


def kepler(t, u0, p):
    """Position and velocity on a bound Kepler orbit at times t, from those at time zero."""
    (mu,) = p
    x, v = u0[:2], u0[2:]
    r0, along = np.hypot(*x), x @ v
    a = 1 / (2 / r0 - v @ v / mu)  # semi-major axis, from the energy
    if not a > 0:
        raise ValueError(
            "u0: the closed form is that of a bound orbit, and this one escapes: choose a "
            "velocity below the escape velocity sqrt(2 mu/r)."
        )
    n = np.sqrt(mu / a**3)
    e_cos, e_sin = 1 - r0 / a, along / np.sqrt(mu * a)
    angle = _kepler_equation(n * t, e_cos, e_sin)
    s, c = np.sin(angle), np.cos(angle)
    r = a * (1 - e_cos * c + e_sin * s)
    f, g = 1 - a / r0 * (1 - c), t - (angle - s) / n
    df, dg = -np.sqrt(mu * a) * s / (r * r0), 1 - a / r * (1 - c)
    return *(f * x[i] + g * v[i] for i in (0, 1)), *(df * x[i] + dg * v[i] for i in (0, 1))


def _kepler_equation(m, e_cos, e_sin):
    """Solve ``E - e_cos sin E + e_sin (1 - cos E) = m`` for E by Newton's method."""

    def residual(angle):
        return angle - e_cos * np.sin(angle) + e_sin * (1 - np.cos(angle)) - m

    e = np.hypot(e_cos, e_sin)
    low, high = (
        m - 2 * e,
        m + 2 * e,
    )  # the root lies between, for the two sines move it by at most 2e
    angle = np.asarray(m, dtype=float)
    for _ in range(60):
        value = residual(angle)
        low, high = np.where(value < 0, angle, low), np.where(value > 0, angle, high)
        new = angle - value / (1 - e_cos * np.cos(angle) + e_sin * np.sin(angle))
        new = np.where((new < low) | (new > high), (low + high) / 2, new)  # a wild step: bisect
        done, angle = np.all(np.abs(new - angle) <= 4e-16 * (1 + np.abs(m))), new
        if done:
            break
    return angle
