"""Small tools on expressions and statements of the lowered language.

With this module one can: write an expression as text with holes (`fill`), simplify it without a
change of its value (`fold`), and ask which names a piece of a program reads or writes.

Examples
--------
>>> show(fill("g * b", g=fill("-x"), b=fill("1.0 * y")))
'-(x * y)'
"""

import ast
import copy
import operator
from dataclasses import replace
from functools import cache

import numpy as np

from sciml_lab.transform.tree import TransformError

OPERATIONS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow, ast.MatMult: operator.matmul, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
    ast.Invert: operator.invert,
}  # fmt: skip
BLOCKS = (ast.For, ast.While, ast.If)

show = ast.unparse


@cache
def _parse(text):
    return ast.parse(text, mode="eval").body


def fill(template, **parts) -> ast.expr:
    """Parse a text and put expressions in place of its names, then simplify."""
    return fold(substitute(_parse(template), parts))


def substitute(e, parts) -> ast.expr:
    """Copy an expression with other expressions in place of names (and of the names of arrays)."""
    if isinstance(e, ast.Name):
        return parts.get(e.id, e)
    return rebuild(e, lambda child: substitute(child, parts))


def rebuild(e, change) -> ast.expr:
    """Copy a node with every expression directly in it changed."""
    fields = {}
    for field, value in ast.iter_fields(e):
        if isinstance(value, ast.expr):
            value = change(value)
        elif isinstance(value, list):
            value = [change(v) if isinstance(v, ast.expr) else v for v in value]
        fields[field] = value
    return type(e)(**fields)


def constant(e):
    """Return the value of a constant, or None."""
    if isinstance(e, ast.Constant) and type(e.value) in (int, float):
        return e.value
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        value = constant(e.operand)
        return None if value is None else -value
    return None


def number(value) -> ast.expr:
    """Return the expression of a number; a negative one is written as ``-value``."""
    if isinstance(value, bool | np.bool_):
        return ast.Constant(bool(value))
    value = int(value) if isinstance(value, int | np.integer) else float(value)
    if value != value or abs(value) == np.inf:
        word = _parse("np.nan" if value != value else "np.inf")
        return ast.UnaryOp(ast.USub(), word) if value < 0 else word
    negative = value < 0 or (value == 0 and str(value)[0] == "-")
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if negative else ast.Constant(value)


def fold(e) -> ast.expr:
    """Simplify an expression where the result stays the same to the last bit."""
    e = rebuild(e, fold)
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        return _negative(e.operand)
    if isinstance(e, ast.BinOp):
        return _binary(e)
    if isinstance(e, ast.IfExp) and show(e.body) == show(e.orelse):
        return e.body
    if isinstance(e, ast.IfExp) and isinstance(e.test, ast.Constant):
        return e.body if e.test.value else e.orelse
    return e


def _negative(e):
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        return e.operand
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Sub) and constant(e.left) != 0:
        return ast.BinOp(e.right, ast.Sub(), e.left)
    return ast.UnaryOp(ast.USub(), e)


def _is_negative(e):
    return isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub) and constant(e) is None


def _binary(e):
    a, b, op = e.left, e.right, type(e.op)
    x, y = constant(a), constant(b)
    if x is not None and y is not None:
        try:
            value = OPERATIONS[op](x, y)
        except (ArithmeticError, ValueError):
            return e  # division by zero: what comes of it is seen when the text runs
        return number(value) if type(value) in (int, float) else e
    if op in (ast.Add, ast.Sub):
        other = ast.Sub if op is ast.Add else ast.Add
        if y == 0:
            return a
        if x == 0:
            return b if op is ast.Add else _negative(b)
        if _is_negative(b):
            return _binary(ast.BinOp(a, other(), b.operand))
        return _binary(ast.BinOp(a, other(), number(-y))) if y is not None and y < 0 else e
    if op in (ast.Mult, ast.Div):
        if y == 1:
            return a
        if x == 1 and op is ast.Mult:
            return b
        if x == -1 and op is ast.Mult:
            return _negative(b)
        if y == -1:
            return _negative(a)
        if _is_negative(a):
            return _negative(_binary(ast.BinOp(a.operand, e.op, b)))
        if _is_negative(b):
            return _negative(_binary(ast.BinOp(a, e.op, b.operand)))
    if op is ast.Pow and y == 1:
        return a
    return e


def total(parts) -> ast.expr:
    """Add expressions up, from the left; an empty sum is 0.0."""
    result = ast.Constant(0.0)
    for part in parts:
        result = fold(ast.BinOp(result, ast.Add(), part))
    return result


def cost(e) -> int:
    """Count the operations of an expression; a function or a division counts as ten."""
    if isinstance(e, ast.Subscript):
        return 0
    heavy = isinstance(e, ast.Call) or isinstance(
        getattr(e, "op", None), ast.Div | ast.Pow | ast.Mod
    )
    own = 10 if heavy else isinstance(e, ast.BinOp | ast.IfExp)
    return own + sum(cost(child) for child in ast.iter_child_nodes(e))


def free(base, taken) -> str:
    """Return a name that is not taken yet, and take it: x, x_2, x_3, ..."""
    name, k = base, 1
    while name in taken:
        k += 1
        name = f"{base}_{k}"
    taken.add(name)
    return name


def names(node) -> set:
    """Names that an expression or a statement mentions (without np and names of functions)."""
    found = set()

    def visit(node):
        if isinstance(node, ast.Name):
            found.add(node.id)
            return
        function = getattr(node, "func", None)
        for child in ast.iter_child_nodes(node):
            if child is not function or not isinstance(child, ast.Name):
                visit(child)

    visit(node)
    return found - {"np"}


def split(e):
    """Return an operation as (its line in the table of derivatives, its arguments)."""
    if isinstance(e, ast.BinOp):
        symbol = show(ast.BinOp(ast.Name("a"), e.op, ast.Name("b")))
        return symbol, [e.left, e.right]
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        return "-a", [e.operand]
    if isinstance(e, ast.Call):
        return f"{show(e.func)}({', '.join('ab'[: len(e.args)])})", e.args
    return None, []


def assign(target, value, line=None, made=True) -> ast.Assign:
    """Return ``target = value``; `made` says that no person gave the name."""
    target = _parse(target) if isinstance(target, str) else target
    return mark(ast.Assign([target], value, lineno=1), line, made)


def new_array(name, shape, make="np.zeros") -> ast.Assign:
    """Return the statement that makes an array."""
    return assign(name, fill(f"{make}({shape[0] if len(shape) == 1 else tuple(shape)})"))


def add_to(target, value, line=None) -> ast.stmt:
    """Return ``target += value``."""
    return mark(ast.AugAssign(target, ast.Add(), value), line, True)


def loop(name, span, body, line=None) -> ast.For:
    """Return ``for name in range(*span): body``."""
    span = [number(s) if isinstance(s, int) else s for s in span]
    call = ast.Call(ast.Name("range"), span, [])
    return mark(ast.For(ast.Name(name), call, body, [], lineno=1), line, True)


def over_entries(new, shape, write, base="k", line=None) -> ast.For:
    """Return the loops over all places of a shape around the statement ``write(indices)``."""
    index = [new(base) for _ in shape]
    body = [write(index)]
    for name, n in zip(index[::-1], shape[::-1], strict=True):
        body = [loop(name, [n], body, line)]
    return body[0]


def set_entries(new, array, shape, value, line=None) -> ast.For:
    """Return the loop that sets all entries of an array; ``[]`` in `value` is the place."""

    def write(index):
        place = f"[{', '.join(index)}]"
        return assign(f"{array}{place}", fill(value.replace("[]", place)))

    return over_entries(new, shape, write, line=line)


def backwards(call):
    """Return the range that counts the other way."""
    span = [constant(a) for a in call.args]
    if None not in span:
        back = range(*span)[::-1]
        return fill(f"range({back.start}, {back.stop}, {back.step})")
    start, stop, step = (
        (call.args[0], call.args[-1], 1) if len(span) == 2 else (number(0), call.args[0], 1)
    )
    if len(span) == 3:
        start, stop, step = *call.args[:2], span[2]
    parts = {"a": start, "b": stop, "c": number(step)}
    if step == 1:
        return fill("range(b - 1, a - 1, -1)", **parts)
    sign = 1 if step > 0 else -1
    last = fill(f"a + ((b - a - {sign}) // c) * c", **parts)
    return fill(f"range(last, a - {sign}, -c)", last=last, **parts)


def mark(statement, line, made=True):
    """Note the source line of a statement, and whether it was made by a pass."""
    statement.line, statement.made = line, made
    return statement


def is_memory(statement) -> bool:
    """Whether a statement makes an array (or a list that keeps numbers)."""
    if not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    made = isinstance(value, ast.Call) and getattr(value.func, "attr", "") in ("empty", "zeros")
    return made or isinstance(value, ast.List)


def place_of(statement):
    """Return what an assignment writes: a name or an entry; None for another statement."""
    if isinstance(statement, ast.Assign):
        return statement.targets[0]
    return statement.target if isinstance(statement, ast.AugAssign) else None


def target_of(statement) -> str | None:
    """Return the name of the number or the array that an assignment writes."""
    place = place_of(statement)
    return place.value.id if isinstance(place, ast.Subscript) else place and place.id


def sets_number(statement) -> bool:
    """Whether a statement gives a number its value."""
    plain = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    return plain and not is_memory(statement)


def entry_like(array, place) -> ast.Subscript:
    """Return the entry of another array at the same place."""
    return ast.Subscript(ast.Name(array, ast.Load()), place.slice, ast.Load())


def blocks(statement) -> list:
    """Return the blocks inside a statement."""
    if isinstance(statement, ast.If):
        return [statement.body, statement.orelse]
    return [statement.body] if isinstance(statement, ast.For | ast.While) else []


def head(statement):
    """Return the expression that a loop or a branch starts with."""
    return statement.iter if isinstance(statement, ast.For) else statement.test


def clone(statements) -> list:
    """Copy statements and those inside of them. Expressions are never changed, hence shared."""
    copies = [copy.copy(s) for s in statements]
    for s in copies:
        if blocks(s):
            s.body = clone(s.body)
        if isinstance(s, ast.If):
            s.orelse = clone(s.orelse)
    return copies


def own(lowered):
    """Return a lowered function whose statements, arguments and shapes may be changed."""
    tree = copy.copy(lowered.tree)
    tree.body, tree.args = clone(tree.body), copy.copy(tree.args)
    tree.args.args = list(tree.args.args)
    return replace(lowered, tree=tree, shapes=dict(lowered.shapes))


def walk(statements):
    """Yield every statement, those inside of blocks too."""
    for s in statements:
        yield s
        for block in blocks(s):
            yield from walk(block)


def written(statements) -> set:
    """Names that the statements assign or write into."""
    found = set()
    for s in walk(statements):
        if isinstance(s, ast.For):
            found.add(s.target.id)
        elif isinstance(s, ast.Expr):
            found |= set(call_effects(s.value)[0])
        elif target_of(s):
            found.add(target_of(s))
            if is_pop(s.value):
                found.add(s.value.func.value.id)
    return found


def is_pop(e) -> bool:
    """Whether an expression takes the last number off a list."""
    return isinstance(e, ast.Call) and isinstance(e.func, ast.Attribute) and e.func.attr == "pop"


def call_effects(call):
    """Return what a primitive or ``list.append`` writes, and what it reads, as lists of names."""
    if isinstance(call.func, ast.Attribute):  # kept.append(x)
        return [call.func.value.id], sorted(names(call.args[0]))
    arrays = [a.value.id if isinstance(a, ast.Subscript) else a.id for a in call.args]
    kept = (len(arrays) - 1) // 2 if call.func.id.endswith("_vjp") else 1
    return arrays[:kept], arrays[kept:]


def refuse(construct, remedy, statement, lowered):
    """Raise the error of a statement that a pass does not cover."""
    raise TransformError(construct, remedy, getattr(statement, "line", None), lowered.origin)
