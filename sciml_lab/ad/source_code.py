"""Derivatives by source transformation: from the text of f to the text of its derivative.

The other modes run f on values that carry derivatives along, or write down what f did. This one
reads the source of f, loops and branches included, and *writes another function*. What it wrote
can be read (`source`), stepped through in a debugger, and compiled like any other.
"""

import ast
import weakref

import numpy as np

from sciml_lab.transform import lower
from sciml_lab.transform import source as sources
from sciml_lab.transform.jacobian import jacobian
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.vjp import vjp

from .assemble import need_scalar
from .primitive import as_value
from .values import is_traced

KINDS = ("function", "jvp", "vjp", "jacobian")
_LOWERED = weakref.WeakKeyDictionary()  # f -> {shapes: Lowered}
_DERIVED = weakref.WeakKeyDictionary()  # f -> {(of, shapes, wrt): callable}


def source(f, *examples, of="vjp", wrt=None) -> str:
    """Return the text of a derivative of f, as Python.

    Parameters
    ----------
    f : callable or ODEProblem
        Written in Python with NumPy; of a problem its right-hand side is taken.
    *examples : numbers and arrays, optional
        Arguments of the shapes meant. Without them the shapes are read off the source: ``x, y = u``
        says that u has two entries.
    of : {"vjp", "jvp", "jacobian", "function"}
        ``vjp``: reverse mode, from ``du_bar`` to ``u_bar``; ``jvp``: forward mode, from ``u_dot``
        to ``du_dot``; ``jacobian``: by the first argument; ``function``: f itself, as loops over
        numbers, from which the others are made.
    wrt : sequence of str, optional
        The arguments to differentiate by; otherwise all arrays (or all numbers, if there are none).

    Returns
    -------
    str
        Names are those of the source; the comments name its lines.

    Raises
    ------
    TransformError
        With line, construct and remedy, where f is outside of the subset.
    ValueError
        If `of` is unknown, or a size can't be read off the source.

    Examples
    --------
    >>> def f(u, p, t):
    ...     x, y = u
    ...     return np.array([y, -p[0] * np.sin(x)])
    >>> "p[0] * np.cos(x)" in source(f, of="jacobian")
    True
    """
    if of not in KINDS:
        raise ValueError(f"of must be one of {', '.join(map(repr, KINDS))} (got {of!r}).")
    if hasattr(f, "u0") and hasattr(f, "f"):
        f, examples = f.f, (f.u0, f.p, 0.0)
    examples = examples or guess(f)
    lowered = _lowered(f, examples)
    return text(_derive(lowered, of, wrt))


def _derive(lowered, of, wrt=None):
    """Return the derivative of a lowered function as a lowered function."""
    if of == "function":
        return tidy(lowered)
    shapes = lowered.shapes
    arrays = [n for n in lowered.inputs if shapes[n] != ()] or list(lowered.inputs)
    wrt = tuple(arrays if wrt is None else wrt)
    if of == "jacobian":
        return jacobian(lowered, wrt=wrt[0])
    return (vjp if of == "vjp" else jvp)(lowered, wrt)


def _lowered(f, examples):
    """Lower f, or take what was made before if nothing it depends on has changed."""
    key = tuple(_shape(x) for x in examples)
    known = _store(_LOWERED, f)
    if key not in known or not known[key].is_current():
        _store(_DERIVED, f).clear()
        known[key] = lower(f, *examples)
    return known[key]


def _store(table, f):
    """Return the dictionary of f; what can't be kept (a bound method) starts anew."""
    try:
        return table.setdefault(f, {})
    except TypeError:
        return {}


def _shape(x):
    return x if x is None or isinstance(x, str) else np.shape(x)


def derived(f, xs, of):
    """Return a derivative of ``f(*xs)`` by all its arguments, as a callable in plain Python."""
    for x in xs:
        if is_traced(x):
            raise TypeError(
                "mode='source' differentiates plain numbers: inside another derivative take "
                "mode='dual' or mode='tape', or hessian(f, mode='source')."
            )
    lowered = _lowered(f, xs)
    key = (of, tuple(np.shape(x) for x in xs))
    known = _store(_DERIVED, f)
    if key not in known:
        result = lowered
        for kind in of.split(" of ")[::-1]:
            result = _derive(result, kind, lowered.inputs)
        known[key] = compiled(result)
    return known[key]


def push_source(f, xs, vs):
    """Carry tangents along in generated code, one direction after the other."""
    y = value(f, xs)
    push = derived(f, xs, "jvp")
    columns = [
        np.reshape(push(*xs, *(np.ascontiguousarray(v[..., k]) for v in vs)), y.shape)
        for k in range(vs[0].shape[-1])
    ]
    return y, np.stack(columns, axis=-1) if columns else np.zeros((*y.shape, 0))


def pull_source(f, xs):
    """Sweep back in generated code, as often as asked."""
    y = value(f, xs)
    pull = derived(f, xs, "vjp")

    def pullback(g):
        bars = pull(*xs, np.asarray(g, dtype=float)[()])
        bars = bars if isinstance(bars, tuple) else (bars,)
        return [np.reshape(b, np.shape(x)) for b, x in zip(bars, xs, strict=True)]

    return y, pullback


def hessian_source(f, x):
    """Second derivatives: forward mode of the generated reverse mode, along each direction."""
    need_scalar(value(f, [x]))
    push = derived(f, [x], "jvp of vjp")
    unit = np.eye(x.size).reshape(x.size, *x.shape)
    columns = [np.ravel(push(x, 1.0, e[()])) for e in unit]
    return np.stack(columns, axis=-1).reshape(x.shape + x.shape)


def value(f, xs):
    """Evaluate f by its lowered text."""
    for x in xs:
        if getattr(x, "dtype", np.dtype(float)).kind == "c":
            raise TypeError("mode='source' covers real numbers: split complex ones in two.")
    y = derived(f, xs, "function")(*xs)
    if isinstance(y, tuple):
        raise TypeError("f returned several values: let it return one number or one array.")
    return as_value(y, "the result of f")


def guess(f) -> tuple:
    """Return examples of the arguments of f whose sizes its source tells.

    Raises
    ------
    ValueError
        If a size does not show.

    Examples
    --------
    >>> def f(u, p, t):
    ...     x, y = u
    ...     return np.array([p[3] * x, y])
    >>> [np.shape(x) for x in guess(f)]
    [(2,), (4,), ()]
    """
    function = getattr(f, "__func__", f)
    if not hasattr(function, "__code__"):
        sources.no_source(f)
    tree, _ = sources.source(function)
    names = [a.arg for a in tree.args.args]
    if hasattr(f, "__self__"):
        names = names[1:]
    return tuple(_guess_one(tree, name, function) for name in names)


def _guess_one(tree, name, function):
    """Return an example of one argument: a number, unless it is unpacked or indexed."""
    counts, whole = [], False
    for n in ast.walk(tree):
        if isinstance(n, ast.Assign) and _is(n.value, name):
            counts += [len(t.elts) for t in n.targets if isinstance(t, ast.Tuple | ast.List)]
        if isinstance(n, ast.Subscript) and _is(n.value, name):
            if isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, int):
                counts.append(n.slice.value + 1)
            else:
                whole = True
        whole |= isinstance(n, ast.Call) and any(_is(a, name) for a in n.args)
    if counts and not whole:
        return np.ones(max(counts))
    if whole and name != "t":
        title = getattr(function, "__name__", "f")
        raise ValueError(
            f"the size of {name} does not show in the source of {title}: give examples of all "
            f"arguments, such as source({title}, np.ones(3), np.ones(1), 0.0)."
        )
    return 1.0


def _is(tree, name):
    return isinstance(tree, ast.Name) and tree.id == name
