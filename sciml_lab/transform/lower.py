"""`lower`: from a function as the user wrote it to the lowered language.

With this module one can turn ``f(u, p, t)``, for arguments of given shapes, into a flat program
over numbers: names from outside are looked up, helper functions are read in place, tuples and
small arrays are taken apart, array expressions become loops. The reader of `expressions.py` and
`statements.py` does it in one pass: it runs the source with values of which only the shape is
known, and writes down what remains to be done.
"""

import ast

import numpy as np

from sciml_lab.transform import numpy_numbers, python_calls
from sciml_lab.transform import source as sources
from sciml_lab.transform.frames import Frame
from sciml_lab.transform.loops import Loops
from sciml_lab.transform.tree import Lowered
from sciml_lab.transform.values import Array, Num, elementwise, is_number, memory

RULES = (numpy_numbers, python_calls)  # importing these modules enters their rules in the table


class Reader(Loops):
    """Everything together: see the three modules it is made of."""

    def over(self, rule, *args):
        """Apply a rule of numbers to numbers or, entry by entry, to arrays."""
        args = [self.operand(a) for a in args]
        if any(isinstance(a, Array) for a in args):
            return elementwise(rule, *args)
        return rule(*args)

    def named_entries(self, array):
        """Give names to the entries of a small array that are used more than once."""
        if not isinstance(array, Array):
            return self.bind("x", array)
        if array.items is not None:
            return Array(array.shape, items=[self.name("x", x) for x in array.items])
        return array


def lower(f, *examples, outputs=None) -> Lowered:
    """Lower a function for arguments of these shapes.

    Parameters
    ----------
    f : callable
        A function written in Python with NumPy: a `def`, a lambda, a method, or an object with
        ``__call__``. `docs/transform.md` lists what it may contain.
    *examples : number, array, or anything else
        Arguments. Only the shapes of numbers and arrays matter; anything else (None, a network, a
        string) is frozen as it is.
    outputs : sequence of str, optional
        Names for what is returned; otherwise they come from the source.

    Returns
    -------
    Lowered

    Raises
    ------
    TransformError
        With line, construct and remedy, for what the subset does not cover.

    Notes
    -----
    Sizes are frozen: another shape of u is another program. What the names outside of f stand for
    is frozen too; `Lowered.reads` says whether it is still the same.

    Examples
    --------
    >>> from sciml_lab.transform.printing import text
    >>> def f(u, p, t):
    ...     x, y = u
    ...     return np.array([y, -p[0] * np.sin(x)])
    >>> lower(f, [1.0, 0.0], [9.8], 0.0).outputs
    ('du',)
    """
    reader = Reader()
    names, function, bound = _signature(f)
    if len(names) < len(examples):
        reader.fail(
            f"a function of {len(names)} arguments called with {len(examples)}",
            "match f(u, p, t).",
        )
    values, inputs = [], []
    for name, example in zip(names, examples, strict=False):
        value = _input(reader, name, example)
        values.append(value)
        if value is not example:
            inputs.append(name)
    reader.used |= set(names)
    reader.inputs = tuple(inputs)
    result = _read(reader, function, bound, values)
    returned = _return(reader, result, outputs or _output_names(names, result))
    arguments = ast.arguments([], [ast.arg(n) for n in inputs], None, [], [], None, [])
    title = function.__name__ if function.__name__.isidentifier() else "f"
    body = [*reader.allocations, *reader.block, returned]
    tree = ast.FunctionDef(title, arguments, body, [], None, None)
    ast.fix_missing_locations(tree)
    return Lowered(
        tree, reader.shapes, reader.temporaries, reader.constants, reader.primitives,
        reader.origin, reader.reads,
    )  # fmt: skip


def _signature(f):
    """Return the names of the arguments, the Python function behind f, and its first argument."""
    bound = []
    function = f
    if hasattr(f, "__func__"):
        bound, function = [f.__self__], f.__func__
    elif not hasattr(f, "__code__"):
        own = vars(type(f)).get("__call__")
        if own is None or not hasattr(own, "__code__"):
            sources.no_source(f)
        bound, function = [f], own
    code = function.__code__
    return code.co_varnames[len(bound) : code.co_argcount], function, bound


def _input(reader, name, example):
    """Return the value of an argument that is known only later, or the example itself."""
    if is_number(example) and not isinstance(example, bool):
        reader.shapes[name] = ()
        return Num.named(name)
    if isinstance(example, list | tuple):
        try:
            example = np.asarray(example, dtype=float)
        except (TypeError, ValueError):
            return example
    if isinstance(example, np.ndarray) and example.dtype.kind in "fiu":
        reader.shapes[name] = example.shape
        return memory(name, example.shape) if example.shape else Num.named(name)
    if isinstance(example, np.ndarray):
        reader.fail(f"an argument of dtype {example.dtype}", "use real numbers.")
    return example


def _read(reader, function, bound, values):
    """Read the function with these arguments."""
    tree, origin = sources.source(function)
    reader.origin = origin
    frame = Frame(function)
    given = reader.parameters(tree, frame, [*bound, *values], {}, _defaults(function, tree))
    frame.env.update(given)
    reader.line = tree.body.lineno if isinstance(tree, ast.Lambda) else tree.body[0].lineno
    if isinstance(tree, ast.Lambda):
        return reader.eval(tree.body, frame)
    return reader.body(tree, frame)


def _defaults(function, tree):
    names = [a.arg for a in (*tree.args.posonlyargs, *tree.args.args)]
    given = function.__defaults__ or ()
    defaults = dict(zip(names[len(names) - len(given) :], given, strict=True))
    return {**defaults, **(function.__kwdefaults__ or {})}


def _output_names(names, result):
    """Name the results after the first argument: du for u."""
    if not isinstance(result, tuple):
        return [f"d{names[0]}" if names and isinstance(result, Array | list) else "y"]
    return [f"y_{k}" for k in range(len(result))]


def _return(reader, result, names):
    """Write the results and return the `return` statement."""
    if result is None:
        reader.fail("a function that returns None", "return an array (is `return` there?).")
    results = result if isinstance(result, tuple) and len(names) == len(result) else (result,)
    words = [_output(reader, x, name) for x, name in zip(results, names, strict=True)]
    loads = [ast.Name(w, ast.Load()) for w in words]
    value = loads[0] if len(loads) == 1 else ast.Tuple(loads, ast.Load())
    returned = ast.Return(value)
    returned.line = reader.line
    return returned


def _output(reader, value, name):
    """Write one result and return its name."""
    if is_number(value) or isinstance(value, Num):
        name = reader.fresh(name)
        reader.write(name, value)
        reader.shapes[name] = ()
        return name
    array = reader.array(value)
    if array.place is not None:
        own = array.place(*(0,) * len(array.shape))[0] if array.size else None
        whole = own in reader.born and array.shape == reader.shapes[own]
        if whole and array.place(*range(len(array.shape)))[1] == tuple(range(len(array.shape))):
            return own
    target = reader.allocate(name, array.shape)
    reader.fill(target, array)
    return target.place(*(0,) * len(array.shape))[0]
