"""Linear stability and monotonicity of a Runge-Kutta method, from its matrix A and weights b.

On ``u' = lambda u`` one step multiplies u by ``R(z)``, z = lambda h. The step is stable where
``|R(z)| <= 1``. Everything here is a function of plain arrays; `Tableau` gives it method names.

References
----------
E. Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, section IV.2.
J. F. B. M. Kraaijevanger, "Contractivity of Runge-Kutta methods", BIT 31 (1991) 482-528.
"""

import numpy as np

NEGLIGIBLE = 1e-12  # a sum below this part of its terms is rounding, not mathematics


def coefficients(A, b):
    """Numerator and denominator of R(z) as coefficients of 1, z, z**2, ...

    For an explicit method ``R(z) = 1 + sum_k (b^T A**(k-1) 1) z**k`` and the denominator is 1;
    else ``R(z) = det(I - zA + z 1 b^T) / det(I - zA)``.

    Examples
    --------
    >>> over, under = coefficients(np.array([[0.0, 0.0], [0.5, 0.0]]), np.array([0.0, 1.0]))
    >>> over.tolist(), under.tolist()  # the midpoint rule
    ([1.0, 1.0, 0.5], [1.0, 0.0, 0.0])
    """
    s = len(b)
    if np.any(np.triu(A)):
        return np.poly(A - np.outer(np.ones(s), b)).real, np.poly(A).real
    powers = [np.ones(s)]
    for _ in range(s - 1):
        powers.append(A @ powers[-1])
    return np.array([1.0, *(b @ x for x in powers)]), np.eye(s + 1)[0]


def evaluate(A, b, z):
    """R(z) for a number or an array of complex numbers.

    Examples
    --------
    >>> float(evaluate(np.zeros((1, 1)), np.ones(1), -0.5))  # Euler: 1 + z
    0.5
    """
    over, under = coefficients(A, b)
    z = np.asarray(z)
    with np.errstate(divide="ignore", invalid="ignore"):  # R has poles if the method is implicit
        return np.polyval(over[::-1], z) / np.polyval(under[::-1], z)


def interval(A, b, direction):
    """Largest y with ``|R(direction*x)| <= 1`` for all x in [0, y]; infinite if there is none.

    ``|N|**2 - |D|**2`` is a polynomial in x, so its first change of sign is found without
    sampling next to zero, where it is as small as ``x**(p+1)``.

    Parameters
    ----------
    A, b : ndarray
        The method.
    direction : complex
        -1 for the negative real axis, 1j for the imaginary one.

    Examples
    --------
    >>> A = np.diag([0.5, 0.5, 1.0], -1)  # the classical method
    >>> round(interval(A, np.array([1, 2, 2, 1]) / 6, 1j), 3)
    2.828
    """
    over, under = (x * np.power(complex(direction), np.arange(len(x))) for x in coefficients(A, b))
    excess, size = _square(over) - _square(under), _square(abs(over)) + _square(abs(under))
    excess[np.abs(excess) < NEGLIGIBLE * size] = 0.0
    if not excess.any():
        return np.inf  # |R| = 1 all along
    excess = excess[np.flatnonzero(excess)[0] :]
    return 0.0 if excess[0] > 0 else _first_sign_change(excess)


def _square(q):
    """Coefficients of ``|q(x)|**2`` for real x."""
    return np.convolve(q, q.conj()).real


def _first_sign_change(coefficients):
    """First x > 0 where a polynomial that is negative at 0 turns positive."""
    x = np.concatenate([np.arange(0.0, 60.0, 0.01), np.geomspace(60.0, 1e8, 4000)])
    values = np.polyval(coefficients[::-1], x)
    positive = np.flatnonzero(values > 0)
    if not positive.size:
        return np.inf
    low, high = x[positive[0] - 1], x[positive[0]]
    for _ in range(60):
        middle = 0.5 * (low + high)
        if np.polyval(coefficients[::-1], middle) > 0:
            high = middle
        else:
            low = middle
    return float(low)


def at_infinity(A, b):
    """The limit of ``|R(z)|`` far out: 0 for an L-stable method, infinite for an explicit one.

    Examples
    --------
    >>> float(at_infinity(np.array([[0.5]]), np.ones(1)))  # the implicit midpoint rule
    1.0
    """
    over, under = (_trimmed(x) for x in coefficients(A, b))
    if len(over) != len(under):
        return 0.0 if len(over) < len(under) else np.inf
    return abs(over[-1] / under[-1])


def _trimmed(q):
    """Without the highest coefficients that are rounding only."""
    return q[: 1 + np.flatnonzero(np.abs(q) > 1e-10 * np.abs(q[1]))[-1]]


def a_stable(A, b):
    """Whether ``|R(z)| <= 1`` wherever ``Re z <= 0``: on the imaginary axis, and no pole there.

    Examples
    --------
    >>> a_stable(np.array([[0.5]]), np.ones(1)), a_stable(np.zeros((1, 1)), np.ones(1))
    (True, False)
    """
    poles = np.linalg.eigvals(A)  # of R at 1/lambda
    return bool(np.all(poles.real > -1e-12)) and interval(A, b, 1j) == np.inf


def ssp_coefficient(A, b):
    """Radius of absolute monotonicity: the method is SSP for steps up to it times Euler's limit.

    The largest r with ``K (I + rK)^-1 >= 0`` and ``r K (I + rK)^-1 1 <= 1`` where K is A with b
    as its last row. Zero means that no step size keeps the property.

    Examples
    --------
    >>> round(ssp_coefficient(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.5, 0.5])), 6)
    1.0
    """
    s = len(b)
    K = np.zeros((s + 1, s + 1))
    K[:s, :s], K[s, :s] = A, b

    def monotone(r):
        try:
            M = np.linalg.solve((np.eye(s + 1) + r * K).T, K.T).T
        except np.linalg.LinAlgError:
            return False
        return bool(np.all(M >= -1e-13) and np.all(r * M.sum(axis=1) <= 1 + 1e-12))

    if not monotone(1e-6):
        return 0.0
    low, high = 0.0, 1.0
    while monotone(high):
        low, high = high, 2 * high
        if high > 1e6:
            return np.inf
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if monotone(middle) else (low, middle)
    return low
