"""The mechanisms of index 3 against ordinary equations in which the forces are solved for."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sciml_lab as sl

CAR, SQUEEZER = sl.zoo.car_axis, sl.zoo.andrews_squeezer
STEP = 1e-100j


def complex_step(f, x, direction):
    return np.imag(f(x + STEP * direction)) / 1e-100


def car(t, y):
    """The road and both constraints differentiated twice by hand."""
    x, v, (_, length, weight, height, omega) = y[:4], y[4:], CAR.p
    yb = height * np.sin(omega * t)
    xb = np.sqrt(length**2 - yb**2)
    dyb, ddyb = height * omega * np.cos(omega * t), -(omega**2) * yb
    dxb = -yb * dyb / xb
    ddxb = -(dyb**2 + yb * ddyb + dxb**2) / xb
    rod, turn = x[:2] - x[2:], v[:2] - v[2:]
    G = np.array([[xb, yb, 0.0, 0.0], [*(2 * rod), *(-2 * rod)]])
    bend = np.array([2 * v[:2] @ [dxb, dyb] + x[:2] @ [ddxb, ddyb], 2 * turn @ turn])
    free = CAR.f(np.append(y, [0.0, 0.0]), CAR.p, t)[4:8]
    force = np.linalg.solve(G @ G.T / weight, -(G @ free + bend))
    return np.concatenate([v, free + G.T @ force / weight])


def squeezer(t, y):
    """M w + G^T lambda = f and G w = -(dG/dt) v, for w and lambda together."""

    def linear(z):  # the rows of the forces, and what multiplies w and lambda in them
        z = np.concatenate([z, np.zeros(13)])
        units = np.eye(27)[:, 14:]
        rest = SQUEEZER.f(z, SQUEEZER.p, 0.0)[14:21]
        return rest, SQUEEZER.f(z[:, None] + units, SQUEEZER.p, 0.0)[14:21] - rest[:, None]

    v = y[7:]
    rest, both = linear(y)
    along = np.append(v, np.zeros(7))
    bend = complex_step(lambda z: linear(z)[1][:, 7:].T, y, along) @ v
    K = np.block([[both], [both[:, 7:].T, np.zeros((6, 6))]])
    w = np.linalg.solve(K, -np.append(rest, bend))[:7]
    return np.concatenate([v, w])


@pytest.mark.parametrize(
    ("entry", "ordinary", "rtol"),
    [(CAR, car, 1e-11), (SQUEEZER, squeezer, 1e-8)],
    ids=["car axis", "squeezer"],
)
def test_reference_by_the_ordinary_equation(entry, ordinary, rtol):
    n = 2 * entry.reference.u.size
    sol = solve_ivp(
        ordinary, entry.tspan, entry.u0[:n], method="DOP853", rtol=rtol, atol=1e-2 * rtol
    )
    assert entry.reference.t == entry.tspan[1] == sol.t[-1]
    assert entry.reference.error(sol.y[:, -1]) < max(entry.reference.accuracy, 10 * rtol)
    constraints = entry.f(np.append(sol.y[:, -1], np.zeros(len(entry.u0) - n)), entry.p, sol.t[-1])
    count = 2 if entry is CAR else 6
    assert np.max(np.abs(constraints[-count:])) < 1e-7


@pytest.mark.parametrize("entry", [CAR, SQUEEZER], ids=repr)
def test_they_start_on_all_their_constraints(entry):
    """On g = 0, on G v = 0, and (as far as the forces are variables of theirs) with M w = f."""
    free = np.diag(entry.mass_matrix) == 1.0
    slope = entry.f(entry.u0, entry.p, 0.0)
    assert np.max(np.abs(slope[~free])) < 1e-13
    hidden = complex_step(lambda u: entry.f(u, entry.p, 0.0), entry.u0, np.where(free, slope, 0.0))
    speed = complex_step(lambda t: entry.f(entry.u0 + 0j, entry.p, t), 0.0, 1.0)
    count = 2 if entry is CAR else 6
    assert np.max(np.abs((hidden + speed)[-count:])) < 1e-12


def test_the_constraints_do_not_see_the_forces():
    """That is what index above 1 means: sl.consistent and the solvers say so."""
    with pytest.raises(ValueError, match="the index is above 1"):
        sl.consistent(CAR(u0=CAR.u0 * 1.001))


def test_mass_matrix_of_the_squeezer_is_symmetric_and_positive():
    def rows(x):
        units = np.concatenate([np.zeros((14, 7)), np.eye(7), np.zeros((6, 7))])
        z = np.append(x, np.zeros(20))[:, None]
        return (SQUEEZER.f(z + units, SQUEEZER.p, 0.0) - SQUEEZER.f(z, SQUEEZER.p, 0.0))[14:21]

    for seed in range(3):
        M = rows(np.random.default_rng(seed).uniform(-3, 3, 7))
        np.testing.assert_allclose(M, M.T, atol=1e-18)
        assert np.all(np.linalg.eigvalsh(M) > 0)


def test_the_forces_of_the_squeezer_come_from_its_constraints():
    """What multiplies lambda is the transpose of the derivative of g."""
    x = np.random.default_rng(2).uniform(-3, 3, 7)
    z, units = np.append(x, np.zeros(20)), np.eye(27)
    along = np.array([
        complex_step(lambda u: SQUEEZER.f(u, SQUEEZER.p, 0.0), z, units[j])[21:] for j in range(7)
    ])  # fmt: skip
    forces = np.array([
        (SQUEEZER.f(z + units[21 + k], SQUEEZER.p, 0.0) - SQUEEZER.f(z, SQUEEZER.p, 0.0))[14:21]
        for k in range(6)
    ])  # fmt: skip
    np.testing.assert_allclose(along, forces.T, atol=1e-13)
