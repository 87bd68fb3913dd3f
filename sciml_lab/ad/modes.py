"""The six ways to a derivative, brought to one form.

With this module one can: see that every way is a *push* or a *pull*. A push computes ``J V`` for
many directions V at once (forward), a pull computes ``J^T g`` (reverse). Everything in `api.py`
is one of the two, applied to the right vectors.

``push(f, xs, vs)`` takes lists of arguments and of directions (one more axis at the end) and
returns y and ``J V``; ``pull(f, xs)`` returns y and a function of g that gives a list.
"""

import contextlib
import warnings
from typing import Any

import numpy as np

from sciml_lab._optional import need

from .arraylike import LostDerivative, no_writing
from .complex_step import TINY, compare, complex_step
from .dual import Dual, make_dual
from .finite import BEST, central_difference
from .primitive import as_value, collect
from .tape import Tape, Var
from .values import Traced, is_box, new_level, primal

# What NumPy says of arrays of objects where it wants numbers.
_OBJECT_ARRAY = ("dtype('O')", "object arrays", "loop of ufunc does not support argument")


def call(f, xs) -> Any:
    """Call f and take care of its result: lists are gathered, nonsense is refused."""
    try:
        y = f(*xs)
    except (TypeError, ValueError) as error:  # where NumPy's own words don't help
        if isinstance(error.__cause__, LostDerivative):
            no_writing("a[i] = x")
        if "ArrayBox" in f"{error} {error.__cause__}":
            raise LostDerivative(
                "f would lose the derivative of an autograd value: write it with autograd.numpy, "
                "without float(), the math module and writes into arrays."
            ) from error
        if any(words in str(error) for words in _OBJECT_ARRAY):
            raise TypeError(
                f"f made an object array with np.array([...]) of traced values, which NumPy can't "
                f"use here ({error}): gather them by sl.ad.collect([...]) instead."
            ) from error
        raise
    if y is None:
        raise TypeError("f returned None: let it return a number or an array (is `return` there?).")
    if isinstance(y, (list, tuple, np.ndarray)):
        try:
            y = collect(y)
        except ValueError:
            raise TypeError(
                f"f returned a {type(y).__name__} that makes no array: let it return one number or "
                "one array, for example np.array([...])."
            ) from None
    return y if is_box(y) else as_value(y, "the result of f")


def _no_stranger(y, level):
    """Refuse a result of a deeper level: all deeper derivatives are finished by now."""
    if isinstance(y, Traced) and y.level > level:
        raise TypeError(
            "f returned a value that belongs to another derivative, already finished: keep no "
            "traced values in globals or caches, and return .value or .tangent of your own duals."
        )


def as_directions(v):
    """Give a direction the axis at the end that tangents have."""
    return np.reshape(v, (*np.shape(v), 1))


# Forward: dual numbers.
def push_dual(f, xs, vs) -> Any:
    """Carry tangents along."""
    level = new_level()
    y = call(f, [make_dual(x, v, level) for x, v in zip(xs, vs, strict=True)])
    _no_stranger(y, level)
    if isinstance(y, Dual) and y.level == level:
        return y.value, y.partials
    return y, np.zeros((*y.shape, vs[0].shape[-1]))


# Reverse: the tape.
def pull_tape(f, xs) -> Any:
    """Record, then sweep back as often as asked."""
    tape = Tape()
    inputs = [tape.input(x) for x in xs]
    y = call(f, inputs)
    _no_stranger(y, tape.level)
    if not (isinstance(y, Var) and y.tape is tape):
        return y, lambda g: [np.zeros(x.shape, x.dtype) for x in xs]

    def pullback(g):
        cotangents = tape.sweep({y.index: g})
        found = [cotangents[x.index] for x in inputs]
        return [
            np.zeros(x.shape, x.dtype) if c is None else c for c, x in zip(found, xs, strict=True)
        ]

    return y.value, pullback


# Steps: one direction after the other.
def _one_by_one(derivative, f, xs, vs):
    """Move all arguments along each direction, as functions of one number s."""
    columns = []
    for k in range(vs[0].shape[-1]):
        line = [(x, v[..., k]) for x, v in zip(xs, vs, strict=True)]
        columns.append(derivative(f, line))
    y = call(f, xs)
    return y, np.stack(columns, axis=-1) if columns else np.zeros((*y.shape, 0))


def push_finite(f, xs, vs) -> Any:
    """Central differences along each direction."""

    def derivative(f, line):
        flat_x, flat_v, unpack = _flatten(line)
        return central_difference(lambda z: call(f, unpack(z)), flat_x, flat_v)

    return _one_by_one(derivative, f, xs, vs)


def push_complex(f, xs, vs) -> Any:
    """Complex steps along each direction; a mixture of all is checked for analyticity."""

    def derivative(f, line):
        flat_x, flat_v, unpack = _flatten(line)
        return complex_step(lambda z: call(f, unpack(z)), flat_x, flat_v, TINY, check=False)

    y, slopes = _one_by_one(derivative, f, xs, vs)
    if slopes.shape[-1]:
        mixture = (1.0 + 0.5 * np.cos(np.arange(slopes.shape[-1]))) * _reach(xs, vs)
        other, noise = _another_way(f, xs, [v @ mixture for v in vs], y)
        compare(slopes @ mixture, other, noise)
    return y, slopes


def _another_way(f, xs, vs, y):
    """The slope along one direction without complex numbers, and what rounding may do to it.

    By duals, which are exact (a difference is noise where f is an adaptive solve); by a central
    difference where f takes no duals.
    """
    try:
        return push_dual(f, xs, [as_directions(v) for v in vs])[1][..., 0], 0.0
    except (TypeError, ValueError, AttributeError):
        x, v, unpack = _flatten(list(zip(xs, vs, strict=True)))
        slope = central_difference(lambda z: call(f, unpack(z)), x, v, BEST)
        return slope, 1e-9 * np.max(np.abs(primal(y)), initial=0.0)


def _reach(xs, vs):
    """How far along each direction the first entry of x has moved by its own size (by 1 from 0).

    Entries may differ by many orders of magnitude: one step for all must not leave any behind.
    """
    reach = np.full(vs[0].shape[-1], np.inf)
    for x, v in zip(xs, vs, strict=True):
        size, speed = np.abs(primal(x))[..., None], np.abs(primal(v))
        with np.errstate(divide="ignore"):
            far = np.where(size == 0, 1.0, size) / speed
        reach = np.minimum(reach, np.min(far.reshape(-1, len(reach)), axis=0, initial=np.inf))
    return np.where(np.isfinite(reach), reach, 1.0)


def _flatten(line):
    """Lay several arguments end to end, and the way back."""
    if len(line) == 1:
        return (*line[0], lambda z: [z])
    shapes = [x.shape for x, _ in line]
    ends = np.cumsum([x.size for x, _ in line])[:-1]

    def unpack(z):
        return [np.reshape(part, s)[()] for part, s in zip(np.split(z, ends), shapes, strict=True)]

    return (
        np.concatenate([np.ravel(x) for x, _ in line]),
        np.concatenate([np.ravel(v) for _, v in line]),
        unpack,
    )


# The autograd package.
def autograd():
    """Load the autograd package."""
    return need("autograd", extra="lab", what="mode='autograd'")


def _call_boxes(f, xs):
    """Call f of autograd values; a value of ours among them would hide them from autograd."""
    y = call(f, list(xs))
    if isinstance(y, Traced):
        raise TypeError(
            "f mixes values traced by autograd with values traced by sciml_lab.ad: differentiate "
            "with mode='autograd' on both levels, or with sciml_lab.ad on both."
        )
    return y


@contextlib.contextmanager
def _no_warning_of_a_constant():
    """An f that does not depend on x has derivative zero, here as in the other modes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent")
        yield


def push_autograd(f, xs, vs) -> Any:
    """Forward mode of autograd, one direction after the other."""
    push = autograd().make_jvp(lambda args: _call_boxes(f, args))(tuple(xs))
    y, columns = None, []
    with _no_warning_of_a_constant():
        for k in range(vs[0].shape[-1]):
            y, column = push(tuple(v[..., k] for v in vs))
            columns.append(column)
    return y, np.stack(columns, axis=-1)


def pull_autograd(f, xs) -> Any:
    """Reverse mode of autograd."""
    with _no_warning_of_a_constant():
        pullback, y = autograd().make_vjp(lambda args: _call_boxes(f, args))(tuple(xs))
    return y, lambda g: list(pullback(g))


# Source transformation; loaded when asked for.
def push_source(f, xs, vs) -> Any:
    """Run the generated forward mode."""
    from .source_code import push_source

    return push_source(f, xs, vs)


def pull_source(f, xs) -> Any:
    """Run the generated reverse mode."""
    from .source_code import pull_source

    return pull_source(f, xs)


PUSH = {
    "dual": push_dual,
    "complex_step": push_complex,
    "finite_difference": push_finite,
    "autograd": push_autograd,
    "source": push_source,
}
PULL = {"tape": pull_tape, "autograd": pull_autograd, "source": pull_source}
MODES = ("dual", "tape", "source", "complex_step", "finite_difference", "autograd")
