"""Write a function of the lowered language down as JavaScript, statement by statement.

The language is small, so this is a table of operators and functions, and one case for each kind of
statement. Both languages compute with IEEE doubles in the order in which the text says it.
"""

import ast

from sciml_lab.transform.tree import TransformError

SAME = (
    "sin cos tan sinh cosh tanh exp expm1 log log1p log2 log10 sqrt cbrt floor ceil trunc sign "
    "hypot abs"
)
FUNCTIONS = {
    **{f"np.{name}": f"Math.{name}" for name in SAME.split()},
    **{f"np.arc{x}": f"Math.a{x}" for x in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    "abs": "Math.abs", "np.fabs": "Math.abs", "np.absolute": "Math.abs",
    "int": "Math.trunc", "float": "Number", "max": "greatest", "min": "least",
    "np.maximum": "Math.max", "np.minimum": "Math.min", "np.copysign": "copySign",
    "np.power": "power", "np.float_power": "power", "np.floor_divide": "floorDivide",
    "np.mod": "modulo", "np.remainder": "modulo", "np.rint": "roundEven", "np.round": "roundEven",
    "np.isnan": "Number.isNaN", "np.isfinite": "Number.isFinite",
    "np.empty": "new Float64Array", "np.zeros": "new Float64Array",
}  # fmt: skip

# Names that Python allows and JavaScript does not, or that the printed text uses itself.
WORDS = (
    "arguments case catch const debugger default delete do enum eval export extends function "
    "implements instanceof interface let new null package private protected public static super "
    "switch this throw true false typeof undefined var void Float64Array Infinity Math NaN Number "
    "Object greatest least copySign power floorDivide modulo roundEven"
)
RESERVED = frozenset(WORDS.split())

# From loose to tight: an operand that binds less tightly than its place asks for gets brackets.
CHOICE, OR, AND, COMPARE, SUM, PRODUCT, UNARY, CALL = range(8)
OPERATORS = {
    ast.Add: ("+", SUM), ast.Sub: ("-", SUM), ast.Mult: ("*", PRODUCT), ast.Div: ("/", PRODUCT),
    ast.FloorDiv: "floorDivide", ast.Mod: "modulo", ast.Pow: "power",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!==",
}  # fmt: skip


class Printer:
    """The walk over one function.

    Parameters
    ----------
    names : dict
        Other names for some names of the text.
    """

    def __init__(self, names):
        self.names, self.lines, self.known, self.writes = names, [], [], {}

    def function(self, tree, name) -> str:
        """The whole function."""
        for written in _sets(tree.body):
            self.writes[written] = self.writes.get(written, 0) + 1
        arguments = [a.arg for a in tree.args.args]
        self.lines.append(f"function {identifier(name)}({', '.join(map(self.name, arguments))}) {{")
        self.block(tree.body, 1, set(arguments))
        self.lines.append("}")
        return "\n".join(self.lines)

    def name(self, name) -> str:
        """The JavaScript name."""
        return self.names.get(name) or identifier(name)

    def say(self, depth, text):
        """One line."""
        self.lines.append("  " * depth + text)

    # Statements ----------------------------------------------------------------------------

    def block(self, body, depth, names=()):
        """Statements between braces; `names` are declared already."""
        self.known.append(set(names))
        for statement in body:
            self.statement(statement, depth)
        self.known.pop()

    def statement(self, node, depth):
        """One statement."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.say(depth, f"{self.declare(name)}{self.name(name)} = {self.value(value)};")
            case ast.Assign(targets=[ast.Subscript() as entry], value=value):
                self.say(depth, f"{self.value(entry)} = {self.value(value)};")
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                word, *_ = [self.declare(one.id) for one in names]
                self.say(depth, f"{word}{self.value(node.targets[0])} = {self.value(value)};")
            case ast.AugAssign(target=target, op=op, value=value):
                self.say(
                    depth, f"{self.value(target)} {OPERATORS[type(op)][0]}= {self.value(value)};"
                )
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=limits), body=body):
                self.loop(self.name(name), [self.value(x) for x in limits], depth)
                self.block(body, depth + 1, {name})
                self.say(depth, "}")
            case ast.While(test=test, body=body):
                self.say(depth, f"while ({self.value(test)}) {{")
                self.block(body, depth + 1)
                self.say(depth, "}")
            case ast.If():
                self.branch(node, depth)
            case ast.Expr(value=ast.Call() as call):
                self.say(depth, f"{self.call(call)};")
            case ast.Expr(value=ast.Constant(value=str(text))):
                self.lines += ["  " * depth + f"// {line.strip()}" for line in text.splitlines()]
            case ast.Return(value=value) if value is not None:
                self.say(depth, f"return {self.value(value)};")
            case ast.Return() | ast.Pass():
                pass  # the only return is the last statement
            case _:
                raise _unknown(node, "the lowered language has no such statement.")

    def declare(self, name) -> str:
        """``const``, ``let`` or nothing, for an assignment to this name."""
        if any(name in names for names in self.known):
            return ""
        self.known[-1].add(name)
        return "let " if self.writes[name] > 1 else "const "

    def loop(self, name, limits, depth):
        """The head of a loop over a range."""
        start, stop, step = ["0", *limits, "1"] if len(limits) == 1 else [*limits, "1"][:3]
        sign, move = (
            (">", f"{name} -= {step[1:]}") if step[0] == "-" else ("<", f"{name} += {step}")
        )
        move = {f"{name} += 1": f"{name}++", f"{name} -= 1": f"{name}--"}.get(move, move)
        self.say(depth, f"for (let {name} = {start}; {name} {sign} {stop}; {move}) {{")

    def branch(self, node, depth, word="if"):
        """An ``if``; what both branches set is declared in front of it."""
        if word == "if":
            both = [name for name in dict.fromkeys(_sets(node.body)) if name in _sets(node.orelse)]
            fresh = [name for name in both if self.declare(name)]
            if fresh:
                self.say(depth, f"let {', '.join(map(self.name, fresh))};")
        self.say(depth, f"{word} ({self.value(node.test)}) {{")
        self.block(node.body, depth + 1)
        match node.orelse:
            case [ast.If() as other]:
                self.branch(other, depth, "} else if")
                return
            case [_, *_]:
                self.say(depth, "} else {")
                self.block(node.orelse, depth + 1)
        self.say(depth, "}")

    # Expressions ---------------------------------------------------------------------------

    def value(self, node, place=CHOICE) -> str:
        """An expression, in brackets where it binds less tightly than its place asks for."""
        text, strength = self.expression(node)
        return text if strength >= place else f"({text})"

    def expression(self, node) -> tuple:
        """An expression and how tightly it binds."""
        match node:
            case ast.Constant(value=value):
                text = number(value)
                return text, UNARY if text[0] == "-" else CALL
            case ast.Name(id=name):
                return self.name(name), CALL
            case ast.Subscript(value=array, slice=ast.Slice(lower=low, upper=high)):
                ends = [self.value(low) if low else "0"] + ([self.value(high)] if high else [])
                return f"{self.value(array, CALL)}.subarray({', '.join(ends)})", CALL
            case ast.Subscript(value=array, slice=index):
                return f"{self.value(array, CALL)}[{self.value(index)}]", CALL
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return f"-{self.value(x, CALL)}", UNARY
            case ast.UnaryOp(op=ast.Not(), operand=x):
                return f"!{self.value(x, CALL)}", UNARY
            case ast.BinOp(left=x, op=ast.Pow(), right=ast.Constant(value=2 | 2.0)) if _short(x):
                return f"{self.value(x, CALL)} * {self.value(x, CALL)}", PRODUCT
            case ast.BinOp(left=x, op=ast.FloorDiv() | ast.Mod() | ast.Pow() as op, right=y):
                return f"{OPERATORS[type(op)]}({self.value(x)}, {self.value(y)})", CALL
            case ast.BinOp(left=x, op=op, right=y):
                sign, strength = OPERATORS[type(op)]
                return f"{self.value(x, strength)} {sign} {self.value(y, strength + 1)}", strength
            case ast.BoolOp(op=op, values=values):
                sign, strength = ("&&", AND) if isinstance(op, ast.And) else ("||", OR)
                return f" {sign} ".join(self.value(x, strength + 1) for x in values), strength
            case ast.Compare(left=x, ops=[op], comparators=[y]):
                sign = OPERATORS[type(op)]
                return f"{self.value(x, SUM)} {sign} {self.value(y, SUM)}", COMPARE
            case ast.IfExp(test=test, body=x, orelse=y):
                return f"{self.value(test, OR)} ? {self.value(x, OR)} : {self.value(y)}", CHOICE
            case ast.Tuple(elts=values):
                return f"[{', '.join(map(self.value, values))}]", CALL
            case ast.Call():
                return self.call(node), CALL
        raise _unknown(node, "the lowered language has no such expression.")

    def call(self, node) -> str:
        """A call of NumPy's functions, of Python's, or of a function of this module."""
        name = ast.unparse(node.func)
        arguments = ", ".join(self.value(x) for x in node.args)
        if name in FUNCTIONS:
            return f"{FUNCTIONS[name]}({arguments})"
        if "." in name:
            raise _unknown(node, f"JavaScript knows {', '.join(FUNCTIONS)}.", f"`{name}`")
        return f"{self.name(name)}({arguments})"


def _unknown(node, remedy, what=None):
    return TransformError(what or f"`{ast.unparse(node)}`", remedy, getattr(node, "line", None))


def _short(node):
    """Whether an expression is a name or an entry: free to be written twice."""
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.BinOp)
    )


def _sets(body):
    """Names that a block assigns, once for each time."""
    assigned = [n for statement in body for n in ast.walk(statement) if isinstance(n, ast.Assign)]
    targets = [target for n in assigned for target in n.targets]
    names = [getattr(target, "elts", [target]) for target in targets]
    return [one.id for group in names for one in group if isinstance(one, ast.Name)]


def identifier(name) -> str:
    """A name of Python as one of JavaScript: no word of the language, and no helper."""
    return f"{name}$" if name in RESERVED else name


def number(x) -> str:
    """A number so that both languages read the same double."""
    if isinstance(x, bool):
        return "true" if x else "false"
    text = repr(x) if isinstance(x, int) and abs(x) < 2**53 else repr(float(x))
    return text.replace("inf", "Infinity").replace("nan", "NaN")
