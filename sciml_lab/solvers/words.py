r"""The order of a splitting method, by words.

A splitting method follows two flows in turn: :math:`e^{a_1 h A} e^{b_1 h B} e^{a_2 h A} \dots`
instead of :math:`e^{h (A + B)}`. Written out, both are sums of words in the letters A and B; the
exact one has the coefficient 1/k! at each word of k letters. The method has order p if all words
of up to p letters agree. That needs no trees, and holds for any two flows.

Where B is a force and A a kinetic energy that is quadratic in the momenta, the commutator
[B, [B, [B, A]]] is zero, so words that differ by a multiple of it count as the same; methods of
Nystrom type need fewer stages for that reason.

References
----------
R. I. McLachlan, G. R. W. Quispel, "Splitting methods", Acta Numerica 11 (2002) 341-434.
"""

from itertools import product
from math import factorial

import numpy as np

from sciml_lab.solvers.conditions import Condition, KnowsItsOrder


class Words(KnowsItsOrder):
    """A splitting method as a table that proves its order.

    Parameters
    ----------
    name : str
    flows, quadratic
        As in `defects`.

    Examples
    --------
    >>> strang = Words("Strang", [("B", 0.5), ("A", 1.0), ("B", 0.5)])
    >>> strang.order, strang.violated(3).tree
    (2, 'AAB')
    """

    def __init__(self, name, flows, quadratic=False):
        self.name, self.flows, self.quadratic = name, tuple(flows), quadratic

    def conditions(self, order, embedded=False):
        """One for each word of so many letters."""
        series = _words(self.flows, order)
        sizes = _words([(x, abs(c)) for x, c in self.flows], order)
        names = ["".join(w) for w in product("AB", repeat=order)]
        wrong = np.array([series[w] - 1 / factorial(order) for w in names])
        if self.quadratic and order >= 4:
            wrong = _outside(wrong, _vanishing(order))
        scale = max(sizes[w] for w in names)
        return [Condition(w, float(x), scale) for w, x in zip(names, wrong, strict=True)]

    def oscillation_limit(self) -> float:
        """Largest h w up to which the method keeps ``x'' = -w^2 x`` bounded.

        Examples
        --------
        >>> round(Words("Verlet", [("B", 0.5), ("A", 1.0), ("B", 0.5)]).oscillation_limit(), 2)
        2.0
        """
        z = 0.0
        while z < 50:
            step = np.eye(2)
            for letter, c in self.flows:
                shear = [[1.0, c * z], [0.0, 1.0]] if letter == "A" else [[1.0, 0.0], [-c * z, 1.0]]
                step = np.array(shear) @ step
            if abs(np.trace(step)) > 2 + 1e-9:
                break
            z += 0.005
        return z

    def written(self, tree) -> str:
        """The word, in the order of acting."""
        return tree


def defects(flows, order, quadratic=False):
    """Largest defect of the conditions of every order from 1 to `order`.

    Parameters
    ----------
    flows : sequence of (str, float)
        Letters "A" or "B" with their coefficients, in the order in which they act.
    order : int
        Up to which order.
    quadratic : bool
        Whether [B, [B, [B, A]]] = 0 may be used.

    Returns
    -------
    list of float
        Each relative to the sum of the absolute values of what was added up.

    Examples
    --------
    >>> strang = [("B", 0.5), ("A", 1.0), ("B", 0.5)]
    >>> [bool(d < 1e-14) for d in defects(strang, 3)]
    [True, True, False]
    """
    table = Words("", flows, quadratic)
    return [max(c.relative for c in table.conditions(k)) for k in range(1, order + 1)]


def order_of(flows, quadratic=False, highest=10) -> int:
    """Order of a splitting method: the largest p whose conditions, and all below, hold.

    Examples
    --------
    >>> order_of([("B", 1.0), ("A", 1.0)]), order_of([("B", 0.5), ("A", 1.0), ("B", 0.5)])
    (1, 2)
    """
    table = Words("", flows, quadratic)
    table.highest = highest
    return table.order


def _words(flows, order):
    """Coefficients of all words of a product of exponentials."""
    series = {"": 1.0}
    for letter, c in flows:
        powers = [c**k / factorial(k) for k in range(order + 1)]
        new: dict[str, float] = {}
        for word, x in series.items():
            for k in range(order + 1 - len(word)):
                longer = word + letter * k
                new[longer] = new.get(longer, 0.0) + x * powers[k]
        series = new
    return {"".join(w): series.get("".join(w), 0.0)
            for k in range(order + 1) for w in product("AB", repeat=k)}  # fmt: skip


def _vanishing(k):
    """Combinations of words of k letters that are zero: multiples of [B, [B, [B, A]]]."""
    relation = {"BBBA": 1.0, "BBAB": -3.0, "BABB": 3.0, "ABBB": -1.0}
    place = {"".join(w): i for i, w in enumerate(product("AB", repeat=k))}
    rows = []
    for left in range(k - 3):
        for before in product("AB", repeat=left):
            for after in product("AB", repeat=k - 4 - left):
                row = np.zeros(len(place))
                for word, c in relation.items():
                    row[place["".join(before) + word + "".join(after)]] += c
                rows.append(row)
    return np.array(rows)


def _outside(vector, rows):
    """What is left of a vector when its part in the span of the rows is taken away."""
    coefficients = np.linalg.lstsq(rows.T, vector, rcond=None)[0]
    return vector - rows.T @ coefficients
