"""The Jacobian and W as something to multiply with: no entry is ever computed."""

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.linalg.colored import derivatives
from sciml_lab.linalg.jacobians import EPS


class JacobianProduct:
    """``J @ v``, the derivative of f along v, by dual numbers or by differences.

    Parameters
    ----------
    f, call : callable
        ``f(u, p, t)``, and what differences call instead of it.
    u, p, t : array, array or None, float
        Where.

    Examples
    --------
    >>> J = JacobianProduct(lambda u, p, t: u**2, None, np.array([1.0, 2.0]), None, 0.0)
    >>> J @ np.array([1.0, 1.0])
    array([2., 4.])
    """

    def __init__(self, f, call, u, p, t):
        self.f, self.call, self.how = f, call or f, "duals"
        self.u, self.p, self.t = np.asarray(primal(u)), primal(p), t
        self.shape, self.dtype, self._base = (self.u.size,) * 2, self.u.dtype, None

    def __matmul__(self, v):
        """J v; v may be a matrix."""
        v = v.toarray() if hasattr(v, "toarray") else np.asarray(v)
        if v.dtype.kind == "c" and self.dtype.kind != "c":
            return self @ v.real + 1j * (self @ v.imag)
        columns = v.reshape(self.u.size, -1)
        return self._along(columns).reshape(v.shape)

    def __abs__(self):
        """Stands for |J|, whose entries nobody knows: products with it come out too small."""
        return self

    def _along(self, v):
        """The derivatives of f along the columns of v."""
        if self.how == "duals":
            try:
                return derivatives(self.f, self.u, self.p, self.t, v)
            except TypeError:
                self.how = "differences"
        if self._base is None:
            self._base = np.asarray(self.call(self.u, self.p, self.t)).ravel()
        return np.stack([self._difference(column) for column in v.T], axis=1)

    def _difference(self, v):
        """One difference of f, over a distance that suits the size of u."""
        size = np.linalg.norm(v)
        if size == 0.0:
            return 0.0 * self._base
        step = np.sqrt(EPS) * (np.linalg.norm(self.u) or 1.0) / size
        moved = self.u + step * v.reshape(self.u.shape)
        return (np.asarray(self.call(moved, self.p, self.t)).ravel() - self._base) / step


class Products:
    """A Jacobian function whose values are `JacobianProduct`.

    Parameters
    ----------
    derived : Derived
        Knows the derivative by t.
    f, call : callable
        As in `JacobianProduct`.

    Examples
    --------
    >>> from sciml_lab.linalg.jacobians import jacobian_function
    >>> f = lambda u, p, t: u**2
    >>> jac = Products(jacobian_function(f), f, None)
    >>> jac(np.array([1.0, 2.0]), None, 0.0) @ np.ones(2)
    array([2., 4.])
    """

    how = "products J v only"

    def __init__(self, derived, f, call):
        self.f, self.call, self.by_time = f, call, derived.by_time

    def __call__(self, u, p, t):
        """J at (u, t), to multiply with."""
        return JacobianProduct(self.f, self.call, u, p, t)


class Shifted:
    """``W @ x`` for W = M - gamma h J.

    Examples
    --------
    >>> W = Shifted(None, 0.5, np.array([[0.0, 2.0], [0.0, 4.0]]))
    >>> W @ np.array([1.0, 1.0])
    array([ 0., -1.])
    """

    def __init__(self, mass, gamma_h, J):
        self.mass, self.gamma_h, self.J, self.shape = mass, gamma_h, J, J.shape
        self.dtype = np.result_type(J.dtype, type(gamma_h))

    def __matmul__(self, x):
        Mx = x if self.mass is None else self.mass.times(x)
        return Mx - self.gamma_h * (self.J @ x)
