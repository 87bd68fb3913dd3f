"""Take back copies that the reader wrote because it did not know yet what comes after.

With this module one can: write ``x = a - b`` for ``x_2 = a - b; x = x_2`` where x_2 is not read
again, and give a name without a number to what no longer shares it. Values stay what they are.
"""

import ast


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
            short[name] = name if name in keep or name not in bases else _free(base, taken)
            taken.add(short[name])
    _rename(body, {n: short.get(m, m) for n, m in names.items()}, facts.dropped, set())


def _free(base, taken):
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


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
            inner = [s.body, s.orelse] if isinstance(s, ast.If) else [getattr(s, "body", [])]
            parts = [s.test] if isinstance(s, ast.If | ast.While) else [s]
            if isinstance(s, ast.For):
                parts = [s.iter]
                self.note(self.writes, s.target.id, path, s)
                self.note(self.writes, s.target.id, path, s)  # twice: it is no number of ours
            for n in (n for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)):
                found = self.writes if isinstance(n.ctx, ast.Store) else self.reads
                self.note(found, n.id, path, s)
            plain = isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
            if plain and isinstance(s.value, ast.Name):
                self.copies.append((s, path))
            for which, block_ in enumerate(inner):
                if block_:
                    self.visit(block_, (*path, (s, which)))

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


def _rename(block, names, dropped, done):
    block[:] = [s for s in block if s not in dropped]
    for s in block:
        for n in ast.walk(s) if not hasattr(s, "body") else _own_nodes(s):
            if isinstance(n, ast.Name) and n not in done:  # some nodes are shared
                n.id = names.get(n.id, n.id)
                done.add(n)
        for inner in (getattr(s, "body", []), getattr(s, "orelse", [])):
            _rename(inner, names, dropped, done)


def _own_nodes(s):
    yield from ast.walk(s.test if isinstance(s, ast.If | ast.While) else s.iter)
    if isinstance(s, ast.For):
        yield s.target
