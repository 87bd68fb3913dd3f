"""Derivatives of functions: what is asked for, in terms of pushes and pulls.

With this module one can: differentiate ``f`` in six ways, told apart by ``mode``:

=====================  ======================================================================
``"dual"``             forward, dual numbers: exact; cost grows with the number of inputs
``"tape"``             reverse, a tape: exact; cost grows with the number of outputs
``"source"``           forward or reverse: the source of f is read and another function written
``"complex_step"``     forward, one step along the imaginary axis: exact for analytic f
``"finite_difference"``  forward, central differences: about ten digits, of any f
``"autograd"``         the autograd package; f should then use ``autograd.numpy``
=====================  ======================================================================

Except for autograd, f is written with plain NumPy. Derivatives nest: f may take derivatives too.

Examples
--------
>>> hessian(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]))
array([[4., 2.],
       [2., 0.]])
"""

import functools
from typing import Any

import numpy as np

from .assemble import (
    full_jacobian,
    need_scalar,
    pull_by_pushing,
    rows,
    second_differences,
    tidy,
)
from .modes import MODES, PULL, PUSH, as_directions, autograd, call
from .primitive import as_value
from .values import primal

_LATER = object()  # no x given: the caller wants the derivative as a function


def _two_styles(compute) -> Any:
    """Let ``grad(f)`` be a function of x, and ``grad(f, x)`` its value."""

    @functools.wraps(compute)
    def either(f, x=_LATER, *, mode=compute.__kwdefaults__["mode"]) -> Any:
        _check(f, mode)
        if x is _LATER:
            later = functools.partial(compute, f, mode=mode)
            later.__doc__ = f"{compute.__name__} of {getattr(f, '__name__', 'f')}."
            return later
        return compute(f, x, mode=mode)

    return either


@_two_styles
def derivative(f, x=_LATER, *, mode="dual"):
    """Differentiate f of one number: ``df/dx``.

    Parameters
    ----------
    f : callable
        Takes a number, returns a number or an array.
    x : float, optional
        Where. Without it the derivative is returned as a function of x.
    mode : str
        One of "dual", "tape", "source", "complex_step", "finite_difference", "autograd".

    Returns
    -------
    float or array
        Of the shape of ``f(x)``.

    Raises
    ------
    TypeError, ValueError
        If x is no number or NaN, f returns no array, or the mode is unknown.

    Examples
    --------
    >>> float(derivative(lambda x: x**3, 2.0))
    12.0
    """
    x = _value(x)
    if x.ndim:
        raise ValueError(
            f"x must be one number for `derivative` (it has shape {x.shape}): use grad or jacobian."
        )
    return full_jacobian(f, x, mode)


@_two_styles
def grad(f, x=_LATER, *, mode="tape"):
    """Compute the gradient of a scalar f: ``(df/dx_1, ..., df/dx_n)``.

    Parameters
    ----------
    f : callable
        Takes an array, returns one real number.
    x : float or array, optional
        Where. Without it the gradient is returned as a function of x.
    mode : str
        One of "dual", "tape", "source", "complex_step", "finite_difference", "autograd".

    Returns
    -------
    array
        Of the shape of x. By the tape it costs a few times as much as f, whatever the size of x.

    Raises
    ------
    TypeError, ValueError
        If f returns more than one number or a complex one, x holds NaN, or the mode is unknown.

    Examples
    --------
    >>> grad(lambda x: np.sum(x * x), [1.0, 2.0])
    array([2., 4.])
    """
    return value_and_grad(f, x, mode=mode)[1]


@_two_styles
def value_and_grad(f, x=_LATER, *, mode="tape"):
    """Compute a scalar f and its gradient at once.

    Parameters
    ----------
    f, x, mode
        As for `grad`. An f that knows its own gradient, by a method ``f.value_and_grad(x)``, is
        asked for it (mode "tape", x of plain numbers).

    Returns
    -------
    tuple
        ``(f(x), gradient)``.

    Examples
    --------
    >>> y, g = value_and_grad(lambda x: np.prod(x), [2.0, 3.0])
    >>> float(y), g
    (6.0, array([3., 2.]))
    """
    x = _value(x)
    if mode == "tape" and hasattr(f, "value_and_grad") and type(x) is np.ndarray:
        return f.value_and_grad(x)
    if mode in PULL:
        y, pullback = PULL[mode](f, [x])
        need_scalar(y)
        g = pullback(np.ones(y.shape))[0]
    else:
        y, pullback = pull_by_pushing(f, [x], mode)
        need_scalar(y)
        g = pullback(np.ones(y.shape))[0]
    return tidy(np.reshape(y, ()) if y.ndim else y), tidy(g)


def jvp(f, x, v, *, mode="dual"):
    """Compute the Jacobian-vector product ``J v``: how y answers when x moves along v.

    Parameters
    ----------
    f : callable
        Takes an array, returns an array; or takes several, then x is a tuple of them.
    x : array or tuple of arrays
        Where; of a tuple, ``f(*x)`` is differentiated.
    v : array or tuple of arrays
        Direction, of the form of x.
    mode : str
        One of "dual", "tape", "source", "complex_step", "finite_difference", "autograd".

    Returns
    -------
    tuple
        ``(y, y_dot)``, both of the shape of y. Cost: about two values of f.

    Raises
    ------
    TypeError, ValueError
        If v has another form than x, x holds NaN, or the mode is unknown.

    Examples
    --------
    >>> y, y_dot = jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    >>> float(y), float(y_dot)
    (6.0, 23.0)
    """
    _check(f, mode)
    xs, vs = _arguments(x), _arguments(v, "v")
    if isinstance(x, tuple) != isinstance(v, tuple) or len(xs) != len(vs):
        raise ValueError("v must have the form of x: a tuple of as many arrays, or one array.")
    for a, b in zip(xs, vs, strict=True):
        if a.shape != b.shape:
            raise ValueError(f"v has shape {b.shape} where x has shape {a.shape}: make them equal.")
    if mode in PUSH:  # autograd is there too
        y, y_dot = PUSH[mode](f, xs, [as_directions(b) for b in vs])
        return tidy(y), tidy(y_dot[..., 0])
    for a in xs:
        _need_real(a, "jvp")
    y, blocks = rows(f, xs, mode)
    y_dot = sum(np.reshape(r, (y.size, -1)) @ np.ravel(b) for r, b in zip(blocks, vs, strict=True))
    return tidy(y), tidy(np.reshape(y_dot, y.shape))


def vjp(f, x, g=None, *, mode="tape"):
    """Compute the vector-Jacobian product ``J^T g``: how ``<g, y>`` answers to every entry of x.

    Parameters
    ----------
    f : callable
        Takes an array, returns an array; or takes several, then x is a tuple of them.
    x : array or tuple of arrays
        Where; of a tuple, ``f(*x)`` is differentiated.
    g : array, optional
        Cotangent, of the shape of y.
    mode : str
        One of "dual", "tape", "source", "complex_step", "finite_difference", "autograd".

    Returns
    -------
    tuple
        ``(y, x_bar)``, or without g ``(y, pullback)`` with ``pullback(g) -> x_bar``, which may be
        called many times. `x_bar` has the form of x.

    Raises
    ------
    TypeError, ValueError
        If g has another shape than y, x holds NaN, or the mode is unknown.

    Examples
    --------
    >>> y, x_bar = vjp(lambda a, b: a * b, (2.0, 3.0), 1.0)
    >>> [float(part) for part in x_bar]
    [3.0, 2.0]
    """
    _check(f, mode)
    xs = _arguments(x)
    if mode in PULL:
        y, pull = PULL[mode](f, xs)
    else:
        y, pull = pull_by_pushing(f, xs, mode)

    def pullback(g):
        g = as_value(g, "g")
        if g.shape != y.shape:
            raise ValueError(
                f"g has shape {g.shape}, but f(x) has shape {y.shape}: make them equal."
            )
        x_bar = tuple(tidy(part) for part in pull(g))
        return x_bar if isinstance(x, tuple) else x_bar[0]

    return tidy(y), (pullback if g is None else pullback(g))


@_two_styles
def jacobian(f, x=_LATER, *, mode="dual"):
    """Compute the Jacobian: all ``dy_i/dx_j``.

    Parameters
    ----------
    f : callable
        Takes an array, returns an array.
    x : float or array, optional
        Where. Without it the Jacobian is returned as a function of x.
    mode : str
        One of "dual", "tape", "source", "complex_step", "finite_difference", "autograd".

    Returns
    -------
    array
        Of shape ``f(x).shape + x.shape``. The tape needs a sweep for each output, "dual" one
        run with a direction for each input.

    Raises
    ------
    TypeError, ValueError
        If x holds NaN, f returns no array, or the mode is unknown.

    Examples
    --------
    >>> jacobian(lambda x: np.array([x[0] * x[1], x[0] + x[1]]), [2.0, 3.0])
    array([[3., 2.],
           [1., 1.]])
    """
    return full_jacobian(f, _value(x), mode)


@_two_styles
def hessian(f, x=_LATER, *, mode="dual"):
    """Compute the matrix of second derivatives of a scalar f.

    Parameters
    ----------
    f : callable
        Takes an array, returns one real number.
    x : float or array, optional
        Where. Without it the Hessian is returned as a function of x.
    mode : str
        "dual" (duals through a tape), "tape" (a tape through a tape), "source" (the generated
        forward mode of the generated reverse mode), "complex_step" (complex
        steps through a tape), "finite_difference" (second differences of f, about seven digits)
        or "autograd".

    Returns
    -------
    array
        Of shape ``x.shape + x.shape``.

    Raises
    ------
    TypeError, ValueError
        If f returns more than one number, x holds NaN, or the mode is unknown.

    Examples
    --------
    >>> hessian(lambda x: np.exp(x[0]) * x[1], [0.0, 1.0])
    array([[1., 1.],
           [1., 0.]])
    """
    x = _value(x)
    _need_real(x, "hessian")
    if mode == "finite_difference":
        return second_differences(f, x)
    if mode == "source":
        from .source_code import hessian_source

        return hessian_source(f, x)
    inner = "autograd" if mode == "autograd" else "tape"

    def gradient(z):
        y, pullback = PULL[inner](f, [z])
        if mode != "complex_step":
            need_scalar(y)
        return pullback(np.ones(y.shape))[0]

    if mode == "complex_step":
        need_scalar(call(f, [x]))
    if mode == "autograd":
        return autograd().jacobian(gradient)(x)
    return full_jacobian(gradient, x, mode)


# Checks of what comes in.
def _check(f, mode):
    if not callable(f):
        raise TypeError(f"f must be a function of x (got {type(f).__name__}).")
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))} (got {mode!r}).")


def _value(x, name="x"):
    x = as_value(x, name)
    if np.isnan(primal(x)).any():
        raise ValueError(f"{name} holds NaN: give it finite numbers, no derivative exists at NaN.")
    return x


def _arguments(x, name="x"):
    return [_value(part, name) for part in (x if isinstance(x, tuple) else (x,))]


def _need_real(x, what):
    if x.dtype.kind == "c":
        raise TypeError(f"x is complex, which {what} does not cover in this mode: split it in two.")
