"""The tape: reverse differentiation by writing every operation down and reading backwards.

With this module one can: record a computation as a flat list in the order of its creation, look at
the list, and sweep it once from the end to the beginning. Each entry hands its cotangent (how
the result answers to a change of this entry) to its parents by the VJP rule of its
primitive. The sweep is a loop, so 20,000 chained operations need no deep recursion.

Examples
--------
>>> tape = Tape()
>>> x = tape.input(2.0)
>>> y = x * np.sin(x)
>>> print(tape)
 #  primitive  parents  value
 0  input               2.0
 1  sin        0        0.909297
 2  multiply   0 1      1.81859
>>> bool(np.isclose(tape.gradient(y, x), np.sin(2.0) + 2.0 * np.cos(2.0)))
True
"""

import numpy as np

from .arraylike import ArrayLike
from .primitive import as_value
from .values import Traced, new_level, primal


class Entry:
    """One line of a tape: which primitive made which value from which parents.

    Attributes
    ----------
    name : str
        Name of the primitive, or ``"input"``.
    parents : tuple of int
        Numbers of the entries that it was made from.
    value : array
        The answer.
    rule, positions, values, kwargs
        The primitive, where among its arguments the parents stand, all arguments, the settings.
    """

    __slots__ = ("kwargs", "parents", "positions", "rule", "value", "values")

    def __init__(self, rule, positions, parents, value, values, kwargs):
        self.rule, self.positions, self.parents = rule, positions, parents
        self.value, self.values, self.kwargs = value, values, kwargs

    @property
    def name(self):
        """Name of the primitive."""
        return "input" if self.rule is None else self.rule.name

    def __repr__(self):
        return f"<{self.name} of {', '.join(map(str, self.parents))}>" if self.rule else "<input>"


class Tape:
    """A flat list of operations, in the order in which they were carried out.

    Attributes
    ----------
    entries : list of Entry
        The operations.
    level : int
        Which derivative it belongs to.

    Examples
    --------
    >>> tape = Tape()
    >>> x, y = tape.input(3.0), tape.input(4.0)
    >>> float(tape.gradient(np.hypot(x, y), y))
    0.8
    """

    __slots__ = ("entries", "kept", "level")

    def __init__(self):
        self.entries = []
        self.kept = {}
        self.level = new_level()

    def input(self, value) -> "Var":
        """Begin with a value: everything made from it will be recorded."""
        value = as_value(value, "value")
        value = value.copy() if isinstance(value, np.ndarray) else value
        self.entries.append(Entry(None, (), (), value, (), {}))
        return make_var(value, self, len(self.entries) - 1)

    def keep(self, constant):
        """Copy a plain array: its owner may write into it before the sweep needs it.

        Of a large one that stays the same (a matrix used in every step) one copy is kept.
        """
        if constant.size < 1000:
            return constant.copy()
        place = constant.__array_interface__["data"][0], constant.shape, constant.strides
        kept = self.kept.get(place)
        if kept is None or not np.array_equal(kept, constant):
            kept = self.kept[place] = constant.copy()
        return kept

    def sweep(self, seeds) -> list:
        """Pull cotangents back from the end to the beginning.

        Parameters
        ----------
        seeds : dict of int to array
            Cotangents to begin with: number of the entry -> cotangent.

        Returns
        -------
        list
            The cotangent of every entry; None where the seeds don't depend on it.

        Examples
        --------
        >>> tape = Tape()
        >>> x = tape.input(3.0)
        >>> y = x * x
        >>> [float(g) for g in tape.sweep({1: np.float64(1.0)})]
        [6.0, 1.0]
        """
        cotangents = [None] * len(self.entries)
        for _, cotangents in self.walk_back(seeds):  # noqa: B007 - the last ones are the answer
            pass
        return cotangents

    def walk_back(self, seeds):
        """Sweep one entry at a time, and stop after each.

        Parameters
        ----------
        seeds : dict of int to array
            Cotangents to begin with, as in `sweep`.

        Yields
        ------
        (int, list)
            The entry that has just handed on its cotangent, and the cotangents so far.

        Examples
        --------
        >>> tape = Tape()
        >>> x = tape.input(3.0)
        >>> y = np.sin(x * x)
        >>> for number, g in tape.walk_back({2: np.float64(1.0)}):
        ...     print(number, [None if part is None else round(float(part), 2) for part in g])
        2 [None, -0.91, 1.0]
        1 [-5.47, -0.91, 1.0]
        0 [-5.47, -0.91, 1.0]
        """
        entries = self.entries
        cotangents = [None] * len(entries)
        for number, seed in seeds.items():
            cotangents[number] = seed
        for number in range(max(seeds, default=-1), -1, -1):
            g = cotangents[number]
            if g is None:
                continue
            entry = entries[number]
            if g.dtype.kind == "c" and entry.value.dtype.kind != "c":
                g = cotangents[number] = np.real(g)  # a real number can't move sideways
            if entry.rule is not None:
                shares = entry.rule.pull(
                    entry.positions, g, entry.value, entry.values, entry.kwargs
                )
                for parent, share in zip(entry.parents, shares, strict=True):
                    if share is not None:
                        before = cotangents[parent]
                        cotangents[parent] = share if before is None else before + share
            yield number, cotangents

    def gradient(self, y, *inputs):
        """Compute the derivatives of a scalar `y` of this tape with respect to inputs.

        Returns
        -------
        array, or tuple of arrays for several inputs
        """
        if not (isinstance(y, Var) and y.tape is self):
            raise TypeError("y was not recorded on this tape: compute it from tape.input(...).")
        if y.ndim:
            raise ValueError(f"y must be a scalar (it has shape {y.shape}): use y.sum() or y[0].")
        cotangents = self.sweep({y.index: np.ones_like(primal(y))})
        found = [cotangents[x.index] for x in inputs]
        found = [
            np.zeros_like(primal(x)) if g is None else g for g, x in zip(found, inputs, strict=True)
        ]
        return found[0] if len(found) == 1 else tuple(found)

    def __len__(self):
        return len(self.entries)

    def __str__(self):
        return self.show()

    def show(self, cotangents=None, rows=40) -> str:
        """Write the tape as a table, with the cotangents of a sweep if given."""
        table = [("#", "primitive", "parents", "value", "cotangent")]
        for i, entry in enumerate(self.entries):
            g = None if cotangents is None else cotangents[i]
            parents = " ".join(map(str, entry.parents))
            table.append((str(i), entry.name, parents, _brief(entry.value), _brief(g)))
        if len(table) > rows + 1:
            left_out = len(table) - rows - 1
            half = rows // 2
            table[half + 1 : half + 1 + left_out] = [("..", f"({left_out} more)", "", "", "")]
        count = 4 if cotangents is None else 5
        widths = [max(len(row[c]) for row in table) for c in range(count)]
        lines = (
            f"{row[0]:>{widths[0] + 1}}  "
            + "  ".join(map(str.ljust, row[1:count], widths[1:count]))
            for row in table
        )
        return "\n".join(line.rstrip() for line in lines)


class Var(ArrayLike):
    """A number or array whose operations are written on a tape.

    Parameters
    ----------
    value : float or array
        The number; it may be traced itself.
    tape : Tape, optional
        The tape to write on. Without one a new tape begins.

    Attributes
    ----------
    value, tape
        As given.
    index : int
        Number of its entry on the tape.

    Examples
    --------
    >>> x = Var(2.0)
    >>> y = 3 * x
    >>> y, y.index, float(x.tape.gradient(y, x))
    (Var(6.0), 1, 3.0)
    """

    __slots__ = ("index", "level", "tape", "value")
    reverse = True

    def __init__(self, value, tape=None):
        fresh = (Tape() if tape is None else tape).input(value)
        self.value, self.tape, self.index = fresh.value, fresh.tape, fresh.index
        self.level = fresh.level

    def apply(self, rule, args, kwargs):
        """Apply a primitive to the values and write it down."""
        level = self.level
        values, positions, parents, traced = [], [], [], False
        for k, x in enumerate(args):
            if type(x) is Var and x.level == level:
                positions.append(k)
                parents.append(x.index)
                x = x.value
            elif type(x) is np.ndarray:
                x = self.tape.keep(x)
            if isinstance(x, Traced):
                traced = True
            values.append(x)
        answer = rule(*values, **kwargs) if traced else rule.fun(*values, **kwargs)
        tape = self.tape
        entries = tape.entries
        entries.append(Entry(rule, positions, parents, answer, values, kwargs))
        return make_var(answer, tape, len(entries) - 1)

    def __repr__(self):
        value = self.value
        return f"Var({value.item()!r})" if isinstance(value, np.generic) else f"Var({value!r})"


def make_var(value, tape, index) -> Var:
    """Put a value together with its place on the tape."""
    var = object.__new__(Var)
    var.value, var.tape, var.index, var.level = value, tape, index, tape.level
    return var


def _brief(x):
    """Write a value in a few characters."""
    if x is None:
        return ""
    x = np.asarray(primal(x))
    if x.ndim == 0:
        return str(float(x)) if x.dtype.kind != "c" and x == round(float(x), 3) else f"{x:.6g}"
    text = np.array2string(x, precision=4, threshold=6, edgeitems=2).replace("\n", "")
    return text if len(text) <= 40 else f"array of shape {x.shape}"
