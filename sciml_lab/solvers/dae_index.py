r"""Which variables of a differential-algebraic equation are of index 1, 2 or 3.

The index of a variable says how often the constraints have to be differentiated until its own
derivative is known; a disturbance :math:`\delta` of the constraints enters it with
:math:`\delta^{(\text{index} - 1)}`, and a method loses that many powers of h in it. For
:math:`E u' = A u + \delta` it is found by doing so:

1. eliminate in E; a row that becomes zero is a constraint,
2. differentiate the constraints: their row of A becomes a row of E,
3. and again, until E is regular.

A row that was differentiated k times brings :math:`\delta^{(k)}` along. What a variable inherits
from others through u' = E^-1 A u has one derivative less.

References
----------
E. Hairer, C. Lubich, M. Roche, *The Numerical Solution of Differential-Algebraic Systems by
Runge-Kutta Methods*, Lecture Notes in Mathematics 1409 (1989), section 1.
"""

import numpy as np

HIGHEST = 3  # of a problem that a method here can solve
LARGEST = 1000  # variables: the elimination is done with full matrices
ZERO = 1e-10  # of the size that an entry had before it was eliminated


def variable_indices(M, J):
    """The index of each variable of ``M u' = J u + ...``, at least 1.

    Parameters
    ----------
    M, J : ndarray (n, n)
        Mass matrix and Jacobian.

    Returns
    -------
    ndarray of int or None
        None where the index is above 3, or the equations do not determine u at all.

    Examples
    --------
    ``x' = v, v' = lambda, 0 = x``, the simplest mechanism:

    >>> variable_indices(np.diag([1.0, 1.0, 0.0]), np.eye(3)[[1, 2, 0]])
    array([1, 2, 3])
    """
    E, A = _scaled(M, J)
    times = np.zeros(len(E), dtype=int)  # how often each row has been differentiated
    for _ in range(HIGHEST + 1):
        lost = _eliminate(E, A, times)
        if not lost.any():
            return _indices(E, A, times)
        if not np.abs(A[lost]).max(axis=1).all():
            return None
        E[lost], A[lost] = A[lost], 0.0
        times[lost] += 1
    return None


def _scaled(M, J):
    """Both matrices, with the columns (the units of the variables) scaled to size 1."""
    E, A = np.array(M, dtype=float), np.array(J, dtype=float)
    for _ in range(2):
        size = np.maximum(np.abs(E), np.abs(A))
        rows = np.max(size, axis=1, keepdims=True)
        rows[rows == 0] = 1.0
        columns = np.max(size / rows, axis=0)
        columns[columns == 0] = 1.0
        E, A = E / rows / columns, A / rows / columns
    return E, A


def _eliminate(E, A, times):
    """Gauss' elimination in E, rows differentiated least first; return which rows became zero."""
    n = len(E)
    size = np.max(np.abs(E), axis=1)
    open_rows = np.ones(n, dtype=bool)
    for level in range(times.max() + 1):
        while True:
            rows = np.flatnonzero(open_rows & (times == level) & (size > 0))
            if not rows.size:
                break
            left = np.max(np.abs(E[rows]), axis=1) / size[rows]
            best = rows[np.argmax(left)]
            if left.max() <= ZERO:
                E[rows] = 0.0
                break
            open_rows[best] = False
            column = int(np.argmax(np.abs(E[best])))
            rest = np.flatnonzero(open_rows)
            factors = E[rest, column] / E[best, column]
            E[rest] -= np.outer(factors, E[best])
            A[rest] -= np.outer(factors, A[best])
            E[rest, column] = 0.0
    return open_rows


def _indices(E, A, times):
    """From the rows of the equation for u', and how often each was differentiated."""
    n = len(E)
    order = np.full(n, HIGHEST)  # of the derivative of the disturbance in u'
    for level in range(HIGHEST - 1, -1, -1):
        rows = E[times <= level]
        if len(rows):
            inside = np.linalg.pinv(rows) @ rows  # projects onto what these rows determine
            order[np.abs(np.diag(inside) - 1) < 1e-8] = level
    coupling = np.linalg.solve(E, A)
    coupled = np.abs(coupling) > ZERO * np.max(np.abs(coupling), axis=1, keepdims=True)
    for _ in range(HIGHEST):
        inherited = np.max(np.where(coupled, order - 1, 0), axis=1)
        order = np.maximum(order, inherited)
    return np.maximum(order, 1)
