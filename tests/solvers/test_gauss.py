"""Gauss' methods: order 2s, symplectic to rounding, A-stable; the iterations that solve them."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.collocation import Spectrum
from sciml_lab.solvers.gauss import gauss_tableau

STAGES = [1, 2, 3, 4, 5, 8, 12]


@pytest.mark.parametrize("s", STAGES)
def test_coefficients_satisfy_the_simplifying_assumptions(s):
    """B(2s), C(s) and D(s): by Butcher's theorem the order is then 2s."""
    tab = gauss_tableau(s)
    A, b, c = tab.A, tab.b, np.asarray(tab.c)
    for q in range(1, 2 * s + 1):
        assert abs(b @ c ** (q - 1) - 1 / q) < 1e-14
    for q in range(1, s + 1):
        assert np.allclose(A @ c ** (q - 1), c**q / q, rtol=0, atol=1e-14)
        assert np.allclose((b * c ** (q - 1)) @ A, b * (1 - c**q) / q, rtol=0, atol=1e-14)
    assert tab.stage_order == s


@pytest.mark.parametrize("s", [1, 2, 3, 4, 5])
def test_the_order_is_that_of_the_trees(s):
    assert gauss_tableau(s).order == sl.Gauss(s).order == 2 * s
    assert gauss_tableau(s).dense_order == s


@pytest.mark.parametrize("s", STAGES)
def test_symplectic_and_symmetric_to_rounding(s):
    tab = gauss_tableau(s)
    M = tab.b[:, None] * tab.A
    assert np.max(np.abs(M + M.T - np.outer(tab.b, tab.b))) < 1e-14
    assert tab.is_symplectic
    mirrored = tab.b[::-1] - tab.A[::-1, ::-1]  # the adjoint method is the method itself
    assert np.allclose(mirrored, tab.A, rtol=0, atol=1e-14)


@pytest.mark.parametrize("s", [1, 2, 3, 5])
def test_stability(s):
    tab = gauss_tableau(s)
    assert tab.A_stable
    assert not tab.L_stable
    assert tab.damping == pytest.approx(1.0, abs=1e-9)
    assert abs(tab.stability_function(7j)) == pytest.approx(1.0, abs=1e-12)


def test_known_coefficients():
    r = np.sqrt(3) / 6
    two = gauss_tableau(2)
    assert np.allclose(two.A, [[1 / 4, 1 / 4 - r], [1 / 4 + r, 1 / 4]], rtol=0, atol=1e-15)
    assert gauss_tableau(1).A.tolist() == [[0.5]]


@pytest.mark.parametrize("s", STAGES)
def test_eigenvectors_take_the_stages_apart(s):
    spectrum = Spectrum.of(gauss_tableau(s).A)
    rest = np.arange(1.0, s + 1)
    z = -2.0  # (A^-1 - z) Z = rest, where the other half of the parts is the conjugate
    parts = [
        w * (row @ rest) / (1 - g * z)
        for w, row, g in zip(spectrum.weights, spectrum.forward, spectrum.gammas, strict=True)
    ]
    exact = np.linalg.solve(spectrum.inverse - z * np.eye(s), rest)
    assert np.allclose((spectrum.back @ parts).real, exact, rtol=1e-7)


def coupled(u, p, t):
    x, y = u
    return np.array([y + 0.3 * np.sin(t) * x, -np.sin(x) - 0.2 * y * x + 0.5 * np.cos(2 * t)])


def problem(end=2.0, u0=(0.3, 0.9)):
    return sl.ODEProblem(coupled, u0, (0.0, end))


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_measured_order(s):
    exact = sl.solve(problem(), sl.Vern9(), rtol=1e-14, atol=1e-15).u[-1]
    counts = np.array({1: [40, 80, 160], 2: [10, 20, 40], 3: [6, 9, 14], 4: [3, 4, 6]}[s])
    errors = [
        np.max(np.abs(sl.solve(problem(), sl.Gauss(s), dt=2.0 / n).u[-1] - exact)) for n in counts
    ]
    assert abs(slope(2.0 / counts, errors) - 2 * s) < 0.2


@pytest.mark.parametrize("s", [1, 2, 3])
def test_measured_order_of_dense_output(s):
    method, theta = sl.Gauss(s), np.array([0.1, 0.35, 0.6, 0.93])
    steps, errors = np.geomspace(0.2, 0.02, 4), []
    for h in steps:
        exact = sl.solve(problem(h), sl.Vern9(), rtol=1e-14, atol=1e-15, saveat=h * theta).u
        sol = sl.solve(problem(h), method, dt=h)
        errors.append(np.max(np.abs(sol(h * theta) - exact)))
    assert abs(slope(steps, errors) - (s + 1)) < 0.2


def rigid_body(u, p, t):
    """Euler's equations: two quadratic invariants."""
    a, b, c = u
    return np.array([-2.0 * b * c, 1.25 * a * c, -0.5 * a * b])


@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("iteration", [sl.SimplifiedNewton(), sl.FixedPoint()], ids=["N", "F"])
def test_quadratic_invariants_are_exact(s, iteration):
    prob = sl.ODEProblem(rigid_body, [np.cos(1.1), 0.0, np.sin(1.1)], (0.0, 200.0))
    sol = sl.solve(prob, sl.Gauss(s, iteration), dt=0.2, dense=False)
    assert sol.success
    energy = sol.u**2 @ np.array([1.0, 1.6, 0.0])
    assert np.max(np.abs(energy - energy[0])) < 1e-12
    other = sol.u**2 @ np.array([1.0, 0.0, -4.0])
    assert np.max(np.abs(other - other[0])) < 1e-12


def kepler(u, p, t):
    x, y, vx, vy = u
    r3 = (x * x + y * y) ** 1.5
    return np.array([vx, vy, -x / r3, -y / r3])


def test_energy_of_kepler_has_no_drift_and_the_angular_momentum_is_exact():
    e = 0.6
    start = [1 - e, 0.0, 0.0, np.sqrt((1 + e) / (1 - e))]
    prob = sl.ODEProblem(kepler, start, (0.0, 2 * np.pi * 30))
    sol = sl.solve(prob, sl.Gauss(4, sl.FixedPoint()), dt=2 * np.pi / 60, dense=False)
    x, y, vx, vy = sol.u.T
    energy = (vx**2 + vy**2) / 2 - 1 / np.hypot(x, y)
    assert np.max(np.abs(x * vy - y * vx - start[0] * start[3])) < 1e-11
    assert np.max(np.abs(energy + 0.5)) < 2e-4
    first, last = np.abs(energy + 0.5)[:600].max(), np.abs(energy + 0.5)[-600:].max()
    assert last < 1.5 * first


def test_forward_and_back_again():
    """Symmetric: a step back undoes a step."""
    sol = sl.solve(problem(1.0), sl.Gauss(3), dt=0.25)
    back = sl.ODEProblem(coupled, sol.u[-1], (1.0, 0.0))
    assert np.allclose(sl.solve(back, sl.Gauss(3), dt=0.25).u[-1], [0.3, 0.9], rtol=0, atol=1e-14)


def test_the_iterations_agree():
    plain = sl.solve(problem(), sl.Gauss(3), dt=0.2).u
    for iteration in (sl.FixedPoint(), sl.Anderson(), sl.FullNewton()):
        other = sl.solve(problem(), sl.Gauss(3, iteration), dt=0.2)
        assert np.allclose(other.u, plain, rtol=0, atol=1e-13)
        assert (other.stats.njac == 0) == (iteration.linear == "none")


def test_complex_states_of_any_shape():
    z = np.array([[1j, -2 + 1j], [-40.0, 0.5j]])
    prob = sl.ODEProblem(lambda u, p, t: z * u, np.ones((2, 2), complex), (0.0, 1.0))
    sol = sl.solve(prob, sl.Gauss(4), dt=0.1)
    assert sol.u.shape == (11, 2, 2)
    assert np.allclose(sol.u[-1], gauss_tableau(4).stability_function(0.1 * z) ** 10, rtol=1e-11)


def test_a_stiff_problem_takes_steps_far_longer_than_its_time_constant():
    prob = sl.ODEProblem(lambda u, p, t: -1e5 * (u - np.cos(t)) - np.sin(t), [1.0], (0.0, 2.0))
    errors = [abs(sl.solve(prob, sl.Gauss(s), dt=0.1).u[-1, 0] - np.cos(2)) for s in (2, 3, 4)]
    assert errors[0] < 1e-3  # of order s here, not 2s
    assert errors[1] < 1e-5
    assert errors[2] < 1e-7


def test_names():
    assert repr(sl.Gauss(3)) == "Gauss(3)"
    assert repr(sl.ImplicitMidpoint()) == "ImplicitMidpoint()"
    assert sl.ImplicitMidpoint().name == "ImplicitMidpoint"
    assert sl.ImplicitMidpoint() == sl.ImplicitMidpoint()
    assert sl.Gauss(2) == sl.Gauss(2) != sl.Gauss(3)
    assert "symplectic" in sl.Gauss(2).tableau.note


def test_mistakes():
    for s in (0, 13, 2.0, True, "2"):
        with pytest.raises(ValueError, match="s must be a whole number of stages from 1 to 12"):
            sl.Gauss(s)
    with pytest.raises(ValueError, match="dt is required"):
        sl.solve(problem(), sl.Gauss(2))
    with pytest.raises(TypeError, match="iteration must be"):
        sl.Gauss(2, sl.FixedPoint)
    dae = sl.ODEProblem(
        lambda u, p, t: np.array([u[1], u[0] - u[1]]), [1.0, 1.0], (0.0, 1.0),
        mass_matrix=np.diag([1.0, 0.0]),
    )  # fmt: skip
    with pytest.raises(ValueError, match="does not end on the constraints"):
        sl.solve(dae, sl.Gauss(2), dt=0.1)
