"""Reading the expressions of a source: what is known is computed, the rest becomes values."""

import ast
import functools
import types

import numpy as np

from sciml_lab.transform import source as sources
from sciml_lab.transform.tree import Primitive
from sciml_lab.transform.values import (
    OPERATIONS,
    Array,
    NeedsStatic,
    Num,
    as_condition,
    binary,
    choose,
    elementwise,
    is_number,
    kind,
    memory,
    node,
    picked,
    shift,
    subscript,
)
from sciml_lab.transform.writer import Writer

DEEPEST = 40  # calls inside calls
_GATHER = (np.array, np.asarray, np.stack, np.sum, sum)


class Frame:
    """The names of one call: its own, those of the function around it, and those from outside."""

    def __init__(self, function=None, parent=None, env=None):
        self.function, self.parent, self.env = function, parent, {} if env is None else env
        self.mutated = set()


class Local:
    """A function defined inside the source: its tree and where it was defined."""

    def __init__(self, tree, frame):
        self.tree, self.frame = tree, frame


class Undefined:
    """Stands for a name that has no value after a loop or in one of two branches."""

    def __init__(self, why):
        self.why = why


def unknown(*values) -> bool:
    """Whether any of the values, or what they hold, is known only later."""
    return any(
        isinstance(v, Num | Array)
        or (isinstance(v, tuple | list) and unknown(*v))
        or (isinstance(v, dict) and unknown(*v.values()))
        for v in values
    )


class Expressions(Writer):
    """Evaluate expressions of the source in a `Frame`."""

    def __init__(self):
        super().__init__()
        self.reads, self.depth, self.array_names = [], 0, {}

    def eval(self, tree, frame):
        """Return the value of an expression."""
        rule = getattr(self, f"eval_{type(tree).__name__}", None)
        if rule is None:
            self.fail(f"the expression `{ast.unparse(tree)}`", "write it with plain arithmetic.")
        return rule(tree, frame)

    def eval_Constant(self, tree, frame):
        if isinstance(tree.value, complex):
            self.fail("a complex number", "separate real and imaginary parts.")
        return tree.value

    def eval_Name(self, tree, frame):
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
        self.reads.append((functools.partial(sources.look_up, function, name), value))
        if isinstance(value, np.ndarray):
            self.array_names[id(value)] = name
        return value

    def eval_Attribute(self, tree, frame):
        owner, name = self.eval(tree.value, frame), tree.attr
        if isinstance(owner, Array | Num):
            return self.attribute(owner, name)
        try:
            value = getattr(owner, name)
        except AttributeError:
            self.fail(f"`{ast.unparse(tree)}`", f"{type(owner).__name__} has no such attribute.")
        if is_number(value) or isinstance(value, np.ndarray):
            self.reads.append((functools.partial(getattr, owner, name, None), value))
            if isinstance(value, np.ndarray):
                self.array_names[id(value)] = name
        return value

    def attribute(self, owner, name):
        """Attributes of arrays and numbers that are known only later."""
        from sciml_lab.transform import numpy_calls

        shape = owner.shape if isinstance(owner, Array) else ()
        known = {"shape": shape, "ndim": len(shape), "size": int(np.prod(shape, dtype=int))}
        known["dtype"] = np.dtype(float)
        if name in known:
            return known[name]
        if name == "real":
            return owner
        if name == "T" and isinstance(owner, Array):
            return numpy_calls.transpose(self, owner)
        if name in numpy_calls.METHODS:
            return functools.partial(numpy_calls.METHODS[name], self, owner)
        return self.fail(f"the attribute .{name} of an array", "use a NumPy function instead.")

    def eval_Tuple(self, tree, frame):
        return tuple(self.items(tree.elts, frame))

    def eval_List(self, tree, frame):
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

    def eval_Dict(self, tree, frame):
        keys = [self.eval(k, frame) for k in tree.keys]
        return dict(zip(keys, [self.eval(v, frame) for v in tree.values], strict=True))

    def eval_JoinedStr(self, tree, frame):
        return ast.unparse(tree)

    def eval_Slice(self, tree, frame):
        parts = [tree.lower, tree.upper, tree.step]
        return slice(*(None if p is None else self.eval(p, frame) for p in parts))

    def eval_Lambda(self, tree, frame):
        return Local(tree, frame)

    def eval_NamedExpr(self, tree, frame):
        frame.env[tree.target.id] = self.bind(tree.target.id, self.eval(tree.value, frame))
        return frame.env[tree.target.id]

    # Operators.
    def eval_BinOp(self, tree, frame):
        left = self.eval(tree.left, frame)
        before = self.stores
        right = self.eval(tree.right, frame)
        if isinstance(left, Array) and left.place is None and self.stores != before:
            left_is_safe = left.items is not None
            if not left_is_safe:
                self.fail("writing into an array in the middle of an expression", "use two lines.")
        return self.operate(type(tree.op), left, right)

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
            from sciml_lab.transform import numpy_calls

            return numpy_calls.matmul(self, a, b)
        a, b = self.operand(a), self.operand(b)
        if not (isinstance(a, Array) or isinstance(b, Array)):
            return self.scalar(op, a, b)
        return elementwise(lambda x, y: self.scalar(op, x, y), a, b)

    def operand(self, x):
        """Return a value as a number or an array."""
        if is_number(x) or isinstance(x, Num | Array):
            return x
        if isinstance(x, np.ndarray | list | tuple):
            return self.array(x)
        return self.fail(f"arithmetic with {type(x).__name__}", "use numbers and arrays.")

    def scalar(self, op, a, b):
        """``a op b`` for numbers, where one may be a condition."""
        if op in (ast.BitAnd, ast.BitOr) and (kind(a) == "b" or kind(b) == "b"):
            word = ast.And() if op is ast.BitAnd else ast.Or()
            return Num(ast.BoolOp(word, [as_condition(a), as_condition(b)]), "b")
        if op in (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift):
            self.fail(f"the operator {op.__name__} of numbers", "use arithmetic.")
        return binary(op, a, b)

    def eval_UnaryOp(self, tree, frame):
        value, op = self.eval(tree.operand, frame), type(tree.op)
        if not unknown(value):
            return OPERATIONS[op](value)
        if op is ast.UAdd:
            return value
        if op in (ast.Not, ast.Invert):
            if isinstance(value, Array):
                return elementwise(
                    lambda x: Num(ast.UnaryOp(ast.Not(), as_condition(x)), "b"), value
                )
            return Num(ast.UnaryOp(ast.Not(), as_condition(value)), "b")
        return self.negative(value)

    def negative(self, value):
        """``-value`` for a number or an array."""
        if isinstance(value, Array):
            return elementwise(self.negative, value)
        if not isinstance(value, Num):
            return -value
        low, high = (None if x is None else -x for x in (value.high, value.low))
        return Num(ast.UnaryOp(ast.USub(), value.node), value.kind, low, high)

    def eval_Compare(self, tree, frame):
        values = [self.eval(v, frame) for v in (tree.left, *tree.comparators)]
        parts = []
        for op, a, b in zip(tree.ops, values[:-1], values[1:], strict=True):
            parts.append(self.compare(type(op), a, b))
        known = [p for p in parts if not isinstance(p, Num | Array)]
        if any(p is False for p in known):
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
        a, b = self.operand(a), self.operand(b)
        if isinstance(a, Array) or isinstance(b, Array):
            return elementwise(lambda x, y: self.compare(op, x, y), a, b)
        return Num(ast.Compare(node(a), [op()], [node(b)]), "b")

    def eval_BoolOp(self, tree, frame):
        is_and, parts = isinstance(tree.op, ast.And), []
        value = is_and
        for part in tree.values:
            value = self.eval(part, frame)
            if isinstance(value, Array):
                self.fail("`and` or `or` of arrays", "use & and | with parentheses.")
            if isinstance(value, Num):
                parts.append(as_condition(value))
            elif bool(value) != is_and:
                if not parts:
                    return value
                parts.append(ast.Constant(bool(value)))
                break
        return (
            Num(ast.BoolOp(tree.op, parts), "b")
            if len(parts) > 1
            else (Num(parts[0], "b") if parts else value)
        )

    def eval_IfExp(self, tree, frame):
        test = self.eval(tree.test, frame)
        if isinstance(test, Array):
            self.fail("an array as a condition", "use np.where.")
        if not isinstance(test, Num):
            return self.eval(tree.body if test else tree.orelse, frame)
        before = len(self.block)
        a, b = self.eval(tree.body, frame), self.eval(tree.orelse, frame)
        if len(self.block) > before and self.path_matters(self.block[before:]):
            self.fail("a loop inside `a if c else b`", "write an `if` statement.")
        if isinstance(a, Array | np.ndarray) or isinstance(b, Array | np.ndarray):
            test = self.name("chosen", test)
            return elementwise(lambda x, y: choose(test, x, y), self.operand(a), self.operand(b))
        if isinstance(a, tuple | list) and len(a) == len(b):
            test = self.name("chosen", test)
            return type(a)(choose(test, x, y) for x, y in zip(a, b, strict=True))
        return choose(test, self.operand(a), self.operand(b))

    @staticmethod
    def path_matters(statements):
        """Whether statements would run for both choices that may not end, or may write."""
        return any(isinstance(s, ast.While | ast.AugAssign) for s in statements)

    # Indexing.
    def eval_Subscript(self, tree, frame):
        return self.pick(self.eval(tree.value, frame), self.eval(tree.slice, frame))

    def pick(self, value, index):
        """``value[index]``."""
        if isinstance(value, Array):
            return self.index(value, index)
        if not unknown(index):
            if isinstance(value, Local | Num):
                self.fail("indexing a number", "leave the index out.")
            return value[index]
        if isinstance(value, np.ndarray):
            return self.index(self.array(value), index)
        if isinstance(value, tuple | list | dict):
            raise NeedsStatic
        return self.fail("this index", "use whole numbers and slices.")

    def index(self, array, index):
        """Entry or part of an array that is known only later."""
        index = index if isinstance(index, tuple) else (index,)
        if any(i is Ellipsis for i in index):
            k = next(k for k, i in enumerate(index) if i is Ellipsis)
            given = sum(i is not None for i in index) - 1
            index = index[:k] + (slice(None),) * (len(array.shape) - given) + index[k + 1 :]
        given = sum(i is not None for i in index)
        if given > len(array.shape):
            self.fail(f"{given} indices for an array of shape {array.shape}", "use fewer.")
        index = index + (slice(None),) * (len(array.shape) - given)
        shape, maps, breaks, axis = [], [], [], 0
        for i in index:
            if i is None:
                shape.append(1)
                breaks.append(set())
                continue
            n = array.shape[axis]
            if isinstance(i, slice):
                start, stop, step = self.limits(i, n)
                count = len(range(start, stop, step))
                maps.append((len(shape), lambda k, a=start, s=step: self.along(k, a, s)))
                shape.append(count)
                breaks.append({(b - start) // step for b in array.breaks[axis]} & set(range(count)))
            elif is_number(i) or isinstance(i, Num):
                maps.append((None, self.entry_number(i, n)))
            elif isinstance(i, np.ndarray | list | tuple | range) and not unknown(i):
                places = self.places(i, n)
                maps.append((len(shape), functools.partial(_lookup, places)))
                shape.append(len(places))
                breaks.append(set(range(len(places))))
            else:
                self.fail(
                    "choosing entries by a condition or by numbers known only later",
                    "use np.where, or a loop.",
                )
            axis += 1

        def where(*k):
            return [m if at is None else m(k[at]) for at, m in maps]

        if not shape:
            return array.entry(*where())
        part = picked(array, shape, where, tuple(breaks))
        if array.items is not None:
            return Array(shape, items=part.all())
        return part

    @staticmethod
    def along(k, start, step):
        """Place in the whole of entry k of a slice."""
        return shift(binary(ast.Mult, k, step), start)

    def limits(self, part, n):
        """Return start, stop and step of a slice of n entries."""
        if unknown(part.start, part.stop, part.step):
            self.fail("a slice whose ends are known only later", "use a loop over its entries.")
        return part.indices(n)

    def places(self, chosen, n):
        """Return whole numbers from a list of places or a mask known now."""
        chosen = np.asarray(chosen)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            self.fail("this list of places", "use a list of whole numbers.")
        return [int(c) % n if -n <= c < n else self.entry_number(int(c), n) for c in chosen]

    def entry_number(self, i, n):
        """Return a number of an entry that is not negative."""
        if not isinstance(i, Num):
            if kind(i) != "i" or not -n <= i < n:
                self.fail(f"index {i} of an axis of {n} entries", f"use 0 to {n - 1}.")
            return int(i) % n
        if i.kind != "i":
            self.fail("an index that is not whole", "use int(...).")
        if i.low is not None and i.high is not None:
            if i.low < -n or i.high >= n:
                self.fail(
                    f"index `{ast.unparse(i.node)}` ({i.low} to {i.high}) of {n} entries",
                    "shorten the loop, or use % for a ring.",
                )
            if i.low < 0:  # as in Python, -1 is the last
                return binary(ast.Mod, i, n) if i.high >= 0 else shift(i, n)
        return i

    # Functions.
    def eval_Call(self, tree, frame):
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
        return self.call(function, args, kwargs)

    def call(self, function, args, kwargs):
        """Call a function of the source, of NumPy, or of the user."""
        from sciml_lab.transform import numpy_calls

        if isinstance(function, functools.partial) and not (
            function.func in numpy_calls.METHODS.values() or not unknown(args, kwargs)
        ):
            return self.call(
                function.func, [*function.args, *args], {**function.keywords, **kwargs}
            )
        rule = numpy_calls.find(function)
        if rule is not None and (unknown(args, kwargs) or rule in numpy_calls.MAKERS):
            return rule(self, *args, **kwargs)
        if isinstance(function, Local):
            return self.inline(function.tree, Frame(None, function.frame), args, kwargs)
        if hasattr(function, "as_primitive") and unknown(args, kwargs):
            return self.primitive(function, args)
        if isinstance(function, functools.partial):
            return function(*args, **kwargs)
        if isinstance(getattr(function, "__self__", None), list):
            return self.list_method(function, args)
        if isinstance(function, type) and issubclass(function, tuple):
            return function(*args, **kwargs)
        if not unknown(args, kwargs, getattr(function, "__self__", None)):
            return function(*args, **kwargs)
        if isinstance(function, types.MethodType):
            return self.call(function.__func__, [function.__self__, *args], kwargs)
        if isinstance(function, types.FunctionType):
            return self.inline_function(function, args, kwargs)
        own = getattr(type(function), "__call__", None)
        if isinstance(own, types.FunctionType):
            return self.inline_function(own, [function, *args], kwargs)
        name = getattr(function, "__name__", type(function).__name__)
        return self.fail(
            f"a call of {name}",
            "use functions of NumPy and math, or your own; backend='numpy' takes any Python.",
        )

    def list_method(self, method, args):
        """``append`` and the like, which change a list that is known now."""
        owner = method.__self__
        if self.list_paths.get(id(owner), (None, self.path))[1] != self.path:
            raise NeedsStatic
        return method(*args)

    def inline_function(self, function, args, kwargs):
        """Read the source of a Python function in place of its call."""
        tree, origin = sources.source(function)
        defaults = dict(function.__kwdefaults__ or {})
        names = [a.arg for a in (*tree.args.posonlyargs, *tree.args.args)]
        given = function.__defaults__ or ()
        defaults.update(zip(names[len(names) - len(given) :], given, strict=True))
        outer, self.origin = self.origin, origin
        try:
            return self.inline(tree, Frame(function), args, kwargs, defaults)
        finally:
            self.origin = outer

    def inline(self, tree, frame, args, kwargs, defaults=None):
        """Read the body of a function with these arguments."""
        if self.depth >= DEEPEST:
            self.fail("a function that calls itself without end", "use a loop.")
        values = self.parameters(tree, frame, list(args), dict(kwargs), defaults or {})
        for name, value in values.items():
            frame.env[name] = self.bind(name, value)
        self.depth += 1
        line = self.line
        try:
            if isinstance(tree, ast.Lambda):
                return self.eval(tree.body, frame)
            return self.body(tree, frame)
        finally:
            self.depth -= 1
            self.line = line

    def parameters(self, tree, frame, args, kwargs, defaults):
        """Match arguments and parameters."""
        spec, values = tree.args, {}
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        if not defaults and spec.defaults:
            for name, value in zip(names[-len(spec.defaults) :], spec.defaults, strict=True):
                defaults[name] = self.eval(value, frame.parent or frame)
        title = getattr(tree, "name", "a lambda")
        for k, name in enumerate((*names, *(a.arg for a in spec.kwonlyargs))):
            if k < len(names) and k < len(args):
                values[name] = args[k]
            elif name in kwargs:
                values[name] = kwargs.pop(name)
            elif name in defaults:
                values[name] = defaults[name]
            else:
                self.fail(f"a call of {title} without {name}", "give every argument.")
        rest = args[len(names) :]
        if spec.vararg:
            values[spec.vararg.arg] = tuple(rest)
        elif rest:
            self.fail(f"a call of {title} with {len(args)} arguments", f"give {len(names)}.")
        if spec.kwarg:
            values[spec.kwarg.arg] = kwargs
        elif kwargs:
            self.fail(f"a call of {title} with {min(kwargs)}=...", "leave it out.")
        return values

    def primitive(self, function, args):
        """Call an object that brings its own derivative, such as a network."""
        arrays = [self.flat(self.array(a)) for a in args[:2]]
        made = function.as_primitive(*(a.shape for a in arrays))
        if not isinstance(made, Primitive):
            self.fail(f"{function!r} here", "see sciml_lab.transform.tree.Primitive.")
        known = {id(p): name for name, p in self.primitives.items()}
        name = (
            known.get(id(made))
            or next((n for n, p in self.primitives.items() if p == made), None)
            or self.fresh(made.name)
        )
        self.primitives[name] = made
        out = self.allocate("z", made.shape)
        texts = [self.piece(a) for a in arrays]
        text = ast.Call(ast.Name(name, ast.Load()), [node_of(out), *texts], [])
        self.emit(ast.Expr(text))
        self.stores += 1
        return out

    def flat(self, array):
        """Return an array whose entries lie one after the other in memory."""
        if array.place is not None:
            first, last = array.place(*(0,) * len(array.shape)), None
            if len(first[1]) == 1:
                last = array.place(*(n - 1 for n in array.shape))
                counted = [array.place(*i)[1][0] for i in np.ndindex(array.shape)]
                if counted == list(range(first[1][0], last[1][0] + 1)):
                    return array
            elif array.shape == self.shapes.get(first[0]):
                return array
        return self.materialise(array, "x")

    def piece(self, array):
        """Return ``name`` or ``name[2:7]`` for an array that lies in one piece."""
        name, start = array.place(*(0,) * len(array.shape))
        if array.shape == self.shapes[name] or array.size == int(np.prod(self.shapes[name])):
            return ast.Name(name, ast.Load())
        part = ast.Slice(ast.Constant(start[0]), ast.Constant(start[0] + array.size))
        return ast.Subscript(ast.Name(name, ast.Load()), part, ast.Load())

    # Arrays from lists, and lists from arrays.
    def array(self, value) -> Array:
        """Return a value as an `Array`."""
        from sciml_lab.transform import numpy_calls

        if isinstance(value, Array):
            return value
        if isinstance(value, np.ndarray):
            return self.constant(value)
        if is_number(value) or isinstance(value, Num):
            return Array((), items=[value])
        if isinstance(value, list | tuple | range):
            return numpy_calls.stack(self, list(value))
        return self.fail(f"an array made of {type(value).__name__}", "use a list of numbers.")

    def constant(self, value) -> Array:
        """Return an array of numbers that is known now; it keeps its name."""
        if value.dtype.kind not in "fiub":
            self.fail(f"an array of dtype {value.dtype}", "use real numbers.")
        base = self.array_names.get(id(value), "table")
        for name, known in self.constants.items():
            if known is value:
                return self.named_constant(name, value)
        if value.size <= 16:
            numbers = value.ravel().tolist()
            return Array(value.shape, lambda *i: self.small(base, value, numbers, i))
        return self.named_constant(self.enter_constant(base, value), value)

    def enter_constant(self, base, value):
        """Give an array of numbers a name in the text."""
        for name, known in self.constants.items():
            if known is value:
                return name
        name = self.fresh(base)
        self.constants[name], self.shapes[name] = value, value.shape
        return name

    def named_constant(self, name, value):
        return Array(
            value.shape,
            lambda *i: (
                value[i].item()
                if not unknown(*i)
                else Num(subscript(name, i), "i" if value.dtype.kind in "iu" else "f")
            ),
        )

    def small(self, base, value, numbers, index):
        """Entry of a small table: the number itself where the place is known."""
        if unknown(*index):
            name = self.enter_constant(base, value)
            return Num(subscript(name, index), "i" if value.dtype.kind in "iu" else "f")
        return numbers[int(np.ravel_multi_index(index, value.shape))] if index else numbers[0]

    def sequence(self, value) -> list:
        """Return the items of something that is unpacked or looped over, all of them."""
        if isinstance(value, Array):
            if not value.shape:
                self.fail("unpacking a number", "leave it whole.")
            return [self.index(value, k) for k in range(value.shape[0])]
        if isinstance(value, Num):
            self.fail("unpacking a number", "leave it whole.")
        return list(value)

    # Comprehensions.
    def eval_ListComp(self, tree, frame):
        values = []
        self.comprehend(tree, list(tree.generators), frame, values)
        return values

    eval_GeneratorExp = eval_ListComp

    def eval_DictComp(self, tree, frame):
        pairs = []
        self.comprehend(ast.Tuple([tree.key, tree.value]), list(tree.generators), frame, pairs)
        return dict(pairs)

    def comprehend(self, tree, generators, frame, values):
        """Append the values of a comprehension, written out."""
        element = tree if isinstance(tree, ast.Tuple) else tree.elt
        if not generators:
            values.append(self.eval(element, frame))
            return
        first, *rest = generators
        for item in self.sequence(self.walk(self.eval(first.iter, frame))):
            inner = Frame(None, frame)
            self.assign(first.target, item, inner)
            tests = [self.eval(test, inner) for test in first.ifs]
            if unknown(*tests):
                self.fail("a comprehension whose `if` is known only later", "use a loop.")
            if all(tests):
                self.comprehend(tree, rest, inner, values)

    def gathered(self, tree, frame):
        """Return ``[e for i in range(n)]`` inside np.array: one loop instead of n expressions."""
        from sciml_lab.transform.statements import Steps

        first = tree.generators[0]
        if len(tree.generators) == 1 and not first.ifs:
            steps = Steps.over(self, self.eval(first.iter, frame))
            if steps is not None and steps.known and len(steps) > 2 * 4 and steps.later:

                def entry(k):
                    inner = Frame(None, frame, {})
                    self.assign(first.target, steps.item(k), inner)
                    return self.eval(tree.elt, inner)

                try:
                    mark = self.mark()
                    statements, value = self.block_of(lambda: entry(Num.named("i", "i", 0, 0)))
                    self.rollback(mark)
                    if is_number(value) or isinstance(value, Num):
                        return Array((len(steps),), entry)
                except NeedsStatic:
                    self.rollback(mark)
        values = []
        self.comprehend(tree, list(tree.generators), frame, values)
        return values

    def walk(self, value):
        """Return something whose items can be counted."""
        return value


def node_of(array):
    """Return the name of an array that has memory of its own."""
    return ast.Name(array.place(*(0,) * len(array.shape))[0], ast.Load())


def _lookup(places, k):
    if isinstance(k, Num):
        raise NeedsStatic
    return places[k]


__all__ = ["Expressions", "Frame", "Local", "Undefined", "memory", "unknown"]
