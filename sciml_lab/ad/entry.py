"""One entry of a traced array, not yet taken: what `np.array([x * y, x - y])` is made of.

NumPy makes an object array of traced arrays, entry by entry. Taking each entry at once would put
one indexing on the tape for every number, and `collect` would only put them together again. An
`Entry` remembers where it comes from instead: `collect` finds whole rows and takes their parent,
and whatever else is done with an entry takes it first.
"""

import numpy as np


class Entry(np.lib.mixins.NDArrayOperatorsMixin):
    """The entry number `place` (in C order) of the traced array `parent`.

    Examples
    --------
    >>> from sciml_lab.ad import Dual
    >>> x = Dual(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    >>> Entry(x, 1).take()
    Dual(3.0, 0.0)
    >>> whole(np.array([x, x])[0]) is x
    True
    """

    __slots__ = ("parent", "place")

    def __init__(self, parent, place):
        self.parent, self.place = parent, place

    def take(self):
        """The entry itself: a traced scalar."""
        return self.parent[np.unravel_index(self.place, self.parent.shape)]

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        return getattr(ufunc, method)(*map(taken, inputs), **settings)

    def __array_function__(self, function, types, args, kwargs):
        return function(*map(taken, args), **kwargs)

    def __getattr__(self, name):
        return getattr(self.take(), name)

    def __getitem__(self, index):
        return self.take()[index]

    def __bool__(self):
        return bool(self.take())

    def __float__(self):
        return float(self.take())

    def __int__(self):
        return int(self.take())

    def __complex__(self):
        return complex(self.take())

    def __repr__(self):
        return repr(self.take())


def taken(x):
    """Return `x`, or the traced scalar that it stands for."""
    return x.take() if type(x) is Entry else x


def entries(parent) -> np.ndarray:
    """An object array of the shape of `parent` that holds its entries."""
    out = np.empty(parent.size, dtype=object)
    for place in range(parent.size):
        out[place] = Entry(parent, place)
    return out.reshape(parent.shape)


def whole(x: np.ndarray):
    """The traced array whose entries, all and in order, an object array holds; else None."""
    parent = x.flat[0].parent if x.size and type(x.flat[0]) is Entry else None
    if parent is None or parent.shape != x.shape:
        return None
    same = all(
        type(e) is Entry and e.parent is parent and e.place == i for i, e in enumerate(x.flat)
    )
    return parent if same else None
