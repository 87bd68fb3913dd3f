"""From a function to its syntax tree: where the source is, and what its names stand for."""

import ast
import builtins
import inspect
import linecache
import types
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NoReturn

import numpy as np

from sciml_lab.transform.tree import TransformError


@dataclass(frozen=True)
class Origin:
    """Where the source of a function is: its name, file, and first line."""

    name: str
    file: str
    line: int


@lru_cache(maxsize=64)
def _functions(text):
    """Return the functions in a text by their name and first line."""
    found = {}
    for n in ast.walk(ast.parse(text)):
        if isinstance(n, ast.FunctionDef | ast.Lambda):
            key = getattr(n, "name", "<lambda>"), _begins(n)
            found.setdefault(key, []).append(n)
    return found


def source(function):
    """Return the syntax tree of a Python function (a `def` or a `lambda`) and its `Origin`.

    Line numbers are those of the file.

    Raises
    ------
    TransformError
        If Python does not keep the source: for built-in functions and text run by ``exec``.

    Examples
    --------
    >>> tree, origin = source(flat_text)
    >>> tree.name == origin.name == "flat_text"
    True
    """
    code = function.__code__
    file = code.co_filename
    origin = Origin(
        function.__name__, file.replace("\\", "/").rpartition("/")[2], code.co_firstlineno
    )
    lines = linecache.getlines(file, function.__globals__)
    if not lines:
        try:
            lines = inspect.findsource(function)[0]
        except OSError:
            remedy = "define it in a file or a notebook cell."
            raise TransformError("a function without source", remedy, None, origin) from None
    functions = _functions(flat_text(lines))
    found = functions.get((code.co_name, origin.line), [])
    if len(found) > 1:
        found = [n for n in found if _covers(n, code)]
        found = found[-1:]  # of nested ones the inner one
    if not found:
        remedy = "run the cell or import the file again: its text has changed since."
        raise TransformError("a function whose source moved", remedy, origin.line, origin)
    return found[0], origin


def flat_text(lines) -> str:
    """Join the lines of a file."""
    return "".join(lines)


def _begins(tree):
    decorators = getattr(tree, "decorator_list", [])
    return decorators[0].lineno if decorators else tree.lineno


def _covers(tree, code):
    """Whether the compiled code comes from this piece of text: its positions lie inside."""
    body = tree.body if isinstance(tree, ast.Lambda) else tree
    first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [(a, c) for a, _, c, d in code.co_positions() if a is not None and d]
    return all(first <= place <= last for place in places)


MISSING = object()


def look_up(function, name):
    """Return what a free name of a function stands for: its closure, globals and builtins."""
    if name in function.__code__.co_freevars:
        cell = function.__closure__[function.__code__.co_freevars.index(name)]
        try:
            return cell.cell_contents
        except ValueError:  # not bound yet
            return MISSING
    return function.__globals__.get(name, vars(builtins).get(name, MISSING))


def remember(function, reads, seen=()):
    """Note the numbers and arrays from outside that a function of the user reads."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, types.FunctionType) or function in seen:
        return
    for name in (*function.__code__.co_names, *function.__code__.co_freevars):
        value = look_up(function, name)
        reads.append((partial(look_up, function, name), snapshot(value)))
        if getattr(value, "__globals__", None) is function.__globals__:
            remember(value, reads, (*seen, function))


def snapshot(value):
    """Copy arrays, lists and dicts, so that a later change of them is seen."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(snapshot, value))
    if type(value) is dict:
        return {k: snapshot(v) for k, v in value.items()}
    return value


def no_source(f) -> NoReturn:
    """Raise the error for something that Python runs without keeping its text."""
    name = getattr(f, "__name__", type(f).__name__)
    remedy = "write a function in Python around it, or keep to backend='numpy'."
    raise TransformError(f"{name}, which has no Python source,", remedy)
