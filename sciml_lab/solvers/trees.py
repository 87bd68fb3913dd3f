"""Butcher's rooted trees: the bookkeeping behind the order of a Runge-Kutta method.

With this module one can: list the trees of an order (`trees`), read off their density and
symmetry, and evaluate a method's elementary weights on them. A method has order p if

    sum_i b_i Phi_i(t) = 1/gamma(t)      for every rooted tree t with at most p nodes.

A tree is the sorted tuple of the trees that hang from its root; a single node is ``()``.
There are 1, 1, 2, 4, 9, 20, 48, 115, 286, 719 trees of order 1 to 10.

References
----------
J. C. Butcher, *Numerical Methods for Ordinary Differential Equations*, chapter 3.
E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*, section II.2.
"""

from collections import Counter
from functools import cache
from itertools import product
from math import factorial, prod

import numpy as np

HIGHEST_ORDER = 10
"""No method of this package needs more, and the number of trees grows by 2.95 with each order."""


@cache
def trees(order: int) -> tuple:
    """All rooted trees with `order` nodes.

    Examples
    --------
    >>> trees(3)
    ((((),),), ((), ()))
    >>> [len(trees(n)) for n in range(1, 9)]
    [1, 1, 2, 4, 9, 20, 48, 115]
    """
    return tuple(_forests(order - 1, order - 1, None))


def _forests(nodes, largest, below):
    """Forests of `nodes` nodes; their trees come in falling order of (size, position)."""
    if nodes == 0:
        yield ()
        return
    for size in range(min(nodes, largest), 0, -1):
        kinds = trees(size)
        stop = below + 1 if below is not None and size == largest else len(kinds)
        for position in range(stop):
            for rest in _forests(nodes - size, size, position):
                yield (kinds[position], *rest)


@cache
def size(tree) -> int:
    """Number of nodes, the order of the tree.

    Examples
    --------
    >>> size(((), ((),)))
    4
    """
    return 1 + sum(size(child) for child in tree)


@cache
def density(tree) -> int:
    """gamma(t): number of nodes times the densities of the trees that hang from the root.

    Examples
    --------
    >>> density((((),),))  # a chain of three
    6
    """
    return size(tree) * prod(density(child) for child in tree)


@cache
def symmetry(tree) -> int:
    """sigma(t): in how many ways the tree can be mapped onto itself.

    Examples
    --------
    >>> symmetry(((), (), ()))
    6
    """
    return prod(symmetry(child) ** m * factorial(m) for child, m in Counter(tree).items())


def written(tree, names=("f",)) -> str:
    """The elementary differential that a tree stands for.

    Parameters
    ----------
    tree : tuple
        As above, or with coloured nodes: pairs (colour, branches).
    names : sequence of str
        Name of the function of each colour.

    Examples
    --------
    >>> written(((), ((),))), written((0, ((1, ()),)), ("f", "g"))
    ("f''(f, f'(f))", "f'(g)")
    """
    colour, branches = tree if is_coloured(tree) else (0, tree)
    inside = ", ".join(sorted((written(x, names) for x in branches), key=lambda s: (len(s), s)))
    return names[colour] + "'" * len(branches) + (f"({inside})" if inside else "")


def is_coloured(tree) -> bool:
    """Whether the nodes of a tree have colours.

    Examples
    --------
    >>> is_coloured(((), ())), is_coloured((0, ()))
    (False, True)
    """
    return len(tree) == 2 and not isinstance(tree[0], tuple)


def colourings(tree, colours=(False, True)) -> list:
    """All ways to colour the nodes of a tree: pairs (colour, branches).

    Examples
    --------
    >>> len(colourings(((), ())))
    8
    """
    return [
        (colour, branches)
        for colour in colours
        for branches in product(*(colourings(branch, colours) for branch in tree))
    ]


class StageWeights:
    """The vectors ``Phi(t)`` of a matrix A, evaluated tree by tree when asked for.

    ``Phi_i(t)`` is the product over the children c of t of ``sum_j a_ij Phi_j(c)``. The same
    recursion with ``|a_ij|`` bounds the rounding error, so a condition that cannot hold exactly
    in double precision is judged by the size of the terms in it.

    Parameters
    ----------
    A : ndarray, shape (s, s)

    Examples
    --------
    >>> StageWeights(np.array([[0.0, 0.0], [1.0, 0.0]]))(((),))
    array([0., 1.])
    """

    def __init__(self, A):
        self.A, self.size_of_A = A, np.abs(A)
        self._known = {(): (np.ones(len(A)), np.ones(len(A)))}
        self._pushed = {}

    def __call__(self, tree):
        """Phi(t), one entry per stage."""
        return self._pair(tree)[0]

    def bound(self, tree):
        """Phi(t) of ``|A|``."""
        return self._pair(tree)[1]

    def _pair(self, tree):
        if tree not in self._known:
            exact, bound = self._known[()]
            for child in tree:
                if child not in self._pushed:
                    phi, size_of_phi = self._pair(child)
                    self._pushed[child] = self.A @ phi, self.size_of_A @ size_of_phi
                exact = exact * self._pushed[child][0]
                bound = bound * self._pushed[child][1]
            self._known[tree] = exact, bound
        return self._known[tree]


def defect(phi, b, tree):
    """How far the condition of a tree is from holding: ``(value, scale)``.

    ``value = sum_i b_i Phi_i(t) - 1/gamma(t)``; `scale` is the sum of the absolute terms, and
    a condition holds in double precision when value is a few roundings of it.

    Examples
    --------
    >>> value, scale = defect(StageWeights(np.zeros((1, 1))), np.ones(1), ((),))  # Euler, order 2
    >>> float(value), float(scale)
    (-0.5, 0.5)
    """
    right = 1.0 / density(tree)
    return b @ phi(tree) - right, np.abs(b) @ phi.bound(tree) + right


def dense_order_of(phi, P, tolerance) -> int:
    """Order of dense output with weights ``b_i(theta) = sum_j P[i, j-1] theta**j``.

    The conditions ``sum_i b_i(theta) Phi_i(t) = theta**|t|/gamma(t)`` must hold for every theta,
    that is for each power of theta.

    Parameters
    ----------
    phi : StageWeights
        Of the matrix A with the rows of the extra stages.
    P : ndarray, shape (stages, degree)
        Coefficients of the weights.
    tolerance : float
        Largest defect in units of the sum of absolute terms.

    Examples
    --------
    >>> euler = StageWeights(np.zeros((1, 1)))
    >>> dense_order_of(euler, np.array([[1.0]]), 1e-14)
    1
    """
    degree = P.shape[1]
    for order in range(1, HIGHEST_ORDER + 1):
        for tree in trees(order):
            right = np.zeros(max(degree, order))
            right[order - 1] = 1.0 / density(tree)
            left, scale = np.zeros_like(right), right.copy()
            left[:degree] = phi(tree) @ P
            scale[:degree] += phi.bound(tree) @ np.abs(P)
            if np.any(np.abs(left - right) > tolerance * scale):
                return order - 1
    return HIGHEST_ORDER


def principal_error(phi, b, order) -> float:
    """Norm of the coefficients of the leading error term of a method of this order.

    ``sqrt(sum (defect(t)/sigma(t))**2)`` over the trees with ``order + 1`` nodes (Dormand and
    Prince's A^(p+1)): the smaller, the more accurate per step.

    Examples
    --------
    >>> round(principal_error(StageWeights(np.zeros((1, 1))), np.ones(1), 1), 3)  # Euler
    0.5
    """
    terms = [defect(phi, b, tree)[0] / symmetry(tree) for tree in trees(order + 1)]
    return float(np.linalg.norm(terms))
