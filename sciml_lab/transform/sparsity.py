"""Which output depends on which input: the text is run on sets of indices instead of numbers.

With this module one can: find the pattern of a Jacobian before any number is known. Every number
is the set of the inputs it depends on, an operation is a union, and a branch that depends on
numbers is taken both ways. So the pattern never misses an entry; it may hold an entry too many,
where two dependences cancel.
"""

import ast
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.transform.algebra import call_effects, is_memory, is_pop, place_of, show
from sciml_lab.transform.derivatives import PARTIALS
from sciml_lab.transform.tree import size

UNKNOWN: Any = object()
NO_SLOPE = {k.partition("(")[0] for k, v in PARTIALS.items() if not any(v)} - {"a // b"}


class Walk:
    """Run a lowered function with its whole numbers known and its numbers replaced by sets.

    A set is a whole number with one bit for each member. Subclasses may look at each access of an
    array: `read` and `write` get the name and the place of the entry (None: not known).
    """

    def __init__(self, lowered):
        self.lowered = lowered
        self.whole = {}  # values of loop names
        self.sets = {}  # of numbers
        self.arrays = {}  # of the entries of arrays, flat
        self.codes, self.places = {}, {}  # of index expressions, by the identity of their nodes
        self.tables = {  # lists of whole numbers that indices may come from
            name: x.tolist() for name, x in lowered.constants.items()
            if np.ndim(x) == 1 and np.asarray(x).dtype.kind in "iu"
        }  # fmt: skip
        for name, shape in lowered.shapes.items():
            if shape != ():
                self.arrays[name] = [0] * size(shape)

    def run(self):
        """Execute the whole function."""
        self.block(self.lowered.tree.body[:-1])
        return self

    def static(self, e):
        """Return the value of an expression of known whole numbers, or UNKNOWN."""
        if id(e) not in self.codes:
            names = {n.id for n in ast.walk(e) if isinstance(n, ast.Name)}
            used, text = sorted(names - {"range"} - self.tables.keys()), show(e)
            code = eval(f"lambda {', '.join(used)}: {text}", self.tables) if self.fine(e) else 0
            self.codes[id(e)] = e, used, code
        _, used, code = self.codes[id(e)]
        try:
            return code(*[self.whole[n] for n in used]) if code else UNKNOWN
        except (KeyError, IndexError, ArithmeticError):
            return UNKNOWN

    def fine(self, e):
        """Whether an expression reads no arrays but tables."""
        arrays = [n.value for n in ast.walk(e) if isinstance(n, ast.Subscript)]
        return not any(isinstance(n, ast.Attribute) for n in ast.walk(e)) and all(
            isinstance(a, ast.Name) and a.id in self.tables for a in arrays
        )

    def place(self, e):
        """Return (array, flat place of the entry or None)."""
        array = e.value.id
        if array not in self.arrays:
            return array, None
        if id(e) not in self.places:
            parts, text = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice], "0"
            for part, n in zip(parts, self.lowered.shapes[array], strict=True):
                text = f"({text}) * {n} + ({show(part)}) % {n}"
            self.places[id(e)] = e, ast.parse(text, mode="eval").body
        place = self.static(self.places[id(e)][1])
        return array, None if place is UNKNOWN else place

    def read(self, array, place):
        """Return the set of an entry."""
        entries = self.arrays.get(array, [0])
        return union(entries) if place is None else entries[place]

    def write(self, array, place, value, add=False):
        """Give an entry its set."""
        entries = self.arrays.setdefault(array, [0])
        if place is not None:
            entries[place] = entries[place] | value if add else value
        else:  # any of the entries may have been meant
            entries[:] = [old | value for old in entries]

    def value(self, e):
        """Return the set of an expression."""
        if isinstance(e, ast.Name):
            return self.sets.get(e.id, 0)
        if isinstance(e, ast.Subscript):
            return self.read(*self.place(e))
        if isinstance(e, ast.IfExp):
            test = self.static(e.test)
            self.value(e.test)
            if test is not UNKNOWN:
                return self.value(e.body if test else e.orelse)
        if is_pop(e):
            return self.read(e.func.value.id, None)
        children = [c for c in ast.iter_child_nodes(e) if isinstance(c, ast.expr)]
        values = [self.value(c) for c in children]
        if isinstance(e, ast.IfExp):
            return values[1] | values[2]
        if isinstance(e, ast.Compare | ast.BoolOp) or (
            isinstance(e, ast.Call) and show(e.func) in NO_SLOPE
        ):
            return 0
        return 0 if isinstance(getattr(e, "op", None), ast.FloorDiv | ast.Not) else union(values)

    def block(self, statements):
        """Execute statements."""
        for s in statements:
            if isinstance(s, ast.For):
                self.loop(s)
            elif isinstance(s, ast.If):
                self.branch(s)
            elif isinstance(s, ast.While):
                self.value(s.test)
                self.until_fixed(s.body)
            elif isinstance(s, ast.Expr):
                self.call(s.value)
            elif isinstance(s, ast.Assign | ast.AugAssign) and not is_memory(s):
                self.assign(s)

    def assign(self, s):
        """Execute an assignment."""
        target, value = place_of(s), self.value(s.value)
        if isinstance(target, ast.Subscript):
            self.write(*self.place(target), value, isinstance(s, ast.AugAssign))
            return
        self.sets[target.id] = value
        known = self.static(s.value)
        self.whole.pop(target.id, None)
        if isinstance(known, int):
            self.whole[target.id] = known

    def loop(self, s):
        """Execute a loop: each turn where the range is known, else until nothing changes."""
        span = self.static(s.iter)
        if span is UNKNOWN:
            self.whole.pop(s.target.id, None)
            self.until_fixed(s.body)
            return
        for i in span:
            self.whole[s.target.id] = i
            self.block(s.body)

    def branch(self, s):
        """Execute the branch that is known to be taken, or both, and unite what they leave."""
        test = self.static(s.test)
        self.value(s.test)
        if test is not UNKNOWN:
            self.block(s.body if test else s.orelse)
            return
        before = self.state()
        self.block(s.body)
        first = self.state()
        self.restore(before)
        self.block(s.orelse)
        self.unite(first)

    def until_fixed(self, body):
        """Execute a body any number of times: unite the states until nothing changes."""
        before = None
        while before != (before := self.state()):
            self.block(body)
            self.unite(before)

    def state(self):
        """Return a copy of all sets."""
        return dict(self.sets), {k: list(v) for k, v in self.arrays.items()}, dict(self.whole)

    def restore(self, state):
        """Go back to an earlier state."""
        sets, arrays, whole = state
        self.sets, self.whole = dict(sets), dict(whole)
        self.arrays = {k: list(v) for k, v in arrays.items()}

    def unite(self, other):
        """Unite with another state; a whole number that differs is no longer known."""
        sets, arrays, whole = other
        for name in sets:
            self.sets[name] = self.sets.get(name, 0) | sets[name]
        for name, old in arrays.items():
            mine = self.arrays.setdefault(name, [0] * len(old))
            self.arrays[name] = [a | b for a, b in zip(mine, old, strict=True)]
        self.whole = {k: v for k, v in self.whole.items() if whole.get(k) == v}

    def call(self, call):
        """Execute a primitive: all it writes depends on all it reads."""
        targets, sources = call_effects(call)
        value = union(
            self.read(a, None) if a in self.arrays else self.value(ast.Name(a)) for a in sources
        )
        for array in targets:
            self.write(array, None, value)


def union(sets):
    """Unite sets that are given as whole numbers."""
    result = 0
    for s in sets:
        result |= s
    return result


def sparsity(f, u, p=None, t=0.0):
    """Return the pattern of the Jacobian of ``f(u, p, t)`` by u.

    Parameters
    ----------
    f : callable
        Written in the subset of Python that can be transformed.
    u, p, t : array, array or None, float
        Examples of the arguments: only their shapes matter.

    Returns
    -------
    scipy.sparse.csc_array of bool
        Every entry that can be nonzero for some u, p and t is in it.

    Raises
    ------
    TransformError
        If f is not in the subset.

    Examples
    --------
    >>> def chain(u, p, t):
    ...     return np.array([u[0] * u[0], u[0] - u[1], u[1] - u[2]])
    >>> sparsity(chain, np.ones(3)).toarray().astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [0, 1, 1]])
    """
    from sciml_lab.transform.lower import lower

    sparse = need("scipy.sparse", extra="lab", what="sparsity")
    lowered = lower(f, np.asarray(u, dtype=float), p, t)
    return sparse.csc_array(pattern(lowered, wrt=lowered.inputs[0]))


def pattern(lowered, out=None, wrt="u") -> np.ndarray:
    """Return which entry of an output may depend on which entry of an input.

    Parameters
    ----------
    lowered : Lowered
    out : str, optional
        Name of the output; the first one without it.
    wrt : str
        Name of the input.

    Returns
    -------
    ndarray of bool, shape (size of out, size of wrt)
    """
    out = out or lowered.outputs[0]
    walk = Walk(lowered)
    if lowered.shapes[wrt] == ():
        walk.sets[wrt] = 1
    else:
        walk.arrays[wrt] = [1 << k for k in range(size(lowered.shapes[wrt]))]
    walk.run()
    rows = walk.arrays[out] if lowered.shapes[out] != () else [walk.sets.get(out, 0)]
    columns = size(lowered.shapes[wrt])
    return np.array([[bool(row >> k & 1) for k in range(columns)] for row in rows]).reshape(
        -1, columns
    )
