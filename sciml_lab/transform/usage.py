"""How a function uses its arrays and loops: what a reverse sweep may rely on.

With this module one can: ask whether an entry of an array is written once (then its value is still
there when the reverse sweep needs it), which block an array belongs to, which numbers a loop
carries, and how far a loop counts. The text is run once with its whole numbers known.
"""

import ast

from sciml_lab.transform.algebra import (
    assign,
    blocks,
    call_effects,
    fill,
    head,
    is_memory,
    names,
    own,
    place_of,
    sets_number,
    show,
    target_of,
    walk,
    written,
)
from sciml_lab.transform.sparsity import UNKNOWN, Walk, union
from sciml_lab.transform.tidy import reads

WRITTEN, STALE, EVER = 1, 2, 4
EMPTY, FILLED = 1, 2


class Usage(Walk):
    """Facts about a function, by the names of arrays and the nodes of loops.

    Attributes
    ----------
    home : dict
        Path of the block that an array belongs to. A path is a tuple of (node, number of block).
    changing : set
        Arrays with an entry that is written more than once, or read before it is written.
    again : set
        Arrays with an entry that is set by ``=`` after it was written before, in any block.
    extent : dict
        Number of entries that an array needs to have one for each value of a loop's name.
    """

    def __init__(self, lowered):
        super().__init__(lowered)
        self.changing, self.again, self.extent, self.fresh = set(), set(), {}, {}
        self.home = _homes(lowered)
        for array, path in self.home.items():
            if path:
                node, which = path[-1]
                self.fresh.setdefault(id(blocks(node)[which]), []).append(array)
        self.run()

    def block(self, statements):
        """Forget, at the start of a block, the arrays that belong to it."""
        for array in self.fresh.get(id(statements), ()):
            self.arrays[array] = [bits & EVER for bits in self.arrays[array]]
        super().block(statements)

    def loop(self, s):
        """Note how far a loop counts."""
        span = self.static(s.iter)
        if span is UNKNOWN or (span and min(span) < 0):
            self.extent[s] = None
        elif self.extent.get(s, 0) is not None:
            self.extent[s] = max(self.extent.get(s, 0), *[i + 1 for i in span], 1)
        super().loop(s)

    def read(self, array, place):
        """Note a read."""
        entries = self.arrays.get(array, [])
        for k in range(len(entries)) if place is None else [place]:
            if not entries[k] & WRITTEN:
                entries[k] |= STALE
        return 0

    def write(self, array, place, value, add=False):
        """Note a write."""
        entries = self.arrays.setdefault(array, [0])
        if place is None or add or entries[place] & (WRITTEN | STALE):
            self.changing.add(array)
        if not add and (place is None or entries[place] & EVER):
            self.again.add(array)
        for k in range(len(entries)) if place is None else [place]:
            entries[k] |= WRITTEN | EVER

    def call(self, call):
        """Note what a primitive reads and writes."""
        targets, sources = call_effects(call)
        for array in sources:
            self.read(array, None)
        for array in targets:
            for k in range(len(self.arrays.get(array, []))):
                self.write(array, k, 0)


def _homes(lowered):
    """Find the smallest block with all that happens to an array (a temporary one only)."""
    found = {}

    def visit(statements, path):
        for s in statements:
            if not is_memory(s):
                here = names(s) if not blocks(s) else set()
                for array in here & lowered.temporaries:
                    old = found.get(array, path)
                    same = [a for a, b in zip(old, path, strict=False) if a == b]
                    found[array] = tuple(same)
            for which, block in enumerate(blocks(s)):
                visit(block, (*path, (s, which)))

    visit(lowered.tree.body, ())
    return found


class FirstAdditions(Walk):
    """Find where ``a[i] += e`` is the first thing that happens to an entry of a local array.

    An entry is EMPTY, FILLED, or either (in one branch the one, in the other the other).
    """

    def __init__(self, lowered, arrays):
        super().__init__(lowered)
        self.first, self.later, self.needs_zeros = set(), set(), set()
        self.arrays |= {array: [EMPTY] * len(self.arrays[array]) for array in arrays}
        self.watched = set(arrays)
        self.run()
        self.needs_zeros |= {target_of(s) for s in self.first & self.later}

    def read(self, array, place):
        """Note a read: of an empty entry it needs the zero."""
        entries = self.arrays.get(array, [0])
        if EMPTY & union(entries if place is None else [entries[place]]):
            self.needs_zeros.add(array)
        return 0

    def assign(self, s):
        """Note whether an addition comes first."""
        target = place_of(s)
        self.value(s.value)
        if not isinstance(target, ast.Subscript):
            super().assign(s)
            return
        array, place = self.place(target)
        if array in self.watched:
            entries = self.arrays[array]
            if isinstance(s, ast.AugAssign):
                here = union(entries) if place is None else entries[place]
                (self.first if here == EMPTY and place is not None else self.later).add(s)
                self.first |= {s} if here & EMPTY else set()
            if place is not None:
                entries[place] = FILLED

    def call(self, call):
        """A primitive adds to what it writes; what it reads has to be there."""
        for array in (a for names_ in call_effects(call) for a in names_):
            self.read(array, None)
            if array in self.watched:
                self.arrays[array] = [FILLED] * len(self.arrays[array])


def set_first(lowered):
    """Let the first addition to an entry of a local array set it, so that no zeros are needed."""
    result = own(lowered)
    arrays = [
        target_of(s)
        for s in result.tree.body
        if is_memory(s)
        and show(s.value).startswith("np.zeros")
        and target_of(s) not in result.outputs
    ]
    if not arrays:
        return result
    facts = FirstAdditions(result, arrays)
    needs = facts.needs_zeros
    for s in walk(result.tree.body):
        if is_memory(s) and target_of(s) in arrays and target_of(s) not in needs:
            s.value = ast.Call(fill("np.empty"), s.value.args, [])
    _turn_into_assignments(result.tree.body, facts)
    return result


def _turn_into_assignments(body, facts):
    for k, s in enumerate(body):
        for block in blocks(s):
            _turn_into_assignments(block, facts)
        if isinstance(s, ast.AugAssign) and target_of(s) in facts.watched and s not in facts.later:
            body[k] = assign(s.target, s.value, s.line)


def carried(loop, after=frozenset()) -> list:
    """Return the numbers a loop hands from turn to turn and to what comes `after`, in order."""
    set_inside = [target_of(s) for s in walk(loop.body) if sets_number(s)]
    needed = _read_first(loop.body) | after
    return list(dict.fromkeys(n for n in set_inside if n in needed))


def _read_first(statements) -> set:
    """Names that statements may read before they set them."""
    found, known = set(), set()
    for s in statements:
        if blocks(s):
            inside = [_read_first(b) for b in blocks(s)]
            found |= names(head(s)).union(*inside) - known
            if isinstance(s, ast.If):
                known |= written(s.body) & written(s.orelse)
        else:
            found |= reads(s) - known
            if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name):
                known.add(target_of(s))
    return found
