"""Symbols: what a readable formula leaves behind when it runs on names instead of numbers.

A `Symbol` stands for a number or for the entries ``[i]`` of an array, and every operation on it
makes a larger expression. A `Program` writes such expressions down as statements of the lowered
language. `sciml_lab/backends/unroll.py` runs the solvers' own formulas on them.
"""

import ast

import numpy as np

from sciml_lab.transform.algebra import show, substitute
from sciml_lab.transform.tree import Lowered

#: Inputs that are numbers; every other input is an array of length n, or p or work.
NUMBERS = {"t", "h", "n", "theta", "span"}

# An operation is a text with holes, as in the table of derivatives.
ARITHMETIC = {"add": "a + b", "sub": "a - b", "mul": "a * b", "truediv": "a / b", "pow": "a ** b"}
CONDITIONS = {
    "lt": "a < b", "le": "a <= b", "gt": "a > b", "ge": "a >= b", "eq": "a == b",
    "or": "a or b", "and": "a and b",
}  # fmt: skip
SIGN = "1.0 if a > 0.0 else -1.0"  # of a number that is not zero
WHERE = "b if a else c"
UFUNCS = {
    np.add: "a + b", np.subtract: "a - b", np.multiply: "a * b", np.true_divide: "a / b",
    np.power: "a ** b", np.less: "a < b", np.less_equal: "a <= b", np.greater: "a > b",
    np.greater_equal: "a >= b", np.equal: "a == b", np.bitwise_or: "a or b",
    np.bitwise_and: "a and b", np.minimum: "np.minimum(a, b)", np.maximum: "np.maximum(a, b)",
    np.absolute: "abs(a)", np.negative: "-a", np.sqrt: "np.sqrt(a)",
    np.isfinite: "np.isfinite(a)", np.sign: SIGN,
}  # fmt: skip


class Symbol:
    """An expression that stands for a number, or for the entries of an array one by one.

    Parameters
    ----------
    kind : str
        "name" for a leaf, otherwise the operation: a text in a, b, c such as "a * b".
    parts : tuple
        The name of a leaf, or the operands: symbols and numbers.
    array : bool
        Whether it has entries.

    Examples
    --------
    >>> u, h = Symbol.named("u", True), Symbol.named("h", False)
    >>> print(Program().text(u + h * (0.5 * u)))
    u[i] + h * (0.5 * u[i])
    """

    shape, size, dtype = (), 1, np.dtype(object)  # arrays of symbols, one an increment, say

    def __init__(self, kind, parts, array):
        self.kind, self.parts, self.array = kind, parts, array

    @classmethod
    def named(cls, name, array):
        """A leaf: an input, or a number that has a name."""
        return cls("name", (name,), array)

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        if method != "__call__" or options or ufunc not in UFUNCS:
            return NotImplemented
        return _operation(UFUNCS[ufunc], *operands)

    def __array_function__(self, function, types, arguments, options):
        return _operation(WHERE, *arguments) if function is np.where else NotImplemented

    def ravel(self):
        """Itself: what holds for the entries one by one holds in any shape."""
        return self

    def __abs__(self):
        return _operation("abs(a)", self)

    def __neg__(self):
        return _operation("-a", self)

    __hash__ = object.__hash__


def _teach_operators():
    """Give `Symbol` the operators of Python."""
    for name, kind in (ARITHMETIC | CONDITIONS).items():
        mine = lambda self, other, kind=kind: _operation(kind, self, other)  # noqa: E731
        theirs = lambda self, other, kind=kind: _operation(kind, other, self)  # noqa: E731
        setattr(Symbol, f"__{name}__", mine)
        setattr(Symbol, f"__r{name}__", theirs)


_teach_operators()


def _operation(kind, *operands):
    """A larger expression; a factor of one and a product with zero are not written down."""
    operands = [x.item() if isinstance(x, np.ndarray) else x for x in operands]
    operands = tuple(x if isinstance(x, Symbol) else float(x) for x in operands)
    a, b = (None if isinstance(x, Symbol) else x for x in (operands[0], operands[-1]))
    neutral = {"a * b": 1.0, "a + b": 0.0}.get(kind, "none")
    if kind == "a * b" and 0.0 in (a, b):
        return 0.0
    if neutral in (a, b):
        return operands[-1] if a == neutral else operands[0]
    if kind == "a ** b" and b == 0.5:
        kind, operands = "np.sqrt(a)", operands[:1]
    return Symbol(kind, operands, any(isinstance(x, Symbol) and x.array for x in operands))


class Program:
    """Statements of the lowered language, written down while something runs on symbols.

    Attributes
    ----------
    body : list of ast.stmt
        The statements so far.
    places : dict
        Name of the array that a symbol is written to, by the symbol's id.
    """

    def __init__(self):
        self.body, self.places, self._named, self._kept = [], {}, {}, []

    # From symbols to expressions -----------------------------------------------------------

    def expression(self, x, inside=False):
        """The syntax tree of an expression; `inside` a loop over the entries or not."""
        if not isinstance(x, Symbol):
            return ast.Constant(x)
        if id(x) in self._named:
            return ast.Name(self._named[id(x)], ast.Load())
        if x.kind == "name":
            return ast.parse(x.parts[0] + "[i]" * x.array, mode="eval").body
        if inside and not x.array:  # a number is computed once, in front of the loop
            return self.number(x)
        return _write(x.kind, [self.expression(part, inside) for part in x.parts])

    def number(self, x, name=None):
        """Give a number a name, and return the name."""
        name = name or f"s{len(self._named) + 1}"
        self.say(f"{name} = {self.text(x)}")
        self._named[id(x)] = name
        self._kept.append(x)  # or its id might be given to another
        return ast.Name(name, ast.Load())

    def text(self, x, inside=False) -> str:
        """An expression as text."""
        return show(ast.fix_missing_locations(self.expression(x, inside)))

    def rename(self, x, name):
        """Name the place that a stage point has been written to."""
        place = self.places.get(id(x))
        if place is None:
            return
        for node in (node for statement in self.body for node in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id == place:
                node.id = name
        self.places[id(x)] = name

    # Statements ----------------------------------------------------------------------------

    def say(self, code):
        """Write statements down."""
        self.body += ast.parse(code).body

    def write(self, name, x):
        """``for i in range(n): name[i] = x``."""
        self.say(f"for i in range(n):\n    {name}[i] = {self.text(x, inside=True)}")

    def mean_square(self, x, lanes=False):
        """A sum over the entries, divided by their number (see `explicit.mean_square`)."""
        k = len(self._named) + 1
        entry, total, value = f"x{k}", f"sum{k}", self.text(x, inside=True)
        square = f"{entry} = {value}\n    {total}_next = {total} + {entry} * {entry}"
        self.say(f"{total} = 0.0\nfor i in range(n):\n    {square}\n    {total} = {total}_next")
        mean = Symbol.named(total, False) / Symbol.named("n", False)
        self.number(mean, f"mean{len(self._named) + 1}")
        return mean

    def right_hand_side(self, results):
        """An ``f(u, p, t)`` that writes its calls down; its results get these names in turn."""
        names = iter(results)

        def f(u, p, t):
            self.name_repeated(u, t)
            result = next(names)
            place = u.parts[0] if u.kind == "name" else f"v{result[1:]}"
            if u.kind != "name":
                self.write(place, u)
                self.places[id(u)] = place
                self._kept.append(u)
            self.say(f"f({result}, {place}, p, {self.text(t)}, work)")
            return Symbol.named(result, True)

        return f

    def function(self, name, inputs, returns=None) -> Lowered:
        """All of it as a function; stage points without a name among the inputs share v."""
        if returns is not None:
            self.name_repeated(returns)
            self.say(f"return {self.text(returns)}")
        points = set(self.places.values()) - set(inputs)
        for node in (node for statement in self.body for node in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id in points:
                node.id = "v"
        arguments = ast.arguments([], [ast.arg(x) for x in inputs], None, [], [], None, [])
        tree = ast.FunctionDef(name, arguments, self.body or [ast.Pass()], [], None, None)
        for number, node in enumerate(self.body):
            node.line = number
        shapes = {x: () if x in NUMBERS else ("n",) for x in inputs}
        return Lowered(ast.fix_missing_locations(tree), shapes, temporaries={"v"} & set(inputs))

    def name_repeated(self, *expressions):
        """Give a name to every number that the expressions need more than once."""
        uses, order = {}, []

        def visit(x):
            if not isinstance(x, Symbol) or x.kind == "name" or id(x) in self._named:
                return
            uses[id(x)] = uses.get(id(x), 0) + 1
            if uses[id(x)] == 1:
                for part in x.parts:
                    visit(part)
                order.append(x)  # after its parts

        for x in expressions:
            visit(x)
        for x in order:
            if uses[id(x)] > 1 and not x.array:
                self.number(x)


def _write(kind, parts):
    """The syntax tree of one operation."""
    if kind not in (WHERE, *CONDITIONS.values()):
        parts = [_as_number(part) for part in parts]
    if kind == "a + b" and _negative(parts[1]):
        parts[1].left.value *= -1.0
        kind = "a - b"
    return substitute(ast.parse(kind, mode="eval").body, dict(zip("abc", parts, strict=False)))


def _as_number(part):
    """A condition that takes part in arithmetic counts as one or zero."""
    if isinstance(part, ast.Compare | ast.BoolOp):
        return ast.IfExp(part, ast.Constant(1.0), ast.Constant(0.0))
    return part


def _negative(part):
    """Whether a product begins with a negative number."""
    product = isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult)
    return product and isinstance(part.left, ast.Constant) and part.left.value < 0
