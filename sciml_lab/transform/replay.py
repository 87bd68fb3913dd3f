"""The forward sweep of a VJP, and how a block computes its values again on the way back.

With this module one can: see what is kept and what is computed twice. Arrays whose entries are
written once have their values still. Of a changing array, each number that is read is kept; of a
number carried by a loop, its value at the start of each turn.
"""

import ast
import copy

from sciml_lab.transform.algebra import (
    assign,
    blocks,
    call_effects,
    fill,
    is_memory,
    mark,
    names,
    new_array,
    number,
    own,
    refuse,
    show,
    target_of,
    written,
)  # fmt: skip
from sciml_lab.transform.prepare import Namer, Names, entry_name, guarded, separate, varied
from sciml_lab.transform.tidy import live
from sciml_lab.transform.usage import Usage


class Replay:
    """What can be computed again, and what must be kept.

    A path says where a statement is: a tuple of (loop or branch, number of its block).
    """

    def __init__(self, lowered, wrt):
        lowered = own(lowered)
        self.lowered, self.wrt, self.body = lowered, wrt, lowered.tree.body
        self.names, self.shapes = Names(lowered), dict(lowered.shapes)
        self.bars = {x: self.names.new(f"{x}_bar") for x in (*wrt, *lowered.outputs)}
        separate(self.body, self.names, names(self.body[-1]), lowered.inputs)
        self.usage = Usage(lowered)
        self.active = varied(self.body, wrt, lowered.origin)
        self.namer = Namer(self.names, self.active)
        self.memory = []  # statements that make arrays and lists
        self.keeps = {}  # number read from a changing array -> (home, where it is kept)
        self.carry = {}  # loop -> {carried number: where it is kept}
        self.phis = {}  # (branch, block) -> names that the branch sets for what follows
        self.counts = {}  # while loop -> name of the number of its turns
        self.prepare(self.body[:-1], (), names(self.body[-1]), self.body)

    # Preparation: names for what is used again, and a place for what must be kept.

    def prepare(self, statements, path, after, block):
        """Name what is used again; decide what is kept."""
        ready, around, self.namer.known = [], self.namer.known, {}
        for k, s in enumerate(statements):
            behind, self.seen = live(statements[k + 1 :], after) if blocks(s) else after, {}
            if isinstance(s, ast.For | ast.While):
                self.prepare_loop(s, path)
                self.prepare(s.body, (*path, (s, 0)), behind | live([s], behind), s.body)
            elif isinstance(s, ast.If):
                self.phis.update({(s, w): written(b) & behind for w, b in enumerate(blocks(s))})
                self.namer.emit, self.namer.line = ready.append, getattr(s, "line", None)
                self.namer.array = lambda e, guard: self.hoist(e, guard, path)
                s.test = self.namer.expression(s.test)
                for which, inside in enumerate(blocks(s)):
                    self.prepare(inside, (*path, (s, which)), behind, inside)
            elif isinstance(s, ast.Assign | ast.AugAssign) and not is_memory(s):
                array = lambda e, guard: self.hoist(e, guard, path)  # noqa: E731
                self.namer.statement(s, ready.append, array, self.stays(target_of(s)))
            elif isinstance(s, ast.Expr):
                self.check_call(s)
            self.namer.forget(written([s]))
            ready.append(s)
        block[: len(statements)], self.namer.known = ready, around

    def stays(self, array):
        """Whether the entries of an array of its own have the same values on the way back."""
        return array not in self.usage.changing and array not in self.lowered.outputs

    def prepare_loop(self, s, path):
        """Find what a loop carries, and make room for it."""
        self.carry[s] = {}
        for x in s.carried:
            self.carry[s][x] = self.storage(f"{x}_kept", ((s, 0),), path)
        if isinstance(s, ast.While):
            self.counts[s] = self.names.new("turns")
            if path and names(s.test) & self.usage.changing:
                refuse(
                    "a `while` inside of a loop or branch, with an array in its condition,",
                    "give the entry a name that the loop carries.", s, self.lowered,
                )  # fmt: skip

    def hoist(self, e, guard, path):
        """Give an entry of a changing array a name where it is read, and keep it if need be."""
        array = e.value.id
        if array not in self.usage.changing:
            return e
        home = self.usage.home.get(array, ())
        if guard is None and show(e) in self.seen:
            return ast.Name(self.seen[show(e)], ast.Load())
        x = self.names.new(entry_name(array, e.slice))
        if guard is None:
            self.seen[show(e)] = x
        self.namer.emit(assign(x, guarded(e, guard), self.namer.line))
        if array in self.active:
            self.active.add(x)
        between = path[len(home) :]
        place = self.storage(f"{x}_kept", between, home) if between else None
        if place and place[0] == "list" and len(between) > 1:
            refuse(
                f"{array}, which changes in a loop of unknown length and is read deeper inside,",
                "write its values into an array that has an entry for each.", e, self.lowered,
            )  # fmt: skip
        self.keeps[x] = (home, place)
        return ast.Name(x, ast.Load())

    def loops(self, path):
        """Return the loops on a path."""
        return [node for node, _ in path if isinstance(node, ast.For | ast.While)]

    def storage(self, base, between, home=()):
        """Make room for one number a turn; return (kind, name, the expression that gets it)."""
        name, loops = self.names.new(base), self.loops(between)
        sizes = [self.usage.extent.get(s) for s in loops]
        if any(isinstance(s, ast.While) for s in loops) or None in sizes:
            self.memory.append(assign(name, fill("[]")))
            return "list", name, fill(f"{name}.pop()")
        if not loops:  # in a branch: one number
            return "number", name, fill(name)
        self.shapes[name] = tuple(sizes)
        self.memory.append(new_array(name, sizes, "np.empty"))
        for node in self.loops(home)[-1:]:
            node.fresh = getattr(node, "fresh", set()) | {name}
        return "array", name, fill(f"{name}[{', '.join(s.target.id for s in loops)}]")

    def check_call(self, s):
        """Refuse a call that has no VJP."""
        _, sources = call_effects(s.value)
        if isinstance(s.value.func, ast.Attribute) or not s.value.func.id.isidentifier():
            refuse("a list in a loop", "write the numbers into an array.", s, self.lowered)
        if s.value.func.id not in self.lowered.primitives:
            refuse(f"the VJP of {s.value.func.id}", "differentiate it forwards.", s, self.lowered)
        for array in sources:
            if array in self.usage.changing:
                refuse(
                    f"{array}, an argument of {s.value.func.id} that changes later,",
                    "copy it into an array of its own before the call.", s, self.lowered,
                )  # fmt: skip

    # The forward sweep, and the values of a block computed again.

    def primal(self, statements, path, level):
        """Return the statements that compute the values of the block `level` from its start on.

        `path` is where the statements are: in the block itself or deeper. Arrays that belong to a
        block around it have their values already; so have the numbers kept for it.
        """
        out = []
        for s in statements:
            if blocks(s):
                again = copy.copy(s)
                inside = [
                    self.primal(b, (*path, (s, w)), level) or [ast.Pass()] * (w == 0)
                    for w, b in enumerate(blocks(s))
                ]
                again.body = inside[0]
                if isinstance(s, ast.If):
                    again.orelse = inside[1]
                elif path == level:
                    again.body = [self.keep(p, x, s) for x, p in self.carry[s].items()] + inside[0]
                    if s in self.counts:
                        self.count(s, out, again.body)
                out.append(again)
            elif isinstance(s, ast.Expr):
                if self.belongs(call_effects(s.value)[0][0], level):
                    out.append(copy.copy(s))
            elif not is_memory(s):
                out += self.primal_assign(s, path, level)
        return out

    def primal_assign(self, s, path, level):
        """Return an assignment, or what gets its value in another way."""
        x = target_of(s)
        if isinstance(s, ast.AugAssign) or isinstance(s.targets[0], ast.Subscript):
            return [copy.copy(s)] if self.belongs(x, level) else []
        if x in self.keeps:
            home, place = self.keeps[x]
            if len(home) < len(level):
                return [assign(x, place[2], s.line)]
            keep = [self.keep(place, x, s)] if place and len(home) == len(level) else []
            return [copy.copy(s), *keep]
        if path == level and level:
            node, which = level[-1]
            fixed = self.carry[node] if node in self.carry else self.phis[node, which]
            if x in fixed:
                return []
        return [copy.copy(s)]

    def belongs(self, array, level):
        """Whether an array belongs to the block `level` or to one inside of it."""
        return len(self.usage.home.get(array, ())) >= len(level)

    def keep(self, place, x, s):
        """Return the statement that keeps a number."""
        kind, name, get = place
        value = ast.Name(x, ast.Load())
        if kind == "list":
            return mark(ast.Expr(fill(f"{name}.append(x)", x=value)), getattr(s, "line", None))
        return assign(get, value, getattr(s, "line", None))

    def count(self, s, out, body):
        """Count the turns of a `while`."""
        turns = self.counts[s]
        out.append(assign(turns, number(0), s.line))
        body.append(assign(f"{turns}_next", fill(f"{turns} + 1")))
        body.append(assign(turns, fill(f"{turns}_next")))
