"""What every traced value has in common: a level, and a plain number at the bottom.

With this module one can: ask whether something is being differentiated (`is_traced`), get the
plain number out of it (`primal`), and open a new level of differentiation (`new_level`).

A derivative inside a derivative is told apart by its *level*, a number drawn from one counter
that only grows. What starts later is nested deeper, so of two traced values that meet, the one
with the greater level belongs to the inner derivative, and the other is a constant to it.
"""

import itertools
from typing import Any

import numpy as np

from .entry import Entry, taken

_counter = itertools.count(1)


class Traced:
    """Marks a value that carries a derivative: `.value` below it, `.level` of its derivative."""

    __slots__ = ()
    reverse = False  # True for the kind that is recorded first and differentiated afterwards
    value: Any
    level: Any
    apply: Any  # apply(primitive, args, kwargs): carry the derivative through


def new_level() -> int:
    """Open a level of differentiation that lies deeper than all before it."""
    return next(_counter)


def is_box(x) -> bool:
    """Tell whether `x` is a traced value of the autograd package (which need not be installed)."""
    return type(x).__module__.startswith("autograd.") and hasattr(x, "_value")


def is_traced(x) -> bool:
    """Tell whether `x` carries a derivative.

    Parameters
    ----------
    x : object
        Any value: `Dual`, `Var`, autograd box, or an array, list or tuple that may hold them.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_traced(np.ones(3))
    False
    """
    if type(x) is float:
        return False  # the common case first: solvers ask for every time
    if isinstance(x, (Traced, Entry)):
        return True
    if isinstance(x, np.ndarray):
        return x.dtype.hasobject and any(is_traced(item) for item in x.flat)
    if isinstance(x, (list, tuple)):
        return any(is_traced(item) for item in x)
    return is_box(x)


def needs_reverse(x) -> bool:
    """Tell whether the next operation on `x` would be recorded for a reverse sweep.

    That is so when the innermost derivative that `x` takes part in is taken by a tape, ours or
    the one of autograd.

    Parameters
    ----------
    x : object
        Any value, or an array, list or tuple of values.

    Returns
    -------
    bool

    Examples
    --------
    >>> from sciml_lab.ad import Tape
    >>> needs_reverse(Tape().input(2.0)), needs_reverse(2.0)
    (True, False)
    """
    level, reverse = -1, False
    for leaf in _leaves(x):
        if is_box(leaf):
            return True
        if isinstance(leaf, Traced) and leaf.level > level:
            level, reverse = leaf.level, leaf.reverse
    return reverse


def _leaves(x):
    """Walk through lists, tuples and object arrays."""
    if isinstance(x, (list, tuple)):
        for item in x:
            yield from _leaves(item)
    elif isinstance(x, np.ndarray):
        if x.dtype.hasobject:
            yield from map(taken, x.flat)
    else:
        yield taken(x)


def primal(x: Any) -> Any:
    """Strip all derivatives off a value: the plain number or array at the bottom.

    Parameters
    ----------
    x : number, array, traced value, or a list, tuple or object array of them

    Returns
    -------
    numpy.ndarray or scalar
        Complex values stay complex.

    Examples
    --------
    >>> from sciml_lab.ad import Dual
    >>> float(primal(Dual(3.0, 1.0) * 2))
    6.0
    """
    kind = type(x)
    if kind is float or (kind is np.ndarray and not x.dtype.hasobject):
        return x  # the common cases first: every step of a solver asks
    while True:
        if isinstance(x, Traced):
            x = x.value
        elif is_box(x):
            x = x._value
        elif kind is Entry:
            return primal(x.parent).flat[x.place]
        else:
            break
    if isinstance(x, (list, tuple)):
        return np.array([primal(item) for item in x])
    if isinstance(x, np.ndarray) and x.dtype.hasobject:
        flat = [primal(item) for item in x.flat]
        return np.array(flat).reshape(x.shape + np.shape(flat[0] if flat else 0.0))
    return x
