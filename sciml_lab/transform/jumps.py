"""Rewriting `break`, `continue` and `return` inside loops as flags: blocks end at their end.

``break`` becomes ``go = False``, and what follows it in the body runs only ``if go``; rounds of a
`for` after it do nothing. ``return e`` inside a loop stores the result, breaks, and returns after
the loop.
"""

import ast
import copy
from itertools import count


def without_jumps(statements) -> list:
    r"""Return statements of the same meaning whose loops have no jumps.

    Examples
    --------
    >>> tree = ast.parse("while x > 1:\n    if x > 9:\n        break\n    x = x / 2")
    >>> print("\n".join(map(ast.unparse, without_jumps(tree.body))))
    go_on = True
    while go_on and x > 1:
        if x > 9:
            go_on = False
        if go_on:
            x = x / 2
    """
    return _block(statements, count(1))


def _block(statements, numbers):
    """Return a block without jumps in its loops, the inner ones first."""
    result = []
    for s in statements:
        after = []
        if isinstance(s, ast.If | ast.For | ast.While):
            s = copy.copy(s)
            s.body, s.orelse = _block(s.body, numbers), _block(s.orelse, numbers)
            if not isinstance(s, ast.If) and any(_jumps(s.body)):
                before, after = _Loop(next(numbers)).rewrite(s)
                result += before
        result += [s, *after]
    return result


class _Loop:
    """The flags of one loop."""

    def __init__(self, number):
        end = "" if number == 1 else f"_{number}"
        self.go, self.round = f"go_on{end}", f"this_round{end}"
        self.returned, self.result = f"returned{end}", f"result{end}"

    def rewrite(self, s):
        """Take the jumps out of a loop; return what comes before and after it."""
        kinds = {type(j) for j in _jumps(s.body)}
        before = _say(f"{self.go} = True", s) if kinds - {ast.Continue} else []
        after = []
        s.body = self.guarded(s.body)
        if ast.Return in kinds:
            before += _say(f"{self.returned} = False\n{self.result} = ...", s)
            after = _say(f"if {self.returned}:\n    return {self.result}", s)
        if ast.Continue in kinds:
            s.body = [*_say(f"{self.round} = True", s), *s.body]
        if before and isinstance(s, ast.While):
            always = isinstance(s.test, ast.Constant) and s.test.value
            go = self.test({ast.Break}, s)
            s.test = go if always else _at(ast.BoolOp(ast.And(), [go, s.test]), s)
        elif before:
            s.body = [_at(ast.If(self.test({ast.Break}, s), s.body, []), s)]
        return before, after

    def guarded(self, statements):
        """Replace the jumps of one loop; what follows one runs only if it did not happen."""
        for k, s in enumerate(statements):
            if isinstance(s, ast.Return):
                keep = _at(ast.Assign([ast.Name(self.result, ast.Store())], s.value), s)
                flags = _say(f"{self.returned} = True\n{self.go} = False", s)
                return [*statements[:k], keep, *flags]
            if isinstance(s, ast.Break | ast.Continue):
                flag = self.go if isinstance(s, ast.Break) else self.round
                return [*statements[:k], *_say(f"{flag} = False", s)]
            if isinstance(s, ast.If) and any(_jumps([s])):
                test = self.test({type(j) for j in _jumps([s])}, s)
                s = copy.copy(s)
                s.body, s.orelse = self.guarded(s.body), self.guarded(s.orelse)
                rest = self.guarded(statements[k + 1 :])
                return [*statements[:k], s, *([_at(ast.If(test, rest, []), s)] if rest else [])]
        return statements

    def test(self, kinds, like):
        """Return the condition that no jump of these kinds has happened."""
        flags = [self.go] if kinds - {ast.Continue} else []
        flags += [self.round] if ast.Continue in kinds else []
        return _say(" and ".join(flags), like)[0].value


def _jumps(statements):
    """Yield the jumps that belong to this loop (a `return` belongs to every loop around it)."""
    for s in statements:
        if isinstance(s, ast.Break | ast.Continue | ast.Return):
            yield s
        elif isinstance(s, ast.If):
            yield from _jumps([*s.body, *s.orelse])
        elif isinstance(s, ast.For | ast.While):
            yield from (j for j in _jumps(s.body) if isinstance(j, ast.Return))


def _say(text, like):
    """Return statements from their text, in the line of another one."""
    statements = ast.parse(text).body
    for n in (n for s in statements for n in ast.walk(s)):
        ast.copy_location(n, like)
    return statements


def _at(tree, like):
    return ast.fix_missing_locations(ast.copy_location(tree, like))
