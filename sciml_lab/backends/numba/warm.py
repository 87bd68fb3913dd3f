"""Compile the kernels of the methods beforehand: a course's image, say, holds them ready."""

import time

import numpy as np

from sciml_lab.ad import grad
from sciml_lab.backends.numba import cache, lanes_kernel, lanes_solve
from sciml_lab.neural import trajectory_loss
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers import explicit
from sciml_lab.solvers.autoswitch import AutoSwitch
from sciml_lab.solvers.rosenbrock import ROSENBROCK_METHODS, Rodas5P
from sciml_lab.solvers.solve import solve

DIFFERENTIATED = ("Tsit5", "RK4")  # their adjoints, too: the lessons train with them
WITH_MASS = ("Rodas4", "Rodas5P")  # for problems with a mass matrix, too
BY_DEFAULT = ("Tsit5", "Vern7", "Vern9")  # with Rodas5P for what turns out to be stiff
IN_ENSEMBLES = ("Tsit5", "Vern7")  # eight side by side, too; all methods would take minutes


def decay(u, p, t):
    """An equation with a known solution, ``exp(-p t)``."""
    return -p * u


def warm(names=None, say=print) -> None:
    """Compile the kernel of every method, or of those named, and check it with a solve.

    Parameters
    ----------
    names : iterable of str, optional
        Names of built-in methods.
    say : callable
        Gets a line of text for each method, and one at the end.
    """
    began = time.perf_counter()
    problem = ODEProblem(decay, [1.0], (0.0, 1.0), [1.0])
    methods = {**explicit.METHODS, **ROSENBROCK_METHODS}
    for name in methods if names is None else names:
        start, method = time.perf_counter(), methods[name]()
        options = {} if method.adaptive else {"dt": 0.01}
        for mass in (None, np.eye(1)) if name in WITH_MASS else (None,):
            own = problem.replace(mass_matrix=mass)
            end = solve(own, method, backend="numba", **options)([1.0])[0, 0]
            if abs(end - np.exp(-1.0)) > 0.01:
                raise ArithmeticError(f"the kernel of {name} gives {end} for exp(-1)")
        if name in DIFFERENTIATED:
            _differentiate(problem, method, options)
        if name in BY_DEFAULT:
            _switching(problem, method)
        if name in IN_ENSEMBLES:
            _side_by_side(problem, method)
        say(f"  {name:<13}{time.perf_counter() - start:6.2f} s")
    say(f"ready in {time.perf_counter() - began:.1f} s; kept in {cache.folder()}")


def _differentiate(problem, method, options):
    """Compile the adjoint of a method, alone and inside a loss, and check both."""

    def end(p):
        sol = solve(problem.replace(p=p), method, backend="numba", saveat=[1.0], **options)
        return sol.u[-1, 0]

    slope = grad(end, problem.p)[0]
    t = np.linspace(0.0, 1.0, 3)
    loss = trajectory_loss(decay, t, np.exp(-t)[:, None], method=method, backend="numba")
    misfit, _ = loss.value_and_grad(problem.p)
    if abs(slope + np.exp(-1.0)) > 0.01 or misfit > 1e-4:
        raise ArithmeticError(f"the adjoint of {method!r} gives {slope} for -exp(-1)")


def _switching(problem, method):
    """Compile the kernels that hand over to an implicit method, and check them."""
    rate, options = 1e4, {"backend": "numba", "saveat": [1e-4, 1.0]}
    sol = solve(problem.replace(p=[rate]), AutoSwitch(method, Rodas5P()), **options)
    if abs(sol.u[0, 0] - np.exp(-1.0)) > 1e-3 or not sol.switches:
        raise ArithmeticError(f"{method!r} and Rodas5P() give {sol.u[0, 0]} for exp(-1)")


def _side_by_side(problem, method):
    """Compile the kernels for an ensemble, and check them."""
    settings = {
        "rtol": 1e-6, "atol": 1e-9, "dt": None, "adaptive": None, "controller": None,
        "max_steps": 1000,
    }  # fmt: skip
    rates = np.linspace(0.5, 1.5, lanes_kernel.WIDTH)
    starts = np.ones((1, rates.size))
    for lanes in (1, lanes_kernel.WIDTH):
        many = lanes_solve.solve_many(
            problem, starts, rates[None], [1.0], method, settings, lanes=lanes
        )
        if not np.allclose(many.u[-1, 0], np.exp(-rates), atol=1e-4):
            raise ArithmeticError(f"the kernel of {method!r} for ensembles gives {many.u[-1, 0]}")
