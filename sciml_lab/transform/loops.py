"""Loops: written as loops where they can be, with a place for each value they change."""

import ast

from sciml_lab.transform.frames import Frame, Undefined, unknown
from sciml_lab.transform.statements import Statements
from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import UNROLL, Array, NeedsStatic, Num, as_condition, kind, node

LONGEST = 20_000  # statements that a loop may write when it is written out


class Restart(Exception):
    """A carried number turned out to be real, or not to be carried."""


class Loops(Statements):
    """Read `for` and `while`."""

    def _run_For(self, tree, frame):
        if tree.orelse:
            self.fail("`else` after a loop", "use a flag.")
        steps = Steps.over(self, self.eval(tree.iter, frame))
        if steps.known and (len(steps) <= UNROLL or not steps.later):
            self.unrolled(tree, steps, frame)
            return
        mark = self.mark()
        saved = self.saved(frame)
        try:
            self.counted(tree, steps, frame)
        except NeedsStatic:
            self.rollback(mark)
            self.restore(saved, frame)
            if not steps.known:
                self.fail("a list inside a loop of unknown length", "use an array.")
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
        names = [n for n in _assigned(tree.body) if n not in _assigned_in([tree.target])]

        def write(carried, inner):
            def body(k):
                item = k if steps.counter else steps.item(k)
                self.assign(tree.target, item, inner)
                self.run(tree.body, inner)
                self.update(carried, inner)

            if steps.counter:
                wanted = tree.target.id if isinstance(tree.target, ast.Name) else None
                start, stop, step = steps.counter
                self.loop(start, stop, body, step, wanted)
            else:
                self.loop(0, steps.count, body)

        self.carrying(names, frame, write)
        for name in _assigned_in([tree.target]):
            frame.env[name] = Undefined("counts a loop that is over")

    def _run_While(self, tree, frame):
        if tree.orelse:
            self.fail("`else` after a loop", "use a flag.")
        mark, saved = self.mark(), self.saved(frame)
        test = self.eval(tree.test, frame)
        rounds = 0
        while not unknown(test):  # everything is known now: run it
            if not test:
                return
            rounds += 1
            if rounds > 1000:
                break
            self.run(tree.body, frame)
            test = self.eval(tree.test, frame)
        if not unknown(test):
            self.fail("a loop without end", "let its condition depend on what it computes.")
        self.rollback(mark)
        self.restore(saved, frame)
        names = [*_assigned(tree.body)]

        def write(carried, inner):
            before, test = self.block_of(lambda: self.eval(tree.test, inner))
            if before:
                self.flagged_while(tree, carried, inner)
                return

            def body():
                self.run(tree.body, inner)
                self.update(carried, inner)

            statements, _ = self.block_of(body, self.fresh("_while"))
            self.emit_compound(ast.While(as_condition(test), statements, []))

        self.carrying(names, frame, write)

    def flagged_while(self, tree, carried, inner):
        """Write a loop whose condition needs statements of its own."""
        flag = self.fresh("again")
        self.write(flag, self.eval(tree.test, inner))

        def body():
            self.run(tree.body, inner)
            self.update(carried, inner)
            for name, value in carried.items():
                inner.env[name] = value
            self.write(flag, self.eval(tree.test, inner))

        statements, _ = self.block_of(body, self.fresh("_while"))
        self.emit_compound(ast.While(ast.Name(flag, ast.Load()), statements, []))

    def carrying(self, names, frame, write):
        """Read a loop until it is known which names it carries, and which of them are real."""
        names = [n for n in names if n in frame.env and not isinstance(frame.env[n], Undefined)]
        real, fixed = set(), set()
        mark, saved = self.mark(), self.saved(frame)
        while True:
            carried = {n: self.carry(n, frame.env[n], n in real) for n in names if n not in fixed}
            inner = Frame(frame.function, frame.parent, {**frame.env, **carried})
            inner.mutated = frame.mutated
            self.changes = (real, fixed)
            try:
                write(carried, inner)
                break
            except Restart:
                self.rollback(mark)
                self.restore(saved, frame)
        frame.env.update(carried)
        for name in inner.env.keys() - frame.env.keys():
            frame.env[name] = Undefined("is set inside a loop only")

    def update(self, carried, inner):
        """Write ``x = x_next`` for every carried value, at the end of the body."""
        real, fixed = self.changes
        pairs, again = [], False
        for name, old in carried.items():
            new = inner.env[name]
            if new is old or self.unchanged(old, new):
                fixed.add(name)
                again = True
            else:
                self.same_form(old, new, name)
                again |= self.turns_real(name, old, new, real)
                pairs.append((name, old, new))
        if again:
            raise Restart
        numbers = [p for name, old, new in pairs for p in self.number_pairs(name, old, new)]
        targets = {old.node.id for _, old, _ in numbers}
        held = []
        for name, old, new in numbers:
            others = {n.id for n in ast.walk(node(new)) if isinstance(n, ast.Name)}
            clash = others & targets - {old.node.id}
            held.append((old, self.hold(f"{name}_next", new) if clash else new))
        for old, new in held:
            self.finish(self.block, old.node.id, new)

    def hold(self, base, value):
        """Give a value a name of its own even if it is a name."""
        name = self.fresh(base)
        self.write(name, value)
        return Num.named(name, kind(value))

    def number_pairs(self, name, old, new):
        """Yield the numbers of a carried value; arrays in memory are copied at once."""
        if isinstance(old, Num):
            yield name, old, new
        elif isinstance(old, Array):
            new = self.array(new)
            if old.items is None:
                self.temporaries.discard(old.place(*(0,) * len(old.shape))[0])
                self.fill(old, new if new.place is not None else self.materialise(new, name))
            else:
                pairs = zip(old.items, new.all(), strict=True)
                yield from ((f"{name}_{k}", a, b) for k, (a, b) in enumerate(pairs))
        elif type(old) in (tuple, list):
            for k, (a, b) in enumerate(zip(old, new, strict=True)):
                if a is not b:
                    yield from self.number_pairs(f"{name}_{k}", a, b)
        else:
            self.fail(f"{name}, which changes inside a loop,", "use numbers and arrays.")

    def unchanged(self, old, new):
        """Whether all entries of a small array are still the same numbers."""
        return (
            isinstance(old, Array)
            and isinstance(new, Array)
            and (old.items is not None and new.items is not None)
            and all(a is b for a, b in zip(old.items, new.items, strict=False))
            and (old.shape == new.shape)
        )

    def turns_real(self, name, old, new, real):
        """Whether a whole number becomes a real one in the loop."""
        if isinstance(old, Num) and old.kind != "f" and kind(new) == "f":
            real.add(name)
            return True
        if isinstance(old, Array) and old.items is not None:
            pairs = zip(old.items, self.array(new).all(), strict=True)
            return any([self.turns_real(name, a, b, real) for a, b in pairs])
        if type(old) in (tuple, list):
            return any([self.turns_real(name, a, b, real) for a, b in zip(old, new, strict=True)])
        return False


def _assigned(statements):
    """Names that statements assign, in order."""
    return _assigned_in([s for s in statements if not isinstance(s, ast.FunctionDef)])


def _assigned_in(trees):
    names = {}
    for tree in trees:
        for n in ast.walk(tree):
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
                names[n.id] = True
    return list(names)
