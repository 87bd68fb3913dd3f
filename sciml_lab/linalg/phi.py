r"""The phi functions of exponential integrators, of numbers and of matrices.

.. math:: \varphi_0(z) = e^z, \qquad
    \varphi_{k+1}(z) = \frac{\varphi_k(z) - 1/k!}{z}, \qquad \varphi_k(0) = \frac{1}{k!}.

They are what the variation of constants asks for: with u' = L u + n_0 + n_1 t + ... the solution
after h is :math:`e^{hL} u + h \varphi_1(hL) n_0 + h^2 \varphi_2(hL) n_1 + \dots`. The recursion
loses all digits near z = 0; there each value is a mean over a circle around z (Cauchy's formula),
on which the recursion is harmless.

References
----------
A.-K. Kassam, L. N. Trefethen, "Fourth-order time-stepping for stiff PDEs", SIAM J. Sci. Comput. 26
(2005) 1214-1233. M. Hochbruck, A. Ostermann, "Exponential integrators", Acta Numerica 19 (2010).
"""

from math import factorial

import numpy as np

from sciml_lab._optional import need
from sciml_lab.linalg.krylov_phi import krylov_phi

POINTS = 32  # on the circle; its radius is 2, so the error is about 2**32/32! = 1e-26
CIRCLE = 2.0 * np.exp(2j * np.pi * (np.arange(POINTS) + 0.5) / POINTS)


def phi(z, count):
    """Return ``phi_0(z), ..., phi_count(z)`` of every entry of z.

    Parameters
    ----------
    z : array
        Real or complex numbers.
    count : int
        Last index.

    Returns
    -------
    list of ndarray
        Relative error about 1e-15.

    Examples
    --------
    >>> [round(float(x), 14) for x in phi(0.0, 2)]
    [1.0, 1.0, 0.5]
    >>> bool(abs(phi(1e-5, 1)[1] - np.expm1(1e-5) / 1e-5) < 1e-15)
    True
    """
    z = np.asarray(z)
    near = np.abs(z) < 1.0
    far = _recursion(np.where(near, 1.0, z), count)
    circle = _recursion(np.where(near, z, 0.0)[..., None] + CIRCLE, count)
    values = []
    for away, around in zip(far, circle, strict=True):
        mean = around.mean(axis=-1)
        values.append(np.where(near, mean if np.iscomplexobj(z) else mean.real, away))
    values[0] = np.exp(z)
    return values


def _recursion(z, count):
    values = [np.exp(z)]
    for k in range(count):
        values.append((values[-1] - 1 / factorial(k)) / z)
    return values


def phi_matrices(A, count):
    """Return ``phi_0(A), ..., phi_count(A)`` of a square matrix.

    One exponential of a larger matrix holds them all: the first block row of exp of
    ``[[A, 1, 0, ...], [0, 0, 1, ...], ..., [0, 0, ..., 0]]``.

    Examples
    --------
    >>> p0, p1 = phi_matrices(np.zeros((2, 2)), 1)
    >>> p1.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    linalg = need("scipy.linalg", extra="lab", what="exponential integrators of full matrices")
    n = len(A)
    block = np.zeros((n * (count + 1),) * 2, dtype=np.result_type(A, float))
    block[:n, :n] = A
    for k in range(count):
        block[n * k : n * (k + 1), n * (k + 1) : n * (k + 2)] = np.eye(n)
    whole = linalg.expm(block)
    return [whole[:n, n * k : n * (k + 1)] for k in range(count + 1)]


class Diagonal:
    """A linear part that is a vector of multipliers; `combine` gives vectors.

    Parameters
    ----------
    L : array (n,)
    """

    def __init__(self, L):
        self.L, self._known = L, {}

    def phi(self, h, count):
        """phi_0(h L), ..., phi_count(h L), remembered."""
        return _remembered(self._known, h, count, lambda: phi(h * self.L, count))

    def combine(self, terms, h):
        """The sum of ``w phi_k(c h L)`` over terms (w, k, c), as something to multiply with."""
        return sum(w * self.phi(c * h, k)[k] for w, k, c in terms)

    def times(self, operator, v):
        """An operator of `combine` times a vector."""
        return operator * v


class Full(Diagonal):
    """A linear part that is a full matrix; `combine` gives matrices."""

    def phi(self, h, count):
        """phi_0(h L), ..., remembered."""
        return _remembered(self._known, h, count, lambda: phi_matrices(h * self.L, count))

    def times(self, operator, v):
        """An operator of `combine` times a vector."""
        return operator @ v


class Krylov(Diagonal):
    """A linear part that is a sparse matrix: only products with it are formed.

    Parameters
    ----------
    L : sparse matrix (n, n)
    tol : float
        Relative accuracy of each product ``phi_k(h L) v``.
    """

    def __init__(self, L, tol=1e-12):
        super().__init__(L)
        self.tol = tol

    def combine(self, terms, h):
        """Keep the terms: there is nothing to multiply before there is a vector."""
        return terms, h

    def times(self, operator, v):
        """The sum of ``w phi_k(c h L) v``, by Arnoldi's process for each c."""
        terms, h = operator
        nodes = sorted({c for _, _, c in terms})
        total = np.zeros(v.shape, dtype=np.result_type(v, self.L.dtype))
        for c in nodes:
            here = [(w, k) for w, k, node in terms if node == c]
            products = krylov_phi(self.L, v, c * h, max(k for _, k in here), self.tol)
            total = total + sum(w * products[k] for w, k in here)
        return total


def _remembered(known, h, count, compute):
    """Phi functions for a step size, kept for the last few sizes."""
    found = known.get(h)
    if found is None or len(found) <= count:
        known[h] = found = compute()
        while len(known) > 12:
            known.pop(next(iter(known)))
    return found


def linear_part(L):
    """Wrap L of a `SemilinearProblem` by what it is: a diagonal, a full or a sparse matrix.

    Examples
    --------
    >>> type(linear_part(np.array([-1.0, -2.0]))).__name__
    'Diagonal'
    """
    if not isinstance(L, np.ndarray):
        return Krylov(L)
    return Diagonal(L) if L.ndim == 1 else Full(L)
