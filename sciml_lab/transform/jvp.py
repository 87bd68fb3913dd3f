"""Forward mode as a program: from the text of f to the text of its Jacobian-vector product.

With this module one can: get ``du_dot = J u_dot`` as a function. Every statement is followed by
its derivative: after ``x = a * b`` comes ``x_dot = a_dot * b + a * b_dot``. Loops and branches stay
as they are.
"""

import ast
import copy

from sciml_lab.transform.algebra import (
    add_to,
    assign,
    blocks,
    call_effects,
    entry_like,
    fold,
    is_memory,
    mark,
    names,
    new_array,
    own,
    place_of,
    refuse,
    substitute,
    target_of,
    total,
    written,
)  # fmt: skip
from sciml_lab.transform.prepare import Namer, Names, partials, slopes, varied
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.tree import Lowered


def jvp(lowered, wrt=("u", "p"), value=False) -> Lowered:
    r"""Return the function that computes the derivative along given directions.

    Parameters
    ----------
    lowered : Lowered
        A function of inputs ``u, p, ...`` with outputs ``du, ...``.
    wrt : sequence of str
        Inputs to differentiate by; for each, the direction ``u_dot`` becomes an argument.
    value : bool
        Return the value too, before its derivative.

    Returns
    -------
    Lowered
        ``name_jvp(u, p, ..., u_dot, p_dot) -> du_dot``.

    Examples
    --------
    >>> from sciml_lab.transform.printing import text
    >>> from sciml_lab.transform.python import read
    >>> f = read("def f(u):\n    y = u[0] * np.sin(u[1])\n    return y", u=(2,))
    >>> print(text(jvp(f, "u")), end="")
    def f_jvp(u, u_dot):
        y_dot = u_dot[0] * np.sin(u[1]) + u[0] * (u_dot[1] * np.cos(u[1]))  # line 2
        return y_dot
    """
    wrt = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    return tidy(Forward(lowered, wrt).result(value))


class Forward:
    """One forward sweep under construction."""

    def __init__(self, lowered, wrt):
        self.lowered = own(lowered)
        self.wrt, self.names = wrt, Names(lowered)
        self.active = varied(lowered.tree.body, wrt, lowered.origin)
        self.dots = {x: self.names.new(f"{x}_dot") for x in (*wrt, *lowered.outputs)}
        self.namer = Namer(self.names, self.active)

    def dot(self, x):
        """Return the name of the derivative of a number or an array."""
        if x not in self.dots:
            self.dots[x] = self.names.new(f"{x}_dot")
        return self.dots[x]

    def leaf(self, e):
        """Return the derivative of a number or an entry."""
        if isinstance(e, ast.Name):
            return ast.Name(self.dot(e.id), ast.Load())
        return entry_like(self.dot(e.value.id), e)

    def derivative(self, e, y=None):
        """Return the derivative of an expression, or None for zero; y stands for its value."""
        if not slopes(e) & self.active:
            return None
        if isinstance(e, ast.Name | ast.Subscript):
            return self.leaf(e)
        if isinstance(e, ast.IfExp):
            arms = [self.derivative(arm) or ast.Constant(0.0) for arm in (e.body, e.orelse)]
            return fold(ast.IfExp(e.test, *arms))
        parts = [(self.derivative(arg), give) for arg, give in partials(e, y or e)]
        parts = [give(g) for g, give in parts if g is not None]
        return total(parts) if parts else None

    def block(self, statements):
        """Return the statements of a block, each with its derivative."""
        out, around, self.namer.known = [], self.namer.known, {}
        for s in statements:
            self.namer.forget(written([s]))
            if blocks(s):
                again = copy.copy(s)
                again.body = self.block(s.body)
                if isinstance(s, ast.If):
                    again.orelse = self.block(s.orelse)
                again.fresh = getattr(s, "fresh", set()) | {
                    self.dot(x) for x in getattr(s, "fresh", set()) & self.active
                }
                out.append(again)
            elif isinstance(s, ast.Expr):
                out += [s, *self.call(s)]
            elif is_memory(s):
                out += [s, *self.memory(s)]
            elif isinstance(s, ast.Assign | ast.AugAssign):
                named = []
                self.namer.statement(s, named.append, lambda e, guard: e)
                for part in (*named, s):
                    out += self.assignment(part)
                self.namer.forget(written([s]))
        self.namer.known = around
        return out

    def memory(self, s):
        """Make the array of the derivatives of an array."""
        x = target_of(s)
        if x not in self.active:
            return []
        if isinstance(s.value, ast.List):
            refuse("a list", "write the numbers into an array.", s, self.lowered)
        self.lowered.shapes[self.dot(x)] = self.lowered.shapes[x]
        return [assign(self.dot(x), s.value, getattr(s, "line", None))]

    def assignment(self, s):
        """Return an assignment and its derivative, in the order in which both are right."""
        target, x, line = place_of(s), target_of(s), getattr(s, "line", None)
        if x not in self.active:
            return [s]
        read = x in names(s.value)
        slope = self.derivative(s.value, None if read or isinstance(s, ast.AugAssign) else target)
        if isinstance(target, ast.Name):
            changed = assign(self.dot(x), slope or ast.Constant(0.0), line)
        else:
            entry = entry_like(self.dot(x), target)
            if isinstance(s, ast.AugAssign):
                added = [add_to(entry, slope, line)] if slope else []
                return [*added, s] if read else [s, *added]
            changed = assign(entry, slope or ast.Constant(0.0), line)
        return [changed, s] if read else [s, changed]

    def call(self, s):
        """Return the call of a primitive's own JVP."""
        (target, *others), sources = call_effects(s.value)
        if target not in self.active:
            return []
        name = s.value.func
        if others or not isinstance(name, ast.Name) or name.id not in self.lowered.primitives:
            what = "a second derivative of a primitive, or a list,"
            refuse(what, "use mode='dual'.", s, self.lowered)
        dots = []
        for a, x in zip(s.value.args, [target, *sources], strict=True):
            self.zeros(x)
            dots.append(substitute(a, {x: ast.Name(self.dot(x), ast.Load())}))
        args = [dots[0], *s.value.args[1:], *dots[1:]]
        call = ast.Call(ast.Name(f"{name.id}_jvp", ast.Load()), args, [])
        return [mark(ast.Expr(call), getattr(s, "line", None))]

    def zeros(self, x):
        """Make the derivatives of an array that does not change: they are zero."""
        if x not in self.active and self.dot(x) not in self.lowered.shapes:
            self.lowered.shapes[self.dot(x)] = self.lowered.shapes[x]
            self.made.append(new_array(self.dot(x), self.lowered.shapes[x]))

    def result(self, value):
        """Put the function together."""
        tree, outputs, self.made = self.lowered.tree, self.lowered.outputs, []
        body = self.block(tree.body[:-1])
        for y in outputs:
            if y not in self.active:
                self.zeros(y)
                if self.lowered.shapes[y] == ():
                    body.append(assign(self.dot(y), ast.Constant(0.0)))
        self.lowered.shapes.update(
            {self.dot(x): self.lowered.shapes[x] for x in (*self.wrt, *outputs)}
        )
        results = [*(outputs if value else ()), *(self.dot(y) for y in outputs)]
        tree.name = f"{tree.name}_jvp"
        tree.args.args += [ast.arg(self.dot(x)) for x in self.wrt]
        tree.body = [*self.made, *body, ast.parse("return " + ", ".join(results)).body[0]]
        return self.lowered
