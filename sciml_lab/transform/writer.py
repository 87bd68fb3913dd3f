"""Writing lowered text: statements, names, and the loops that compute an array."""

import ast
import functools

from sciml_lab.transform.algebra import free
from sciml_lab.transform.reroll import LONG, rolled
from sciml_lab.transform.tree import TransformError
from sciml_lab.transform.values import (
    UNROLL,
    Array,
    Num,
    as_condition,
    as_number,
    binary,
    is_number,
    memory,
    node,
    reshaped,
    segments,
    subscript,
)  # fmt: skip

RESERVED = {"np", "abs", "min", "max", "float", "int", "range", "work"}


def duplicate(tree):
    """Copy a tree: values share the trees of their expressions."""
    if isinstance(tree, list):
        return [duplicate(t) for t in tree]
    if not isinstance(tree, ast.AST) or not tree._fields:
        return tree
    return type(tree)(**{name: duplicate(getattr(tree, name, None)) for name in tree._fields})


class Writer:
    """The statements written so far, and the names they use.

    Attributes
    ----------
    block : list of ast.stmt
        Where the next statement goes: a function, a loop or a branch.
    path : tuple
        The loops and branches around it.
    shapes, temporaries, constants, primitives
        Those of the `Lowered` function to come.
    """

    def __init__(self):
        self.block, self.allocations, self.path = [], [], ()
        self.used, self.active = set(RESERVED), set()
        self.shapes, self.temporaries, self.constants, self.primitives = {}, set(), {}, {}
        self.born, self.line, self.here, self.origin, self.whole = {}, None, None, None, None
        self.counters, self.hint, self.inputs, self.bare = set(), None, (), set()
        self.first = None  # where the source of the function itself is
        self.bases = {}  # the name that a made name is a variant of: x for x_2

    def fail(self, construct, remedy):
        """Raise a `TransformError` for the line that is being read."""
        raise TransformError(construct, remedy, self.here or self.line, self.origin or self.first)

    def fresh(self, base):
        """Return a name that is not used yet: x, x_2, x_3, ..."""
        name = free(base, self.used)
        if name != base:
            self.bases[name] = base
        return name

    def emit(self, statement):
        """Write one statement."""
        statement = duplicate(statement)
        statement.line = self.line
        self.block.append(statement)

    def write(self, name, value):
        """Write ``name = value`` for a number."""
        self.emit(ast.Assign([ast.Name(name, ast.Store())], node(value)))

    def name(self, base, value) -> Num:
        """Give a number a name, unless it is one already."""
        if isinstance(value, Num) and not isinstance(value.node, ast.Name | ast.Constant):
            name = self.fresh(base)
            self.write(name, value)
            return Num.named(name, value.kind, value.low, value.high)
        return value

    def block_of(self, body, *loop):
        """Return the statements that `body()` writes, and its result."""
        outer, path, line, self.block = self.block, self.path, self.line, []
        self.path = (*path, *loop)
        try:
            result = body()
            return self.block, result
        finally:
            self.block, self.path, self.line = outer, path, line

    def enter_constant(self, base, value):
        """Give an array of numbers a name in the text."""
        for name, known in self.constants.items():
            if known is value:
                return name
        name = self.fresh(base)
        self.constants[name], self.shapes[name] = value, value.shape
        return name

    # Memory.
    def allocate(self, base, shape, filled=None) -> Array:
        """Make an array on the outermost level; inside a loop it is filled at each round."""
        if base == "v" and self.hint:
            base, self.hint = self.hint, None
        name = self.fresh(base)
        function = "empty" if filled is None or self.path or filled != 0 else "zeros"
        if filled is None:
            self.bare.add(name)
        size = ast.Tuple([ast.Constant(n) for n in shape], ast.Load())
        text = ast.Attribute(ast.Name("np", ast.Load()), function, ast.Load())
        value = ast.Call(text, [size if len(shape) != 1 else ast.Constant(shape[0])], [])
        statement = ast.Assign([ast.Name(name, ast.Store())], value)
        statement.line = self.line
        (self.allocations if self.path else self.block).append(statement)
        self.shapes[name], self.born[name] = tuple(shape), self.path
        if function == "empty":
            self.temporaries.add(name)
        array = memory(name, shape)
        if function == "empty" and filled is not None:
            self.fill(array, Array(shape, lambda *index: filled))
        return array

    def materialise(self, array, base="v") -> Array:
        """Compute all entries of an array into memory of its own."""
        target = self.allocate(base, array.shape)
        self.bare.discard(target.memory)
        self.fill(target, array)
        return target

    def even(self, array, always=False):
        """Return the array such that one rule gives all entries, for one loop over them."""
        if array.place is None and array.items is None and (always or any(array.breaks)):
            return self.materialise(array)
        return array

    def indexable(self, array, base="v") -> Array:
        """Return the array such that an entry may be asked for by a number known later."""
        if array.place is not None:
            return array
        return self.materialise(array, base)

    def fill(self, target, array, add=False):
        """Write ``target[i] = array[i]`` for all i: loops, written out where they are short."""
        start = len(self.block)
        self._fill(target, array, (), add)
        if len(self.block) - start > LONG:
            table = functools.partial(self.enter_constant, "order")
            self.block[start:] = rolled(self.block[start:], self.loop_name(), table)

    def _fill(self, target, array, index, add):
        axis = len(index)
        if axis == len(target.shape):
            self.store_entry(target, index, array.entry(*index), add)
            return
        for first, last in segments(array, axis):
            listed = array.items is not None or target.items is not None
            if listed or last - first <= (UNROLL if target.size <= UNROLL else 2):
                for i in range(first, last):
                    self._fill(target, array, (*index, i), add)
            else:
                self.loop(first, last, lambda i: self._fill(target, array, (*index, i), add))

    def store_entry(self, target, index, value, add=False):
        """Write ``target[index] = value``, or ``+=``."""
        name, index = target.place(*index)
        place = subscript(name, index)
        place.ctx = ast.Store()
        value = as_number(value) if isinstance(value, Num) else float(value)
        if add:
            self.emit(ast.AugAssign(place, ast.Add(), node(value)))
        else:
            self.emit(ast.Assign([place], node(value)))

    # Loops.
    def loop_name(self, wanted=None):
        """Return a name for the counter of a loop: the wanted one, or the next of i, j, k, l."""
        for name in (wanted, *"ijklmn") if wanted else "ijklmn":
            if name not in self.active and (name not in self.used or name in self.counters):
                self.counters.add(name)
                self.used.add(name)
                return name
        return self.fresh(wanted or "i")

    def loop(self, first, last, body, step=1, wanted=None):
        """Write ``for i in range(first, last, step)`` around what `body(i)` writes."""
        name = self.loop_name(wanted)
        low, high = None, None
        if is_number(first) and is_number(last):
            low, high = sorted((first, first + (len(range(first, last, step)) - 1) * step))
        self.active.add(name)
        try:
            index = Num.named(name, "i", low, high)
            statements, result = self.block_of(lambda: body(index), name)
        finally:
            self.active.discard(name)
        limits = [node(last)] if is_number(first) and first == 0 else [node(first), node(last)]
        if step != 1:
            limits = [node(first), node(last), node(step)]
        counting = ast.Call(ast.Name("range", ast.Load()), limits, [])
        if statements:
            self.emit_compound(ast.For(ast.Name(name, ast.Store()), counting, statements, []))
        return result

    def emit_if(self, test, then, orelse):
        """Write a branch, unless both sides are empty."""
        condition = as_condition(test)
        if not then:
            condition, then, orelse = ast.UnaryOp(ast.Not(), condition), orelse, []
        if then:
            self.emit_compound(ast.If(condition, then, orelse))

    def emit_compound(self, statement):
        """Write a loop or a branch, whose inner statements know their lines already."""
        statement.line = self.line
        self.block.append(statement)

    def reduce(self, op, start, count, entry, listed=False):
        """Return ``start op entry(0) op ... op entry(count - 1)``; `op` combines two numbers.

        Without a start, and where it is written out, the first entry starts.
        """
        if listed or count <= UNROLL:
            return functools.reduce(op, map(entry, range(count))) if count else start
        name = self.fresh("s")
        start = entry(0) if start is None else start
        self.write(name, start if isinstance(start, Num) else float(start))
        total = Num.named(name)
        self.loop(0, count, lambda i: self.write(name, op(total, entry(i))))
        return total

    def total(self, array):
        """Sum of all entries."""
        return self.fold(array, lambda a, b: binary(ast.Add, a, b), 0.0)

    def fold(self, array, op, start=None):
        """Combine all entries of an array; without `start` the first one starts."""
        if array.items is None and array.size > UNROLL:
            array = self.even(array, len(array.shape) > 1)
        flat = array if len(array.shape) == 1 else reshaped(array, (array.size,))
        return self.reduce(op, start, flat.size, flat.entry, flat.items is not None)
