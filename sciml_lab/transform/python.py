"""Run the lowered language in plain Python, as NumPy computes.

With this module one can: turn a lowered function into a callable whose generated source tracebacks
and `inspect.getsource` show.
"""

import ast
import builtins
import linecache
from itertools import count

import numpy as np

from sciml_lab.transform.algebra import constant, is_memory, walk
from sciml_lab.transform.own_rules import expand
from sciml_lab.transform.printing import text
from sciml_lab.transform.tree import Lowered

NUMBER = count(1)


def compile(lowered: Lowered, docstring=None):
    r"""Return the callable of a lowered function.

    Parameters
    ----------
    lowered : Lowered
    docstring : str, optional

    Returns
    -------
    callable
        Takes numbers and arrays of the declared shapes. Division by zero gives inf and a warning,
        as NumPy does.

    Examples
    --------
    >>> half = compile(read("def half(a):\n    y = a / 2\n    return y"))
    >>> float(half(3))
    1.5
    """
    source = text(expand(lowered), docstring)
    inner = execute(source, lowered.name, lowered.constants, lowered.primitives)
    shapes = [lowered.shapes[x] for x in lowered.inputs]

    def function(*args):
        return inner(*[
            np.float64(a) if shape == () else np.asarray(a, dtype=float).reshape(shape)
            for a, shape in zip(args, shapes, strict=True)
        ])  # fmt: skip

    function.__name__, function.__doc__ = lowered.name, docstring
    function.__wrapped__, function.source = inner, source
    return function


def read(source, temporaries=(), constants=None, primitives=None, **shapes) -> Lowered:
    r"""Read a function that is written in the lowered language already.

    Parameters
    ----------
    source : str
        Its text.
    temporaries, constants, primitives
        As in `Lowered`.
    **shapes : tuple of int
        Shapes of the inputs that are arrays.

    Examples
    --------
    >>> double = read("def double(u):\n    y = 2.0 * u[0]\n    return y", u=(1,))
    >>> float(compile(double)([21.0]))
    42.0
    """
    tree = next(s for s in ast.parse(source).body if isinstance(s, ast.FunctionDef))
    known = {n.id: () for n in ast.walk(tree) if isinstance(n, ast.Name)}
    for s in walk(tree.body):
        s.line = s.lineno
        if is_memory(s) and isinstance(s.value, ast.Call):
            shape = ast.literal_eval(s.value.args[0])
            shapes[s.targets[0].id] = shape if isinstance(shape, tuple) else (shape,)
    known |= {a.arg: () for a in tree.args.args} | shapes
    return Lowered(tree, known, set(temporaries), constants or {}, primitives or {})


def execute(source, name, constants=None, primitives=None):
    """Execute a source under a file name of its own, and return the function of this name."""
    file = f"<sciml_lab {name} {next(NUMBER)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {"np": np, "float": np.float64, **(constants or {})}
    for primitive in (primitives or {}).values():
        space.update(_primitive(primitive))
    exec(builtins.compile(_with_numbers(ast.parse(source)), file, "exec"), space)
    return space[name]


def _with_numbers(tree):
    """Make ``x = 0.0`` a NumPy number, so that 1 / x is inf."""
    for node in ast.walk(tree):
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and isinstance(constant(value), float):
            node.value = ast.copy_location(
                ast.Call(ast.Name("float", ast.Load()), [value], []), value
            )
    return ast.fix_missing_locations(tree)


def _primitive(primitive):
    """Return the three functions of a primitive by the names that lowered text calls."""
    name, work = primitive.name, np.empty(primitive.work)
    space = {}
    for suffix in ("", "_vjp", "_jvp"):
        source = {"": primitive.call, "_vjp": primitive.vjp, "_jvp": primitive.jvp}[suffix]
        inner = execute(source, name + suffix)
        space[name + suffix] = lambda *args, inner=inner: inner(*args, work)
    if primitive.plain is not None:
        space[name] = lambda out, *args: np.copyto(out, primitive.plain(*args))
    return space
