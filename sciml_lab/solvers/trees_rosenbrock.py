r"""Rooted trees for Rosenbrock methods, and the coloured ones of index-1 DAEs.

A stage of a Rosenbrock method,

.. math:: k_i = h f\big(u + \sum_j \alpha_{ij} k_j\big) + h J \sum_j \gamma_{ij} k_j,

sees the second derivative of f through alpha only, but the first one through
:math:`\beta = \alpha + \gamma`: the Jacobian's own term has the same form. So Butcher's conditions
stay as they are, with beta where a node carries exactly one tree and alpha where it carries more.

For ``y' = f(y, z), 0 = g(y, z)`` a tree has two kinds of nodes: meagre ones (f) and fat ones, which
stand for :math:`(-g_z)^{-1}` and a derivative of g. A fat node multiplies by
:math:`\omega = \beta^{-1}`.

References
----------
E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, sections IV.7 and VI.4.
"""

from functools import cache
from itertools import combinations_with_replacement
from math import prod

import numpy as np

from sciml_lab.solvers.trees import StageWeights


class RosenbrockWeights(StageWeights):
    """The vectors ``Phi(t)`` of a Rosenbrock method; see `StageWeights`.

    Parameters
    ----------
    alpha, Gamma : ndarray, shape (s, s)

    Examples
    --------
    Linearly implicit Euler: ``k = h f(u) + h J k``.

    >>> phi = RosenbrockWeights(np.array([[0.0]]), np.array([[1.0]]))
    >>> phi(((),)), phi(((), ()))  # beta, and alpha twice
    (array([1.]), array([0.]))
    """

    def __init__(self, alpha, Gamma):
        super().__init__(alpha)
        self.B, self.size_of_B = alpha + Gamma, np.abs(alpha) + np.abs(Gamma)

    def _pair(self, tree):
        if tree not in self._known:
            if len(tree) == 1:
                phi, bound = self._pair(tree[0])
                self._known[tree] = self.B @ phi, self.size_of_B @ bound
            else:
                super()._pair(tree)
        return self._known[tree]


MEAGRE, FAT = "f", "g"


@cache
def coloured(kind, order) -> tuple:
    """Trees of an index-1 DAE as ``(kind, (tree, ...))``; the order counts the meagre nodes.

    A fat node never carries a single fat tree (that derivative of g has been solved for), nor a
    single meagre one (such a tree has the condition of the meagre tree alone).

    Examples
    --------
    >>> [len(coloured(MEAGRE, n)) for n in (1, 2, 3)]
    [1, 1, 3]
    >>> coloured(FAT, 2)
    (('g', (('f', ()), ('f', ()))),)
    """
    nodes = order - 1 if kind == MEAGRE else order
    found = []
    for parts in _partitions(nodes):
        if kind == FAT and len(parts) < 2:
            continue
        for children in _fill(parts):
            found.append((kind, children))
    return tuple(found)


def _partitions(total, largest=None):
    """Ways to write a number as a falling sum."""
    if total == 0:
        yield ()
    for first in range(min(total, largest or total), 0, -1):
        for rest in _partitions(total - first, first):
            yield (first, *rest)


def _fill(parts):
    """Multisets of trees of these orders."""
    if not parts:
        yield ()
        return
    size, count = parts[0], parts.count(parts[0])
    kinds = coloured(MEAGRE, size) + coloured(FAT, size)
    for first in combinations_with_replacement(kinds, count):
        for rest in _fill(parts[count:]):
            yield first + rest


@cache
def coloured_order(tree) -> int:
    """Number of meagre nodes."""
    kind, children = tree
    return (kind == MEAGRE) + sum(coloured_order(child) for child in children)


@cache
def coloured_density(tree) -> int:
    """gamma(t): a meagre node counts the order of what it carries, a fat one counts nothing."""
    kind, children = tree
    own = coloured_order(tree) if kind == MEAGRE else 1
    return own * prod(coloured_density(child) for child in children)


class ColouredWeights:
    """The vectors ``Phi(t)`` for the trees of an index-1 DAE, and a bound for their rounding.

    Parameters
    ----------
    alpha, Gamma : ndarray, shape (s, s)
    """

    def __init__(self, alpha, Gamma):
        beta = alpha + Gamma
        omega = np.linalg.inv(beta)
        self.alpha, self.beta, self.omega = ((x, np.abs(x)) for x in (alpha, beta, omega))
        self._known = {}

    def __call__(self, tree):
        """Phi(t) and its bound."""
        if tree not in self._known:
            kind, children = tree
            matrices = self.beta if kind == MEAGRE and len(children) == 1 else self.alpha
            pair = [np.ones(len(self.alpha[0]))] * 2
            for child in children:
                pair = [x * (A @ y) for x, A, y in zip(pair, matrices, self(child), strict=True)]
            if kind == FAT:
                pair = [A @ x for A, x in zip(self.omega, pair, strict=True)]
            self._known[tree] = tuple(pair)
        return self._known[tree]


def dae_order_of(alpha, Gamma, b, tolerance, highest=6) -> tuple:
    """Orders of the differential and of the algebraic variables of an index-1 DAE.

    Errors of z do not add up from step to step (where ``|R(infinity)| < 1``), so its trees, those
    with a fat root, are needed up to one order less.

    Examples
    --------
    >>> dae_order_of(np.zeros((1, 1)), np.ones((1, 1)), np.ones(1), 1e-14)
    (1, 1)
    """
    phi = ColouredWeights(alpha, Gamma)

    def reached(kind):
        for order in range(1, highest + 1):
            for tree in coloured(kind, order):
                right = 1.0 / coloured_density(tree)
                value, bound = phi(tree)
                if not abs(b @ value - right) <= tolerance * (np.abs(b) @ bound + right):
                    return order - 1
        return highest

    y = reached(MEAGRE)
    return y, min(y, reached(FAT) + 1)
