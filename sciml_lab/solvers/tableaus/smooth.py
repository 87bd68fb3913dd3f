"""Dense output from the order conditions: a smooth polynomial through the ends of every step."""

import numpy as np

from sciml_lab.solvers import trees


def smooth_weights(A, b, order, degree):
    """Weights ``b_i(theta)`` of a polynomial of this order with continuous slope.

    The conditions are linear in the coefficients: ``sum_i b_i(theta) Phi_i(t) = theta**n/gamma(t)``
    for each tree t of n <= `order` nodes; ``b_i(1) = b_i``; and the slopes k_1 at the start and
    k_s at the end (the last stage lies at the new state). Of all solutions it takes the smallest.

    Parameters
    ----------
    A, b : array
        A stiffly accurate method with an explicit first stage.
    order : int
        Order of the dense output.
    degree : int
        Highest power of theta.

    Returns
    -------
    ndarray, shape (s, degree)

    Raises
    ------
    ValueError
        If no polynomial satisfies the conditions.

    Examples
    --------
    >>> A = np.array([[0.0, 0.0], [0.5, 0.5]])
    >>> smooth_weights(A, A[-1], 2, 2).round(3)
    array([[ 1. , -0.5],
           [ 0. ,  0.5]])
    """
    A, b, s, power = np.asarray(A), np.asarray(b), len(b), np.eye(degree)
    phi, rows, right = trees.StageWeights(A), [], []
    for n in range(1, order + 1):
        for tree in trees.trees(n):
            rows += [np.outer(phi(tree), power[j]) for j in range(degree)]
            right += [float(j == n - 1) / trees.density(tree) for j in range(degree)]
    for i, stage in enumerate(np.eye(s)):
        rows += [np.outer(stage, w) for w in (np.ones(degree), power[0], 1.0 + np.arange(degree))]
        right += [b[i], float(i == 0), float(i == s - 1)]
    matrix, right = np.array([row.ravel() for row in rows]), np.array(right)
    P = np.linalg.lstsq(matrix, right, rcond=1e-11)[0]
    P = P + np.linalg.lstsq(matrix, right - matrix @ P, rcond=1e-11)[0]  # once more, for rounding
    if np.max(np.abs(matrix @ P - right)) > 1e-12:
        raise ValueError(f"no polynomial of degree {degree} has order {order} with these stages.")
    return np.where(np.abs(P) < 1e-13, 0.0, P).reshape(s, degree)  # zeros, but for rounding
