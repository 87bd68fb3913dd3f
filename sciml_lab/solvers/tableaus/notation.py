"""How long tables are written down: rows of ``{column: number}``, counted from 1 like the papers.

Zeros are left out, so a reader sees which stages a stage uses.
"""

import numpy as np


def row(entries, length):
    """One row from ``{column: number}``.

    Examples
    --------
    >>> row({1: 0.5, 3: 2.0}, 4)
    array([0.5, 0. , 2. , 0. ])
    """
    out = np.zeros(length)
    for column, value in entries.items():
        out[column - 1] = value
    return out


def matrix(rows, length, count=None, first=1):
    """Rows number `first` to ``first + count - 1`` of a matrix, from ``{row: {column: number}}``.

    Examples
    --------
    >>> matrix({2: {1: 0.5}}, 2, 2)
    array([[0. , 0. ],
           [0.5, 0. ]])
    """
    count = length if count is None else count
    return np.array([row(rows.get(first + i, {}), length) for i in range(count)])


def nested(parts):
    """Dense output written as ``theta (F0 + (1-theta) (F1 + theta (F2 + (1-theta) (F3 + ...))))``.

    The form of Hairer's codes: each further part is a correction that vanishes at both ends.

    Parameters
    ----------
    parts : sequence of arrays, shape (stages,)
        Weights of the stages in F0, F1, ...

    Returns
    -------
    ndarray, shape (stages, len(parts))
        Coefficients of theta, theta**2, ... for each stage.

    Examples
    --------
    >>> nested([np.array([1.0]), np.array([2.0])])  # theta + 2 theta (1 - theta)
    array([[ 3., -2.]])
    """
    P = np.zeros((len(parts[0]), len(parts)))
    factor = np.array([0.0, 1.0])  # theta
    for i, part in enumerate(parts):
        P[:, : len(factor) - 1] += np.outer(part, factor[1:])
        factor = np.convolve(factor, [0.0, 1.0] if i % 2 else [1.0, -1.0])
    return P
