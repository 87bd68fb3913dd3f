"""Indexing: entries and parts of arrays that are known only later, and arrays from lists."""

import ast
import functools

import numpy as np

from sciml_lab.transform import numpy_arrays
from sciml_lab.transform.frames import Local, unknown
from sciml_lab.transform.naming import Naming
from sciml_lab.transform.reroll import LONG, is_regular
from sciml_lab.transform.steps import Steps
from sciml_lab.transform.values import (
    LATE,
    REMEDY,
    Array,
    NeedsStatic,
    Num,
    binary,
    is_number,
    kind,
    picked,
    shift,
    subscript,
)  # fmt: skip


class Indexing(Naming):
    """Find what ``value[index]`` stands for."""

    def need_static(self, construct=LATE, remedy=REMEDY):
        """Ask for the loops around to be written out; without one this is the error."""
        raise NeedsStatic(construct, remedy, self.here, self.origin)

    def pick(self, value, index):
        """``value[index]``."""
        if isinstance(value, Array):
            return self.index(value, index)
        if not unknown(index):
            if isinstance(value, Local | Num) or is_number(value):
                self.fail("indexing a number", "leave the index out.")
            return value[index]
        if isinstance(value, np.ndarray):
            return self.index(self.array(value), index)
        if isinstance(value, tuple | list | dict):
            self.need_static()
        return self.fail("this index", "use whole numbers and slices.")

    def index(self, array, index, for_store=False):
        """Entry or part of an array that is known only later."""
        index = index if isinstance(index, tuple) else (index,)
        if any(i is Ellipsis for i in index):
            k = next(k for k, i in enumerate(index) if i is Ellipsis)
            given = sum(i is not None for i in index) - 1
            index = index[:k] + (slice(None),) * (len(array.shape) - given) + index[k + 1 :]
        given = sum(i is not None for i in index)
        if given > len(array.shape):
            self.fail(f"{given} indices for an array of shape {array.shape}", "use fewer.")
        index = index + (slice(None),) * (len(array.shape) - given)
        shape, maps, breaks, axis, listed = [], [], [], 0, False
        for i in index:
            if i is None:
                shape.append(1)
                breaks.append(set())
                continue
            n = array.shape[axis]
            if isinstance(i, slice):
                start, stop, step = self.limits(i, n)
                count = len(range(start, stop, step))
                maps.append((len(shape), lambda k, a=start, s=step: self.along(k, a, s)))
                shape.append(count)
                breaks.append({(b - start) // step for b in array.breaks[axis]} & set(range(count)))
            elif is_number(i) or isinstance(i, Num):
                maps.append((None, self.entry_number(i, n)))
            elif isinstance(i, np.ndarray | list | tuple | range) and not unknown(i):
                places, listed = self.places(i, n), not for_store
                unnamed = array.place is None and array.items is None
                if unnamed and len(places) > LONG and not is_regular(places):
                    return self.index(self.materialise(array), index, for_store)
                maps.append((len(shape), functools.partial(_lookup, places)))
                shape.append(len(places))
                breaks.append(set(range(len(places))))
            else:
                self.fail(
                    "choosing entries by a condition or by numbers known only later",
                    "use np.where, or a loop.",
                )
            axis += 1

        def where(*k):
            return [m if at is None else m(k[at]) for at, m in maps]

        if not shape:
            try:
                return array.entry(*where())
            except NeedsStatic:
                if array.items is not None:
                    raise
                return self.index(self.materialise(array), index)
        part = picked(array, shape, where, tuple(breaks))
        if array.items is not None:
            return Array(shape, items=part.all(), named=None if listed else array.named)
        if listed:  # a list of places makes a copy
            return Array(shape, part.entry, breaks=part.breaks)
        return part

    @staticmethod
    def along(k, start, step):
        """Place in the whole of entry k of a slice."""
        return shift(binary(ast.Mult, k, step), start)

    def limits(self, part, n):
        """Return start, stop and step of a slice of n entries."""
        if unknown(part.start, part.stop, part.step):
            self.fail("a slice whose ends are known only later", "use a loop over its entries.")
        return part.indices(n)

    def places(self, chosen, n):
        """Return whole numbers from a list of places or a mask known now."""
        chosen = np.asarray(chosen)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            self.fail("this list of places", "use a list of whole numbers.")
        return [int(c) % n if -n <= c < n else self.entry_number(int(c), n) for c in chosen]

    def entry_number(self, i, n):
        """Return a number of an entry that is not negative."""
        if not isinstance(i, Num):
            if kind(i) != "i" or not -n <= i < n:
                self.fail(f"index {i} of an axis of {n} entries", f"use 0 to {n - 1}.")
            return int(i) % n
        if i.kind != "i":
            self.fail("an index that is not whole", "use int(...).")
        if i.low is not None and i.high is not None:
            if i.low < -n or i.high >= n:
                self.fail(
                    f"index `{ast.unparse(i.node)}` ({i.low} to {i.high}) of {n} entries",
                    "shorten the loop, or use % for a ring.",
                )
            if i.low < 0:  # as in Python, -1 is the last
                return binary(ast.Mod, i, n) if i.high >= 0 else shift(i, n)
        return i

    # Arrays from lists, and lists from arrays.
    def array(self, value) -> Array:
        """Return a value as an `Array`."""
        if isinstance(value, Array):
            return value
        if isinstance(value, np.ndarray):
            return self.constant(value)
        if is_number(value) or isinstance(value, Num):
            return Array((), items=[value])
        if isinstance(value, list | tuple | range):
            return numpy_arrays.stack(self, list(value))
        return self.fail(f"an array made of {type(value).__name__}", "use a list of numbers.")

    def constant(self, value) -> Array:
        """Return an array of numbers that is known now; it keeps its name."""
        if value.dtype.kind not in "fiub":
            self.fail(f"an array of dtype {value.dtype}", "use real numbers.")
        base = self.array_names.get(id(value), "table")
        if value.size > 16:
            self.enter_constant(base, value)  # a smaller one only if a place is known later

        def entry(*index):
            if not unknown(*index):
                return value[index].item()
            name = self.enter_constant(base, value)
            return Num(subscript(name, index), "i" if value.dtype.kind in "iu" else "f")

        return Array(value.shape, entry)

    def sequence(self, value) -> list:
        """Return the items of something that is unpacked or looped over, all of them."""
        if isinstance(value, Array):
            if not value.shape:
                self.fail("unpacking a number", "leave it whole.")
            return [self.index(value, k) for k in range(value.shape[0])]
        if is_number(value) or isinstance(value, Num):
            self.fail("unpacking a number", "leave it whole.")
        if isinstance(value, Steps):
            if not value.known:
                self.fail("a list from a range known only later", "use a loop.")
            return [value.item(k) for k in range(len(value))]
        return list(value)


def _lookup(places, k):
    if isinstance(k, Num):
        raise NeedsStatic
    return places[k]
