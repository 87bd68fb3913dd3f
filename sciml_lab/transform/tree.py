"""The lowered language: the small part of Python that every pass reads and every target prints.

A function in this language works on numbers and on arrays element by element, like the C or
Fortran that one would write by hand. It is Python all the same: `ast` is its representation, and
its text runs. Its grammar:

.. code-block:: text

    function   def name(inputs): statement...  return name | return name, name, ...
    statement  name = expression                        a number
               array[index] = expression                one entry
               array[index] += expression
               array = np.empty(shape) | np.zeros(shape)  only on the outermost level
               for name in range(start, stop, step): statement...
               while condition: statement...
               if condition: statement...  else: statement...
               primitive(array, array, ...)             writes its first argument, see `Primitive`
               list = [] | list.append(e) | name = list.pop()   what a reverse `while` keeps
    expression name | number | array[index] | -e | e + e | e - e | e * e | e / e | e ** e
               | e // e | e % e | np.function(e, ...) | abs(e) | min(e, e) | max(e, e)
               | float(e) | int(e) | e if condition else e
    condition  e < e (and <=, >, >=, ==, !=) | not c | c and c | c or c | name | True | False
    index      whole numbers only: names of loops, constants, + - * // %, one for each axis
    array      a name; as an argument of a primitive also a piece ``name[2:7]`` of a flat array

What the passes may rely on (`lower` gives it, and every pass keeps it):

1. One return, at the end.
2. A number has one name, and a name one number: it is assigned in one place only, but for a name
   that is given one value in each branch of an `if`, and for one *carried* by a loop: set before
   the loop, read in its body, and set anew by ``x = x_next`` in the last statements of the body.
3. What a loop or a branch assigns is not read outside of it, but for the names in 2.
4. An array of a size is made once, on the outermost level, and has one name. The names in
   `Lowered.temporaries` are written in full before they are read, each time a block uses them.
"""

import ast
from dataclasses import dataclass, field

import numpy as np


class TransformError(TypeError):
    """What the source contains and the transformation does not cover, where, and what to do.

    Parameters
    ----------
    construct : str
        What was met, such as ``"try ... except"``.
    remedy : str
        What to write instead, an imperative.
    line : int, optional
        Line of the source file.
    origin : object, optional
        With attributes ``name`` and ``file`` (of the function).

    Examples
    --------
    >>> print(TransformError("a set", "use a list.", 7))
    line 7: a set can't be transformed: use a list.
    """

    def __init__(self, construct, remedy, line=None, origin=None):
        self.construct, self.remedy, self.line, self.origin = construct, remedy, line, origin
        where = f" of {origin.name} ({origin.file})" if origin is not None else ""
        place = f"line {line}{where}: " if line is not None else ""
        super().__init__(f"{place}{construct} can't be transformed: {remedy}")

    def __reduce__(self):
        return TransformError, (self.construct, self.remedy, self.line, self.origin)


@dataclass
class Lowered:
    """A function in the lowered language, and what its text alone does not say.

    Attributes
    ----------
    tree : ast.FunctionDef
        The function. Its statements carry ``line``, the number of the source line they come from.
    shapes : dict
        Shape of every input, output and array by its name; ``()`` for a number.
    temporaries : set of str
        Arrays that are written in full before they are read (point 4 above).
    constants : dict
        Arrays of numbers that the text reads and that are no inputs, by name.
    primitives : dict
        `Primitive` by the name that the text calls.
    origin : Origin or None
        Where the source is.
    reads : list of (callable, value)
        What the source took from outside: how to look again, and what it was.
    """

    tree: ast.FunctionDef
    shapes: dict
    temporaries: set = field(default_factory=set)
    constants: dict = field(default_factory=dict)
    primitives: dict = field(default_factory=dict)
    origin: object = None
    reads: list = field(default_factory=list)

    def is_current(self) -> bool:
        """Say whether everything the source took from outside is still the same."""
        return all(same(look(), value) for look, value in self.reads)

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.tree.name

    @property
    def inputs(self) -> tuple:
        """Names of the arguments."""
        return tuple(a.arg for a in self.tree.args.args)

    @property
    def outputs(self) -> tuple:
        """Names that are returned."""
        value = self.tree.body[-1].value
        return tuple(e.id for e in (value.elts if isinstance(value, ast.Tuple) else [value]))


def same(a, b) -> bool:
    """Say whether a value from outside is what it was, entry by entry."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b))
    if type(a) is type(b) and isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is type(b) is dict:
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a is b or (type(a) is type(b) and isinstance(a, int | float | str) and a == b)


@dataclass(frozen=True)
class Primitive:
    """A function with derivatives of its own, called whole: a network, say.

    Each of its three functions is text in the lowered language, in the in-place form (it writes
    into its first arguments, its last one is scratch memory of `work` numbers), on flat arrays.

    Attributes
    ----------
    name : str
    shape : tuple
        Shape of the result.
    call : str
        ``name(out, x, p, work)`` for inputs x and p (or as many as there are).
    vjp : str
        ``name_vjp(x_bar, p_bar, out_bar, x, p, work)``: adds to x_bar and p_bar.
    jvp : str
        ``name_jvp(out_dot, x, p, x_dot, p_dot, work)``: sets out_dot.
    work : int
        Size of the scratch memory that the largest of them needs.
    back : str
        ``name_back``, which is `vjp` for a caller whose scratch memory still holds what `call` has
        left in its first `tape` numbers; empty if there is no such thing.
    tape : int
        See `back`.
    packed : PackedPrimitive or None
        The same function, quicker, for parameters in another order; its `call` and its `back`.
    plain : callable or None
        ``plain(x, p) -> array``, what plain Python calls instead of `call`.
    """

    name: str
    shape: tuple
    call: str
    vjp: str
    jvp: str
    work: int = 0
    plain: object = None
    back: str = ""
    tape: int = 0
    packed: "PackedPrimitive | None" = None


@dataclass(frozen=True)
class PackedPrimitive(Primitive):
    """The same function for an input p that is copied into another order before many calls.

    Attributes
    ----------
    pack, unpack : str
        ``name_pack(packed, p)``, and ``name_unpack(p_bar, packed_bar)``, which adds.
    size : int
        Length of p in the other order.
    """

    pack: str = ""
    unpack: str = ""
    size: int = 0


def size(shape) -> int:
    """Count the entries of an array of this shape.

    Examples
    --------
    >>> size((2, 3)), size(())
    (6, 1)
    """
    return int(np.prod(shape, dtype=int))
