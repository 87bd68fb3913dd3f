"""Make generated text read as if a person had written it, with the same values to the last bit.

With this module one can: simplify expressions, drop what no result needs (numbers, arrays, whole
loops), put short helper numbers where they are used, and write ``x = e`` for ``x_next = e`` and
``x = x_next``. What is needed is found as compilers find it: by walking backwards from the
results, around each loop until nothing changes ("live" names).
"""

import ast
import copy

from sciml_lab.transform.algebra import (
    BLOCKS,
    blocks,
    call_effects,
    constant,
    fold,
    head,
    is_memory,
    is_pop,
    names,
    own,
    place_of,
    rebuild,
    sets_number,
    show,
    substitute,
    target_of,
    walk,
    written,
)

WIDTH = 88  # a helper number is written where it is used while the line stays shorter than this


def tidy(lowered):
    r"""Return the same function without what it does not need.

    Parameters
    ----------
    lowered : Lowered

    Returns
    -------
    Lowered
        With the same results to the last bit: nothing is reordered.

    Examples
    --------
    >>> from sciml_lab.transform.printing import text
    >>> from sciml_lab.transform.python import read
    >>> f = read("def f(a):\n    b = np.exp(a)\n    y = 1.0 * a + 2 * 3\n    return y")
    >>> print(text(tidy(f)), end="")
    def f(a):
        y = a + 6  # line 3
        return y  # line 4
    """
    result = own(lowered)
    body = result.tree.body
    each_expression(body, fold)
    before = None
    while before != (before := [show(s) for s in body]):
        body[:-1] = _drop_dead(body[:-1], names(body[-1]))
        _inline(body, set())
    return result


def each_expression(body, change):
    """Change every expression of the statements, in place."""
    for s in walk(body):
        if isinstance(s, ast.Assign) and not is_memory(s):
            if isinstance(s.targets[0], ast.Subscript):
                s.targets = [change(s.targets[0])]
            s.value = change(s.value)
        elif isinstance(s, ast.AugAssign):
            s.target, s.value = change(s.target), change(s.value)
        elif isinstance(s, ast.For):
            s.iter = rebuild(s.iter, change)
        elif isinstance(s, ast.While | ast.If):
            s.test = change(s.test)
        elif isinstance(s, ast.Expr):
            s.value = rebuild(s.value, change)


def rename(statements, new):
    """Change names in place, where they are read and where they are set."""
    parts = {old: ast.Name(name, ast.Load()) for old, name in new.items()}
    each_expression(statements, lambda e: substitute(e, parts))
    for s in walk(statements):
        s.carried = [new.get(x, x) for x in getattr(s, "carried", ())]
        if sets_number(s):
            s.targets = [ast.Name(new.get(target_of(s), target_of(s)), ast.Store())]
        elif isinstance(s, ast.For):
            s.target = ast.Name(new.get(s.target.id, s.target.id), ast.Store())
        elif isinstance(s, ast.Return):
            s.value = substitute(s.value, parts)


def _read_parts(s):
    """Return the expressions that a statement reads, without those in its blocks."""
    if isinstance(s, ast.Assign | ast.AugAssign):
        place = place_of(s)
        return [s.value, *([place.slice] if isinstance(place, ast.Subscript) else [])]
    if isinstance(s, ast.Expr):
        return s.value.args
    return [] if isinstance(s, ast.Pass) else [s.value if isinstance(s, ast.Return) else head(s)]


def reads(s) -> set:
    """Names whose values a plain statement reads."""
    if isinstance(s, ast.Expr):
        return set(call_effects(s.value)[1])
    again = {target_of(s)} if isinstance(s, ast.AugAssign) else set()
    return again.union(*map(names, _read_parts(s)))


def live(statements, after, keep=None) -> set:
    """Names whose values matter before the statements, given those that matter after them.

    With a list in `keep`, the statements that matter are put into it, last one first.
    """
    needed = set(after)
    for s in reversed(statements):
        if isinstance(s, BLOCKS):
            needed = _live_block(s, needed, keep)
            continue
        if isinstance(s, ast.Expr):
            wanted = bool(needed & set(call_effects(s.value)[0]))
        else:
            wanted = target_of(s) in needed or isinstance(s, ast.Return) or is_memory(s)
            wanted = wanted or bool(needed & written([s]) - {target_of(s)})
        if wanted:
            if isinstance(place_of(s), ast.Name):
                needed.discard(target_of(s))
            needed |= reads(s)
            if keep is not None:
                keep.append(s)
    return needed


def _live_block(s, after, keep):
    if isinstance(s, ast.If):
        inside = [([], block) for block in blocks(s)]
        needed = set().union(*(live(b, after, k) for k, b in inside))
    else:
        inside, needed, before = [([], s.body)], set(after), None
        while before != needed:
            before = set(needed)
            needed |= live(s.body, needed) - getattr(s, "fresh", set()) - _loop_name(s)
            if isinstance(s, ast.While) and written(s.body) & needed:
                needed |= names(s.test)
        live(s.body, needed, inside[0][0])
    if not any(k for k, _ in inside):
        return set(after)
    if keep is not None:
        slim = copy.copy(s)
        slim.body = inside[0][0][::-1] or [ast.Pass()]
        if isinstance(s, ast.If):
            slim.orelse = inside[1][0][::-1]
            if not inside[0][0]:
                slim.test = fold_not(s.test)
                slim.body, slim.orelse = slim.orelse, []
        keep.append(slim)
    return needed | names(head(s))


def _loop_name(s):
    return {s.target.id} if isinstance(s, ast.For) else set()


def fold_not(test):
    """Return the opposite of a condition."""
    opposite = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and type(test.ops[0]) in opposite:
        return ast.Compare(test.left, [opposite[type(test.ops[0])]()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def _drop_dead(body, results):
    keep = []
    live(body, results, keep)
    used = results.union(*(names(s) for s in keep if not is_memory(s)))
    return [s for s in keep[::-1] if not is_memory(s) or target_of(s) in used]


# Helper numbers written where they are used.


def _inline(body, after, is_loop=False):
    """Replace helper numbers in a block, given the names that matter after it."""
    k = 0
    while k < len(body):
        s = body[k]
        if isinstance(s, BLOCKS):
            around = live(body[k + 1 :], after)
            if not isinstance(s, ast.If):
                around |= live([s], around)
            for block in blocks(s):
                _inline(block, around, not isinstance(s, ast.If))
        if not (_is_helper(s) and _replace_uses(body, k, after, is_loop)):
            k += 1


def _is_helper(s):
    return getattr(s, "made", False) and sets_number(s) and not is_pop(s.value)


def _replace_uses(body, k, after, is_loop):
    """Put the value of a helper number where it is read; False where that would change a result."""
    name, value, rest = body[k].targets[0].id, body[k].value, body[k + 1 :]
    simple = isinstance(value, ast.Name) or constant(value) is not None
    uses, changed = [], set()
    for t in rest:
        count = sum(_count(inner, name) for inner in walk([t]))
        sets = written([t])
        overwritten = name in sets
        if count:
            if overwritten or changed & names(value) or not _may_take(t, name, value, simple):
                return False
            if is_loop and not simple and _is_copy(t) and target_of(t) in after:
                return False  # x = x_next stays: the other passes look for it
            uses += [t] * count
        if overwritten:
            break
        changed |= sets
    else:
        if name in after:
            return False
    if not uses or (not simple and (len(uses) > 1 or _length(uses[0], value) > WIDTH)):
        return False
    for t in uses:
        if not simple and isinstance(getattr(t, "value", None), ast.Name):
            t.line = getattr(body[k], "line", None) or t.line  # t only handed the value on
    each_expression(uses, lambda e: fold(substitute(e, {name: value})))
    del body[k]
    return True


def _length(t, value):
    """Estimate the length of a statement with a value put in (its target counts as 15)."""
    return max(len(show(part)) for part in _read_parts(t)) + len(show(value)) + 15


def _count(t, name):
    return sum(
        isinstance(n, ast.Name) and n.id == name for part in _read_parts(t) for n in ast.walk(part)
    )


def _may_take(t, name, value, simple):
    """Whether a statement may hold the value itself where it reads its name."""
    if isinstance(t, ast.Return) or (isinstance(t, BLOCKS) and written([t]) & names(value)):
        return False
    if isinstance(t, ast.While | ast.For) and not simple:
        return isinstance(t, ast.For) and not any(_count(s, name) for s in walk(t.body))
    return True


# x_next = e ... x = x_next  is  x = e.


def merge(lowered):
    """Return the text with ``x = e`` for ``x_next = e; ...; x = x_next``, where that is safe."""
    result = own(lowered)
    _merge(result.tree.body, None)
    return result


def _merge(body, loop):
    for s in body:
        for block in blocks(s):
            _merge(block, s if isinstance(s, ast.For | ast.While) else None)
    for copied in [s for s in body if loop and _is_copy(s)]:
        old, new, end = target_of(copied), copied.value.id, body.index(copied)
        first = next((k for k, s in enumerate(body[:end]) if target_of(s) == new), end)
        between, outside = body[first + 1 : end], body[:first] + body[end + 1 :]
        unused = not any(old in names(s) or new in written([s]) for s in between)
        carried = any(old in names(s) for s in (head(loop), *body[: first + 1]))
        if first < end and carried and unused and not any(new in names(s) for s in outside):
            body[first].targets = [ast.Name(old, ast.Store())]
            each_expression(
                between, lambda e, new=new, old=old: substitute(e, {new: ast.Name(old, ast.Load())})
            )
            del body[end]


def _is_copy(s):
    return isinstance(getattr(s, "value", None), ast.Name) and sets_number(s)
