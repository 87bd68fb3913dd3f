"""Checks of the arguments of a problem: each mistake gets one sentence with its remedy.

What carries a derivative, `sciml_lab.ad` knows. Problems come before it in the order of imports,
so it is asked for when the first problem is made, by `_ad`.
"""

import inspect
from weakref import WeakSet

import numpy as np


def _ad():
    """The module that knows traced values."""
    from sciml_lab import ad

    return ad


# The functions that have passed, by their arguments: `replace` makes many problems of one f.
_accepted = {}
NUMBERS = {2: "two", 3: "three", 4: "four"}


def function(f, name="f", arguments="(u, p, t)"):
    """Check that a function takes the arguments that it will be given."""
    passed = _accepted.setdefault(arguments, WeakSet())
    if _keeps(f) and f in passed:
        return
    if not callable(f):
        raise TypeError(
            f"{name} must be a function {name}{arguments} (got {brief(f)}): pass the function "
            "itself, without calling it."
        )
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # some functions written in C have none
        return
    count = arguments.count(",") + 1
    try:
        signature.bind(*[None] * count)
    except TypeError:
        raise TypeError(
            f"{name} must take the {NUMBERS[count]} arguments {arguments}, and this one takes "
            f"{signature}: write def {name}{arguments}, also where some are not used."
        ) from None
    if _keeps(f):
        passed.add(f)


def _keeps(f) -> bool:
    """Whether f can stand in a set without being kept alive by it."""
    return getattr(f, "__hash__", None) is not None and hasattr(f, "__weakref__")


def state(u0, batch):
    """Return u0 as an array: not empty, finite, and with a last axis to count a batch."""
    u0 = array("u0", u0, "[1.0, 0.5]")
    shape = shape_of(u0)
    if 0 in shape:
        raise ValueError("u0 is empty: give at least one initial value, for example [1.0].")
    finite("u0", u0)
    if not isinstance(batch, bool | np.bool_):
        raise TypeError(f"batch must be True or False (got {brief(batch)}).")
    if batch and len(shape) < 2:
        raise ValueError(
            f"u0 has shape {shape}, and batch=True needs (n, B), component first and trajectory "
            "last: stack the initial states as columns, or leave batch out."
        )
    return u0


def parameters(p):
    """Return p as an array of finite numbers, or None."""
    if p is None:
        return None
    if isinstance(p, dict):
        raise TypeError(
            f"p must be a number or a flat vector, not a dict: write p={brief(list(p.values()))} "
            "and unpack it inside f."
        )
    p = array("p", p, "[1.5, 1.0]")
    finite("p", p)
    return p


def parameter_shape(shape, state_shape, batch):
    """Check that p is a number, (m,), or (m, B) beside a state (..., B)."""
    lanes = state_shape[-1] if len(state_shape) > 1 else None
    if len(shape) < 2 or (len(shape) == 2 and shape[1] == lanes):
        return
    if batch:
        raise ValueError(
            f"p has shape {shape}, and a batch of {lanes} trajectories needs (m,), the same for "
            f"all, or (m, {lanes}), one column each."
        )
    raise ValueError(
        f"p must be a number or a flat vector (got shape {shape}): pass p.ravel() and reshape it "
        "inside f."
    )


def time_span(tspan):
    """Return tspan as two finite, different, real times."""
    hint = "write tspan=(start, end), for example (0.0, 10.0)"
    if isinstance(tspan, str | dict | set):
        raise TypeError(f"tspan must be two times (got {brief(tspan)}): {hint}.")
    try:
        count = len(tspan)
        ends = [tspan[i] for i in range(count)] if count == 2 else []
    except (TypeError, KeyError, IndexError):
        raise TypeError(f"tspan must be two times (got {brief(tspan)}): {hint}.") from None
    if count != 2:
        raise ValueError(f"tspan must be two times (got {count} of them): {hint}.")
    times = []
    for end in ends:
        plain = np.asarray(_ad().primal(end))
        if plain.ndim or plain.dtype.kind not in "biuf":
            raise TypeError(f"tspan must be two real numbers (got {brief(end)} in it): {hint}.")
        if not np.isfinite(plain):
            raise ValueError(f"tspan must be finite (got {brief(tspan)}): {hint}.")
        times.append(end if _ad().is_traced(end) else float(plain))
    if float(_ad().primal(times[0])) == float(_ad().primal(times[1])):
        raise ValueError(
            f"tspan is empty: start and end are both {float(_ad().primal(times[0])):g}; {hint}."
        )
    return tuple(times)


def jacobian(jac):
    """Check that jac can be called."""
    if jac is not None and not callable(jac):
        raise TypeError(
            f"jac must be a function jac(u, p, t) that returns the Jacobian matrix (got "
            f"{brief(jac)}): pass the function itself, or leave it out."
        )
    if jac is not None:
        function(jac, "jac")


def pair(first, x, second, y):
    """Return two initial vectors of the same length, such as positions and velocities."""
    x, y = state_vector(first, x), state_vector(second, y)
    if x.shape != y.shape:
        raise ValueError(
            f"{first} and {second} must have the same length (got {x.size} and {y.size}): give "
            "one entry of each for every degree of freedom."
        )
    return x, y


def state_vector(name, x):
    """Return an initial value as a vector of finite numbers."""
    x = array(name, x, "[1.0, 0.5]")
    if len(shape_of(x)) != 1 or not shape_of(x)[0]:
        raise ValueError(f"{name} must be a vector (n,), not empty (got shape {shape_of(x)}).")
    finite(name, x)
    return x


def linear_part(L, n):
    """Return L of a semilinear problem: a vector (its diagonal), a matrix, or a sparse matrix."""
    if isinstance(L, np.ndarray) or not hasattr(L, "shape"):
        L = array("L", L, "[-1.0, -4.0]")
    finite("L", L.data if hasattr(L, "tocsc") else L)
    if tuple(L.shape) not in ((n,), (n, n)):
        raise ValueError(
            f"L must have shape {(n,)}, the diagonal, or {(n, n)}, to fit u0 (got "
            f"{tuple(L.shape)})."
        )
    return L


def square(name, matrix, n):
    """Return a matrix that must be (n, n), dense or sparse, or None."""
    if matrix is None:
        return None
    if isinstance(matrix, np.ndarray) or not hasattr(matrix, "shape"):
        matrix = array(name, matrix, "[[1.0, 0.0], [0.0, 1.0]]")
    if tuple(matrix.shape) != (n, n):
        raise ValueError(
            f"{name} must have shape {(n, n)}, one row and one column for each entry of u0 (got "
            f"{tuple(matrix.shape)})."
        )
    if isinstance(matrix, np.ndarray):
        finite(name, matrix)
    return matrix


def array(name, x, example):
    """Return a read-only float or complex array, or the traced value itself."""
    if type(x).__name__ == "MaskedArray" and np.any(x.mask):
        raise ValueError(
            f"{name} has masked entries, which are no numbers to compute with: fill them in, for "
            f"example by {name}.filled(0.0)."
        )
    try:
        if _ad().is_traced(x):
            return _ad().collect(x)
        numbers = np.array(x)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be an array of numbers, all rows of the same length (got {brief(x)}): "
            f"write for example {name}={example}."
        ) from None
    if numbers.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} must hold numbers (got {brief(x)}): write for example {name}={example}."
        )
    numbers = numbers.astype(np.result_type(numbers.dtype, np.float64), copy=False)
    numbers.flags.writeable = False
    return numbers


def finite(name, x):
    """Check that x holds neither NaN nor infinity."""
    plain = np.asarray(_ad().primal(x))
    if not np.all(np.isfinite(plain)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(plain))[0])
        place = f" at index {where[0] if len(where) == 1 else where}" if where else ""
        raise ValueError(
            f"{name} must be finite, and it holds {plain[where]}{place}: check where that value "
            "comes from."
        )


def shape_of(x):
    """Return the shape of a plain or traced value."""
    return tuple(np.shape(_ad().primal(x)))


def brief(x, longest=60):
    """Return a value in at most one short line."""
    text = np.array2string(x, threshold=8) if type(x) is np.ndarray else repr(x)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."
