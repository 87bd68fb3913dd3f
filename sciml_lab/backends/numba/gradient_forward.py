r"""`ForwardSensitivity` on the compiled backend: the variational equation as one larger system.

The state is :math:`(u, S_1, \dots, S_K)`, one column for each direction :math:`(\dot u_0, \dot p)`,

.. math:: u' = f(u, p, t), \qquad S_k' = \frac{\partial f}{\partial u} S_k
    + \frac{\partial f}{\partial p} \dot p_k .

Each column is one compiled JVP. The kernel is that of any solve. Step sizes hang on u alone, as
with dual numbers: the columns get a tolerance that everything meets, and because the norm is a
mean over all n (K + 1) entries, the tolerance of u is divided by the square root of K + 1.
"""

from dataclasses import replace

import numpy as np
from numba import types

from sciml_lab.ad import Dual, jvp
from sciml_lab.backends.numba import functions
from sciml_lab.backends.numba.drive import address
from sciml_lab.backends.numba.functions import (
    CAREFUL,
    CFunction,
    Function,
    memory_of,
    right_hand_side,
)
from sciml_lab.backends.numba.gradient_functions import pushforward
from sciml_lab.backends.numba.pointers import function, numbers, part
from sciml_lab.backends.numba.solve import real, reason_for_python
from sciml_lab.solvers import options
from sciml_lab.solvers.solution import SolveInterrupted

ANYTHING = 1e300  # a tolerance that every finite number meets


def reason_for_numpy(names, problem, settings) -> str:
    """Why forward sensitivities are carried by dual numbers in Python; empty if they need not."""
    if not set(names) <= {"u0", "p"}:
        return "times are differentiated"
    if problem.batch:
        return "the trajectories of a batch have directions of their own"
    return reason_for_python(problem, settings)


class Variational:
    """``f(u, p, t)`` of the larger system in plain Python: for checks, and for the failure doctor.

    Parameters
    ----------
    f : callable
        The user's function.
    shape : tuple
        Shape of u.
    directions : list of ndarray or None
        Direction of p of each column.
    """

    def __init__(self, f, shape, directions):
        self.f, self.shape, self.directions = f, shape, directions

    def __call__(self, u, p, t):
        """The value, and a JVP for each column."""
        state, *columns = u.reshape(len(self.directions) + 1, *self.shape)
        parts = [np.asarray(self.f(state, p, t))]
        for column, direction in zip(columns, self.directions, strict=True):
            if direction is None or p is None:
                push = jvp(lambda v: self.f(v, p, t), state, column)
            else:
                push = jvp(lambda v, q: self.f(v, q, t), (state, p), (column, direction))
            parts.append(push[1])
        return np.concatenate([np.ravel(one) for one in parts])


def solve(solve_plain, directions, problem, method, settings):
    """Solve on plain numbers what would be a solve on dual numbers; u and dense output are dual.

    Parameters
    ----------
    solve_plain : callable
        ``solve_plain(problem, method, settings) -> Solution``.
    directions : Directions
        Which column belongs to which entry of u0 and p.
    problem, method, settings
        As in `ForwardSensitivity.solve`.
    """
    u0, p = np.asarray(problem.u0, dtype=float), problem.p
    real(u0, p)
    shape, count = u0.shape, directions.count
    seeds = np.zeros((count, u0.size))
    p_dots = np.zeros((count, 1 if p is None else np.size(p)))
    for name, place in directions.place.items():
        (seeds if name == "u0" else p_dots)[place] = np.eye(place.stop - place.start)
    f = right_hand_side(problem.f, u0, p, float(problem.tspan[0]))
    moved = [one.reshape(np.shape(p)) if one.any() else None for one in p_dots]
    wide = Variational(problem.f, shape, moved)
    state = np.concatenate([u0.ravel(), seeds.ravel()])
    columns = compile_columns(f, pushforward(f, u0, p), u0.size, p_dots)
    functions._known.add((wide, *functions._shapes(state, p)), columns)  # found there by the solve
    rtol, atol = options.tolerances(settings["rtol"], settings["atol"], shape)
    share = (count + 1) ** -0.5
    enough = np.full(count * u0.size, ANYTHING)
    tolerances = {
        "rtol": np.append(np.ravel(share * rtol + np.zeros(shape)), 0.0 * enough + 1.0),
        "atol": np.append(np.ravel(share * atol + np.zeros(shape)), enough),
    }

    def dual(x):
        """A result of the larger system as a dual number of the smaller one."""
        parts = np.reshape(x, (*np.shape(x)[:-1], count + 1, *shape))
        axis = np.ndim(x) - 1
        value = np.take(parts, 0, axis=axis)
        tangent = np.moveaxis(np.take(parts, range(1, count + 1), axis=axis), axis, -1)
        return Dual(value, tangent, directions.level)

    def narrow(solution):
        """The solution of the smaller system."""
        dense = solution._dense
        solution.u, solution.problem = dual(solution.u), problem
        solution._dense = dense and (lambda t: dual(dense(t)))
        return solution

    wide_problem = problem.replace(f=wide, u0=state)
    try:
        return narrow(solve_plain(wide_problem, method, {**settings, **tolerances}))
    except SolveInterrupted as stop:
        narrow(stop.solution)
        raise


_known = functions.Recent(64)  # (address of f, length of u, directions): Function


def compile_columns(f, f_jvp, n, p_dots) -> Function:
    """The compiled larger system: one call of f and one JVP for each column.

    Parameters
    ----------
    f : Function
    f_jvp : Derivative
    n : int
        Length of u.
    p_dots : ndarray, shape (K, m)
        Direction of p of each column.
    """
    key = f.address, n, p_dots.shape, p_dots.tobytes()
    if key not in _known:
        machine = _columns(f.address, f_jvp.address, address(p_dots), n, p_dots.shape)
        found = replace(
            f, address=machine.address, work=max(f.work, f_jvp.work) + 1,
            seconds=(1 + 3 * len(p_dots)) * f.seconds, machine=(machine, f, f_jvp, p_dots),
            drives={},
        )  # fmt: skip
        _known.add(key, found)  # keeps f alive, so that its address stays its own
    return _known[key]


def _columns(value, push, directions, n, shape):
    """Compile it; the addresses become constants of the machine code."""
    count, m = shape

    def columns(du, u, p, t, work):
        f, f_jvp = function(value, "mmmnm"), function(push, "mmmnmmm")
        p_dots = numbers(directions, "any")
        f(du, u, p, t, work)
        for k in range(count):
            place = n * (k + 1)
            f_jvp(part(du, place), u, p, t, part(u, place), part(p_dots, m * k), work)

    signature = types.void(*(memory_of(kind, i) for i, kind in enumerate("mmmnm")))
    return CFunction(signature, CAREFUL, columns)
