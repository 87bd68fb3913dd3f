"""Long rows of like assignments, written as a loop again.

An array whose entries lie in another order, for example ``np.concatenate([x, y])[order]``, is read
entry by entry. Where the order is regular, what is written down is regular too:

    du[0] = x[0]
    du[1] = y[0]                  for i in range(100):
    du[2] = x[1]           ->         du[i * 2] = x[i]
    ...                               du[i * 2 + 1] = y[i]
    du[199] = y[99]

so the text, and the time that compiling it takes, does not grow with the number of entries.
"""

import ast
from typing import NamedTuple

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


def rolled(statements, counter):
    """Write assignments in loops as far as they are regular; their order stays.

    Parameters
    ----------
    statements : list of ast.Assign
    counter : str
        Name of the counter of the loops.

    Examples
    --------
    >>> rows = [ast.parse(f"du[{k}] = x[{199 - k}] + a").body[0] for k in range(200)]
    >>> print(ast.unparse(rolled(rows, "i")[0]))
    for i in range(200):
        du[i] = x[199 - i] + a
    """
    forms, out, k = [_form(s) for s in statements], [], 0
    while k < len(statements):
        turns, period = max((_turns(forms, k, m), m) for m in PERIODS)
        if turns < TURNS:
            out.append(statements[k])
            k += 1
            continue
        first, second = statements[k : k + period], forms[k + period : k + 2 * period]
        body = [_moving(s, form, counter) for s, form in zip(first, second, strict=True)]
        count = ast.Call(ast.Name("range", ast.Load()), [ast.Constant(turns)], [])
        again = ast.For(ast.Name(counter, ast.Store()), count, body, [], lineno=1)
        out.append(_at_line(again, first[0]))
        k += turns * period
    return out


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


def _moving(statement, following, counter):
    """The assignment with the counter in its indices, from its form one turn later."""
    later = iter(following.numbers)

    def move(n):
        return _progression(n, next(later) - n, counter)

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
