"""Loops that a compiler can run in vector registers: the same numbers, written another way.

With this module one can: make a function in the in-place form faster, and still read it.

- Two loops over all entries of a matrix become one loop over its memory.
- A factor that is spread over a matrix, ``p[j] / r2[i, j]``, is written down first, so that the
  division is a loop over the memory as well.
- What a loop adds to a derivative, ``p_bar[0] += e``, may be added in any order: whoever wrote f
  did not write this sum. So a register can hold eight partial sums.
- Many entries of derivatives that are added to one by one are written in the order of the memory,
  for a caller's loop will soon read them, eight at a time.

Nothing else changes: a sum that stands in f keeps its order.
"""

import ast
import copy

SLOW = (ast.Div, ast.Pow)
MANY = 16  # entries in a row whose order begins to matter


def vectors(tree) -> ast.FunctionDef:
    """Return the function with its loops written for vector registers.

    Parameters
    ----------
    tree : ast.FunctionDef
        A function in the in-place form; it is left as it is.

    Examples
    --------
    >>> f = ast.parse('''def f(du, u, p, t, work):
    ...     for i in range(3):
    ...         for j in range(3):
    ...             du[3 * i + j] = p[j] / u[3 * i + j] ** 1.5''').body[0]
    >>> print(ast.unparse(vectors(f)))
    def f(du, u, p, t, work):
        for i in range(3):
            for j in range(3):
                du[3 * i + j] = p[j]
        for i in range(9):
            du[i] = du[i] / u[i] ** 1.5
    """
    tree = copy.deepcopy(tree)
    tree.body = _block(tree.body)
    if tree.name.endswith("_vjp"):
        body = _sorted(tree.body, [a.arg for a in tree.args.args])
        tree.body = [_AnyOrder().visit(s) if isinstance(s, ast.For) else s for s in body]
    return ast.fix_missing_locations(tree)


def _block(body):
    """A block of statements, each replaced by one or more."""
    result = []
    for s in body:
        if isinstance(s, ast.For):
            for loop in _spread(s) or [s]:
                loop = _collapsed(loop)
                loop.body = _block(loop.body)
                result.append(loop)
        elif isinstance(s, ast.If | ast.While):
            s.body, s.orelse = _block(s.body), _block(s.orelse)
            result.append(s)
        else:
            result.append(s)
    return result


# --- sums of derivatives ---


class _AnyOrder(ast.NodeTransformer):
    """``p_bar[0] += e`` in a loop becomes ``p_bar[0] = in_any_order(p_bar[0], e)``."""

    def visit_AugAssign(self, node):
        if not (_is_derivative(node) and isinstance(node.target.slice, ast.Constant)):
            return node  # over a short row partial sums would not pay
        before = ast.Subscript(node.target.value, node.target.slice, ast.Load())
        call = ast.Call(ast.Name("in_any_order", ast.Load()), [before, node.value], [])
        return ast.Assign([node.target], call)


def _is_derivative(s):
    """Whether a statement adds to an entry of a derivative."""
    return isinstance(s, ast.AugAssign) and s.target.value.id.endswith("_bar")


def _sorted(body, arguments):
    """Move what is added to single entries of arguments to the end, in the order of the memory.

    That changes nothing as long as nobody reads what is added to, and what is added keeps its
    value until the end.
    """
    adding = [s for s in body if _is_derivative(s) and s.target.value.id in arguments]
    if len(adding) < MANY or not all(isinstance(s.target.slice, ast.Constant) for s in adding):
        return body
    targets, read = [], set()
    for n in (n for s in body for n in ast.walk(s) if isinstance(n, ast.stmt)):
        if isinstance(n, ast.Expr):  # a primitive, which writes somewhere
            return body
        if isinstance(n, ast.Assign | ast.AugAssign | ast.For):
            targets.append(n.targets[0] if isinstance(n, ast.Assign) else n.target)
        for part in ("value", "test", "iter"):
            read |= _names(getattr(n, part, ast.Pass()))
    set_once = [t.id for t in targets if isinstance(t, ast.Name)]
    written = {t.value.id for t in targets if isinstance(t, ast.Subscript)}
    moved = set().union(*(_names(s.value) for s in adding))
    if read & {s.target.value.id for s in adding} or moved & written:
        return body
    if any(set_once.count(name) > 1 for name in moved):
        return body
    places = [(arguments.index(s.target.value.id), s.target.slice.value) for s in adding]
    order = sorted(range(len(adding)), key=places.__getitem__)
    return [s for s in body if s not in adding] + [adding[k] for k in order]


def _names(e):
    """The names in an expression."""
    return {n.id for n in ast.walk(e) if isinstance(n, ast.Name)}


# --- two loops into one ---


def _collapsed(loop):
    """``for i: for j:`` over all entries of a matrix as one loop over its memory."""
    inner = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(inner, ast.For):
        return loop
    m, n = _count(loop), _count(inner)
    i, j = loop.target.id, inner.target.id
    if m is None or n is None or any(isinstance(s, ast.For | ast.While) for s in inner.body):
        return loop
    flat = _Flat(i, j, n)
    body = [flat.visit(copy.deepcopy(s)) for s in inner.body]
    if any(isinstance(n, ast.Name) and n.id in (i, j) for s in body for n in ast.walk(s)):
        return loop  # the place is used otherwise than as n * i + j
    body = [_Rename(flat.mark, i).visit(s) for s in body]
    turns = ast.parse(f"range({m * n})", mode="eval").body
    return ast.For(ast.Name(i, ast.Store()), turns, body, [])


class _Flat(ast.NodeTransformer):
    """Replaces ``n * i + j`` by one variable."""

    def __init__(self, i, j, n):
        self.mark, self.wanted = f"{i} {j}", {f"{n} * {i} + {j}", f"{j} + {n} * {i}"}

    def visit_BinOp(self, node):
        if ast.unparse(node) in self.wanted:
            return ast.Name(self.mark, ast.Load())
        return self.generic_visit(node)


class _Rename(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit_Name(self, node):
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def _count(loop):
    """How many turns a loop ``range(n)`` takes; None for any other loop."""
    arguments = loop.iter.args
    return getattr(arguments[0], "value", None) if len(arguments) == 1 else None


# --- one factor first ---


def _spread(loop):
    """Write a factor ``p[j]`` into the whole matrix first, where a slow operation waits for it."""
    loop = copy.deepcopy(loop)
    inner = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(inner, ast.For) or _count(loop) is None or _count(inner) is None:
        return None
    *before, s = inner.body  # numbers that have a name, and one entry
    if not all(isinstance(x, ast.Assign) and isinstance(x.targets[0], ast.Name) for x in before):
        return None
    if not isinstance(s, ast.Assign) or not isinstance(s.targets[0], ast.Subscript):
        return None
    target, flat = s.targets[0], _Flat(loop.target.id, inner.target.id, _count(inner))
    if not isinstance(flat.visit(copy.deepcopy(target.slice)), ast.Name):
        return None
    entries = [e for x in inner.body for e in ast.walk(x.value) if isinstance(e, ast.Subscript)]
    factors = [
        e for e in ast.walk(s.value) if isinstance(e, ast.Subscript)
        and isinstance(e.slice, ast.Name) and e.slice.id in (loop.target.id, inner.target.id)
    ]  # fmt: skip
    slow = any(isinstance(e, ast.BinOp) and isinstance(e.op, SLOW) for e in ast.walk(s.value))
    if not slow or len(factors) != 1 or any(e.value.id == target.value.id for e in entries):
        return None
    here = ast.Subscript(copy.deepcopy(target.value), copy.deepcopy(target.slice), ast.Load())
    first = ast.Assign([copy.deepcopy(target)], copy.deepcopy(factors[0]))
    rest = ast.Assign([target], _Swap(factors[0], here).visit(s.value))
    loops = [_nest(loop, inner, [first]), _nest(loop, inner, [*before, rest])]
    return loops if _collapsed(loops[1]) is not loops[1] else None


def _nest(loop, inner, body):
    """Two loops with the heads of these two."""
    within = ast.For(inner.target, inner.iter, body, [])
    return copy.deepcopy(ast.For(loop.target, loop.iter, [within], []))


class _Swap(ast.NodeTransformer):
    """Replaces one node of a tree."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)
