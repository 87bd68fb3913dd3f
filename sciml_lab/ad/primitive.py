"""A primitive: a function whose derivative is known, and how a traced value meets it.

With this module one can: state a derivative rule by a partial derivative (`elementwise`) or by a
JVP and a VJP (`define`), add a rule of one's own (`primitive`), and gather a list of traced
scalars into one traced array (`collect`).

For ``y = f(x)`` with Jacobian ``J``:

* the JVP pushes tangents forward, ``t -> J t``. A tangent has the shape of ``x`` **and one more
  axis at the end**, one entry for each direction, so many directions travel at once;
* the VJP pulls cotangents back, ``g -> J^T g``, and ``g`` has the shape of ``y``.

Both are written with NumPy calls, which work on traced values too. So a rule is differentiated
by the same rules, and derivatives nest to any order.
"""

from typing import Any

import numpy as np

from .entry import Entry, taken, whole
from .values import Traced, is_box, is_traced, primal

GATHERED = (list, tuple, Entry)  # what `collect` turns into one value before a rule sees it
RULES: dict[str, "Primitive"] = {}  # every primitive by its name: the table of rules.py
DISPATCH: dict = {}  # NumPy function -> what to call instead when an argument is traced


class Primitive:
    """A function with its derivative rules.

    Parameters
    ----------
    fun : callable
        ``fun(*arrays, **settings) -> array``; what is differentiated is positional.
    jvps, vjps : sequence of callables
        One for each positional argument: ``jvp(t, answer, *arrays, **settings)`` and
        ``vjp(g, answer, *arrays, **settings)``.
    name : str
        The name that error messages and the tape show.
    """

    __slots__ = ("fun", "jvps", "name", "vjps")

    def __init__(self, fun, jvps, vjps, name):
        self.fun, self.jvps, self.vjps, self.name = fun, jvps, vjps, name

    def __call__(self, *args, **kwargs) -> Any:
        """Apply it: the innermost derivative among the arguments decides how."""
        top = None
        for x in args:
            if isinstance(x, Traced):
                if top is None or x.level > top.level:
                    top = x
            elif isinstance(x, GATHERED) or (type(x) is np.ndarray and x.dtype.hasobject):
                return self(*map(collect, args), **kwargs)
        if top is None:
            return self.fun(*args, **kwargs)
        return top.apply(self, args, kwargs)

    def push(self, tangents, answer, values, kwargs):
        """Sum J_k t_k over the arguments whose tangent t_k is given (None: a constant)."""
        total = None
        for k, t in enumerate(tangents):
            if t is not None:
                t = self.jvps[k](t, answer, *values, **kwargs)
                total = t if total is None else total + t
        return total

    def pull(self, wanted, g, answer, values, kwargs):
        """Compute J_k^T g for each argument k in `wanted`."""
        return [self.vjps[k](g, answer, *values, **kwargs) for k in wanted]

    def __repr__(self):
        return f"<primitive {self.name}>"


class Joint(Primitive):
    """A primitive of any number of arguments, whose tangents are joined like its values."""

    __slots__ = ()

    def push(self, tangents, answer, values, kwargs):
        """Join the tangents; those of constants are zero."""
        k = next(t for t in tangents if t is not None).shape[-1]
        filled = [
            np.zeros((*np.shape(x), k)) if t is None else t
            for t, x in zip(tangents, values, strict=True)
        ]
        return self.jvps(filled, answer, *values, **kwargs)


class EachArgument:
    """The VJPs of a joint primitive: ``rule(k, g, answer, *arrays)`` for argument number k."""

    def __init__(self, rule):
        self.rule = rule

    def __getitem__(self, k):
        return lambda g, answer, *xs, **settings: self.rule(k, g, answer, *xs, **settings)


def expand(x):
    """Give an array one more axis at the end, where the directions of a tangent lie."""
    return x[..., None] if getattr(x, "ndim", 0) else x


def stretch(t, answer):
    """Broadcast a tangent to the shape of the answer, and its own directions."""
    if t.shape[:-1] == answer.shape:
        return t
    return np.broadcast_to(t, (*answer.shape, t.shape[-1]))


def unbroadcast(g, x):
    """Sum a cotangent over the axes along which NumPy had stretched `x`."""
    if g.shape == x.shape:
        return g
    extra = g.ndim - x.ndim
    stretched = [i + extra for i, n in enumerate(x.shape) if n == 1]
    total = np.sum(g, axis=(*range(extra), *stretched))
    return np.reshape(total, x.shape) if x.ndim else total


def elementwise(fun, *partials, name=None, dispatch=(), singular=False) -> Primitive:
    """Define an elementwise primitive by its partial derivatives; JVP and VJP follow.

    Each partial is a function ``d(answer, *arrays) -> array``, or the number 1 or -1. With
    ``singular=True`` an infinite slope times a zero tangent is zero, not NaN.
    """
    name = name or fun.__name__
    rule = Primitive(
        fun,
        [_push_elementwise(d, singular) for d in partials],
        [_pull_elementwise(d, k, len(partials), singular) for k, d in enumerate(partials)],
        name,
    )
    return _register(rule, dispatch or ((fun,) if isinstance(fun, np.ufunc) else ()))


def _push_elementwise(d, singular):
    def jvp(t, answer, *xs, **settings):
        if d == -1:
            t = -t
        elif d != 1:
            t = times(expand(d(answer, *xs, **settings)), t, singular)
        return stretch(t, answer)

    return jvp


def _pull_elementwise(d, k, arity, singular):
    if d == 1:
        return lambda g, answer, *xs: unbroadcast(g, xs[k])
    if d == -1:
        return lambda g, answer, *xs: unbroadcast(-g, xs[k])
    if singular or arity > 2:
        return lambda g, answer, *xs: unbroadcast(times(d(answer, *xs), g, singular), xs[k])
    if arity == 1:
        return lambda g, answer, x, **settings: g * d(answer, x, **settings)
    if k == 0:
        return lambda g, answer, x, y: unbroadcast(g * d(answer, x, y), x)
    return lambda g, answer, x, y: unbroadcast(g * d(answer, x, y), y)


def times(slope, t, singular):
    """Multiply a slope and a tangent; where an infinite slope meets a zero tangent: zero."""
    if not singular or np.all(np.isfinite(primal(slope))):
        return slope * t
    lost = ~np.isfinite(primal(slope)) & (primal(t) == 0)
    return np.where(lost, 0.0, slope * np.where(lost, 1.0, t))


def define(fun, jvp, vjp, *, name=None, joint=False, dispatch=None, settings=()) -> Primitive:
    """Define a primitive by its JVP and VJP: one function, or one for each argument.

    A joint primitive takes any number of arrays: ``jvp(ts, answer, *arrays)`` gets all tangents,
    ``vjp(k, g, answer, *arrays)`` the number of the argument. The NumPy functions in `dispatch`
    are replaced by it; `settings` names their further arguments in NumPy's order.
    """
    name = name or fun.__name__
    if joint:
        rule = Joint(fun, jvp, EachArgument(vjp), name)
    else:
        rule = Primitive(fun, _each(jvp), _each(vjp), name)
    return _register(rule, dispatch or (), settings)


def _each(rule):
    return tuple(rule) if isinstance(rule, (tuple, list)) else (rule,)


def _register(rule, functions, settings=()):
    RULES[rule.name] = rule
    for function in functions:
        DISPATCH[function] = _as_numpy_calls_it(rule, settings) if settings else rule
    return rule


def _as_numpy_calls_it(rule, names):
    """Take settings by position too: ``np.sum(x, 0)``."""

    def call(x, *args, **kwargs):
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        settings = {name: value for name, value in given.items() if value is not None}
        extra = settings.keys() - {"axis", "keepdims"}
        if extra:
            raise TypeError(
                f"np.{rule.name} with {min(extra)}=... has no derivative rule for traced values: "
                "leave it out, and choose entries by indexing or np.where."
            )
        return rule(x, **settings)

    return call


def covers(*functions):
    """Enter a function into the dispatch table in place of NumPy's."""

    def enter(own):
        for function in functions:
            DISPATCH[function] = own
        return own

    return enter


def collect(x: Any) -> Any:
    """Gather a list, tuple or object array that holds traced values into one traced value.

    ``np.array([x*y, x+y])`` of traced scalars can't be intercepted: NumPy makes an object array.
    This turns it into one traced array again; plain numbers become a plain array.

    Parameters
    ----------
    x : array, traced value, or nested list, tuple or object array of them

    Returns
    -------
    numpy.ndarray, Dual, Var or autograd box

    Examples
    --------
    >>> from sciml_lab.ad import derivative
    >>> derivative(lambda x: collect([x * x, 3 * x]), 2.0)
    array([4., 3.])
    """
    if isinstance(x, np.ndarray):
        if not x.dtype.hasobject:
            return x
        parent = whole(x)
        if parent is not None:
            return parent
        if x.ndim > 1 and any(type(item) is Entry for item in x.flat):
            return collect(list(x))  # row by row: most rows are whole
        shape, items = x.shape, list(map(taken, x.flat))
    elif isinstance(x, (list, tuple)):
        if not is_traced(x):
            return collect(np.asarray(x)) if _holds_objects(x) else np.asarray(x)
        items = [collect(item) for item in x]
        shape = (len(items),)
    elif isinstance(x, Traced) or is_box(x):
        return x
    else:
        return taken(x) if type(x) is Entry else np.asarray(x)
    if any(is_box(item) for item in items):
        from sciml_lab._optional import need

        anp = need("autograd.numpy", extra="lab", what="ad.collect of autograd values")
        joined = anp.stack([anp.array(item) for item in items])
    elif any(isinstance(item, Traced) for item in items):
        joined = RULES["stack"](*items, axis=0)
    else:
        return np.array(x.tolist() if isinstance(x, np.ndarray) else items)
    return joined if len(shape) == 1 else joined.reshape(shape + joined.shape[1:])


def _holds_objects(x):
    return any(isinstance(item, np.ndarray) and item.dtype.hasobject for item in x)


def as_value(x: Any, name: str = "the argument") -> Any:
    """Make a value that can be differentiated: a float or complex array, or a traced value.

    Integers, booleans and single precision become float64;
    a scalar becomes a NumPy scalar; lists are collected.
    """
    if isinstance(x, Traced):
        return x
    if is_box(x):
        raise TypeError(
            f"{name} is traced by autograd: differentiate with mode='autograd' on both levels, "
            "or with sciml_lab.ad on both."
        )
    if is_traced(x):
        return as_value(collect(x), name)
    try:
        x = np.asarray(x)
    except ValueError:
        raise TypeError(
            f"{name} must be one array of numbers (its rows have different lengths): for several "
            "arrays use jvp or vjp with a tuple, or join them with np.concatenate."
        ) from None
    if x.dtype.kind in "biu" or x.dtype in (np.float32, np.float16):
        x = x.astype(np.float64)  # differences of single precision numbers are worth little
    elif x.dtype.kind not in "fc":
        raise TypeError(
            f"{name} must be a number or an array of numbers, not {x.dtype}: "
            "give a float, a list of floats or an array."
        )
    return x if x.ndim else x[()]
