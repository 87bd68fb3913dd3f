"""Order conditions of additive Runge-Kutta methods: trees with coloured nodes.

Where ``u' = f_1(u) + f_2(u) + ...`` and each part has a matrix of its own, a derivative of the
solution is a tree whose every node says which part it comes from. With weights b that all parts
share, a method has order p if for every tree of at most p nodes and every colouring of the nodes
below its root ``sum_i b_i Phi_i(t) = 1/gamma(t)``, where a node of colour c brings the matrix A_c.

References
----------
C. A. Kennedy, M. H. Carpenter, Appl. Numer. Math. 44 (2003) 139-181.
"""

from itertools import product

import numpy as np

from sciml_lab.solvers import trees
from sciml_lab.solvers.conditions import Condition, KnowsItsOrder


def coloured_weights(matrices, tree):
    """Pairs (Phi, bound) of a tree, one for each colouring of the nodes below its root.

    Parameters
    ----------
    matrices : sequence of ndarray (s, s)
        A of each part.
    tree : tuple
        As in `trees`.

    Examples
    --------
    >>> matrices = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.5]])
    >>> [phi.tolist() for phi, _ in coloured_weights(matrices, (((),),))]
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.5], [0.0, 0.5]]
    """
    ones = np.ones(len(matrices[0]))
    branches = [
        [
            (A @ phi, np.abs(A) @ bound)
            for A in matrices
            for phi, bound in coloured_weights(matrices, child)
        ]
        for child in tree
    ]
    return [
        (np.prod([phi for phi, _ in choice], axis=0), np.prod([x for _, x in choice], axis=0))
        if choice
        else (ones, ones)
        for choice in product(*branches)
    ]


def coloured_conditions(matrices, b, tree, root):
    """The conditions of one tree, for every colouring of the nodes below its root.

    Parameters
    ----------
    matrices, b : sequence of ndarray (s, s), ndarray (s,)
        A of each part; weights of the part of the root.
    tree : tuple
        As in `trees`.
    root : int
        Which part that is.

    Examples
    --------
    >>> matrices = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.5]])
    >>> for c in coloured_conditions(matrices, np.array([0.5, 0.5]), ((),), 0):
    ...     print(trees.written(c.tree, "EI"), c.defect)
    E'(E) 0.0
    E'(I) 0.0
    """
    right = 1.0 / trees.density(tree)
    below = product(*(trees.colourings(branch, range(len(matrices))) for branch in tree))
    weights = coloured_weights(matrices, tree)
    for branches, (phi, bound) in zip(below, weights, strict=True):
        yield Condition((root, branches), b @ phi - right, np.abs(b) @ bound + right)


class AdditivePair(KnowsItsOrder):
    """Two tableaus as one method: every part has its own matrix and weights.

    Parameters
    ----------
    explicit, implicit : Tableau

    Examples
    --------
    >>> import sciml_lab as sl
    >>> pair = AdditivePair(sl.ARS222().explicit, sl.ARS222().implicit)
    >>> pair.order, pair.written(pair.violated(3).tree)
    (2, "E'(E'(E))")
    """

    highest = 6

    def __init__(self, explicit, implicit):
        self.parts, self.name = (explicit, implicit), implicit.name
        self.b_error = explicit.b_error

    def conditions(self, order, embedded=False):
        """One for each colouring of each tree."""
        matrices = [np.asarray(tab.A) for tab in self.parts]
        for tree in trees.trees(order):
            for root, tab in enumerate(self.parts):
                b = np.asarray(tab.b - tab.b_error if embedded else tab.b)
                yield from coloured_conditions(matrices, b, tree, root)

    def written(self, tree) -> str:
        """The tree with its nodes called E (explicit) and I (implicit)."""
        return trees.written(tree, "EI")


def additive_order(matrices, b, tolerance, highest=6) -> int:
    """Highest order for which the conditions of all coloured trees hold.

    Parameters
    ----------
    matrices : sequence of ndarray (s, s)
        A of each part.
    b : ndarray (s,)
        Weights that all parts share.
    tolerance : float
        Largest defect in units of the sum of absolute terms.
    highest : int
        Where to stop.

    Examples
    --------
    Euler's methods, explicit and implicit, with the slope at the end for both:

    >>> explicit, implicit = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])
    >>> additive_order((explicit, implicit), np.array([0.0, 1.0]), 1e-14)
    1
    """
    matrices = [np.asarray(A) for A in matrices]
    for order in range(1, highest + 1):
        for tree in trees.trees(order):
            for c in coloured_conditions(matrices, b, tree, 0):
                if not abs(c.defect) <= tolerance * c.scale:
                    return order - 1
    return highest
