"""Dense output for methods that have none of their own: the cubic through both ends of a step."""

from sciml_lab.solvers.method import Method


class CubicDense(Method):
    """A method whose steps keep ``k = [u_new]``, and are interpolated from both ends.

    Examples
    --------
    >>> import numpy as np
    >>> k = CubicDense().dense_stages(lambda u, p, t: 3 * t**2, 0.0, None, 0.0, 2.0, [8.0])
    >>> CubicDense().interpolate(0.0, k, 2.0, 0.5)  # t**3 at t = 1
    1.0
    """

    def dense_stages(self, f, u, p, t, h, k):
        """The slopes at both ends."""
        return [k[0], f(u, p, t), f(k[0], p, t + h)]

    def interpolate(self, u, k, h, theta):
        """Cubic Hermite interpolation between the ends (third order in between)."""
        u_new, f0, f1 = k
        x = theta
        return (
            (1 + 2 * x) * (1 - x) ** 2 * u
            + x * (1 - x) ** 2 * h * f0
            + x**2 * (3 - 2 * x) * u_new
            + x**2 * (x - 1) * h * f1
        )
