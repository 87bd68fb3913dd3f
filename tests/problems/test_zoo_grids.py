"""The problems on grids: their equations against a loop, their lowering, their end values."""

import numpy as np
import pytest
from scipy import sparse
from scipy.integrate import solve_ivp

import sciml_lab as sl
from sciml_lab.transform import python

FAMILIES = {"brusselator_1d": 8, "brusselator_2d": 4, "medical_akzo_nobel": 7}
SMALL = [getattr(sl.zoo, name)(n) for name, n in FAMILIES.items()]


def brusselator_1d(u, p, t, n):
    a, b, alpha = p
    du = np.zeros(2 * n)
    for i in range(n):
        x, y = u[2 * i], u[2 * i + 1]
        left = u[2 * i - 2 : 2 * i] if i else (1.0, 3.0)
        right = u[2 * i + 2 : 2 * i + 4] if i < n - 1 else (1.0, 3.0)
        spread = alpha * (n + 1) ** 2
        du[2 * i] = a + x**2 * y - (b + 1) * x + spread * (left[0] - 2 * x + right[0])
        du[2 * i + 1] = b * x - x**2 * y + spread * (left[1] - 2 * y + right[1])
    return du


def brusselator_2d(u, p, t, n):
    a, b, alpha = p
    x, y = u.reshape(2, n, n)
    du = np.zeros((2, n, n))
    for i in range(n):
        for j in range(n):
            r, s = i / (n - 1), j / (n - 1)
            force = 5.0 if (r - 0.3) ** 2 + (s - 0.6) ** 2 <= 0.1**2 and t >= 1.1 else 0.0
            around = [(i - 1, j), ((i + 1) % n, j), (i, j - 1), (i, (j + 1) % n)]
            for k, z in enumerate((x, y)):
                du[k, i, j] = alpha * (n - 1) ** 2 * (sum(z[q] for q in around) - 4 * z[i, j])
            du[0, i, j] += b + x[i, j] ** 2 * y[i, j] - (a + 1) * x[i, j] + force
            du[1, i, j] += a * x[i, j] - x[i, j] ** 2 * y[i, j]
    return du.ravel()


def medical_akzo_nobel(u, p, t, n):
    k, c = p
    du = np.zeros(2 * n)
    for j in range(1, n + 1):
        x, y = u[2 * j - 2], u[2 * j - 1]
        left = u[2 * j - 4] if j > 1 else (2.0 if t <= 5 else 0.0)
        right = u[2 * j] if j < n else x
        d = 1 / n
        alpha, beta = 2 * (j * d - 1) ** 3 / c**2, (j * d - 1) ** 4 / c**2
        spread = alpha * (right - left) / (2 * d) + beta * (left - 2 * x + right) / d**2
        du[2 * j - 2], du[2 * j - 1] = spread - k * x * y, -k * x * y
    return du


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("t", [0.0, 1.1, 5.0, 7.0])
def test_the_equations_are_those_of_a_loop(name, t):
    n = FAMILIES[name]
    entry = getattr(sl.zoo, name)(n)
    u = np.random.default_rng(1).uniform(0.2, 2.0, entry.u0.shape)
    want = globals()[name](u, entry.p, t, n)
    np.testing.assert_allclose(entry.f(u, entry.p, t), want, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("lanes", [None, 1, 2, 9])
@pytest.mark.parametrize("entry", SMALL, ids=lambda entry: entry.name)
def test_the_equations_take_batches_and_lower(entry, lanes):
    rng = np.random.default_rng(2)
    u = rng.uniform(0.2, 2.0, entry.u0.shape if lanes is None else (len(entry.u0), lanes))
    p = entry.p if lanes is None else entry.p[:, None] * rng.uniform(0.9, 1.1, (1, lanes))
    for t in (0.0, 6.0):
        du = entry.f(u, p, t)
        assert du.shape == u.shape
        for j in range(lanes or 0):
            np.testing.assert_allclose(du[:, j], entry.f(u[:, j], p[:, j], t), rtol=1e-12)
        lowered = python.compile(sl.transform.lower(entry.f, u, p, t))
        got = lowered(u, p, t)
        np.testing.assert_allclose(np.reshape(got, u.shape), du, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("entry", SMALL, ids=lambda entry: entry.name)
def test_jacobian_by_duals_is_that_of_the_complex_step(entry):
    u = entry.u0 + 0.1
    jac = sl.ad.jacobian(lambda u: entry.f(u, entry.p, 0.5), u)
    step = u[:, None] + 1e-100j * np.eye(len(u))
    np.testing.assert_allclose(
        jac, entry.f(step, entry.p, 0.5).imag / 1e-100, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(("name", "n", "switch"), [
    ("brusselator_1d", 128, 3.0), ("brusselator_1d", 512, 3.0), ("medical_akzo_nobel", 200, 5.0),
])  # fmt: skip
def test_reference_on_a_line_by_scipy(name, n, switch):
    """By backward differences with a band, and a new start at the switch."""
    entry = getattr(sl.zoo, name)(n)
    u, (start, end) = entry.u0, entry.tspan
    assert entry.reference.t == end
    for a, b in ((start, switch), (switch, end)):
        middle = (a + b) / 2  # the supply is constant in between
        sol = solve_ivp(
            lambda t, u, at=middle: entry.f(u, entry.p, at), (a, b), u, "LSODA", [b],
            rtol=1e-9, atol=1e-11, lband=2, uband=2,
        )  # fmt: skip
        u = sol.y[:, -1]
    assert entry.reference.error(u) < 1e-6


def test_reference_on_a_plate_by_scipy():
    entry = sl.zoo.brusselator_2d(32)
    ring = np.roll(np.eye(32), 1, axis=0) + np.roll(np.eye(32), -1, axis=0)
    one = sparse.eye_array(1024)
    plate = sparse.csr_array(np.kron(ring, np.eye(32)) + np.kron(np.eye(32), ring)) + one
    pattern = sparse.block_array([[plate, one], [one, plate]], format="csr")
    u = entry.u0
    for a, b in ((0.0, 1.1), (1.1, 11.5)):
        sol = solve_ivp(
            lambda t, u, at=(a + b) / 2: entry.f(u, entry.p, at), (a, b), u, "BDF", [b],
            rtol=1e-6, atol=1e-8, jac_sparsity=pattern,
        )  # fmt: skip
        u = sol.y[:, -1]
    assert entry.reference.error(u) < 1e-3


def test_only_the_sizes_that_are_known_have_a_reference():
    assert sl.zoo.brusselator_1d(64).reference is None
    reference = sl.zoo.brusselator_2d(32).reference
    assert len(reference.index) == len(reference.u)
    u = np.zeros(2048)
    u[reference.index] = reference.u
    assert reference.error(u) == 0.0 and reference.error(1.01 * u) == pytest.approx(0.01)


def test_bad_sizes():
    for name in FAMILIES:
        for n in (2, 3.0, True, "8"):
            with pytest.raises(ValueError, match=f"n of {name} must be a whole number of points"):
                getattr(sl.zoo, name)(n)
