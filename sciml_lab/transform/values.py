"""Values of the transformation: what stands for a number or an array that is not known yet.

While a source is read, everything that is known now (sizes, tables, helper functions) is computed
at once; what will be known only when the function runs is a `Num` or an `Array`. An array is a
shape and a rule that gives the expression of one entry, so that ``a * u + np.roll(v, 1)`` costs
no memory and no loop until it gets a name: then one loop computes all of it.
"""

import ast
from itertools import pairwise, product

import numpy as np

from sciml_lab.transform.algebra import OPERATIONS, number
from sciml_lab.transform.tree import TransformError

LATE = "an entry of a list whose number is known only later,"
REMEDY = "make an array of the list with np.array."
UNROLL = 4  # arrays and loops up to this size are written out


class NeedsStatic(Exception):
    """What can be read only when all its numbers are known: a loop around it is written out."""

    def __init__(self, construct=LATE, remedy=REMEDY, line=None, origin=None):
        super().__init__(construct)
        self.construct, self.remedy, self.line, self.origin = construct, remedy, line, origin


class Num:
    """A number known only later: its expression, and whether it is real, whole or a condition.

    Attributes
    ----------
    node : ast.expr
    kind : {"f", "i", "b"}
    low, high : int or None
        Smallest and largest value of a whole number, where they are known.

    Examples
    --------
    >>> x = Num.named("x")
    >>> ast.unparse(binary(ast.Mult, 2.0, x).node)
    '2.0 * x'
    """

    __slots__ = ("high", "kind", "low", "node")

    def __init__(self, node, kind="f", low=None, high=None):
        self.node, self.kind, self.low, self.high = node, kind, low, high

    @classmethod
    def named(cls, name, kind="f", low=None, high=None):
        """Return the number of this name."""
        return cls(ast.Name(name, ast.Load()), kind, low, high)


def is_number(x) -> bool:
    """Whether x is a number known now."""
    return isinstance(x, int | float | np.number | np.bool_)


def node(x) -> ast.expr:
    """Return the expression of a number, known now or later."""
    return x.node if isinstance(x, Num) else number(x)


def kind(x) -> str:
    """Return the kind of a number: "f" real, "i" whole, "b" a condition."""
    if isinstance(x, Num):
        return x.kind
    if isinstance(x, bool | np.bool_):
        return "b"
    return "i" if isinstance(x, int | np.integer) else "f"


def bounds(x):
    """Return the smallest and the largest value of a whole number (None: not known)."""
    return (x.low, x.high) if isinstance(x, Num) else (x, x)


def binary(op, a, b):
    """Return ``a op b`` for two numbers, known now or later; `op` is a class of `ast`."""
    if not (isinstance(a, Num) or isinstance(b, Num)):
        return OPERATIONS[op](a, b)
    a, b = (as_number(x) for x in (a, b))
    whole = kind(a) == kind(b) == "i" and op is not ast.Div
    if not whole:
        return Num(ast.BinOp(node(a), op(), node(b)))
    if op is ast.Sub and not isinstance(b, Num):
        return shift(a, -b)
    if op is ast.Add and not isinstance(b, Num):
        return shift(a, b)
    if op is ast.Add and not isinstance(a, Num):
        return shift(b, a)
    if op is ast.Mult and 1 in (a, b):
        return a if b == 1 else b
    if op is ast.Pow:  # 2**i is real where i < 0
        whole = not isinstance(b, Num) and b >= 0
        return Num(ast.BinOp(node(a), op(), node(b)), "i" if whole else "f")
    low, high = _whole_bounds(op, a, b)
    if op is ast.Mod and not isinstance(b, Num) and low is not None and isinstance(a, Num):
        inside = a.low is not None and a.high is not None and a.low // b == a.high // b
        if inside:  # the whole range lies in one period
            return shift(a, -b * (a.low // b))
    return Num(ast.BinOp(node(a), op(), node(b)), "i", low, high)


def as_number(x):
    """Return a number; a condition in arithmetic counts as one or zero."""
    if isinstance(x, Num) and x.kind == "b":
        return Num(ast.IfExp(x.node, ast.Constant(1.0), ast.Constant(0.0)))
    return float(x) if isinstance(x, bool | np.bool_) else x


def _whole_bounds(op, a, b):
    (a0, a1), (b0, b1) = bounds(a), bounds(b)
    if op is ast.Mod and not isinstance(b, Num) and b > 0:
        return 0, b - 1
    if None in (a0, a1, b0, b1) or op not in (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv):
        return None, None
    if op is ast.FloorDiv and (b0 is None or b1 is None or b0 <= 0 <= b1):
        return None, None
    corners = [OPERATIONS[op](x, y) for x in (a0, a1) for y in (b0, b1)]
    return min(corners), max(corners)


def shift(index, by):
    """Return a whole number plus a constant, with constants gathered: i + 1 - 1 is i."""
    if not isinstance(index, Num):
        return index + by
    base, old = index.node, 0
    if (
        isinstance(base, ast.BinOp)
        and isinstance(base.op, ast.Add | ast.Sub)
        and isinstance(base.right, ast.Constant)
    ):
        old = base.right.value * (1 if isinstance(base.op, ast.Add) else -1)
        base = base.left
    low, high = (None if x is None else x + by for x in (index.low, index.high))
    total = old + by
    if total == 0:
        return Num(base, "i", low, high)
    op = ast.Add() if total > 0 else ast.Sub()
    return Num(ast.BinOp(base, op, ast.Constant(abs(total))), "i", low, high)


def call(name, *args):
    """Return ``np.name(args)``, or ``name(args)`` for abs, min, max, float and int."""
    if name in ("abs", "min", "max", "float", "int"):
        function = ast.Name(name, ast.Load())
    else:
        function = ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load())
    whole = name in ("abs", "min", "max") and all(kind(a) == "i" for a in args)
    result = "i" if name == "int" or whole else "f"
    return Num(ast.Call(function, [node(as_number(a)) for a in args], []), result)


def choose(condition, a, b):
    """Return ``a if condition else b`` for numbers."""
    if not isinstance(condition, Num):
        return a if condition else b
    a, b = as_number(a), as_number(b)
    if "f" in kind(a) + kind(b):
        a, b = (x if isinstance(x, Num) else float(x) for x in (a, b))
    whole = "i" if kind(a) == kind(b) == "i" else "f"
    return Num(ast.IfExp(as_condition(condition), node(a), node(b)), whole)


def as_condition(x) -> ast.expr:
    """Return the expression of a condition; a number counts as true where it is not zero."""
    if not isinstance(x, Num) or x.kind == "b":
        return node(x)
    return ast.Compare(x.node, [ast.NotEq()], [ast.Constant(0 if x.kind == "i" else 0.0)])


class Array:
    """An array known only later: a shape, and a rule that gives the expression of one entry.

    Attributes
    ----------
    shape : tuple of int
    entry : callable
        ``entry(i, j, ...) -> Num or number``; the indices may be known now or later.
    items : list or None
        All entries in order, for a small array that is written out.
    place : callable or None
        ``place(i, j, ...) -> (name, indices)``: where the entry lies, for a piece of memory.
    breaks : tuple of set
        For each axis, where the rule changes: np.roll and np.concatenate have such places.
    named : str or None
        Name that a small array has in the source, or that of the array it is a view of.
    """

    __slots__ = ("breaks", "entry", "items", "named", "place", "shape")

    def __init__(self, shape, entry=None, items=None, place=None, breaks=None, named=None):
        self.shape, self.items, self.place, self.named = tuple(shape), items, place, named
        self.entry = entry or (self._item if items is not None else self._stored)
        self.breaks = breaks or tuple(set() for _ in self.shape)

    @property
    def size(self):
        """Number of entries."""
        return int(np.prod(self.shape, dtype=int))

    def _item(self, *index):
        if any(isinstance(i, Num) for i in index):
            raise NeedsStatic
        return self.items[flat_index(self.shape, index)]

    def _stored(self, *index):
        name, index = self.place(*index)
        return Num(subscript(name, index))

    @property
    def memory(self):
        """Name of the memory that the array is a piece of, or None."""
        return self.place and self.place(*(0,) * len(self.shape))[0]

    def all(self):
        """All entries in order."""
        return [self.entry(*index) for index in product(*map(range, self.shape))]

    def settled(self, listed=False):
        """Return the array written out entry by entry where it is small, or where one asks."""
        return Array(self.shape, items=self.all()) if listed or self.size <= UNROLL else self


def memory(name, shape) -> Array:
    """Return the array of this name: a piece of memory of its own."""
    return Array(shape, place=lambda *index: (name, index))


def subscript(name, index) -> ast.Subscript:
    """Return ``name[i, j]``."""
    parts = [node(i) for i in index]
    inside = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(ast.Name(name, ast.Load()), inside, ast.Load())


def flat_index(shape, index):
    """Return the place of an entry in the order of memory (the last axis runs fastest)."""
    place = 0
    for n, i in zip(shape, index, strict=True):
        place = binary(ast.Add, binary(ast.Mult, place, n), i)
    return place


def reshaped(array, shape) -> Array:
    """Return the same entries, in the same order, in another shape."""
    if array.items is not None:
        return Array(shape, items=array.items, named=array.named)

    def where(*index):
        place, back = flat_index(shape, index), []
        if len(array.shape) == 1:
            return (place,)
        for n in array.shape[:0:-1]:
            back.append(binary(ast.Mod, place, n))
            place = binary(ast.FloorDiv, place, n)
        return (place, *back[::-1])

    return picked(array, shape, where)


def picked(array, shape, where, breaks=None) -> Array:
    """Return the array whose entry ``index`` is the entry ``where(*index)`` of another."""
    place = array.place
    return Array(
        shape,
        lambda *index: array.entry(*where(*index)),
        place=None if place is None else lambda *index: place(*where(*index)),
        breaks=breaks,
    )


def elementwise(rule, *arrays) -> Array:
    """Apply a rule of numbers to all entries, with NumPy's broadcasting."""
    arrays = [x if isinstance(x, Array) else Array((), items=[x]) for x in arrays]
    shapes = [x.shape for x in arrays]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        text = " and ".join(map(str, shapes))
        raise TransformError(f"arithmetic of shapes {text}", "match the shapes.") from None
    stretched = [stretch(x, shape) for x in arrays]
    breaks = tuple(set().union(*(x.breaks[k] for x in stretched)) for k in range(len(shape)))
    result = Array(shape, lambda *i: rule(*(x.entry(*i) for x in stretched)), breaks=breaks)
    return result.settled(any(x.items is not None and x.size > 1 for x in arrays))


def stretch(array, shape) -> Array:
    """Broadcast an array to a shape."""
    if array.shape == tuple(shape):
        return array
    extra = len(shape) - len(array.shape)
    fixed = [n == 1 for n in array.shape]
    breaks = (set(),) * extra + tuple(
        set() if one else b for one, b in zip(fixed, array.breaks, strict=True)
    )

    def where(*index):
        return [0 if one else i for one, i in zip(fixed, index[extra:], strict=True)]

    return Array(shape, lambda *index: array.entry(*where(*index)), breaks=breaks)


def segments(array, axis):
    """Yield the ranges of an axis between the places where the rule changes."""
    cuts = sorted({0, array.shape[axis], *array.breaks[axis]})
    yield from pairwise(cuts)
