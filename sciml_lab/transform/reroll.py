"""Long rows of like assignments, written as a loop again.

An array whose entries lie in another order, for example ``np.concatenate([x, y])[order]``, is read
entry by entry. Where the order is regular, what is written down is regular too:

    du[0] = x[0]
    du[1] = y[0]                  for i in range(100):
    du[2] = x[1]           ->         du[i * 2] = x[i]
    ...                               du[i * 2 + 1] = y[i]
    du[199] = y[99]

so the text, and the time that compiling it takes, does not grow with the number of entries. A long
row in no regular order reads its places from a table: ``du[i] = x[order[i]]``.
"""

import ast
from typing import NamedTuple

import numpy as np

from sciml_lab.transform.algebra import rebuild, show

LONG = 100  # assignments; a list of so many formulas is quicker as it is
PERIODS = range(1, 9)  # assignments in one turn of the loop
TURNS = 4  # that a loop must have


class Form(NamedTuple):
    """An assignment apart from the whole numbers in its indices.

    Attributes
    ----------
    text : str
        The assignment with 0 for each of these numbers.
    numbers : tuple of int
        Their values, in order.
    """

    text: str
    numbers: tuple


def rolled(statements, counter, table):
    """Write assignments in loops; their order stays.

    Parameters
    ----------
    statements : list of ast.Assign
    counter : str
        Name of the counter of the loops.
    table : callable
        ``table(array) -> name`` of an array of whole numbers.

    Examples
    --------
    >>> rows = [ast.parse(f"du[{k}] = x[{199 - k}] + a").body[0] for k in range(200)]
    >>> print(ast.unparse(rolled(rows, "i", None)[0]))
    for i in range(200):
        du[i] = x[199 - i] + a
    """
    forms, out, k = [_form(s) for s in statements], [], 0
    while k < len(statements):
        turns, period = _longest(forms, k)
        after = k + turns * period
        if turns < TURNS:
            out.append(statements[k])
            k += 1
            continue
        body = [
            _moving(statements[j], forms[j:after:period], counter, table)
            for j in range(k, k + period)
        ]
        count = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(turns)], [])
        again = ast.For(ast.Name(counter, ast.Store()), count, body, [], lineno=1)
        out.append(_at_line(again, statements[k]))
        k = after
    return out


def is_regular(places) -> bool:
    """Whether places follow each other in equal steps, with some period.

    Examples
    --------
    >>> is_regular([0, 50, 1, 51, 2, 52, 3, 53]), is_regular([0, 5, 1, 4, 2, 3, 9, 7])
    (True, False)
    """
    x = np.array(places)
    periods = (m for m in PERIODS if 2 * m < len(x))
    return any((x[2 * m :] - 2 * x[m:-m] + x[: -2 * m] == 0).all() for m in periods)


def _longest(forms, k):
    """Turns and period of the loop that can begin with statement k."""
    turns, period = max((_turns(forms, k, m), m) for m in PERIODS)
    alike = _alike(forms, k)
    return (alike, 1) if alike > max(LONG, turns * period) else (turns, period)


def _alike(forms, k):
    """How many assignments from k on differ in whole numbers only."""
    end = k
    while end < len(forms) and forms[end].text == forms[k].text:
        end += 1
    return end - k


def _turns(forms, k, period):
    """How many turns a loop from statement k on would have."""
    end = k + period
    while end < len(forms) and _goes_on(forms, k, end, period):
        end += 1
    turns = (end - k) // period
    return turns if turns * period >= TURNS else 0


def _goes_on(forms, k, place, period):
    """Whether a statement follows from those one turn and two turns before."""
    new, old = forms[place], forms[place - period]
    if new.text != old.text:
        return False
    if place < k + 2 * period:
        return True
    older = forms[place - 2 * period].numbers
    steps = zip(new.numbers, old.numbers, older, strict=True)
    return all(a - b == b - c for a, b, c in steps)


def _form(statement):
    """Take an assignment apart."""
    numbers = []

    def collect(n):
        numbers.append(n)
        return 0

    text = show(_replaced(statement.targets[0], collect))
    return Form(f"{text} = {show(_replaced(statement.value, collect))}", tuple(numbers))


def _moving(statement, forms, counter, table):
    """The assignment with the counter in its indices, from its forms in all turns."""
    rows = iter(zip(*(form.numbers for form in forms), strict=True))

    def move(n):
        row = np.array(next(rows))
        if (np.diff(row, 2) == 0).all():
            return _progression(n, int(row[1]) - n, counter)
        place = ast.Name(counter, ast.Load())
        return ast.Subscript(ast.Name(table(row), ast.Load()), place, ast.Load())

    target = _replaced(statement.targets[0], move)
    target.ctx = ast.Store()
    new = ast.Assign([target], _replaced(statement.value, move), lineno=1)
    return _at_line(new, statement)


def _at_line(new, old):
    """Note the line of the source that an old statement came from."""
    new.line = getattr(old, "line", None)
    return new


def _progression(start, step, counter):
    """``counter * step + start``."""
    if step == 0:
        return start
    value = ast.Name(counter, ast.Load())
    if abs(step) != 1:
        value = ast.BinOp(value, ast.Mult(), ast.Constant(abs(step)))
    if step < 0:
        return ast.BinOp(ast.Constant(start), ast.Sub(), value)
    return value if start == 0 else ast.BinOp(value, ast.Add(), ast.Constant(start))


def _replaced(e, change, inside=False):
    """A copy of an expression with the whole numbers in its indices changed."""
    if inside and isinstance(e, ast.Constant) and type(e.value) is int:
        new = change(e.value)
        return new if isinstance(new, ast.AST) else ast.Constant(new)
    if isinstance(e, ast.Subscript):
        return ast.Subscript(e.value, _replaced(e.slice, change, True), ast.Load())
    return rebuild(e, lambda part: _replaced(part, change, inside))
