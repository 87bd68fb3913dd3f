"""Between the forms of a Rosenbrock tableau: inverse, and dense output, published or computed."""

import numpy as np

from sciml_lab.solvers import trees


def inverse_of(L):
    """Inverse of a lower triangular matrix, zeros above the diagonal included.

    Examples
    --------
    >>> inverse_of(np.array([[2.0, 0.0], [1.0, 1.0]]))
    array([[ 0.5,  0. ],
           [-0.5,  1. ]])
    """
    inverse = np.zeros_like(L)
    for i, row in enumerate(np.eye(len(L))):
        inverse[i] = (row - L[i, :i] @ inverse[:i]) / L[i, i]
    return inverse


def rodas_output(m, H):
    """Weights P of U from the matrix H of the RODAS codes.

    Examples
    --------
    >>> rodas_output(np.array([1.0]), np.array([[2.0]]))  # theta + 2 theta (1 - theta)
    array([[ 3., -2.]])
    """
    P = np.zeros((len(m), len(H) + 1))
    P[:, 0] = m
    for power, row in enumerate(H):
        P[:, power] += row
        P[:, power + 1] -= row
    return P


def continuous(phi, b, highest=3):
    """Weights P of dense output from the order conditions, for a tableau that brings none.

    For each power of theta the conditions of the trees up to order q are linear in the weights;
    the smallest solution is taken, for the largest q that has one and ends in b.

    Parameters
    ----------
    phi : StageWeights
        Of the stages.
    b : array
        Weights at the end of the step.
    highest : int
        Largest order that is tried.

    Examples
    --------
    >>> from sciml_lab.solvers.trees_rosenbrock import RosenbrockWeights
    >>> continuous(RosenbrockWeights(np.zeros((1, 1)), np.ones((1, 1))), np.ones(1))
    array([[1.]])
    """
    for q in range(highest, 1, -1):
        conditions = [t for order in range(1, q + 1) for t in trees.trees(order)]
        rows = np.array([phi(t) for t in conditions])
        right = np.zeros((len(conditions), q))
        for i, tree in enumerate(conditions):
            right[i, trees.size(tree) - 1] = 1.0 / trees.density(tree)
        P = np.linalg.lstsq(rows, right, rcond=1e-12)[0]
        P[:, -1] += b - P.sum(axis=1)
        if np.allclose(rows @ P, right, rtol=0, atol=1e-13 * (1 + np.abs(rows) @ np.abs(P))):
            return P
    return np.asarray(b, dtype=float)[:, None].copy()
