"""What both directions need before they differentiate: activity, and names for what is used again.

With this module one can: ask on which names an expression depends smoothly (`slopes`), get its
partial derivatives (`partials`), and rewrite a function so that what its derivative uses again has
a name (`named`): ``v[i] = np.tanh(x) * y`` becomes ``tanh_x = np.tanh(x)``, ``v[i] = tanh_x * y``.
"""

import ast

from sciml_lab.transform.algebra import (
    assign,
    blocks,
    call_effects,
    constant,
    cost,
    fill,
    free,
    is_memory,
    is_pop,
    names,
    rebuild,
    show,
    split,
    target_of,
    walk,
    written,
)  # fmt: skip
from sciml_lab.transform.derivatives import PARTIALS, power
from sciml_lab.transform.tidy import live, rename
from sciml_lab.transform.tree import TransformError
from sciml_lab.transform.usage import carried

KINDS = {ast.Add: "total", ast.Sub: "difference", ast.Mult: "product", ast.Div: "quotient"}
FREE = (ast.Compare, ast.BoolOp, ast.Constant, ast.Attribute)  # nothing with a slope inside


def guarded(value, guard):
    """Return the value where the conditions around it hold, and zero elsewhere."""
    for test, taken in guard or ():
        value = fill("g if c else 0.0" if taken else "0.0 if c else g", g=value, c=test)
    return value


def entry_name(array, index):
    """Return a name for an entry: ``v_3`` for v[3], ``v_i`` for v[i]."""
    simple = isinstance(index, ast.Name | ast.Constant)
    return f"{array}_{show(index)}" if simple else f"{array}_here"


class Names:
    """Gives names that are not taken yet."""

    def __init__(self, lowered):
        self.taken = {n.id for n in ast.walk(lowered.tree) if isinstance(n, ast.Name)}
        self.taken |= {"np", *lowered.inputs, *lowered.shapes, *lowered.constants}

    def new(self, base):
        """Return `base`, or `base_2` where that is taken, and so on."""
        return free(base, self.taken)


def table(e):
    """Return (argument, text of its contribution or None) for each argument of an operation."""
    symbol, args = split(e)
    if symbol is None:
        return []
    if hasattr(e, "own"):  # see own_rules.py
        return list(zip(args, e.own.slopes, strict=True))
    if symbol not in PARTIALS:
        raise TransformError(
            f"the derivative of {show(e)}",
            "add its line to the table in sciml_lab/transform/derivatives.py.",
        )
    if symbol == "a ** b" and constant(args[1]) is not None:
        return [(args[0], power(constant(args[1]))), (args[1], None)]
    return list(zip(args, PARTIALS[symbol], strict=True))


def slopes(e) -> set:
    """Names of numbers and arrays that an expression depends on with a derivative."""
    if isinstance(e, ast.Name):
        return {e.id}
    if isinstance(e, ast.Subscript):
        return {e.value.id}
    if isinstance(e, ast.IfExp):
        return slopes(e.body) | slopes(e.orelse)
    if isinstance(e, FREE) or isinstance(getattr(e, "op", None), ast.Not):
        return set()
    if is_pop(e):
        return {e.func.value.id}
    return set().union(*(slopes(arg) for arg, text in table(e) if text))


def partials(e, y):
    """Yield each argument with a function that gives its contribution for a factor g."""
    parts = dict(zip("ab", split(e)[1], strict=False))
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Mult) and show(e.left) == show(e.right):
        yield e.left, lambda g: fill("2.0 * g * a", g=g, **parts)
        return
    for arg, text in table(e):
        if text:
            yield arg, lambda g, text=text: fill(text, g=g, y=y, **parts)


def varied(body, start, origin=None) -> set:
    """Return the names whose values change, smoothly, with the names in `start`."""
    found, size = set(start), -1
    while size != len(found):
        size = len(found)
        for s in walk(body):
            if isinstance(s, ast.Expr):
                targets, sources = call_effects(s.value)
                found |= set(targets) if found & set(sources) else set()
            elif target_of(s) and not is_memory(s):
                try:
                    found |= {target_of(s)} if slopes(s.value) & found else set()
                except TransformError as error:
                    line = getattr(s, "line", None)
                    raise TransformError(error.construct, error.remedy, line, origin) from None
    return found


class Namer:
    """Gives names to the parts of expressions that a derivative uses more than once."""

    def __init__(self, names, active):
        self.names, self.active = names, active
        self.known = {}  # text of an expression of this block -> its name, and what it reads

    def forget(self, changed):
        """Note that names and arrays have new values."""
        self.known = {e: (x, reads) for e, (x, reads) in self.known.items() if not reads & changed}

    def statement(self, s, emit, array, stays=False):
        """Rewrite the value of an assignment; what gets a name is handed to `emit` before it.

        `array` rewrites the entries of arrays; `stays` says that the target keeps its value.
        """
        self.emit, self.line, self.array = emit, getattr(s, "line", None), array
        top = isinstance(s, ast.Assign) and (isinstance(s.targets[0], ast.Name) or stays)
        s.value = self.expression(s.value, top)

    def expression(self, e, top=False, guard=None):
        """Return an expression with names in place of what is used again."""
        if isinstance(e, ast.Subscript):
            return self.array(e, guard)
        if isinstance(e, ast.IfExp):
            test = self.expression(e.test, guard=guard)
            arms = [
                self.expression(arm, guard=[(test, taken), *(guard or [])])
                for arm, taken in ((e.body, True), (e.orelse, False))
            ]
            return ast.IfExp(test, *arms)
        symbol, args = split(e)
        if symbol is None or guard is not None:  # what may not be computed is not computed early
            return rebuild(e, lambda c: self.expression(c, guard=guard))
        args = [self.expression(a) for a in args]
        needed = set()
        for arg, text in table(e):
            if text and slopes(arg) & self.active:
                needed |= names(ast.parse(text))
        args = [self.name(a) if letter in needed and cost(a) > 1 else a
                for letter, a in zip("ab", args, strict=False)]  # fmt: skip
        new = {id(old): arg for old, arg in zip(split(e)[1], args, strict=True)}
        e = rebuild(e, lambda c: new.get(id(c), c))
        return self.name(e) if "y" in needed and not top else e

    def name(self, e):
        """Give an expression a name, by its function and argument where they are simple."""
        if show(e) in self.known:
            return ast.Name(self.known[show(e)][0], ast.Load())
        base = KINDS.get(type(getattr(e, "op", None)), "power")
        if isinstance(e, ast.Call):
            arg = e.args[0].id if isinstance(e.args[0], ast.Name) else "value"
            base = f"{show(e.func).removeprefix('np.')}_{arg}"
        name = self.names.new(base)
        if slopes(e) & self.active:
            self.active.add(name)
        self.emit(assign(name, e, self.line))
        self.known[show(e)] = name, names(e)
        return ast.Name(name, ast.Load())


def separate(body, make, after, known=frozenset()):
    """Give a number carried by a loop one name before the loop and one from the loop on, in place.

    ``x = 1.0`` before a loop becomes ``x_first = 1.0``, ``x = x_first``. So a reverse sweep can set
    x to its value at the start of a turn, and what came before the loop is not lost. `after` are
    the names that matter after the block, `known` those that are set before it. What a loop
    carries is noted on its node.
    """
    k, known, restore = 0, set(known), []
    while k < len(body):
        s = body[k]
        behind = live(body[k + 1 :], after) if blocks(s) else set()
        if blocks(s):
            around = behind if isinstance(s, ast.If) else behind | live([s], behind)
            for block in blocks(s):
                separate(block, make, around, known)
        if isinstance(s, ast.For | ast.While):
            s.carried = carried(s, behind & known)
            for x in s.carried:
                _set_last(s, x, make)
            for x in list(s.carried):
                later, start = _place(body, k, x, make)
                restore += [assign(x, ast.Name(later, ast.Load()))] if later != x else []
                body.insert(k, start)
                k += 1
        known |= written([s])
        k += 1
    end = len(body) - bool(body and isinstance(body[-1], ast.Return))
    body[end:end] = restore


def _set_last(s, x, make):
    """Let a loop set the number x that it carries in one of its last statements, ``x = x_next``."""
    places = [t for t in walk(s.body) if target_of(t) == x]
    if len(places) > 1 or places[0] not in s.body:
        raise TransformError(
            f"{x}, which a loop sets in more than one place,",
            "give it another name in between.", getattr(places[0], "line", None),
        )  # fmt: skip
    k = s.body.index(places[0])
    if isinstance(places[0].value, ast.Name) and not any(x in names(t) for t in s.body[k + 1 :]):
        return
    later = make.new(f"{x}_next")
    s.body[k].targets = [ast.Name(later, ast.Store())]
    rename(s.body[k + 1 :], {x: later})
    s.body.append(assign(x, ast.Name(later, ast.Load()), getattr(places[0], "line", None)))


def _place(body, k, x, make):
    """Return x's name from the loop ``body[k]`` on, and the statement that sets it before."""
    where = [j for j in range(k) if x in written([body[j]])]
    if where and target_of(body[where[-1]]) == x:
        first = make.new(f"{x}_first")
        start = body[where[-1]]
        start.targets, start.made = [ast.Name(first, ast.Store())], True
        rename(body[where[-1] + 1 : k], {x: first})
        return x, assign(x, ast.Name(first, ast.Load()))
    later = make.new(x)
    rename(body[k : len(body) - isinstance(body[-1], ast.Return)], {x: later})
    return later, assign(later, ast.Name(x, ast.Load()))
