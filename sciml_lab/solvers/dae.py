"""``F(u', u, p, t) = 0`` as a multistep method sees it: the residual and its linear algebra.

A BDF step puts ``u' = u'* + (alpha/h) d`` and ``u = u* + d`` into F and solves for d. Its matrix is
``(alpha/h) dF/du' + dF/du``, which is W = M - gamma h J with M = dF/du', J = -dF/du and
gamma = 1/alpha, up to a factor: the problem ``M u' = f`` with an M that may change.
"""

import numpy as np

from sciml_lab.ad import collect, primal
from sciml_lab.ad import derivative as by_number
from sciml_lab.ad import jacobian as by_duals
from sciml_lab.linalg.jacobians import differences, time_difference
from sciml_lab.linalg.linearisation import Linearisation
from sciml_lab.linalg.mass_matrix import Mass


class ResidualSide:
    """The residual of a `DAEProblem`, counted and checked.

    Parameters
    ----------
    problem : DAEProblem
    shape : tuple of int
        Shape of the state.
    linear_solver : str or object
        As in `Linearisation`.

    Attributes
    ----------
    linear : ResidualLinearisation
        Its derivatives, and the factors of W.
    count, nnewton : int
        Evaluations of the residual, and Newton iterations.
    """

    form = "F(u', u, p, t) = 0"

    def __init__(self, problem, shape, linear_solver="auto"):
        self.residual, self.du0, self.shape = problem.residual, problem.du0, tuple(shape)
        self.count = self.nnewton = 0
        self.linear = ResidualLinearisation(self, problem.du0, linear_solver)
        self.f = self.slope

    def __call__(self, u, p, t):
        """M u' at (u, t), where ``M = dF/du'``: what f is in ``M u' = f``."""
        self.slope(u, p, t)
        return self.linear.times_mass(self.linear.du)

    def residual_at(self, du, u, p, t):
        """The residual, with the checks that are cheap enough for every call."""
        self.count += 1
        for x in (du, u):
            if type(x) is np.ndarray:
                x.setflags(write=False)
        try:
            r = self.residual(du, u, p, t)
        except ValueError as error:
            if "read-only" in str(error):
                raise ValueError(
                    "residual wrote into its arguments: residual(du, u, p, t) must leave them as "
                    "they are and return a new array, for example np.array([...])."
                ) from error
            raise
        if r is None or isinstance(r, list | tuple):
            raise TypeError(
                f"residual returned {'None' if r is None else f'a {type(r).__name__}'}: "
                "residual(du, u, p, t) must return an array, write  return np.array([...])."
            )
        r = r if type(r) is np.ndarray and not r.dtype.hasobject else collect(r)
        if np.shape(r) != self.shape:
            raise ValueError(
                f"residual returned an array of shape {np.shape(r)}, but u has shape "
                f"{self.shape}: it must return one equation for each entry of u."
            )
        return r

    def first(self, u, p, t):
        """M u' at the start, with the u' that the problem gives; after an event, with a new one."""
        if self.count:
            self.du0 = self.slope(u, p, t)
        self.residual_at(self.du0, u, p, t)
        self.linear.update(u, p, t)
        return self.linear.times_mass(self.du0)

    def defect(self, u, du, p, t):
        """What is missing in ``F(u', u, p, t) = 0``, as that in ``M u' = f(u, p, t)``."""
        return -self.residual_at(du, u, p, t)

    def slope(self, u, p, t):
        """The u' with ``F(u', u, p, t) = 0``, as far as F determines it (after an event)."""
        linear = self.linear
        for _ in range(10):
            linear.point = None
            linear.update(u, p, t)
            change = linear.slope(self.defect(u, linear.du, p, t))
            linear.du = linear.du + change
            if np.max(np.abs(change)) <= 1e-10 * np.max(np.abs(linear.du)):
                break
        return linear.du


def require_slope(side, u, p, t):
    """Raise if du0 does not satisfy the equations that it occurs in.

    Raises
    ------
    ValueError
        With the equation, its residual, and what to do.
    """
    side.linear.update(u, p, t)
    M, J, mass = side.linear.mass, side.linear.J, side.linear.mass_matrix
    change = mass.slope(side.defect(u, side.du0, p, t))
    missing = np.abs(mass.times(change)).ravel()
    terms = np.abs(M) @ np.abs(side.du0 + change).ravel()
    allowed = 1e-3 * terms + 1e-8 * (np.abs(J) @ np.abs(u).ravel())
    if np.any(missing > allowed):
        row = int(np.argmax(missing - allowed))
        raise ValueError(
            f"du0 is inconsistent: at t = {t:.6g} equation [{row}] of {side.form} has the residual "
            f"{missing[row]:.3g} at (du0, u0): start from sl.consistent(problem)."
        )


class ResidualLinearisation(Linearisation):
    """The matrices ``M = dF/du'`` and ``J = -dF/du``, and the factors of ``W = M - gamma h J``.

    Attributes
    ----------
    du : array
        The slope at which `update` takes the derivatives.
    """

    def __init__(self, side, du, linear_solver):
        zero = np.zeros((du.size, du.size))
        super().__init__(None, du.size, mass=zero, linear_solver=linear_solver)
        self.side, self.du = side, du

    def update(self, u, p, t):
        """Evaluate M and J at (du, u, t), unless they have just been evaluated there."""
        if self._is_at(u, t):
            return
        side, du = self.side, self.du
        self.mass = _derivative(lambda x: side.residual(x, u, p, t), du)
        self.mass_matrix = Mass(self.mass)
        self.J = -_derivative(lambda x: side.residual(du, x, p, t), u)
        self.point, self._factored = (u, t), None
        self.njac += 1

    def time_slope(self, u, p, t, h, f0):
        """The derivative of -F by t, by dual numbers, or by differences inside the step."""
        side, du = self.side, self.du
        try:
            return -by_number(lambda s: side.residual(du, u, p, s), t).reshape(u.shape)
        except TypeError:
            here = side.defect(u, du, p, t)
            return time_difference(lambda u, p, s: side.defect(u, du, p, s), u, p, t, h, here)


def _derivative(g, x):
    """The Jacobian of g at x, by dual numbers, or by differences where g does not take them."""
    x = np.asarray(primal(x))
    try:
        return by_duals(g, x).reshape(x.size, x.size)
    except TypeError:
        return differences(lambda u, p, t: g(u), x, None, 0.0)
