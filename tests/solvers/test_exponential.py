"""Phi functions against high precision, and exponential methods against closed forms."""

from math import factorial

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.linalg import phi as phis
from sciml_lab.linalg.krylov_phi import krylov_phi

sparse = pytest.importorskip("scipy.sparse", reason="sparse linear parts need SciPy")
FIXED = (sl.ETD1(), sl.LawsonEuler(), sl.ETDRK4(), sl.HochOst4())


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_phi_is_the_integral(k):
    """phi_k(z) = int_0^1 exp((1-s) z) s^(k-1)/(k-1)! ds, by Gauss' rule with 60 nodes."""
    x, w = np.polynomial.legendre.leggauss(60)
    s, w = (x + 1) / 2, w / 2
    z = np.array([0.0, 1e-12, 1e-3, 0.5, 0.999, 1.001, 3.0, -0.3, -1.0, -7.0, -30.0, 2j, 1 - 1j])
    exact = np.exp(np.multiply.outer(z, 1 - s)) @ (w * s ** (k - 1)) / factorial(k - 1)
    assert np.max(np.abs(phis.phi(z, k)[k] / exact - 1)) < 1e-13
    real = phis.phi(z[:11].real, k)[k]
    assert real.dtype == float and np.allclose(real, exact[:11].real, rtol=1e-13, atol=0)


def test_matrices_and_krylov_agree_with_numbers():
    rng = np.random.default_rng(1)
    values = np.array([-40.0, -3.0, -1.0, -0.1, 0.0, 1e-9])
    Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    A, v = Q @ np.diag(values) @ Q.T, rng.standard_normal(6)
    matrices, products = phis.phi_matrices(A, 4), krylov_phi(A, v, 1.0, 4)
    for k in range(5):
        exact = Q @ np.diag(phis.phi(values, 4)[k]) @ Q.T
        assert np.max(np.abs(matrices[k] - exact)) < 1e-13
        assert np.max(np.abs(products[k] - exact @ v)) < 1e-12


def test_krylov_on_a_large_matrix_and_its_limit():
    n = 400
    A = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsr()
    v = np.sin(np.arange(n) / 7)
    values, Q = np.linalg.eigh(A.toarray())
    for h in (0.3, 30.0):
        got = krylov_phi(A, v, h, 3)
        for k in range(4):
            exact = Q @ (phis.phi(h * values, 3)[k] * (Q.T @ v))
            assert np.linalg.norm(got[k] - exact) < 1e-10 * np.linalg.norm(exact)
    with pytest.raises(ArithmeticError, match="smaller dt"):
        krylov_phi(A, v, 1e6, 1)


def problem(kind="diagonal", end=1.0):
    """A nonlinear, nonautonomous problem with a mild L."""
    L = np.array([-1.0, -3.0, 0.5])
    if kind != "diagonal":
        Q = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
        L = Q @ np.diag(L) @ Q.T
        L = sparse.csr_array(L) if kind == "sparse" else L
    return sl.SemilinearProblem(
        L, lambda u, p, t: np.sin(u[::-1] * u) + np.cos(3 * t), [0.5, -0.3, 0.8], (0.0, end)
    )


@pytest.mark.parametrize("kind", ["diagonal", "full", "sparse"])
@pytest.mark.parametrize("method", FIXED)
def test_order(method, kind):
    prob = problem(kind)
    exact = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14).u[-1]
    counts = np.array([16, 24, 32, 48])
    errors = [np.linalg.norm(sl.solve(prob, method, dt=1 / n).u[-1] - exact) for n in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - method.order) < 0.2


def test_stiff_order():
    """Heat equation with a source (Hochbruck and Ostermann): ETDRK4 loses, HochOst4 does not."""
    n = 64
    x = np.arange(1, n) / n
    S = np.sqrt(2 / n) * np.sin(np.pi * np.outer(np.arange(1, n), x))  # its own inverse
    L = -((2 * n * np.sin(np.pi * np.arange(1, n) / (2 * n))) ** 2)
    A = S @ np.diag(L) @ S

    def N(u, p, t):
        exact = x * (1 - x) * np.exp(t)
        source = exact + 2 * np.exp(t) - 1 / (1 + exact**2)
        return 1 / (1 + u**2) + source

    prob = sl.SemilinearProblem(A, N, x * (1 - x), (0.0, 1.0))
    counts, slopes = np.array([8, 16, 32, 64]), {}
    for method in (sl.ETDRK4(), sl.HochOst4()):
        errors = [
            np.max(np.abs(sl.solve(prob, method, dt=1 / n).u[-1] - x * (1 - x) * np.e))
            for n in counts
        ]
        slopes[method.name] = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slopes["HochOst4"] > 3.7
    assert slopes["ETDRK4"] < slopes["HochOst4"] - 0.2


def test_linear_part_is_exact_and_a_steady_state_is_kept():
    stiff = sl.SemilinearProblem([-1e8, -1.0], lambda u, p, t: 0 * u, [1.0, 1.0], (0.0, 2.0))
    for method in FIXED:
        u = sl.solve(stiff, method, dt=1.0).u[-1]
        assert np.allclose(u, [0.0, np.exp(-2.0)], rtol=1e-14, atol=1e-300)
    rest = sl.SemilinearProblem([-100.0], lambda u, p, t: 100.0 + 0 * u, [1.0], (0.0, 1.0))
    assert abs(sl.solve(rest, sl.ETDRK4(), dt=0.1).u[-1, 0] - 1) < 1e-13
    assert abs(sl.solve(rest, sl.LawsonEuler(), dt=0.1).u[-1, 0] - 1) > 0.1


@pytest.mark.parametrize("method", FIXED[2:])
def test_dense_output(method):
    prob = problem()
    exact = sl.solve(prob, sl.Vern9(), rtol=1e-13, atol=1e-14)
    ts, errors = np.linspace(0, 1, 37), []
    for n in (8, 16):
        sol = sl.solve(prob, method, dt=1 / n)
        errors.append(np.max(np.abs(sol(ts) - exact(ts))))
    assert 2.7 < np.log2(errors[0] / errors[1]) < 4.5


def test_complex_modes():
    """A rotation: u' = i w u in complex form, exact for any step."""
    prob = sl.SemilinearProblem(
        np.array([100j, -1.0]), lambda u, p, t: 0 * u, np.array([1.0 + 0j, 1.0]), (0.0, 1.0)
    )
    u = sl.solve(prob, sl.HochOst4(), dt=0.25).u[-1]
    assert abs(u[0] - np.exp(100j)) < 1e-13


def test_misuse_gets_a_sentence():
    with pytest.raises(TypeError, match="made for a SemilinearProblem"):
        sl.solve(sl.ODEProblem(lambda u, p, t: -u, [1.0], (0, 1)), sl.ETDRK4(), dt=0.1)
    with pytest.raises(ValueError, match="dt is required"):
        sl.solve(problem(), sl.ETDRK4())
