"""Compile the kernels of the methods beforehand: a course's image, say, holds them ready."""

import time

import numpy as np

import sciml_lab.solvers.explicit as explicit
from sciml_lab.ad import grad
from sciml_lab.backends.numba import cache
from sciml_lab.neural import trajectory_loss
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers.solve import solve

DIFFERENTIATED = ("Tsit5", "RK4")  # their adjoints, too: the lessons train with them


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
    for name in explicit.METHODS if names is None else names:
        start, method = time.perf_counter(), explicit.METHODS[name]()
        options = {} if method.adaptive else {"dt": 0.01}
        end = solve(problem, method, backend="numba", saveat=[1.0], **options).u[0, 0]
        if abs(end - np.exp(-1.0)) > 0.01:
            raise ArithmeticError(f"the kernel of {name} gives {end} for exp(-1)")
        if name in DIFFERENTIATED:
            _differentiate(problem, method, options)
        say(f"  {name:<10}{time.perf_counter() - start:6.2f} s")
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
