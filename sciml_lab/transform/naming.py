"""Giving values names: what one name of the source stands for, and when two stand for one array.

A number gets a name, a small array a name for each entry, a larger one memory. In NumPy two names
may stand for the same memory. They do here too: ``w = v`` gives w the place of v. Only where a
loop or a branch decides at run time which array a name stands for, its entries are copied; then a
write that would show the difference is refused.
"""

import ast

import numpy as np

from sciml_lab.transform.values import UNROLL, Array, Num, as_number, is_number, kind, node
from sciml_lab.transform.writer import Writer


class InMemory(Exception):
    """A small array is written into through a second name: read again, with it in memory."""


class Naming(Writer):
    """Names for values, and what is known about memory that has several names."""

    def __init__(self):
        super().__init__()
        self.frames, self.forced, self.array_names, self.kept = [], set(), {}, []
        self.stored, self.frozen, self.guarded = set(), {}, frozenset()
        self.homes = {}  # id of a list or dict -> (itself, the path where it was made)

    def bind(self, base, value, in_memory=False):
        """Evaluate a value once and for all, under a name taken from the source.

        A number gets a name, a small array one name for each entry, a larger one memory; a piece
        of memory keeps the name it has.
        """
        in_memory = in_memory or base in self.forced
        if isinstance(value, Num):
            return self.name(base, value)
        if isinstance(value, np.ndarray):
            return self.bind_table(base, value, in_memory)
        if isinstance(value, Array):
            if value.place is not None:
                return value
            if in_memory:
                return self.materialise(self.writable(value), base)
            if value.named:
                return value
            if value.items is None and value.size > UNROLL:
                return self.materialise(value, base)
            items = [self.name(f"{base}_{k}", x) for k, x in enumerate(value.all())]
            return Array(value.shape, items=items, named=base)
        if type(value) is tuple:
            return tuple(self.bind(f"{base}_{k}", x) for k, x in enumerate(value))
        if type(value) is list and id(value) not in self.homes:
            value[:] = [self.bind(f"{base}_{k}", x) for k, x in enumerate(value)]
            self.homes[id(value)] = value, self.path
        elif type(value) is dict and id(value) not in self.homes:
            value.update({k: self.bind(f"{base}_{k}", x) for k, x in value.items()})
            self.homes[id(value)] = value, self.path
        return value

    def named_entries(self, array):
        """Give names to the entries of a small array that are used more than once."""
        if not isinstance(array, Array):
            return self.bind("x", array)
        if array.items is not None:
            return Array(array.shape, items=[self.name("x", x) for x in array.items])
        return array

    def bind_table(self, base, value, in_memory):
        """Bind an array of numbers that is known now."""
        owner = value if value.base is None else value.base
        if not in_memory:
            if value.dtype.kind in "fiub" and id(owner) not in self.array_names:
                self.array_names[id(owner)] = self.array_names[id(value)] = base
                self.homes[id(owner)] = owner, self.path
            return value
        if id(owner) in self.homes:
            raise InMemory(self.array_names[id(owner)])
        if id(owner) in self.array_names:
            name = self.array_names[id(owner)]
            self.fail(f"writing into the array {name} from outside", "write into a .copy() of it.")
        return self.materialise(self.writable(self.array(value), value.dtype.kind != "f"), base)

    def writable(self, value, whole=False):
        """Check that a small array may get memory of its own, and be written into."""
        if value.named:
            raise InMemory(value.named)
        if (value.items and all(kind(x) != "f" for x in value.items)) or whole:
            self.fail("writing into an array of whole numbers or conditions",
                      "make it of real numbers: 1.0 instead of 1.")  # fmt: skip
        return value

    def from_outside(self, name, value):
        """Remember the name of an array that the source does not make itself, and its lists."""
        if isinstance(value, np.ndarray):
            self.array_names[id(value)] = name
            self.kept.append(value)
        elif type(value) in (list, dict, tuple) and id(value) not in self.homes:
            self.homes[id(value)] = value, None
            for part in value.values() if type(value) is dict else value:
                self.from_outside(name, part)
        return value

    def own(self, values):
        """Check that a list or a dict may be changed here, and now."""
        path = self.homes.get(id(values), (values, self.path))[1]
        if path is None:
            self.fail(f"changing a {type(values).__name__} that comes from outside", "copy it.")
        if path != self.path:
            word = f"a {type(values).__name__} that changes in a loop or a branch"
            self.need_static(word, "write into an array made by np.zeros.")

    def carry(self, base, value, real, in_memory):
        """Give a value a place that a loop may change: before the loop."""
        if is_number(value) or isinstance(value, Num):
            whole = kind(value)
            value = as_number(value) if real else value
            if real and whole != "f":
                call = ast.Call(ast.Name("float", ast.Load()), [node(value)], [])
                value, whole = Num(call) if isinstance(value, Num) else float(value), "f"
            name = self.fresh(base)
            self.write(name, value)
            return Num.named(name, whole)
        if isinstance(value, np.ndarray):
            value = self.array(value)
        if isinstance(value, Array):
            if value.size <= UNROLL and not in_memory:
                parts = enumerate(value.all())
                items = [self.carry(f"{base}_{k}", x, real, False) for k, x in parts]
                self.copied(value, None)
                return Array(value.shape, items=items, named=base)
            result = self.materialise(value, base)
            self.copied(value, result.memory)
            return result
        if type(value) is tuple:
            parts = enumerate(value)
            return tuple(self.carry(f"{base}_{k}", x, real, in_memory) for k, x in parts)
        return value

    # One array with two names.
    def others(self, memory):
        """Count the names in the source that stand for this memory."""
        if memory in self.inputs:
            return 2
        places = [f.env for f in self.frames]
        return sum(_holds(v, memory, 0) for env in places for v in env.values())

    def copied(self, value, target, own=1):
        """Note that the entries of an array were copied where NumPy gives it a second name.

        The array may have `own` names, one that the copy stands for or none, and no more.
        """
        memory = value.memory if isinstance(value, Array) else None
        if memory is None or self.others(memory) <= own:
            return
        for name in (memory, target):
            if any(n == name and path and self.path[:1] == path[:1] for n, path in self.stored):
                self.refuse_store(name)
            self.frozen[name] = True

    def second_name(self, copy, source):
        """Return a copy where NumPy may give a view: neither is written into after that."""
        self.frozen[source.memory] = True
        copy.named = None
        copy = self.materialise(copy, "part")
        self.frozen[copy.memory] = True
        return copy

    def refuse_store(self, name):
        """Fail for a write that another name may have to see."""
        self.fail(f"writing into {name}, which a loop or a branch gives a second name,",
                  "use .copy() where the second name is given.")  # fmt: skip

    def note_store(self, name):
        """Check a write of the source into memory, and remember it."""
        if name in self.inputs:
            self.fail(f"writing into the argument {name}", "write into a new array, u.copy() say.")
        if name in self.constants:
            self.fail(f"writing into the array {name} from outside", "write into a .copy() of it.")
        if name in self.frozen:
            self.refuse_store(name)
        if name in self.guarded:
            self.fail("a call that writes into an array, inside of an expression,",
                      "call it on a line of its own.")  # fmt: skip
        self.stored.add((name, self.path))
        if name in self.bare and len(self.path) > len(self.born.get(name, ())):
            self.temporaries.discard(name)


def _holds(value, memory, depth):
    if isinstance(value, Array):
        return int(value.memory == memory)
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, tuple | list | dict) and depth < 4:
        return sum(_holds(v, memory, depth + 1) for v in parts)
    return 0
