"""Freeze and unroll a Nystrom step: the readable formulas, run once on symbols for the two halves.

The stages are accelerations, so each is half as long as a state; what is written down loops over
the n entries of a half. For example of a method with two stages

    def step(x_new, v_new, k1, k2, x, v, p, t, h, point, work, n):
        s1 = h * h
        for i in range(n):
            point[i] = x[i] + h * v[i] + s1 * (0.5 * k1[i])
        force(k2, point, v, p, t + h, work)
        ...
"""

from types import SimpleNamespace

import numpy as np

from sciml_lab.backends.unroll import _inputs, _with
from sciml_lab.backends.unroll_symplectic import Pair
from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered


def step(method) -> Lowered:
    """The step of a Nystrom method.

    Parameters
    ----------
    method : Nystrom
        Any, of a tableau of your own too.

    Returns
    -------
    Lowered
        ``step(x_new, v_new, error_x, error_v, k1, ..., ks, x, v, p, t, h, point, work, n)``:
        expects k1, writes the other stages, the new state, and its error if the method estimates
        one. It calls ``force(k, x, v, p, t, work)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(step(sl.Nystrom4()).tree).splitlines()[5].strip())
    force(k2, point, v, p, t + s1, work)
    """
    program, s = Program(), method.tableau.stages
    names = [f"k{i + 1}" for i in range(s)]
    state, p, t, h = _state()
    taken = _on_symbols(type(method).step)(
        method, _Force(program, names[1:]), state, p, t, h, Pair(None, Symbol.named("k1", True))
    )
    results = {"x_new": taken.u.first, "v_new": taken.u.second}
    if taken.error is not None:
        results |= {"error_x": taken.error.first, "error_v": taken.error.second}
    for name, x in results.items():
        program.name_repeated(x)
        program.write(name, x)
    inputs = (*results, *names, "x", "v", "p", "t", "h", "point", "work", "n")
    return program.function("step", inputs)


def dense_stages(method) -> Lowered:
    """The acceleration at the end, where dense output needs it and it is no stage.

    Returns
    -------
    Lowered
        ``dense_stages(k1, ..., k_all, x, v, p, t, h, point, work, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(dense_stages(sl.Nystrom4()).tree).splitlines()[-1].strip())
    force(k4, point, v, p, t + h, work)
    """
    program, s = Program(), method.tableau.stages
    names = [f"k{i + 1}" for i in range(len(method.tableau.P))]
    state, p, t, h = _state()
    k = _stages(names[:s])
    _on_symbols(type(method).dense_stages)(
        method, _Force(program, names[s:]), state, p, t, h, k
    )  # fmt: skip
    inputs = (*names, "x", "v", "p", "t", "h", "point", "work", "n")
    return program.function("dense_stages", inputs)


def interpolate(method) -> Lowered:
    """Dense output: ``interpolate(out_x, out_v, k1, ..., k_all, x, v, h, theta, n)``."""
    program = Program()
    names = [f"k{i + 1}" for i in range(len(method.tableau.P))]
    state, _, _, h = _state()
    theta = Symbol.named("theta", False)
    inside = _on_symbols(type(method).interpolate)(method, state, _stages(names), h, theta)
    for name, x in (("out_x", inside.first), ("out_v", inside.second)):
        program.name_repeated(x)
        program.write(name, x)
    inputs = ("out_x", "out_v", *names, "x", "v", "h", "theta", "n")
    return program.function("interpolate", inputs)


def _state():
    x, v, p, t, h = _inputs(x=True, v=True, p=True, t=False, h=False)
    return Pair(x, v), p, t, h


def _stages(names):
    """An array of symbols, one a stage, which weights can be multiplied with."""
    stages = np.empty(len(names), dtype=object)
    stages[:] = [Symbol.named(name, True) for name in names]
    return stages


def _on_symbols(function):
    """The same function, whose arrays of stages hold symbols and whose states are pairs."""

    def concatenate(parts):
        first, second = parts
        if isinstance(first, Symbol):
            return Pair(first, second)
        return np.array([*first, *second], dtype=object)

    numpy = SimpleNamespace(
        empty=lambda shape, dtype: np.empty(shape[0], dtype=object), array=np.array,
        concatenate=concatenate, arange=np.arange,
    )  # fmt: skip
    return _with(function, np=numpy)


class _Force:
    """What the step gets as f: its calls are written down, and their results get names in turn."""

    half = 1  # of a state that is a pair

    def __init__(self, program, results):
        self.program, self.results = program, iter(results)

    def force(self, x, v, p, t):
        self.program.name_repeated(x, t)
        result = next(self.results)
        self.program.write("point", x)
        self.program.say(f"force({result}, point, v, p, {self.program.text(t)}, work)")
        return Symbol.named(result, True)
