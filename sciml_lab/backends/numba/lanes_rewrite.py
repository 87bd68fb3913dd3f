"""Choices that hold for every lane: from ``a if c else b`` to ``where(c, a, b)``.

A question about lanes has several answers at once, so the program can't go one way or the other:
both values are computed, and each lane keeps its own. The rewriting touches nothing else, and
leaves alone the questions that have one answer (is this the first turn of the loop?).
"""

# ruff: noqa: D102 - what visit_... does, `ast.NodeTransformer` says

import ast


def rewritten(source) -> str:
    r"""The text of functions, rewritten for lanes.

    Examples
    --------
    >>> print(rewritten("def f(x):\n    return 1.0 if x > 0 and x < 2 else -x"))
    def f(x):
        return where((x > 0) & (x < 2), 1.0, -x)
    """
    return ast.unparse(ast.fix_missing_locations(Rewriter().visit(ast.parse(source))))


class Rewriter(ast.NodeTransformer):
    """Rewrite questions about lanes.

    Parameters
    ----------
    single : callable, optional
        Says of a condition (a node) whether it has one answer for all lanes.
    """

    def __init__(self, single=lambda condition: False):
        self.single = single

    def visit_IfExp(self, node):
        if self.single(node.test):
            return self.generic_visit(node)
        return _where(self.visit(node.test), self.visit(node.body), self.visit(node.orelse))

    def visit_BoolOp(self, node):
        if self.single(node):
            return node
        sign = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        first, *rest = (self.visit(value) for value in node.values)
        for value in rest:
            first = ast.BinOp(first, sign, value)
        return first

    def visit_UnaryOp(self, node):
        if not isinstance(node.op, ast.Not) or self.single(node):
            return self.generic_visit(node)
        return ast.UnaryOp(ast.Invert(), self.visit(node.operand))

    def visit_Compare(self, node):
        """``a < b < c`` is two questions."""
        if len(node.ops) == 1 or self.single(node):
            return self.generic_visit(node)
        left = [node.left, *node.comparators[:-1]]
        pairs = zip(left, node.ops, node.comparators, strict=True)
        return self.visit(ast.BoolOp(ast.And(), [ast.Compare(a, [op], [b]) for a, op, b in pairs]))


def _where(test, a, b):
    """The choice between two numbers, or entry by entry between two tuples."""
    if isinstance(a, ast.Tuple) and isinstance(b, ast.Tuple):
        pairs = zip(a.elts, b.elts, strict=True)
        return ast.Tuple([_where(test, x, y) for x, y in pairs], ast.Load())
    return ast.Call(ast.Name("where", ast.Load()), [test, a, b], [])


class Powers(ast.NodeTransformer):
    """A product of powers is one exponential: ``a * b**c`` is ``exp(log(a) + c * log(b))``."""

    def visit_BinOp(self, node):
        factors = _factors(node)
        if not any(_is_power(x) for x in factors):
            return self.generic_visit(node)
        terms = [self._logarithm(x) for x in factors]
        total = terms[0]
        for term in terms[1:]:
            total = ast.BinOp(total, ast.Add(), term)
        return _call("exp", total)

    def _logarithm(self, x):
        if not _is_power(x):
            return _call("logarithm", self.visit(x))
        return ast.BinOp(self.visit(x.right), ast.Mult(), _call("logarithm", self.visit(x.left)))


def _factors(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _is_power(x):
    return isinstance(x, ast.BinOp) and isinstance(x.op, ast.Pow)


def _call(name, argument):
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])
