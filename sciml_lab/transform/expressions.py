"""Reading the expressions of a source: what is known is computed, the rest becomes values."""

import ast
import contextlib
import functools
import types

import numpy as np

from sciml_lab.transform import numpy_arrays, numpy_rules, numpy_sums
from sciml_lab.transform import source as sources
from sciml_lab.transform.algebra import OPERATIONS
from sciml_lab.transform.calls import Calls
from sciml_lab.transform.frames import Frame, Local, Undefined, unknown
from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import (
    UNROLL,
    Array,
    NeedsStatic,
    Num,
    as_condition,
    as_number,
    binary,
    call,
    choose,
    elementwise,
    is_number,
    kind,
    node,
)  # fmt: skip

_GATHER = (np.array, np.asarray, np.stack, np.sum, sum)


class Expressions(Calls):
    """Evaluate expressions of the source in a `Frame`."""

    def eval(self, tree, frame):
        """Return the value of an expression."""
        self.here = tree.lineno
        rule = getattr(self, f"_eval_{type(tree).__name__}", None)
        if rule is None:
            self.fail(f"the expression `{ast.unparse(tree)}`", "write it with plain arithmetic.")
        return rule(tree, frame)

    def _eval_Constant(self, tree, frame):
        if isinstance(tree.value, complex):
            self.fail("a complex number", "separate real and imaginary parts.")
        return tree.value

    def _eval_Name(self, tree, frame):
        around = frame
        while around is not None:
            if tree.id in around.env:
                value = around.env[tree.id]
                if isinstance(value, Undefined):
                    self.fail(f"{tree.id}, which {value.why},", "give it a value before.")
                return value
            if around.function is not None:
                return self.outside(around.function, tree.id)
            around = around.parent
        raise AssertionError("a frame without a function")

    def outside(self, function, name):
        """Return what a free name stands for, and remember that it was read."""
        value = sources.look_up(function, name)
        if value is sources.MISSING:
            self.fail(f"the name {name}, which has no value,", "define it first.")
        self.note_read(function, name, functools.partial(sources.look_up, function, name), value)
        return self.from_outside(name, value)

    def _eval_Attribute(self, tree, frame):
        owner, name = self.eval(tree.value, frame), tree.attr
        if isinstance(owner, Array | Num):
            return self.attribute(owner, name)
        try:
            value = getattr(owner, name)
        except AttributeError:
            self.fail(f"`{ast.unparse(tree)}`", f"{type(owner).__name__} has no such attribute.")
        if not isinstance(owner, types.ModuleType | np.ndarray | list | dict | tuple | str):
            self.note_read(owner, name, functools.partial(getattr, owner, name, None), value)
        return value if isinstance(owner, np.ndarray) else self.from_outside(name, value)

    def attribute(self, owner, name):
        """Attributes of arrays and numbers that are known only later."""
        shape = owner.shape if isinstance(owner, Array) else ()
        known = {"shape": shape, "ndim": len(shape), "size": int(np.prod(shape, dtype=int))}
        known["dtype"] = np.dtype(float)
        if name in known:
            return known[name]
        if name == "real":
            return owner
        if name == "T" and isinstance(owner, Array):
            return numpy_arrays.transpose(self, owner)
        if name in numpy_rules.METHODS:
            return numpy_rules.Method(name, owner)
        return self.fail(f"the attribute .{name} of an array", "use a NumPy function instead.")

    def _eval_Tuple(self, tree, frame):
        return tuple(self.items(tree.elts, frame))

    def _eval_List(self, tree, frame):
        return self.items(tree.elts, frame)

    def items(self, trees, frame):
        """Values of the entries of a list, starred ones spread."""
        values = []
        for item in trees:
            if isinstance(item, ast.Starred):
                values.extend(self.sequence(self.eval(item.value, frame)))
            else:
                values.append(self.eval(item, frame))
        return values

    def _eval_Dict(self, tree, frame):
        result = {}
        for key, tree_of_value in zip(tree.keys, tree.values, strict=True):
            value = self.eval(tree_of_value, frame)
            result.update(value if key is None else {self.eval(key, frame): value})
        return result

    def _eval_JoinedStr(self, tree, frame):
        return ast.unparse(tree)

    def _eval_Slice(self, tree, frame):
        parts = [tree.lower, tree.upper, tree.step]
        return slice(*(None if p is None else self.eval(p, frame) for p in parts))

    def _eval_Lambda(self, tree, frame):
        return self.local(tree, frame)

    def local(self, tree, frame):
        """Return a function defined inside of the source; its defaults are evaluated now."""
        spec = tree.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)][-len(spec.defaults) or 99 :]
        given = [*zip(names, spec.defaults, strict=True)]
        given += [(a.arg, d) for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d]
        return Local(tree, frame, {n: self.bind(n, self.eval(d, frame)) for n, d in given})

    def _eval_NamedExpr(self, tree, frame):
        frame.env[tree.target.id] = self.bind(tree.target.id, self.eval(tree.value, frame))
        return frame.env[tree.target.id]

    # Operators.
    def _eval_BinOp(self, tree, frame):
        left, op, below = self.eval(tree.left, frame), type(tree.op), tree.right
        if op is ast.Div and isinstance(below, ast.BinOp) and isinstance(below.op, ast.Pow):
            base, exponent = self.eval(below.left, frame), self.eval(below.right, frame)
            return self.operate(op, left, self.power(base, exponent, below=True))
        right = self.eval(tree.right, frame)
        return self.power(left, right) if op is ast.Pow else self.operate(op, left, right)

    def power(self, a, b, below=False):
        """``a ** b``; for halves by a square root, ten times as fast, where a slope at 0 allows."""
        if not (is_number(b) and kind(b) == "f" and b % 1 == 0.5 and abs(b) < 4 and unknown(a)):
            return self.operate(ast.Pow, a, b)
        if b > 1 and not below:
            return self.operate(ast.Pow, a, b)

        def root(x):
            x = self.name("base", x)
            product = call("sqrt", x)
            for _ in range(int(abs(b))):
                product = binary(ast.Mult, x, product)
            return product if b > 0 else binary(ast.Div, 1.0, product)

        return self.over(root, a)

    def operate(self, op, a, b):
        """``a op b`` for any two values."""
        if not unknown(a, b):
            return OPERATIONS[op](a, b)
        if (
            isinstance(a, list | tuple)
            and isinstance(b, list | tuple | int)
            and op in (ast.Add, ast.Mult)
        ):
            return OPERATIONS[op](a, b)
        if op is ast.MatMult:
            return numpy_sums.matmul(self, a, b)
        return self.over(lambda x, y: self.scalar(op, x, y), a, b)

    def over(self, rule, *args):
        """Apply a rule of numbers to numbers or, entry by entry, to arrays."""
        args = [self.operand(a) for a in args]
        return elementwise(rule, *args) if any(isinstance(a, Array) for a in args) else rule(*args)

    def operand(self, x):
        """Return a value as a number or an array."""
        if is_number(x) or isinstance(x, Num | Array):
            return x
        if isinstance(x, np.ndarray | list | tuple):
            return self.array(x)
        return self.fail(f"arithmetic with {type(x).__name__}", "use numbers and arrays.")

    def scalar(self, op, a, b):
        """``a op b`` for numbers, where one may be a condition."""
        if op in (ast.BitAnd, ast.BitOr) and "i" not in kind(a) + kind(b):
            word = ast.And() if op is ast.BitAnd else ast.Or()
            return Num(ast.BoolOp(word, [as_condition(a), as_condition(b)]), "b")
        if op in (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift):
            self.fail(f"the operator {op.__name__} of numbers", "use arithmetic.")
        if kind(a) == kind(b) == "b" and op is not ast.Mult:
            self.fail("arithmetic with two conditions", "use np.where(condition, 1.0, 0.0).")
        return binary(op, a, b)

    def _eval_UnaryOp(self, tree, frame):
        value, op = self.eval(tree.operand, frame), type(tree.op)
        if not unknown(value):
            return OPERATIONS[op](value)
        if op is ast.UAdd:
            return value
        if op in (ast.Not, ast.Invert):
            if isinstance(value, Array) and op is ast.Not:
                self.fail("`not` of an array", "use ~.")
            return self.over(lambda x: Num(ast.UnaryOp(ast.Not(), as_condition(x)), "b"), value)
        return self.negative(value)

    def negative(self, value):
        """``-value`` for a number or an array."""
        if isinstance(value, Array):
            return elementwise(self.negative, value)
        if not isinstance(value, Num):
            return -value
        value = as_number(value)
        low, high = (None if x is None else -x for x in (value.high, value.low))
        return Num(ast.UnaryOp(ast.USub(), value.node), value.kind, low, high)

    def _eval_Compare(self, tree, frame):
        values = [self.eval(v, frame) for v in (tree.left, *tree.comparators)]
        parts = []
        for op, a, b in zip(tree.ops, values[:-1], values[1:], strict=True):
            parts.append(self.compare(type(op), a, b))
        if len(parts) > 1 and any(isinstance(p, Array | np.ndarray) for p in parts):
            self.fail("a chain of comparisons of arrays", "use & between two of them.")
        known = [p for p in parts if not isinstance(p, Num | Array)]
        if len(parts) > 1 and not all(known):
            return False
        later = [p for p in parts if isinstance(p, Num | Array)]
        if not later:
            return known[-1]
        if len(later) == 1:
            return later[0]
        return Num(ast.BoolOp(ast.And(), [p.node for p in later]), "b")

    def compare(self, op, a, b):
        """``a op b`` for a comparison."""
        if op in (ast.Is, ast.IsNot, ast.In, ast.NotIn) and (
            not unknown(a) or not unknown(b) or a is b
        ):
            if op in (ast.In, ast.NotIn) and unknown(a):
                self.fail("`in` with a number known only later", "compare with == and `or`.")
            return OPERATIONS[op](a, b)
        if not unknown(a, b):
            return OPERATIONS[op](a, b)

        def rule(x, y):
            if unknown(x, y):
                return Num(ast.Compare(node(x), [op()], [node(y)]), "b")
            return OPERATIONS[op](x, y)

        return self.over(rule, a, b)

    def _eval_BoolOp(self, tree, frame):
        word, value = type(tree.op), self.eval(tree.values[0], frame)
        for part in tree.values[1:]:
            if isinstance(value, Array):
                self.fail("`and` or `or` of arrays", "use & and | with parentheses.")
            if not isinstance(value, Num):
                if bool(value) == (word is ast.Or):
                    return value
                value = self.eval(part, frame)
                continue
            value = self.joined(word, value, lambda part=part: self.eval(part, frame))
        return value

    def joined(self, word, first, then):
        """``first and then()`` or ``first or then()``, where `then` may need statements."""
        written, second = self.block_of(then)
        if isinstance(second, Array):
            self.fail("`and` or `or` of arrays", "use & and | with parentheses.")
        if not written and first.kind == "b" == kind(second):
            return Num(ast.BoolOp(word(), [first.node, node(second)]), "b")
        if not (is_number(second) or isinstance(second, Num)):
            self.fail("`and` or `or` of a number and something else", "use `if`.")
        parts = [(written, second), ([], first)][:: 1 if word is ast.And else -1]
        test = self.name("test", first) if written else first
        return self.chosen(test, parts, self.frames[-1].env, "either")

    def _eval_IfExp(self, tree, frame):
        test = self.eval(tree.test, frame)
        if isinstance(test, Array):
            self.fail("an array as a condition", "use np.where.")
        if not isinstance(test, Num):
            return self.eval(tree.body if test else tree.orelse, frame)
        test = self.name("chosen", test) if not isinstance(test.node, ast.Compare) else test
        parts = [self.block_of(lambda e=e: self.eval(e, frame), f"{self.fresh('_if')}.{k}")
                 for k, e in enumerate((tree.body, tree.orelse))]  # fmt: skip
        return self.chosen(test, parts, frame.env)

    def chosen(self, test, parts, env, name="chosen"):
        """Return the value of one of two choices, each (statements, value)."""
        (_, a), (_, b) = parts
        if any(written for written, _ in parts):
            branches = [(written, env, value) for written, value in parts]
            value = self.joint(name, [a, b], branches)
            self.emit_if(test, branches[0][0], branches[1][0])
            return value
        if isinstance(a, Array | np.ndarray) or isinstance(b, Array | np.ndarray):
            test = self.name("chosen", test)
            return self.over(lambda x, y: choose(test, x, y), a, b)
        if isinstance(a, tuple | list) and isinstance(b, tuple | list) and len(a) == len(b):
            test = self.name("chosen", test)
            return type(a)(choose(test, x, y) for x, y in zip(a, b, strict=True))
        return choose(test, self.operand(a), self.operand(b))

    # Indexing, calls and comprehensions.
    def _eval_Subscript(self, tree, frame):
        return self.pick(self.eval(tree.value, frame), self.eval(tree.slice, frame))

    def _eval_Call(self, tree, frame):
        function = self.eval(tree.func, frame)
        if (
            len(tree.args) == 1
            and isinstance(tree.args[0], ast.ListComp | ast.GeneratorExp)
            and any(function is g for g in _GATHER)
        ):
            args = [self.gathered(tree.args[0], frame)]
        else:
            args = self.items(tree.args, frame)
        kwargs = {}
        for k in tree.keywords:
            value = self.eval(k.value, frame)
            kwargs.update(value if k.arg is None else {k.arg: value})
        self.here, guarded = tree.lineno, self.guarded
        if tree is not self.whole:  # entries of arrays may be read on both sides of the call
            self.guarded = guarded | set(self.shapes)
        try:
            return self.call(function, args, kwargs)
        finally:
            self.guarded = guarded

    def _eval_ListComp(self, tree, frame):
        values = []
        self.comprehend(tree, list(tree.generators), frame, values)
        return values

    _eval_GeneratorExp = _eval_ListComp

    def _eval_DictComp(self, tree, frame):
        pairs = []
        pair = ast.copy_location(ast.Tuple([tree.key, tree.value]), tree)
        self.comprehend(pair, list(tree.generators), frame, pairs)
        return dict(pairs)

    def comprehend(self, tree, generators, frame, values):
        """Append the values of a comprehension, written out."""
        element = tree if isinstance(tree, ast.Tuple) else tree.elt
        if not generators:
            values.append(self.eval(element, frame))
            return
        first, *rest = generators
        for item in self.sequence(self.eval(first.iter, frame)):
            inner = Frame(None, frame)
            self.assign(first.target, item, inner)
            tests = [self.eval(test, inner) for test in first.ifs]
            if unknown(*tests):
                self.need_static("a comprehension whose `if` is known only later", "use a loop.")
            if all(tests):
                self.comprehend(tree, rest, inner, values)

    def gathered(self, tree, frame):
        """Return ``[e for i in range(n)]`` inside np.array: one loop instead of n expressions."""
        first = tree.generators[0]
        if len(tree.generators) == 1 and not first.ifs:
            steps = Steps.over(self, self.eval(first.iter, frame))
            if steps is not None and steps.known and len(steps) > 2 * UNROLL and steps.later:

                def entry(k):
                    inner = Frame(None, frame, {})
                    self.assign(first.target, steps.item(k), inner)
                    return self.eval(tree.elt, inner)

                with contextlib.suppress(NeedsStatic):
                    _, value = self.tried(lambda: entry(Num.named("i", "i", 0, 0)))
                    if is_number(value) or isinstance(value, Num):
                        return Array((len(steps),), entry)
        return self._eval_ListComp(tree, frame)
