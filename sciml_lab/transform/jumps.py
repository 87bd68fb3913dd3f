"""Rewriting `break`, `continue` and `return` inside loops as flags: blocks end at their end.

``break`` becomes ``go = False``, and what follows it in the body runs only ``if go``; rounds of a
`for` after it do nothing. ``return e`` inside a loop stores the result, breaks, and returns after
the loop.
"""

import ast
import copy


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
    return _Jumps().block(statements)


class _Jumps:
    def __init__(self):
        self.count = 0

    def block(self, statements):
        result = []
        for s in statements:
            result.extend(self.one(s))
        return result

    def one(self, s):
        if isinstance(s, ast.If):
            s = copy.copy(s)
            s.body, s.orelse = self.block(s.body), self.block(s.orelse)
            return [s]
        if not isinstance(s, ast.For | ast.While):
            return [s]
        s = copy.copy(s)
        s.body = self.block(s.body)
        jumps = {type(j) for j in _jumps(s.body)}
        return self.loop(s, jumps) if jumps else [s]

    def loop(self, s, jumps):
        self.count += 1
        end = "" if self.count == 1 else f"_{self.count}"
        stop, skip = f"go_on{end}", f"this_round{end}"
        before, after = [], []
        breaks = ast.Break in jumps or ast.Return in jumps
        if breaks:
            before.append(_set(stop, True, s))
        if ast.Return in jumps:
            before.append(_set(f"returned{end}", False, s))
            before.append(_set(f"result{end}", ..., s))
            value = ast.Name(f"result{end}", ast.Load())
            after.append(
                _at(
                    ast.If(ast.Name(f"returned{end}", ast.Load()), [_at(ast.Return(value), s)], []),
                    s,
                )
            )
        body = self.guarded(s.body, stop, skip, f"returned{end}", f"result{end}", breaks)
        if ast.Continue in jumps:
            body = [_set(skip, True, s), *body]
        go = ast.Name(stop, ast.Load())
        if breaks and isinstance(s, ast.While):
            always = isinstance(s.test, ast.Constant) and s.test.value
            s.test = _at(go if always else ast.BoolOp(ast.And(), [go, s.test]), s)
        elif breaks:
            body = [_at(ast.If(go, body, []), s)]
        s.body = body
        return [*before, s, *after]

    def guarded(self, statements, stop, skip, returned, result, breaks):
        """Replace the jumps of one loop; what follows one runs only if it did not happen."""
        out = []
        for k, s in enumerate(statements):
            if isinstance(s, ast.Break):
                return [*out, _set(stop, False, s)]
            if isinstance(s, ast.Continue):
                return [*out, _set(skip, False, s)]
            if isinstance(s, ast.Return):
                keep = _at(ast.Assign([ast.Name(result, ast.Store())], s.value), s)
                return [*out, keep, _set(returned, True, s), _set(stop, False, s)]
            if isinstance(s, ast.If) and any(_jumps([s])):
                kinds = {type(j) for j in _jumps([s])}
                s = copy.copy(s)
                s.body = self.guarded(s.body, stop, skip, returned, result, breaks)
                s.orelse = self.guarded(s.orelse, stop, skip, returned, result, breaks)
                out.append(s)
                rest = self.guarded(statements[k + 1 :], stop, skip, returned, result, breaks)
                flags = [stop] if kinds - {ast.Continue} else []
                flags += [skip] if ast.Continue in kinds else []
                names = [ast.Name(f, ast.Load()) for f in flags]
                test = names[0] if len(names) == 1 else ast.BoolOp(ast.And(), names)
                if rest:
                    out.append(_at(ast.If(test, rest, []), s))
                return out
            out.append(s)
        return out


def _jumps(statements):
    """Yield the jumps that belong to this loop (a `return` belongs to every loop around it)."""
    for s in statements:
        if isinstance(s, ast.Break | ast.Continue | ast.Return):
            yield s
        elif isinstance(s, ast.If):
            yield from _jumps(s.body)
            yield from _jumps(s.orelse)
        elif isinstance(s, ast.For | ast.While):
            yield from (j for j in _jumps(s.body) if isinstance(j, ast.Return))


def _set(name, value, like):
    return _at(ast.Assign([ast.Name(name, ast.Store())], ast.Constant(value)), like)


def _at(tree, like):
    return ast.fix_missing_locations(ast.copy_location(tree, like))
