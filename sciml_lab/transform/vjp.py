"""Reverse mode as a program: from the text of f to the text of its vector-Jacobian product.

With this module one can: get ``x_bar = J^T y_bar`` as a function that reads as if a person had
written it. The forward sweep computes what the reverse sweep needs. The reverse sweep goes through
the statements backwards: ``x = e`` hands x's adjoint on to what e was computed from.

- A number's contributions are gathered and added up where the number was computed.
- A loop runs backwards. Each turn starts from the numbers that the loop carries (kept on the way
  forward in ``x_kept``), computes the values of its turn again, then goes through it backwards.
- A branch computes its values again and goes through them backwards.
- An array whose entries are written once still has its values; else each value read is kept.

What of all this is not needed, `tidy` removes.
"""

import ast
import copy
from dataclasses import replace

from sciml_lab.transform.algebra import (
    add_to,
    assign,
    backwards,
    blocks,
    call_effects,
    cost,
    entry_like,
    fill,
    is_memory,
    loop,
    mark,
    names,
    new_array,
    number,
    place_of,
    set_entries,
    sets_number,
    show,
    split,
    substitute,
    target_of,
    total,
    walk,
    written,
)  # fmt: skip
from sciml_lab.transform.gather import gather
from sciml_lab.transform.prepare import entry_name, guarded, partials, slopes
from sciml_lab.transform.replay import Replay
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.tree import Lowered
from sciml_lab.transform.usage import set_first


def vjp(lowered, wrt=("u", "p")) -> Lowered:
    r"""Return the function that computes ``J^T y_bar`` for each of the inputs named in `wrt`.

    Parameters
    ----------
    lowered : Lowered
        A function of inputs ``u, p, ...`` with outputs ``du, ...``.
    wrt : sequence of str
        Inputs to differentiate by.

    Returns
    -------
    Lowered
        ``name_vjp(u, p, ..., du_bar) -> u_bar, p_bar``. Arrays among its outputs start as zeros
        and are only added to.

    Examples
    --------
    >>> from sciml_lab.transform.printing import text
    >>> from sciml_lab.transform.python import read
    >>> f = read("def f(u):\n    y = u[0] * np.sin(u[1])\n    return y", u=(2,))
    >>> print(text(vjp(f, "u")), end="")
    def f_vjp(u, y_bar):
        u_bar = np.zeros(2)
        u_bar[0] += y_bar * np.sin(u[1])  # line 2
        u_bar[1] += u[0] * y_bar * np.cos(u[1])
        return u_bar
    """
    wrt = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    result = tidy(set_first(_Reverse(lowered, wrt).result()))
    gather(result.tree.body)
    return result


class _Pending(dict):
    """Contributions to the adjoints of numbers: lists of expressions, by name.

    `outer` tells what the adjoint of a number from outside of a loop has been given so far.
    """

    def __init__(self, start, outer):
        super().__init__(start)
        self.outer = outer

    def of(self, z):
        """Return the list of contributions to z."""
        if z not in self:
            self[z] = self.outer(z)
        return self[z]


class _Reverse(Replay):
    """The reverse sweep."""

    # The reverse sweep.

    def backward(self, statements, path, pending, out):
        """Write the adjoint of a block to `out`.

        `pending` holds the contributions to the adjoint of each number, as expressions that are
        added up when the sweep comes to the place where the number was computed.
        """
        for s in reversed(statements):
            self.line, self.out, self.pending = getattr(s, "line", None), out, pending
            if isinstance(s, ast.For | ast.While):
                self.backward_loop(s, path, pending, out)
            elif isinstance(s, ast.If):
                self.backward_if(s, path, pending, out)
            elif isinstance(s, ast.Expr):
                self.backward_call(s, out)
            elif isinstance(place_of(s), ast.Subscript):
                self.backward_entry(place_of(s), s, out)
            elif sets_number(s):
                self.backward_number(s, pending, out)

    def backward_number(self, s, pending, out):
        x = target_of(s)
        parts = pending.pop(x, [])
        if x not in self.active or not parts:
            return
        if isinstance(s.value, ast.Name):
            pending.of(s.value.id).extend(parts)
            return
        g = total(parts)
        if not _is_atom(g):
            out.append(assign(self.bar(x), g, _line(parts, self.line)))
            g = ast.Name(self.bar(x), ast.Load())
        self.distribute(g, s.value, ast.Name(x, ast.Load()))

    def backward_entry(self, target, s, out):
        """Go back through ``array[index] = e`` or ``array[index] += e``."""
        array = target.value.id
        if array not in self.active:
            return
        entry = entry_like(self.array_bar(array), target)
        g = entry
        if not slopes(s.value) & self.active:
            g = None
        elif self.array_bar(array) not in self.given:
            name = self.names.new(entry_name(entry.value.id, target.slice))
            out.append(assign(name, entry, self.line))
            g = ast.Name(name, ast.Load())
        if isinstance(s, ast.Assign) and array in self.usage.again:
            out.append(assign(entry, number(0.0), self.line))
        if g is not None:
            self.distribute(g, s.value, target if self.stays(array) else s.value)

    def backward_call(self, s, out):
        """Go back through a primitive: its own VJP adds to the adjoints of its arguments."""
        (target,), sources = call_effects(s.value)
        if target not in self.active:
            return
        bars = [
            substitute(a, {x: ast.Name(self.array_bar(x), ast.Load())})
            for a, x in zip(s.value.args, [target, *sources], strict=True)
        ]
        function = ast.Name(f"{s.value.func.id}_vjp", ast.Load())
        args = [*bars[1:], bars[0], *s.value.args[1:]]
        out.append(mark(ast.Expr(ast.Call(function, args, [])), self.line))
        if target in self.usage.again:
            out.append(self.each_entry(self.array_bar(target), target, "0.0"))

    def each_entry(self, array, like, value):
        """Return the loop that sets all entries of an array."""
        return set_entries(self.names.new, array, self.shapes[like], value, self.line)

    def distribute(self, g, e, y, guard=None):
        """Hand the adjoint g of an expression on to the numbers and arrays in it."""
        if not slopes(e) & self.active:
            return
        if isinstance(e, ast.Name | ast.Subscript):
            value = guarded(g, guard)
            if isinstance(e, ast.Name):
                value = copy.copy(value)
                value.line = self.line
                self.pending.of(e.id).append(value)
                return
            self.out.append(add_to(entry_like(self.array_bar(e.value.id), e), value, self.line))
            return
        if isinstance(e, ast.IfExp):
            for arm, taken in ((e.body, True), (e.orelse, False)):
                self.distribute(g, arm, arm, [(e.test, taken), *(guard or [])])
            return
        if guard is None and cost(g) > 2 and len(split(e)[1]) > 1:
            g = self.named_part(g)
        both = [arg for arg, _ in partials(e, y) if slopes(arg) & self.active]
        if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Div) and len(both) == 2 and not guard:
            g = self.named_part(fill("g / b", g=g, b=e.right))  # one division serves both
            self.distribute(g, e.left, e.left)
            self.distribute(fill("-(g * y)", g=g, y=y), e.right, e.right)
            return
        for arg, contribution in partials(e, y):
            if slopes(arg) & self.active:
                self.distribute(contribution(g), arg, arg, guard)

    def named_part(self, g):
        """Give the adjoint of a part of an expression a name."""
        name = self.names.new("inside_bar")
        self.out.append(assign(name, g, self.line))
        return ast.Name(name, ast.Load())

    def backward_loop(self, s, path, pending, out):
        inside = (*path, (s, 0))
        moved = [x for x in self.carry[s] if x in self.active]
        local = written(s.body)
        inner = _Pending(
            {x: [ast.Name(self.bar(x), ast.Load())] for x in moved},
            lambda z: [] if z in local else [ast.Name(self.bar(z), ast.Load())],
        )
        body = []
        for x, (_, _, get) in self.carry[s].items():
            body.append(assign(x, get, getattr(s, "line", None), made=False))
        body += self.primal(s.body, inside, inside)
        self.backward(s.body, inside, inner, body)
        self.line, self.out, self.pending = getattr(s, "line", None), out, pending
        self.hand_on({z: inner.get(z, []) for z in (*moved, *inner)}, body, s.line)
        self.flush(pending, [*inner, *moved], written(body), out)
        if isinstance(s, ast.While):
            again = loop(self.names.new("turn"), [fill(self.counts[s])], body, s.line)
        else:
            again = copy.copy(s)
            again.body, again.iter = body, s.iter if self.any_order(s) else backwards(s.iter)
        again.fresh = getattr(s, "fresh", set()) | self.fresh(inside)
        out.append(again)

    def hand_on(self, parts, body, line):
        """End a block with new values of adjoints: all are read before one is written."""
        later = []
        for z, found in parts.items():
            value, bar = total(found), self.bar(z)
            if show(value) != bar:
                body.append(assign(f"{bar}_next", value, _line(found, line)))
                later.append(assign(bar, fill(f"{bar}_next"), line))
        body += later

    def fresh(self, path):
        """Temporary arrays that a turn of this loop fills before it reads them."""
        return {a for a, home in self.usage.home.items() if self.loops(home)[-1:] == [path[-1][0]]}

    def any_order(self, s):
        """Whether the turns of a loop may be gone through in any order."""
        if any(isinstance(t, BLOCK_LOOPS) and self.carry[t] for t in walk([s])):
            return False
        arrays = {n for n in written(s.body) if n in self.shapes and self.shapes[n] != ()}
        read = _read(s.body)
        return not arrays & read and not arrays & self.usage.again

    def flush(self, pending, needed, overwritten, out):
        """Write down adjoints that a block adds to, and those that mention what it overwrites."""
        todo, known = dict.fromkeys(needed), -1
        while known != len(todo):  # what is written down overwrites an adjoint, too
            known = len(todo)
            lost = overwritten | {self.bar(z) for z in todo}
            todo |= dict.fromkeys(
                z for z, parts in pending.items() if any(names(p) & lost for p in parts)
            )
        parts = {z: pending.of(z) for z in todo}
        while free := [z for z in parts if not self.is_read(z, parts)]:  # these can be set at once
            value, bar = total(parts.pop(free[0])), self.bar(free[0])
            if show(value) != bar:
                out.append(assign(bar, value, self.line))
        self.hand_on(parts, out, self.line)
        pending.update({z: [ast.Name(self.bar(z), ast.Load())] for z in todo})

    def is_read(self, z, parts):
        """Whether contributions to other numbers mention the adjoint of z."""
        return any(self.bar(z) in names(p) for x in parts.keys() - {z} for p in parts[x])

    def backward_if(self, s, path, pending, out):
        """Go back through both branches; each writes down the adjoints that it changes."""
        set_inside = [z for z in pending if z in written(s.body) | written(s.orelse)]
        self.flush(pending, set_inside, set(), out)
        inner, bodies = [], []
        for which, block in enumerate(blocks(s)):
            inside = (*path, (s, which))
            inner.append(_Pending({z: list(p) for z, p in pending.items()}, pending.outer))
            bodies.append(self.primal(block, inside, inside))
            self.backward(block, inside, inner[which], bodies[which])
        self.line, self.out, self.pending = getattr(s, "line", None), out, pending
        for z in set_inside:
            del pending[z]
        changed = [z for z in {**inner[0], **inner[1]} if z in set_inside or any(
            len(i.of(z)) != len(pending.of(z)) for i in inner)]  # fmt: skip
        bars = {self.bar(z) for z in changed}
        held = _Pending({z: p for z, p in pending.items() if z not in changed}, pending.outer)
        self.flush(held, [], bars, out)
        pending.update(held)
        for mine, body in zip(inner, bodies, strict=True):
            self.hand_on({z: mine.of(z) for z in changed}, body, self.line)
        pending.update({z: [ast.Name(self.bar(z), ast.Load())] for z in changed})
        if bodies[0] or bodies[1]:
            again = copy.copy(s)
            again.body, again.orelse = bodies[0] or [ast.Pass()], bodies[1]
            out.append(again)

    # Names, and the whole function.

    def bar(self, x):
        """Return the name of the adjoint of a number."""
        if x not in self.bars:
            self.bars[x] = self.names.new(f"{x}_bar")
        return self.bars[x]

    def array_bar(self, x):
        """Return the array of the adjoints of an array; it is made when it is first asked for."""
        if x not in self.bars:
            self.bars[x] = self.names.new(f"{x}_bar")
        if self.bars[x] not in self.shapes:
            self.shapes[self.bars[x]] = self.lowered.shapes[x]
            self.memory.append(new_array(self.bars[x], self.lowered.shapes[x]))
        return self.bars[x]

    def result(self):
        """Put the function together."""
        outputs, self.line = self.lowered.outputs, None
        cotangents = [self.bars[y] for y in outputs]
        self.given = set(cotangents)
        self.shapes.update(
            {bar: self.shapes[y] for y, bar in zip(outputs, cotangents, strict=True)}
        )
        start = self.own_cotangents()
        for x in self.wrt:
            if self.shapes[x] != ():
                self.array_bar(x)
        pending = {y: [fill(self.bars[y])] for y in outputs if self.shapes[y] == ()}
        pending = _Pending(pending, lambda z: [])
        forward, reverse = self.primal(self.body[:-1], (), ()), []
        self.backward(self.body[:-1], (), pending, reverse)
        for x in self.wrt:
            if self.shapes[x] == ():
                if show(total(pending.of(x))) != self.bars[x]:
                    reverse.append(assign(self.bars[x], total(pending.of(x))))
                self.shapes[self.bars[x]] = ()
        made = [s for s in self.body if is_memory(s)]
        answer = ast.parse("return " + ", ".join(self.bars[x] for x in self.wrt)).body[0]
        tree = self.lowered.tree
        tree.name = f"{tree.name}_vjp"
        tree.args.args += [ast.arg(name) for name in cotangents]
        tree.body = [*self.memory, *made, *forward, *start, *reverse, answer]
        return replace(self.lowered, tree=tree, shapes=self.shapes)

    def own_cotangents(self):
        """Copy the adjoint of an output that is read or set twice: the sweep changes it."""
        read = _read(self.body)
        copies = []
        for y in self.lowered.outputs:
            given = self.bars[y]
            if self.shapes[y] != () and y in self.usage.again | read:
                self.bars[y] = self.names.new(f"{given}_now")
                copies.append(self.each_entry(self.array_bar(y), y, f"{given}[]"))
        return copies


BLOCK_LOOPS = (ast.For, ast.While)


def _read(statements) -> set:
    """Names that the values of statements depend on smoothly."""
    found = set()
    for s in walk(statements):
        if isinstance(s, ast.Expr):
            found |= set(call_effects(s.value)[1])
        elif target_of(s) and not is_memory(s):
            found |= slopes(s.value)
    return found


def _is_atom(e):
    return isinstance(e, ast.Name | ast.Constant | ast.Subscript)


def _line(parts, line):
    """Return the line that all contributions come from, or `line` if there are several."""
    lines = {part.line for part in parts if hasattr(part, "line")}
    return lines.pop() if len(lines) == 1 else line
