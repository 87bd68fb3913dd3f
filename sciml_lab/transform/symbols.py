"""Symbols: what a readable formula leaves behind when it runs on names instead of numbers.

A `Symbol` stands for a number or for the entries ``[i]`` of an array, and every operation on it
makes a larger expression. A `Program` writes such expressions down as statements of the lowered
language. `sciml_lab/transform/unroll.py` runs the solvers' own formulas on them.
"""

import ast

import numpy as np

from sciml_lab.transform.tree import Lowered

#: Inputs that are numbers; every other input is an array of length n, or p or work.
NUMBERS = {"t", "h", "n", "theta", "span"}

_BINARY = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "**": ast.Pow}
_COMPARE = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq}
_UFUNCS = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.power: "**",
    np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==",
    np.bitwise_or: "or", np.bitwise_and: "and", np.minimum: "np.minimum", np.maximum: "np.maximum",
    np.absolute: "abs", np.negative: "neg", np.sqrt: "np.sqrt", np.isfinite: "np.isfinite",
    np.sign: "sign",
}  # fmt: skip


class Symbol:
    """An expression that stands for a number, or for the entries of an array one by one.

    Parameters
    ----------
    kind : str
        "name" for a leaf, otherwise the operation.
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

    def __init__(self, kind, parts, array):
        self.kind, self.parts, self.array = kind, parts, array

    @classmethod
    def named(cls, name, array):
        """A leaf: an input, or a number that has a name."""
        return cls("name", (name,), array)

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        if method != "__call__" or options or ufunc not in _UFUNCS:
            return NotImplemented
        return _operation(_UFUNCS[ufunc], *operands)

    def __array_function__(self, function, types, arguments, options):
        return _operation("where", *arguments) if function is np.where else NotImplemented

    def __abs__(self):
        return _operation("abs", self)

    def __neg__(self):
        return _operation("neg", self)

    __hash__ = object.__hash__


def _operator(kind, mirrored=False):
    """The method of `Symbol` for a Python operator."""
    if mirrored:
        return lambda self, other: _operation(kind, other, self)
    return lambda self, other: _operation(kind, self, other)


def _teach_operators():
    """Give `Symbol` the operators of Python."""
    for name, kind in {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**"}.items():
        setattr(Symbol, f"__{name}__", _operator(kind))
        setattr(Symbol, f"__r{name}__", _operator(kind, mirrored=True))
    others = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "or": "or", "and": "and"}
    for name, kind in others.items():
        setattr(Symbol, f"__{name}__", _operator(kind))


_teach_operators()


def _operation(kind, *operands):
    """A larger expression; a factor of one and a product with zero are not written down."""
    operands = tuple(x if isinstance(x, Symbol) else float(x) for x in operands)
    a, b = operands[0], operands[-1]
    if kind == "*" and 0.0 in (_number(a), _number(b)):
        return 0.0
    if (kind == "*" and _number(a) == 1.0) or (kind == "+" and _number(a) == 0.0):
        return b
    if (kind == "*" and _number(b) == 1.0) or (kind == "+" and _number(b) == 0.0):
        return a
    return Symbol(kind, operands, any(isinstance(x, Symbol) and x.array for x in operands))


def _number(x):
    """The value of a number, None for a symbol."""
    return None if isinstance(x, Symbol) else x


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
            return _name(self._named[id(x)])
        if x.kind == "name":
            return _entry(x.parts[0]) if x.array else _name(x.parts[0])
        if inside and not x.array:
            return self.number(x)  # a number is computed once, in front of the loop
        parts = [self.expression(part, inside) for part in x.parts]
        return _write(x.kind, parts)

    def number(self, x, name=None):
        """Give a number a name, and return the name."""
        name = name or f"s{len(self._named) + 1}"
        value = self.expression(x)
        self.body.append(ast.Assign([_name(name, ast.Store())], value))
        self._remember(x, name)
        return _name(name)

    def _remember(self, x, name):
        self._named[id(x)] = name
        self._kept.append(x)  # or its id might be given to another

    def text(self, x) -> str:
        """An expression as text."""
        return ast.unparse(ast.fix_missing_locations(self.expression(x)))

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

    def write(self, name, x):
        """``for i in range(n): name[i] = x``."""
        value = self.expression(x, inside=True)
        self.body.append(_loop(ast.Assign([_entry(name, ast.Store())], value)))

    def mean_square(self, x, lanes=False):
        """A sum over the entries, divided by their number (see `explicit.mean_square`)."""
        entry, total = f"x{len(self._named) + 1}", f"sum{len(self._named) + 1}"
        value = self.expression(x, inside=True)
        lines = f"{total}_next = {total} + {entry} * {entry}\n{total} = {total}_next"
        first = ast.Assign([_name(entry, ast.Store())], value)
        self.body.append(ast.parse(f"{total} = 0.0").body[0])
        self.body.append(_loop(first, *ast.parse(lines).body))
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
            call = f"f({result}, {place}, p, {self.text(t)}, work)"
            self.body.append(ast.parse(call).body[0])
            return Symbol.named(result, True)

        return f

    def function(self, name, inputs, returns=None) -> Lowered:
        """All of it as a function; stage points without a name among the inputs share v."""
        if returns is not None:
            self.name_repeated(returns)
            self.body.append(ast.Return(self.expression(returns)))
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


def _name(name, context=None):
    return ast.Name(name, context or ast.Load())


def _entry(name, context=None):
    return ast.Subscript(_name(name), _name("i"), context or ast.Load())


def _loop(*body):
    return ast.For(_name("i", ast.Store()), ast.parse("range(n)").body[0].value, list(body), [])


def _call(function, *arguments):
    return ast.Call(ast.parse(function).body[0].value, list(arguments), [])


def _write(kind, parts):
    """The syntax tree of one operation."""
    if kind in ("where", "or", "and"):
        if kind == "where":
            return ast.IfExp(*parts)
        return ast.BoolOp(ast.Or() if kind == "or" else ast.And(), parts)
    if kind in _COMPARE:
        return ast.Compare(parts[0], [_COMPARE[kind]()], [parts[1]])
    parts = [_as_number(part) for part in parts]
    if kind == "**" and isinstance(parts[1], ast.Constant) and parts[1].value == 0.5:
        return _call("np.sqrt", parts[0])
    if kind == "+" and _negative(parts[1]):
        parts[1].left.value *= -1.0
        kind = "-"
    if kind in _BINARY:
        return ast.BinOp(parts[0], _BINARY[kind](), parts[1])
    if kind == "neg":
        return ast.UnaryOp(ast.USub(), parts[0])
    if kind == "sign":  # of a number that is not zero
        return ast.IfExp(ast.Compare(parts[0], [ast.Gt()], [ast.Constant(0.0)]),
                         ast.Constant(1.0), ast.Constant(-1.0))  # fmt: skip
    return _call(kind, *parts)


def _as_number(part):
    """A condition that takes part in arithmetic counts as one or zero."""
    if isinstance(part, ast.Compare | ast.BoolOp):
        return ast.IfExp(part, ast.Constant(1.0), ast.Constant(0.0))
    return part


def _negative(part):
    """Whether a product begins with a negative number."""
    first = getattr(part, "left", None) if isinstance(part, ast.BinOp) else None
    return (
        isinstance(part.op if first is not None else None, ast.Mult)
        and isinstance(first, ast.Constant) and first.value < 0
    )  # fmt: skip
