"""Take back copies that the reader wrote because it did not know yet what comes after.

With this module one can: write ``x = a - b`` for ``x_2 = a - b; x = x_2`` where x_2 is not read
again, and give a name without a number to what no longer shares it. Values stay what they are.
"""

import ast

from sciml_lab.transform.algebra import blocks, free, head, sets_number
from sciml_lab.transform.tidy import rename


def drop_copies(body, keep, bases):
    """Merge names of numbers in a function, in place.

    Parameters
    ----------
    body : list of ast.stmt
    keep : set of str
        Names that stay.
    bases : dict
        The name that each made name is a variant of: x for x_2.
    """
    facts = _Facts(body)
    new = {}
    for copy, block in facts.copies:
        a, b = _final(copy.targets[0].id, new), _final(copy.value.id, new)
        if a != b and not {a, b} & keep and facts.mergeable(a, b, copy, block):
            new[b] = a
            facts.merge(a, b, copy)
            facts.dropped.add(copy)
    names = {n: _final(n, new) for n in facts.order}
    taken = set(keep) | {n for n in names.values() if n not in bases}
    short = {}
    for name in facts.order:
        name = names.get(name, name)
        if name not in short:
            base = bases.get(name, name)
            short[name] = name if name in keep or name not in bases else free(base, taken)
            taken.add(short[name])
    _drop(body, facts.dropped)
    rename(body, {n: short[m] for n, m in names.items() if short[m] != n})


def _final(name, new):
    while name in new:
        name = new[name]
    return name


class _Facts:
    """Where the numbers of a function are set and read: positions in the text, and blocks."""

    def __init__(self, body):
        self.reads, self.writes, self.copies, self.order = {}, {}, [], []
        self.dropped, self.count = set(), 0
        self.visit(body, ())

    def visit(self, block, path):
        for s in block:
            self.count += 1
            if isinstance(s, ast.For):
                self.note(self.writes, s.target.id, path, s)
                self.note(self.writes, s.target.id, path, s)  # twice: it is no number of ours
            read = [n for n in ast.walk(head(s) if blocks(s) else s) if isinstance(n, ast.Name)]
            for n in read:
                found = self.writes if isinstance(n.ctx, ast.Store) else self.reads
                self.note(found, n.id, path, s)
            if sets_number(s) and isinstance(s.value, ast.Name):
                self.copies.append((s, path))
            for which, inside in enumerate(blocks(s)):
                self.visit(inside, (*path, (s, which)))

    def note(self, found, name, path, s):
        if name not in found:
            found[name] = []
            self.order.append(name)
        found[name].append((self.count, path, s))

    def mergeable(self, a, b, copy, path):
        """Whether b, set once and in this block, is read only before ``a = b`` begins a's life."""
        here = next(k for k, _, s in self.writes[a] if s is copy)
        sets = self.writes.get(b, ())
        if len(sets) != 1 or sets[0][1] != path or sets[0][0] > here:
            return False
        if not isinstance(sets[0][2], ast.Assign):
            return False
        if any(k > here for k, _, _ in self.reads.get(b, ())):
            return False
        return not any(
            k < here and not _apart(other, path)
            for k, other, _ in (*self.writes[a], *self.reads.get(a, ()))
        )

    def merge(self, a, b, copy):
        """Let a be set where b was."""
        self.writes[a] = [w for w in self.writes[a] if w[2] is not copy] + self.writes.pop(b)
        self.reads[a] = self.reads.get(a, []) + [r for r in self.reads.pop(b) if r[2] is not copy]


def _apart(a, b):
    """Whether two blocks are on different sides of one branch."""
    for (s, which), (t, other) in zip(a, b, strict=False):
        if s is not t:
            return False
        if which != other:
            return True
    return False


def _drop(body, dropped):
    body[:] = [s for s in body if s not in dropped]
    for s in body:
        for block in blocks(s):
            _drop(block, dropped)
