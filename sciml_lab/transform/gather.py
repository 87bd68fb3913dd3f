"""Gather instead of scatter: what a reverse loop adds to neighbours, written entry by entry.

Where f reads ``u[i - 1]`` and ``u[i + 1]``, its reverse loop writes ``u_bar[i - 1]`` and
``u_bar[i + 1]``. Each turn then waits for the one before. With the index moved,

    for i in range(1, 39):              u_bar[0] += g[1] * a
        u_bar[i - 1] += g[i] * a        u_bar[1] += g[2] * a
        u_bar[i + 1] += g[i] * b   ->   for i in range(2, 38):
                                            u_bar[i] += g[i + 1] * a + g[i - 1] * b
                                        u_bar[38] += ...

every entry is written once, and turns that don't depend on each other become vector instructions.
"""

import ast

from sciml_lab.transform.algebra import (
    add_to,
    blocks,
    constant,
    cost,
    loop,
    mark,
    names,
    number,
    rebuild,
    substitute,
    target_of,
    total,
)  # fmt: skip

SHORTEST = 4  # turns that must be left in the middle


def gather(body):
    """Rewrite every loop of a block that only adds to neighbouring entries.

    Parameters
    ----------
    body : list of ast.stmt
        Changed in place.
    """
    for k in range(len(body) - 1, -1, -1):
        for block in blocks(body[k]):
            gather(block)
        if isinstance(body[k], ast.For):
            body[k : k + 1] = _gathered(body[k]) or [body[k]]


def _gathered(statement):
    """Return the statements in place of one loop, or None where it does not pay."""
    span, i = _span(statement.iter), statement.target.id
    adding = _without_helpers(statement.body)
    targets = [place for place in (_target(s, i) for s in adding) if place is not None]
    if span is None or len(targets) < len(adding):
        return None
    arrays = {array for array, _, _ in targets}
    if any(names(s.value) & arrays for s in adding):
        return None
    sums, shifts = {}, {}  # array -> entries fixed or moving along, with what is added there
    for (array, offset, place), s in zip(targets, adding, strict=True):
        if offset is None:
            sums.setdefault((array, ast.dump(place)), []).append(s)
        else:
            shifts.setdefault(array, []).append((offset, s))
    if all(len({offset for offset, _ in parts}) < 2 for parts in shifts.values()):
        return None
    written = []
    for array, parts in shifts.items():
        pieces = _pieces(array, parts, span, i)
        if pieces is None:
            return None
        written += pieces
    middle = next(s for s in written if isinstance(s, ast.For))
    return written + [s for parts in sums.values() for s in _summed(parts, span, i, middle)]


def _without_helpers(body):
    """Return the statements with short helper numbers put where they are used."""
    helpers, rest = {}, []
    for s in body:
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name) and cost(s.value) <= 2:
            helpers[s.targets[0].id] = substitute(s.value, helpers)
        elif isinstance(s, ast.AugAssign):
            s = mark(
                ast.AugAssign(s.target, s.op, substitute(s.value, helpers)),
                getattr(s, "line", None),
            )
            rest.append(s)
        else:
            rest.append(s)
    return rest


def _span(counting):
    """Return first and last (excluded) turn of a loop, whichever way it runs."""
    numbers = [constant(a) for a in counting.args]
    if None in numbers:
        return None
    turns = range(*numbers)
    if abs(turns.step) != 1 or len(turns) < SHORTEST:
        return None
    return min(turns), max(turns) + 1


def _target(s, i):
    """Return (array, offset from the counter or None, index) of ``array[index] += value``."""
    if not (isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Subscript)):
        return None
    index = s.target.slice
    if i not in names(index):
        return s.target.value.id, None, index
    offset = _offset(index, i)
    return None if offset is None else (s.target.value.id, offset, index)


def _offset(e, i):
    """Return c where an index is ``i + c``, else None."""
    if isinstance(e, ast.Name) and e.id == i:
        return 0
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Add | ast.Sub):
        base, more = _offset(e.left, i), constant(e.right)
        if base is not None and isinstance(more, int):
            return base + (more if isinstance(e.op, ast.Add) else -more)
    return None


def _moved(e, i, by):
    """Return an expression with ``i + by`` in place of i (a whole number if `i` is gone)."""

    def change(e):
        offset = _offset(e, i)
        if offset is not None:
            return _index(i, offset + by)
        return rebuild(e, change)

    return change(e)


def _index(i, offset):
    """Return ``i + offset``."""
    base = ast.Name(i, ast.Load())
    if offset == 0:
        return base
    sign = ast.Add() if offset > 0 else ast.Sub()
    return ast.BinOp(base, sign, ast.Constant(abs(offset)))


def _at(e, i, turn):
    """Return an expression in one turn: a number in place of i, indices computed."""

    def change(e):
        offset = _offset(e, i)
        if offset is not None:
            return number(turn + offset)
        return rebuild(e, change)

    return change(e)


def _pieces(array, parts, span, i):
    """Write what is added to one array: the entries at both ends, and a loop for the others."""
    first, last = span
    low = max(first + offset for offset, _ in parts)
    high = min(last + offset for offset, _ in parts)
    if high - low < SHORTEST:
        return None
    line = getattr(parts[0][1], "line", None)

    def entry(j):
        there = [_at(s.value, i, j - o) for o, s in parts if first <= j - o < last]
        return add_to(_place(array, number(j)), total(there), line)

    lowest, highest = (f(o for o, _ in parts) for f in (min, max))
    middle = total([_moved(s.value, i, -offset) for offset, s in parts])
    body = [add_to(_place(array, ast.Name(i, ast.Load())), middle, line)]
    return [
        *map(entry, range(first + lowest, low)),
        loop(i, (low, high), body, line),
        *map(entry, range(high, last + highest)),
    ]


def _place(array, index):
    return ast.Subscript(ast.Name(array, ast.Load()), index, ast.Store())


def _summed(parts, span, i, middle):
    """Add to one entry that stays, in the loop that is there already; return what is left.

    What this loop reads lies in vector registers, and a sum of it costs next to nothing.
    """
    target, line = parts[0].target, getattr(parts[0], "line", None)
    added = total([s.value for s in parts])
    (first, last), (low, high) = span, map(constant, middle.iter.args)
    if not first <= low < high <= last or target.value.id == target_of(middle.body[0]):
        return [loop(i, span, [add_to(target, added, line)], line)]
    middle.body.append(add_to(target, added, line))
    ends = [_at(added, i, turn) for turn in (*range(first, low), *range(high, last))]
    return [add_to(target, total(ends), line)] if ends else []
