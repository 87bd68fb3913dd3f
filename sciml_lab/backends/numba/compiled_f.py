"""Compiled right-hand sides for a loop that runs in Python.

A method without a kernel takes its readable step in Python. Where the state is large that costs
little: the time is in f, in the products of its Jacobian and in the linear solver. So f is replaced
by a `CompiledF`, which computes numbers by machine code and hands everything else (duals, taped
values, complex numbers, arrays of other shapes) to f as its author wrote it.
"""

import ctypes

import numpy as np

from sciml_lab.ad.modes import push_dual
from sciml_lab.backends.numba.functions import ARGUMENTS, right_hand_side
from sciml_lab.backends.numba.gradient_functions import pushforward
from sciml_lab.problems import ODEProblem, SemilinearProblem, SplitProblem
from sciml_lab.transform.tree import TransformError

PARTS = {
    ODEProblem: ("f",),
    SplitProblem: ("f_stiff", "f_nonstiff"),
    SemilinearProblem: ("N",),
}
FLOAT = np.dtype(float)


def foreign(address, kinds):
    """A C function of the compiled code, to be called from Python with addresses and numbers."""
    types = {"m": ctypes.c_void_p, "n": ctypes.c_double}
    return ctypes.CFUNCTYPE(None, *(types[kind] for kind in kinds))(address)


class CompiledF:
    """``f(u, p, t)`` by machine code where all is plain numbers, else as it was written.

    Parameters
    ----------
    f : callable
        The user's function.
    u0, p : ndarray, ndarray or None
        Examples of its arguments; compiled is the f of these shapes.
    t0 : float
        A time.
    watch : bool
        Whether somebody may change what f reads from outside while the solve runs: then each call
        looks, and falls back to the readable f.

    Attributes
    ----------
    as_written : callable
        f as it was written.

    Raises
    ------
    TransformError
        If f is not in the subset of Python that can be transformed.

    Examples
    --------
    >>> f = CompiledF(lambda u, p, t: -p[0] * u, np.ones(2), np.array([3.0]), 0.0)
    >>> f(np.array([1.0, 2.0]), np.array([3.0]), 0.0)
    array([-3., -6.])
    >>> f.derivative_along(np.ones(2), np.array([3.0]), 0.0, np.eye(2)) + 0.0
    array([[-3.,  0.],
           [ 0., -3.]])
    """

    def __init__(self, f, u0, p, t0, watch=False):
        self.as_written, self.watch = f, watch
        self.shape, self.p_shape = np.shape(u0), None if p is None else np.shape(p)
        self._p_dot = np.zeros(1 if p is None else np.size(p))
        self._machine = right_hand_side(f, u0, p, t0)
        self._f = foreign(self._machine.address, ARGUMENTS)
        self._work = np.empty(self._machine.work + 1)
        self._slope, self._differentiable = None, True

    def __call__(self, u, p, t):
        """The derivative of u."""
        if not self._serves(u, p, t):
            return self.as_written(u, p, t)
        u, p, t = np.ascontiguousarray(u), self._plain(p), float(t)
        du = np.empty(self.shape)
        self._f(*map(_address, (du, u, p)), t, _address(self._work))
        return du

    def derivative_along(self, u, p, t, directions):
        """J times the columns of a matrix, whatever the shape of u.

        Parameters
        ----------
        u, p, t : array, array or None, float
            Where.
        directions : array (n, k)
        """
        if self._serves(u, p, t) and directions.dtype == FLOAT and self._find_slope(u, p):
            return self._pushed(np.ascontiguousarray(u), self._plain(p), float(t), directions)
        shaped = directions.reshape(*np.shape(u), -1)
        pushed = push_dual(lambda x: self.as_written(x, p, t), [u], [shaped])[1]
        return pushed.reshape(directions.shape)

    def _pushed(self, u, p, t, directions):
        """One product after the other; each takes a contiguous direction."""
        columns = np.ascontiguousarray(directions.T)
        found = np.empty_like(columns)
        at = [_address(x) for x in (u, p, self._p_dot, self._slope_work)]
        start, out, length = _address(columns), _address(found), 8 * columns.shape[1]
        for k in range(len(columns)):
            ahead = k * length
            self._slope(out + ahead, at[0], at[1], t, start + ahead, at[2], at[3])
        return found.T

    def _serves(self, u, p, t):
        """Whether the machine code can answer: numbers, of the shapes that it is made for."""
        plain = type(u) is np.ndarray and u.dtype == FLOAT and u.shape == self.shape
        if not plain or not isinstance(t, float | int | np.floating):
            return False
        if self.p_shape is None:
            same = p is None
        else:
            same = type(p) is np.ndarray and p.dtype == FLOAT and p.shape == self.p_shape
        return same and not (self.watch and not self._machine.outside.is_current())

    def _plain(self, p):
        return self._p_dot if p is None else np.ascontiguousarray(p)

    def _find_slope(self, u, p):
        """Compile the derivative along a direction, when it is first asked for."""
        if self._slope is None and self._differentiable:
            try:
                derivative = pushforward(self._machine, u, p)
            except TransformError:
                self._differentiable = False
            else:
                self._kept = derivative
                self._slope = foreign(derivative.address, "mmmnmmm")
                self._slope_work = np.empty(derivative.work + 1)
        return self._differentiable


def _address(array):
    return array.__array_interface__["data"][0]


def compiled(problem, callbacks=()):
    """The same problem with compiled right-hand sides; None if they do not compile.

    Parameters
    ----------
    problem : Problem
    callbacks : list
        Those of the solve: they may change what f reads from outside.
    """
    names = PARTS.get(type(problem))
    given, t0 = [problem.u0, *([] if problem.p is None else [problem.p])], problem.tspan[0]
    plain = all(type(x) is np.ndarray and x.dtype == FLOAT for x in given) and type(t0) is float
    if names is None or problem.batch or not plain:
        return None
    functions = {name: getattr(problem, name) for name in names}
    try:
        parts = {
            name: CompiledF(f, problem.u0, problem.p, t0, watch=bool(callbacks))
            for name, f in functions.items()
        }
    except TransformError:
        return None
    return problem.replace(**parts)
