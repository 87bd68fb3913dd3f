"""Reading the statements of a source: assignments, branches and loops."""

import ast
import copy

import numpy as np

from sciml_lab.transform.expressions import Expressions
from sciml_lab.transform.frames import Undefined, mutated, unknown
from sciml_lab.transform.jumps import without_jumps
from sciml_lab.transform.values import (
    UNROLL,
    Array,
    Num,
    as_number,
    call,
    elementwise,
    is_number,
    kind,
    node,
    stretch,
)  # fmt: skip

_NOTHING = object()
_ONE_SIDED = Undefined("is set in one branch of an `if` only")
# What changes while text is written, and is put back where the reader tries again.
_STATE = ("used", "shapes", "temporaries", "constants", "primitives", "bare", "active", "stored",
          "frozen")  # fmt: skip


class Statements(Expressions):
    """Execute statements of the source in a `Frame`."""

    def body(self, tree, frame):
        """Read the body of a `def` and return its value."""
        frame.mutated = mutated(tree)
        result = self.run(without_jumps(tree.body), frame)
        result = None if result is _NOTHING else result
        if result is None and self.depth == 0:
            self.fail("a function that returns None", "return an array (is `return` there?).")
        return result

    def run(self, statements, frame):
        """Read statements; return the value of a `return`, or `_NOTHING`."""
        for k, statement in enumerate(statements):
            self.at(statement, frame)
            self.whole = getattr(statement, "value", None)
            if isinstance(statement, ast.Return):
                return None if statement.value is None else self.eval(statement.value, frame)
            if isinstance(statement, ast.If):
                result = self.run_if(statement, statements[k + 1 :], frame)
                if result is not _NOTHING:
                    return result
                continue
            rule = getattr(self, f"_run_{type(statement).__name__}", None)
            if rule is None:
                self.fail(
                    f"the statement `{ast.unparse(statement).splitlines()[0]}`",
                    "keep to assignments, `if`, `for`, `while` and `return`.",
                )
            rule(statement, frame)
        return _NOTHING

    def at(self, statement, frame):
        """Note where we are; in the text, lines of helper functions are the line of their call."""
        self.here = statement.lineno
        if self.depth == 0 or self.line is None:
            self.line = self.here

    # Simple statements.
    def _run_Pass(self, tree, frame):
        """Do nothing."""

    def _run_Assert(self, tree, frame):
        test = self.eval(tree.test, frame)
        if unknown(test):
            self.fail("an `assert` on what is known only later", "check it outside.")
        if not test:
            self.fail(f"`{ast.unparse(tree)}`, which does not hold,", "check the arguments.")

    def _run_Import(self, tree, frame):
        exec(compile(ast.Module([tree], []), "<import>", "exec"), {}, frame.env)

    _run_ImportFrom = _run_Import

    def _run_Expr(self, tree, frame):
        if not isinstance(tree.value, ast.Constant):
            self.eval(tree.value, frame)

    def _run_FunctionDef(self, tree, frame):
        if tree.decorator_list:
            self.fail("a decorator inside of a function", "call the decorator yourself, outside.")
        frame.env[tree.name] = self.local(tree, frame)

    def _run_Raise(self, tree, frame):
        self.fail(f"`{ast.unparse(tree)}`", "check the arguments outside of this function.")

    def _run_Assign(self, tree, frame):
        plain = isinstance(tree.targets[0], ast.Name) and isinstance(tree.value, ast.Call)
        self.hint = tree.targets[0].id if plain else None  # np.zeros(n) gets the name it is given
        value = self.eval(tree.value, frame)
        self.hint = None
        if any(isinstance(t, ast.Tuple | ast.List) for t in tree.targets):
            value = self.evaluated(value, tree.targets)
        for target in tree.targets:
            self.assign(target, value, frame)
            if isinstance(target, ast.Name):
                value = frame.env[target.id]

    def evaluated(self, value, targets):
        """Read all values of ``a[0], a[1] = a[1], a[0]`` before the first is written."""
        stores = any(isinstance(n, ast.Subscript) for t in targets for n in ast.walk(t))
        if not stores or type(value) not in (tuple, list):
            return value
        return [
            self.materialise(x) if isinstance(x, Array) and x.items is None
            else self.bind("x", x) for x in value
        ]  # fmt: skip

    def _run_AnnAssign(self, tree, frame):
        if tree.value is not None:
            self.assign(tree.target, self.eval(tree.value, frame), frame)

    def _run_AugAssign(self, tree, frame):
        value, op = self.eval(tree.value, frame), type(tree.op)
        if isinstance(tree.target, ast.Subscript):
            self.put(tree.target, value, frame, op)
            return
        old = self.eval(tree.target, frame)
        if isinstance(old, Array):
            self.store(old, Ellipsis, value, op)
        elif isinstance(old, list) and op is ast.Add:
            self.container_method(old.extend, old, [self.sequence(value)], {})
        else:
            self.assign(tree.target, self.operate(op, old, value), frame)

    def assign(self, target, value, frame):
        """Bind a target of the source to a value."""
        if isinstance(target, ast.Name):
            in_memory = target.id in frame.mutated
            frame.env[target.id] = self.bind(target.id, value, in_memory)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target.elts, value, frame)
        elif isinstance(target, ast.Subscript):
            self.put(target, value, frame)
        else:
            self.fail(f"the assignment to `{ast.unparse(target)}`", "use a plain name.")

    def put(self, target, value, frame, op=None):
        """``array[index] = value``, or ``op=``, for an array, a list or a dict."""
        array, index = self.eval(target.value, frame), self.eval(target.slice, frame)
        if isinstance(array, Array):
            self.store(array, index, value, op)
        elif isinstance(array, list | dict) and not unknown(index):
            self.own(array)
            value = value if op is None else self.operate(op, array[index], value)
            array[index] = self.bind("item", value)
        elif isinstance(array, list):
            self.need_static()
        elif isinstance(array, np.ndarray):
            self.bind_table(ast.unparse(target.value), array, True)  # fails, or reads again
            self.fail("writing into this array", "make it by np.zeros or np.empty.")
        else:
            self.fail(f"writing into {type(array).__name__}", "write into a new array.")

    def unpack(self, targets, value, frame):
        """``a, *b, c = value``."""
        items = self.sequence(value)
        stars = [k for k, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if stars:
            k, more = stars[0], len(items) - len(targets) + 1
            items = [*items[:k], items[k : k + more], *items[k + more :]] if more >= 0 else items
        if len(items) != len(targets):
            self.fail(
                f"unpacking {len(items)} values into {len(targets)} names",
                "give one name for each value.",
            )
        for target, item in zip(targets, items, strict=True):
            inner = target.value if isinstance(target, ast.Starred) else target
            self.assign(inner, item, frame)

    def store(self, array, index, value, op=None):
        """``array[index] = value``, or ``array[index] op= value``."""
        if array.place is None:
            self.writable(array)
            self.fail("writing into an array that has no name", "make it by np.zeros or .copy().")
        self.note_store(array.memory)
        part = self.index(array, index, for_store=True)
        if isinstance(part, Num):
            part = self.part_of(array, index)
        if op is not None and len(set(self.listed_places(part))) < part.size:
            self.fail("adding to one entry twice in a list of places", "use a loop.")
        value = self.operand(value)
        if not isinstance(value, Array):
            value = Array((), items=[value])
        if op is not None and op is not ast.Add:
            value = elementwise(lambda x, y: self.scalar(op, x, y), part, value)
        value = self.fit(value, part.shape)
        if part.shape and self.reads_elsewhere(part, value):
            value = self.materialise(value)
        self.fill(part, value, add=op is ast.Add)

    def listed_places(self, part):
        """Return the places of a part that a list of places has chosen (others differ anyway)."""
        listed = any(b >= set(range(n)) for b, n in zip(part.breaks, part.shape, strict=True))
        if not listed or part.size > 1000:
            return range(part.size)
        return [ast.dump(part.entry(*i).node) for i in np.ndindex(part.shape)]

    def part_of(self, array, index):
        """Return one entry as a piece of memory without axes."""
        index = index if isinstance(index, tuple) else (index,)
        numbers = [self.entry_number(i, n) for i, n in zip(index, array.shape, strict=True)]
        return Array((), place=lambda: array.place(*numbers))

    def fit(self, value, shape):
        """Broadcast a value to the part that it is written to."""
        while len(value.shape) > len(shape) and value.shape[0] == 1:
            value = self.index(value, 0) if len(value.shape) > 1 else Array((), items=value.all())
        try:
            fits = np.broadcast_shapes(value.shape, shape) == tuple(shape)
        except ValueError:
            fits = False
        if not fits:
            self.fail(f"an array of shape {value.shape} written into {tuple(shape)}", "match them.")
        return stretch(value, shape)

    def reads_elsewhere(self, part, value):
        """Whether the value reads entries of the same memory that are being written."""
        one_by_one = value.items is not None or any(value.breaks) or any(part.breaks)
        if one_by_one and part.size > 64:
            return True
        counters = [Num.named(f"_{k}", "i", 0, n - 1) for k, n in enumerate(part.shape)]
        for index in np.ndindex(part.shape) if one_by_one else [counters]:
            name, place = part.place(*index)
            written, number = self.tried(lambda index=index: value.entry(*index))
            own = [ast.dump(node(i)) for i in place]
            for tree in (n for t in (*written, node(number)) for n in ast.walk(t)):
                if isinstance(tree, ast.Subscript) and tree.value.id == name:
                    inside = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
                    if [ast.dump(i) for i in inside] != own:
                        return True
        return False

    # Branches.
    def run_if(self, tree, rest, frame):
        """Read an `if`; where a branch returns, the rest belongs to the other one."""
        test = self.eval(tree.test, frame)
        if isinstance(test, Array):
            if test.size != 1:
                self.fail("an array as a condition", "use np.where.")
            test = test.entry(*(0,) * len(test.shape))
        if not isinstance(test, Num):
            return self.run(tree.body if test else tree.orelse, frame)
        returns = _returns(tree)
        rest = rest if returns else []
        env, line, number = frame.env, self.line, self.fresh("_branch")
        branches = []
        for side, statements in enumerate((tree.body, tree.orelse)):
            frame.env = dict(env)
            written, result = self.block_of(
                lambda s=statements: self.run([*s, *rest], frame), f"{number}.{side}"
            )
            branches.append((written, frame.env, result))
        self.line = line
        frame.env = env
        if not returns:
            self.merge(frame, branches)
        result = _NOTHING
        if returns:
            results = [b[2] for b in branches]
            if any(r is _NOTHING for r in results):
                self.fail("a branch that returns nothing", "let every branch return a value.")
            result = self.joint("result", results, branches, own=0)
        self.emit_if(test, branches[0][0], branches[1][0])
        return result

    def merge(self, frame, branches):
        """Give each name that the branches set differently one name for both."""
        (_, a, _), (_, b, _) = branches
        env = frame.env
        for name in dict.fromkeys((*a, *b)):
            x, y = a.get(name, _ONE_SIDED), b.get(name, _ONE_SIDED)
            if x is y:
                env[name] = x
            elif isinstance(x, Undefined) or isinstance(y, Undefined):
                env[name] = _ONE_SIDED
            else:
                env[name] = self.joint(name, [x, y], branches)

    def joint(self, name, values, branches, own=1):
        """Return one value for what two branches give, written at the end of each."""
        a, b = values = [zeros_like(y) if x is ... else x for x, y in (values, values[::-1])]
        if a is b or (is_number(a) and is_number(b) and a == b and kind(a) == kind(b)):
            return a
        if all(is_number(v) or isinstance(v, Num) for v in values):
            kinds = kind(a) + kind(b)
            one = kinds[0] if kinds[0] == kinds[1] else "f"
            target = self.fresh(name)
            for value, (written, _, _) in zip(values, branches, strict=True):
                if one == "f" and kind(value) != "f":
                    value = as_number(value)
                    value = call("float", value) if isinstance(value, Num) else float(value)
                self.finish(written, target, value)
            return Num.named(target, one)
        if all(isinstance(v, Array | np.ndarray | list | tuple) for v in values):
            if all(type(v) in (tuple, list) for v in values) and len(a) == len(b):
                parts = zip(a, b, strict=True)
                return type(a)(
                    self.joint(f"{name}_{k}", pair, branches, own) for k, pair in enumerate(parts)
                )
            a, b = self.array(a), self.array(b)
            if a.shape != b.shape:
                return Undefined(f"has shape {a.shape} in one branch and {b.shape} in the other")
            in_memory = name in self.frames[-1].mutated | self.forced
            if not in_memory and (a.size <= UNROLL or a.items is not None or b.items is not None):
                parts = zip(a.all(), b.all(), strict=True)
                items = [self.joint(f"{name}_{k}", p, branches) for k, p in enumerate(parts)]
                target = Array(a.shape, items=items, named=name)
            else:
                target = self.allocate(name, a.shape)
                self.bare.discard(target.memory)
                for value, (written, _, _) in zip((a, b), branches, strict=True):
                    more, _ = self.block_of(lambda v=value: self.fill(target, v), "branch")
                    written.extend(more)
            self.copied_in_branches((a, b), target, branches, own)
            return target
        return Undefined("differs between the branches of an `if`")

    def copied_in_branches(self, values, target, branches, own):
        """Note that the result of a branch is a copy of what may have other names."""
        frame = self.frames[-1]
        env = frame.env
        for value, (_, inside, _) in zip(values, branches, strict=True):
            frame.env = inside
            self.copied(value, target.memory, own)
        frame.env = env

    def finish(self, written, name, value):
        """Write ``name = value`` at the end of a block."""
        more, _ = self.block_of(lambda: self.write(name, value))
        written.extend(more)

    # Trying again.
    def mark(self, frame=None):
        """Remember how far the writing has come, and the names and lists of a frame."""
        state = {name: copy.copy(getattr(self, name)) for name in _STATE}
        env = frame.env if frame else {}
        lists = [(v, list(v)) for v in env.values() if type(v) is list]
        return len(self.block), len(self.allocations), state, frame, env, dict(env), lists

    def rollback(self, mark):
        """Take back what was written since."""
        length, allocated, state, frame, env, names, lists = mark
        del self.block[length:], self.allocations[allocated:]
        vars(self).update({name: copy.copy(value) for name, value in state.items()})
        if frame:
            frame.env = env
            env.clear()
            env.update(names)
            for values, before in lists:
                values[:] = before

    def tried(self, body):
        """Return the statements that `body()` would write, and its result; write none of them."""
        mark = self.mark()
        try:
            return self.block_of(body)
        finally:
            self.rollback(mark)


def zeros_like(value):
    """Return zeros in the form of a value: what a result is before a loop returns it."""
    if isinstance(value, tuple | list):
        return type(value)(map(zeros_like, value))
    if isinstance(value, Array | np.ndarray):
        return Array(value.shape, lambda *index: 0.0).settled()
    return value if value is ... else 0.0


def _returns(tree):
    if isinstance(tree, ast.FunctionDef | ast.Lambda):
        return False
    return isinstance(tree, ast.Return) or any(map(_returns, ast.iter_child_nodes(tree)))
