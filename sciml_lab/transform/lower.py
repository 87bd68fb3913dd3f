"""`lower`: from a function as the user wrote it to the lowered language.

With this module one can turn ``f(u, p, t)``, for arguments of given shapes, into a flat program
over numbers: names from outside are looked up, helper functions are read in place, tuples and
small arrays are taken apart, array expressions become loops. The reader of `expressions.py` and
`statements.py` does it in one pass: it runs the source with values of which only the shape is
known, and writes down what remains to be done.
"""

import ast
import inspect

import numpy as np

from sciml_lab.transform import numpy_numbers, python_calls
from sciml_lab.transform import source as sources
from sciml_lab.transform.copies import drop_copies
from sciml_lab.transform.loops import Reader
from sciml_lab.transform.naming import InMemory
from sciml_lab.transform.tree import Lowered, TransformError
from sciml_lab.transform.values import Array, NeedsStatic, Num, is_number, memory
from sciml_lab.transform.writer import RESERVED

RULES = (numpy_numbers, python_calls)  # importing these modules enters their rules in the table


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
    forced = set()
    while True:
        reader = Reader()
        reader.forced = forced
        try:
            return _lowered(reader, f, examples, outputs)
        except InMemory as again:
            if again.args[0] in forced:
                reader.fail(f"writing into {again.args[0]}", "make it by np.zeros or np.empty.")
            forced |= set(again.args)
        except (TransformError, NeedsStatic) as error:
            place = (error.line, error.origin) if error.line else _place(reader, error)
            raise TransformError(error.construct, error.remedy, *place) from None
        except Exception as error:  # the user's own functions may raise anything
            problem = f"what raised {type(error).__name__} ({error})"
            remedy = "call the function itself to see where, or keep to backend='numpy'."
            raise TransformError(problem, remedy, *_place(reader, error)) from error


def _place(reader, error):
    """Return where an error arose: the line and the function."""
    first = reader.first
    return getattr(error, "place", (reader.here or (first and first.line), first))


def _lowered(reader, f, examples, outputs):
    names = _arguments(f, len(examples))
    values, inputs = [], []
    for name, example in zip(names, examples, strict=True):
        value = _input(reader, name, example)
        values.append(value)
        if value is not example:
            inputs.append(name)
    reader.used |= set(names)
    reader.inputs = tuple(inputs)
    result = reader.call(f, values, {})
    returned = _return(reader, result, outputs or _output_names(names, result))
    arguments = ast.arguments([], [ast.arg(n) for n in inputs], None, [], [], None, [])
    body = [*reader.allocations, *reader.block, returned]
    kept = {"np", *reader.inputs, *reader.shapes, *reader.constants, *reader.primitives}
    drop_copies(body, kept | RESERVED, reader.bases)
    title = reader.first.name if reader.first else "f"
    tree = ast.FunctionDef(title if title.isidentifier() else "f", arguments, body, [], None, None)
    ast.fix_missing_locations(tree)
    return Lowered(
        tree, reader.shapes, reader.temporaries, reader.constants, reader.primitives,
        reader.first, reader.reads,
    )  # fmt: skip


def _arguments(f, count):
    """Return the names of the first arguments of a function."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        sources.no_source(f)
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    if more:
        names += [f"{more[0]}_{k}" for k in range(count - len(names))]
    if len(names) < count:
        construct = f"a function of {len(names)} arguments called with {count}"
        raise TransformError(construct, "match f(u, p, t).")
    return names[:count]


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


def _output_names(names, result):
    """Name the results after the first argument: du for u."""
    if not isinstance(result, tuple):
        return [f"d{names[0]}" if names and isinstance(result, Array | list) else "y"]
    return [f"y_{k}" for k in range(len(result))]


def _return(reader, result, names):
    """Write the results and return the `return` statement."""
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
    own = array.memory
    if own in reader.born and array.shape == reader.shapes[own]:
        middle = tuple(n // 2 for n in array.shape)
        if all(array.place(*i)[1] == i for i in (middle, (0,) * len(middle))):
            return own
    return reader.materialise(array, name).memory
