"""Loops: written as loops where they can be, with a place for each value they change."""

import ast
import operator
from itertools import pairwise

import numpy as np

from sciml_lab.transform.frames import Undefined, unknown
from sciml_lab.transform.statements import Statements, zeros_like
from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import UNROLL, Array, NeedsStatic, Num, as_condition, kind, node

LONGEST = 20_000  # statements that a loop may write when it is written out
SHORTEST = 4  # rounds at the ends of a ring, which are written out
LARGEST = 400  # nodes of the body of a loop that is written in pieces
LONGEST_WHILE = 1000  # rounds of a loop in which all is known


class Restart(Exception):
    """A carried number turned out to be real, or not to be carried."""


class Reader(Statements):
    """Read `for` and `while`, and with what it inherits everything else."""

    def _run_For(self, tree, frame):
        if tree.orelse:
            self.fail("`else` after a loop", "use a flag.")
        steps = Steps.over(self, self.eval(tree.iter, frame))
        if steps.known and (len(steps) <= UNROLL or not steps.later):
            self.unrolled(tree, steps, frame)
            return
        mark = self.mark(frame)
        try:
            self.counted(tree, steps, frame)
        except NeedsStatic:
            self.rollback(mark)
            if not steps.known:
                raise
            self.unrolled(tree, steps, frame)

    def unrolled(self, tree, steps, frame):
        """Read the body once for each item."""
        for k in range(len(steps)):
            self.assign(tree.target, steps.item(k), frame)
            self.run(tree.body, frame)
            if len(self.block) > LONGEST:
                self.fail("a loop that must be written out and is too long", "use arrays.")

    def counted(self, tree, steps, frame):
        """Write a loop, with places for the values that change from round to round."""
        targets = _assigned([tree.target])
        names = [n for n in _assigned(tree.body) if n not in targets]
        mark, length = self.mark(frame), len(self.block)
        carried = self.carrying(names, tree, frame, self.turns(tree, steps, frame))
        if steps.counter and steps.known and not carried and len(self.block) > length:
            cuts = _cuts(self.block[-1], steps.counter)
            if cuts:
                self.rollback(mark)
                self.in_pieces(tree, steps.counter, cuts, frame)
        for name in targets:
            frame.env[name] = Undefined("counts a loop that is over")
        if steps.counter and steps.known and not set(targets) & set(_assigned(tree.body)):
            last = steps.item(len(steps) - 1)
            self.assign(tree.target, last, frame)

    def turns(self, tree, steps, frame):
        """Return what writes a loop; it ends each round with what it is given."""

        def write(update):
            def body(k):
                self.assign(tree.target, k if steps.counter else steps.item(k), frame)
                self.run(tree.body, frame)
                update()

            if steps.counter:
                wanted = tree.target.id if isinstance(tree.target, ast.Name) else None
                start, stop, step = steps.counter
                self.loop(start, stop, body, step, wanted)
            else:
                self.loop(0, steps.count, body)

        return write

    def in_pieces(self, tree, counter, cuts, frame):
        """Write a loop in pieces, in each of which ``(i + 1) % n`` is i + 1 or i + 1 - n."""
        before = set(frame.env)
        for first, last in pairwise([counter[0], *cuts, counter[1]]):
            steps = Steps.over(self, range(first, last))
            if last - first > SHORTEST:
                self.carrying(_assigned(tree.body), tree, frame, self.turns(tree, steps, frame))
                continue
            self.unrolled(tree, steps, frame)
            for name in frame.env.keys() - before:
                frame.env[name] = Undefined("is set inside a loop only")

    def _run_While(self, tree, frame):
        if tree.orelse:
            self.fail("`else` after a loop", "use a flag.")
        mark = self.mark(frame)
        test = self.eval(tree.test, frame)
        for _ in range(LONGEST_WHILE):
            if unknown(test):
                break
            if not test:  # everything was known: it has run
                return
            self.run(tree.body, frame)
            test = self.eval(tree.test, frame)
        else:
            self.fail("a loop without end", "let its condition depend on what it computes.")
        self.rollback(mark)

        def write(update):
            before, test = self.block_of(lambda: self.eval(tree.test, frame))

            def body():
                self.run(tree.body, frame)
                again = self.hold("again", self.eval(tree.test, frame)) if before else None
                update()
                if before:
                    self.write(flag, again)

            if isinstance(test, Array):
                self.fail("an array as a condition", "use np.any or np.all.")
            if before:  # the condition needs statements of its own
                flag = self.fresh("again")
                self.write(flag, self.eval(tree.test, frame))
                test = Num.named(flag, "b")
            statements, _ = self.block_of(body, self.fresh("_while"))
            self.emit_compound(ast.While(as_condition(test), statements, []))

        self.carrying(_assigned(tree.body), tree, frame, write)

    def carrying(self, names, tree, frame, write):
        """Read a loop until it is known which names it carries, and which of them are real."""
        plain, outer = _assigned(tree.body, augmented=False), frame.env
        names = [
            n for n in names
            if n in outer and not isinstance(outer[n], Undefined)
            and (n in plain or not _in_place(outer[n]))
        ]  # fmt: skip
        real, fixed, late = set(), set(), {}
        mark = self.mark(frame)
        while True:
            carried = {
                n: self.carry(n, late.get(n, outer[n]), n in real, n in frame.mutated | self.forced)
                for n in names
                if n not in fixed
            }
            frame.env = {**outer, **carried}
            try:
                write(lambda carried=carried: self.update(carried, frame, real, fixed, late))
                break
            except Restart:
                self.rollback(mark)
        inner, frame.env = frame.env, outer
        outer.update(carried)
        for name in inner.keys() - outer.keys():
            outer[name] = Undefined("is set inside a loop only")
        return carried

    def update(self, carried, frame, real, fixed, late):
        """Write ``x = x_next`` for every carried value, at the end of the body."""
        pairs, again = [], False
        for name, old in carried.items():
            new = frame.env[name]
            if isinstance(new, Undefined):
                self.fail(f"{name}, which {new.why},", "give it a value in each round.")
            if old is ... and new is not ...:  # a result: now its form is known
                late[name] = zeros_like(new)
                again = True
            elif new is old or self.unchanged(old, new):
                fixed.add(name)
                again = True
            else:
                self.same_form(old, new, name)
                if any(a.kind != "f" == kind(b) for _, a, b in self.number_pairs(name, old, new)):
                    real.add(name)
                    again = True
                pairs.append((name, old, new))
        if again:
            raise Restart
        targets = {old.memory for _, old, _ in pairs if isinstance(old, Array)} - {None}
        arrays = []
        for k, (name, old, new) in enumerate(pairs):
            if isinstance(new, Array | np.ndarray):
                new = self.array(new)
                self.copied(new, old.memory)
                if (old.items is None and new.place is None) or new.memory in targets:
                    new = self.materialise(new, name)  # all are read before one is written
                pairs[k] = name, old, new
                arrays += [(old, new)] if old.items is None else []
        numbers = [p for name, old, new in pairs for p in self.number_pairs(name, old, new)]
        targets = {old.node.id for _, old, _ in numbers}
        held = []
        for name, old, new in numbers:
            new = self.name(f"{name}_next", new)
            others = {n.id for n in ast.walk(node(new)) if isinstance(n, ast.Name)}
            clash = others & targets - {old.node.id}
            held.append((old, self.hold(f"{name}_next", new) if clash else new))
        for old, new in arrays:
            self.temporaries.discard(old.memory)
            self.fill(old, new)
        for old, new in held:
            self.write(old.node.id, new)

    def hold(self, base, value):
        """Give a value a name of its own even if it is a name."""
        name = self.fresh(base)
        self.write(name, value)
        return Num.named(name, kind(value))

    def number_pairs(self, name, old, new):
        """Yield the numbers of a carried value, with those that they become."""
        if isinstance(old, Num):
            yield name, old, new
        elif isinstance(old, Array):
            if old.items is not None:
                pairs = zip(old.items, self.array(new).all(), strict=True)
                yield from ((f"{name}_{k}", a, b) for k, (a, b) in enumerate(pairs))
        elif type(old) is tuple:
            for k, (a, b) in enumerate(zip(old, new, strict=True)):
                if a is not b:
                    yield from self.number_pairs(f"{name}_{k}", a, b)
        else:
            self.fail(f"{name}, which changes inside a loop,", "use numbers and arrays.")

    def same_form(self, old, new, name):
        """Check that a carried value keeps its form."""
        a, b = (len(x) if type(x) is tuple else getattr(x, "shape", ()) for x in (old, new))
        if isinstance(a, tuple) and isinstance(b, tuple) and a != b:
            what = f"{name}, which changes its shape from {a} to {b},"
            self.fail(what, "give it another name.")
        if a != b:
            self.fail(f"{name}, which changes its form in a loop,", "keep a tuple a tuple.")

    def unchanged(self, old, new):
        """Whether all entries of a small array are still the same numbers."""
        listed = all(isinstance(x, Array) and x.items is not None for x in (old, new))
        return listed and old.shape == new.shape and all(map(operator.is_, old.items, new.items))


def _cuts(loop, counter):
    """Return where the remainders in a loop over a ring jump; none if there are many, or inside."""
    start, stop, step = counter
    if step != 1 or sum(1 for _ in ast.walk(loop)) > LARGEST:
        return []
    cuts = set()
    for n in ast.walk(loop):
        if not (isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod)):
            continue
        size, shift, i = getattr(n.right, "value", None), 0, n.left
        if isinstance(i, ast.BinOp) and isinstance(i.right, ast.Constant):
            shift = i.right.value * {ast.Add: 1, ast.Sub: -1}.get(type(i.op), 0)
            i = i.left if shift else i
        if isinstance(i, ast.Name) and i.id == loop.target.id and isinstance(size, int) and size:
            cuts |= {c for c in range(start + 1, stop) if (c + shift) % size == 0}
    edges = [min(c - start, stop - c) for c in cuts]
    return sorted(cuts) if len(cuts) <= 4 and max(edges, default=9) <= SHORTEST else []


def _in_place(value):
    """Whether ``x += 1`` changes x where it is."""
    return isinstance(value, Array) and value.place is not None


def _assigned(trees, augmented=True) -> list:
    """Names that statements (or targets) assign, in order; without those of ``x += 1`` only."""
    names, todo = {}, list(trees)[::-1]
    while todo:
        tree = todo.pop()
        if isinstance(tree, ast.FunctionDef):
            names[tree.name] = True
        elif isinstance(tree, ast.Name) and isinstance(tree.ctx, ast.Store):
            names[tree.id] = True
        elif not isinstance(tree, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            parts = list(ast.iter_child_nodes(tree))
            if isinstance(tree, ast.AugAssign) and not augmented:
                parts = [tree.value]
            todo.extend(parts[::-1])
    return list(names)
