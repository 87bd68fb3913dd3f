r"""Products phi_k(h A) v of a large matrix, by Arnoldi's process.

The Krylov space of A and v is spanned by v, A v, A^2 v, ...; with an orthonormal basis V and the
small matrix H = V* A V one has :math:`\varphi_k(hA) v \approx |v| V \varphi_k(hH) e_1`. All phi_k
are wanted at once, from one space: they stand in the last columns of the exponential of H bordered
by a chain of ones, and the same columns have an estimate of the error.

References
----------
Y. Saad, SIAM J. Numer. Anal. 29 (1992) 209-228. J. Niesen, W. M. Wright, "Algorithm 919: a Krylov
subspace algorithm for evaluating the phi-functions", ACM TOMS 38 (2012) 22.
"""

import numpy as np

from sciml_lab._optional import need

FIRST, MOST = 8, 128  # vectors in the space: to begin with, and at most


def krylov_phi(A, v, h, count, tol=1e-12):
    """Return ``phi_0(h A) v, ..., phi_count(h A) v``.

    Parameters
    ----------
    A : matrix (n, n)
        Only ``A @ x`` is used.
    v : array (n,)
    h : float
    count : int
        Last index.
    tol : float
        Relative accuracy.

    Returns
    -------
    list of ndarray

    Raises
    ------
    ArithmeticError
        If a space of 128 vectors is not enough: h is too long for this A.

    Notes
    -----
    A real symmetric A with eigenvalues in (-rho, 0) needs some ``sqrt(h rho)`` vectors and a few
    more, any A some ``h |A|``; each costs a product with A and a sweep over the basis.

    Examples
    --------
    >>> A = np.diag([-1.0, -2.0, -3.0])
    >>> e = krylov_phi(A, np.ones(3), 0.5, 0)[0]
    >>> bool(np.max(abs(e - np.exp(-0.5 * np.arange(1, 4)))) < 1e-12)
    True
    """
    expm = need("scipy.linalg", extra="lab", what="Krylov methods of exponentials").expm
    size = float(np.linalg.norm(v))
    if size == 0.0:
        return [np.zeros_like(v) for _ in range(count + 1)]
    n = v.size
    V = np.zeros((MOST + 1, n), dtype=np.result_type(v, A.dtype, float))
    H = np.zeros((MOST + 1, MOST), dtype=V.dtype)
    V[0], check = v / size, FIRST
    for m in range(1, MOST + 1):
        w = A @ V[m - 1]
        for _ in range(2):  # orthogonal to rounding only after the second time
            part = V[:m].conj() @ w
            H[:m, m - 1] += part
            w = w - part @ V[:m]
        H[m, m - 1] = np.linalg.norm(w)
        exact = m == n or abs(H[m, m - 1]) * abs(h) < 1e-14
        if exact or m == check:
            columns, error = _small(expm, H[:m, :m], abs(H[m, m - 1]), h, count)
            if exact or error < tol * max(np.linalg.norm(columns[-1]), tol):
                return [size * (c @ V[:m]) for c in columns]
            check = min(int(1.4 * check) + 1, MOST)
        V[m] = w / H[m, m - 1]
    raise ArithmeticError(
        f"Krylov's method needs more than {MOST} vectors for h |A| = "
        f"{abs(h) * float(np.linalg.norm(H[:MOST, :MOST], 2)):.3g}: take a smaller dt."
    )


def _small(expm, H, beyond, h, count):
    """``phi_k(h H) e_1`` for k = 0 ... count, and an estimate of the error of the largest."""
    m = len(H)
    block = np.zeros((m + count + 1,) * 2, dtype=H.dtype)
    block[:m, :m] = h * H
    block[0, m] = 1.0
    block[range(m, m + count), range(m + 1, m + count + 1)] = 1.0
    whole = expm(block)
    columns = [whole[:m, 0], *(whole[:m, m + k] for k in range(count))]
    following = whole[m - 1, m + count]  # the last entry of phi_(count+1) e_1
    return columns, abs(h) * beyond * max(abs(following), abs(columns[min(1, count)][-1]))
