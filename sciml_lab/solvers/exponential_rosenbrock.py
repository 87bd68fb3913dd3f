r"""Exponential Rosenbrock methods: the linear part is the Jacobian of this very step.

With J = df/du and f_t at the start of a step, and g(u, t) = f(u, p, t) - J u - f_t t, a step of
size h is that of an exponential Runge-Kutta method for u' = J u + f_t t + g. Since g changes little
near the start of the step, two stages give order 3 and three give order 4, with an embedded method
to control the error. Any `ODEProblem` will do; no equations are solved.

References
----------
M. Hochbruck, A. Ostermann, J. Schweitzer, "Exponential Rosenbrock-type methods", SIAM J. Numer.
Anal. 47 (2009) 786-803.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sciml_lab.linalg.krylov_phi import krylov_phi
from sciml_lab.linalg.linearisation import SingularMatrix
from sciml_lab.linalg.phi import phi_matrices
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.implicit import ImplicitMethod, no_step
from sciml_lab.solvers.method import Step

SMALL = 40  # unknowns up to which the phi functions of the whole matrix are formed


@dataclass(frozen=True, repr=False)
class Exprb32(CubicDense, ImplicitMethod):
    """Exprb32: two stages, order 3, embedded order 2 (the exponential Rosenbrock-Euler method).

    References
    ----------
    M. Hochbruck, A. Ostermann, J. Schweitzer, SIAM J. Numer. Anal. 47 (2009) 786.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.zoo.van_der_pol(mu=100.0, tspan=(0.0, 10.0)), sl.Exprb32())
    >>> sol.success
    True
    """

    name = "Exprb32"
    order = 3
    adaptive = True
    mass_matrix = False
    fsal = False

    @property
    def error_order(self) -> int:
        """The estimate shrinks like h**3."""
        return 3

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step: ``U = u + h phi_1 f + h^2 phi_2 f_t``, then the correction."""
        prepared = self._prepare(f, u, p, t, h, k1)
        if isinstance(prepared, Step):
            return prepared
        f0, by_time, products, change = prepared
        U = self._euler(u, h, 1.0, products, f0, by_time)
        D = change(U, h)
        correction = 2 * h * products(1.0, 3, D)[3]
        u_new = U + correction
        return Step(u_new, correction, k=[u_new], slopes=(f0, None))

    def _prepare(self, f, u, p, t, h, k1):
        """The slope, f_t, products with phi functions of J, and the change of g from the start."""
        f0 = f(u, p, t) if k1 is None else k1
        try:
            f.linear.update(u, p, t)
        except SingularMatrix as error:
            return no_step(u, str(error))._replace(slopes=(f0, None))
        J, by_time = f.linear.J, f.linear.by_time(u, p, t, h, f0)
        if not np.all(np.isfinite(J if isinstance(J, np.ndarray) else J.data)):
            return no_step(u, "the Jacobian is not finite there")._replace(slopes=(f0, None))
        products = _products(J, h)

        def change(U, ahead):
            """The change of g between (u, t) and (U, t + ahead)."""
            D = f(U, p, t + ahead) - f0 - (J @ (U - u).ravel()).reshape(u.shape)
            return D if by_time is None else D - ahead * by_time

        return f0, by_time, products, change

    def _euler(self, u, h, c, products, f0, by_time):
        """The exponential Rosenbrock-Euler step of length c h."""
        U = u + c * h * products(c, 1, f0)[1]
        return U if by_time is None else U + (c * h) ** 2 * products(c, 2, by_time)[2]


@dataclass(frozen=True, repr=False)
class Exprb43(Exprb32):
    """Exprb43: three stages, order 4, embedded order 3.

    References
    ----------
    M. Hochbruck, A. Ostermann, J. Schweitzer, SIAM J. Numer. Anal. 47 (2009) 786.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> sol = sl.solve(sl.zoo.hires(), sl.Exprb43(), rtol=1e-6, atol=1e-9)
    >>> sl.zoo.hires.reference.error(sol.u[-1]) < 1e-3
    True
    """

    name = "Exprb43"
    order = 4

    @property
    def error_order(self) -> int:
        """The estimate shrinks like h**4."""
        return 4

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step with stages at 1/2 and 1."""
        prepared = self._prepare(f, u, p, t, h, k1)
        if isinstance(prepared, Step):
            return prepared
        f0, by_time, products, change = prepared
        D2 = change(self._euler(u, h, 0.5, products, f0, by_time), 0.5 * h)
        whole = self._euler(u, h, 1.0, products, f0, by_time)
        D3 = change(whole + h * products(1.0, 1, D2)[1], h)
        second, third = products(1.0, 4, D2), products(1.0, 4, D3)
        u_new = whole + h * (16 * second[3] - 48 * second[4] - 2 * third[3] + 12 * third[4])
        error = h * (12 * third[4] - 48 * second[4])
        return Step(u_new, error, k=[u_new], slopes=(f0, None))


def _products(J, h) -> Any:
    """``products(c, count, v)``: the list of ``phi_k(c h J) v`` for k = 0 ... count."""

    @cache
    def matrices(c):
        return phi_matrices(c * h * np.asarray(J), 4)

    def products(c, count, v):
        if J.shape[0] <= SMALL:
            return [(m @ v.ravel()).reshape(v.shape) for m in matrices(c)[: count + 1]]
        found = krylov_phi(J, v.ravel(), c * h, count)
        return [x.reshape(v.shape) for x in found]

    return products
