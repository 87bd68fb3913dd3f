"""Differential-algebraic problems within ten times the tolerance, for each family that is for them.

One cell or two for each; the whole table, from 1e-4 to 1e-10, takes some twenty minutes.
"""

import numpy as np
import pytest

import sciml_lab as sl

PENDULUM = {"tspan": (0.0, 2.0)}
ROBER = np.array([1e-8, 1e-12, 1e-4])  # atol in units of rtol, as in the other columns
ZOO = {
    "rober_dae": ROBER, "chemical_akzo_nobel": 1e-4, "transistor_amplifier": 1e-3, "car_axis": 1e-2,
    "andrews_squeezer": 1e-2,
}  # fmt: skip


def end_of_the_pendulum():
    angle = sl.zoo.pendulum.exact(2.0, [np.pi / 2, 0.0], [9.81, 1.0])[0]
    return np.array([np.sin(angle), -np.cos(angle)])


def error_of(name, method, rtol):
    """The error of a problem's end in units of rtol; of the pendulum's position."""
    if name in ZOO:
        entry = sl.zoo.get(name)
        sol = sl.solve(entry(), method, rtol=rtol, atol=ZOO[name] * rtol, dense=False)
        assert sol.success, sol.message
        return entry.reference.error(sol.u[-1]) / rtol
    form = {"stabilisation": "ggl"} if name == "ggl" else {"index": int(name[-1])}
    prob = sl.zoo.pendulum_dae(**form, **PENDULUM)
    sol = sl.solve(prob, method, rtol=rtol, atol=rtol, dense=False)
    assert sol.success, sol.message
    return np.max(np.abs(sol.u[-1, :2] - end_of_the_pendulum())) / rtol


CELLS = [
    *[
        (name, method, rtol)
        for name, rtol in (("rober_dae", 1e-6), ("chemical_akzo_nobel", 1e-8), ("index 1", 1e-6))
        for method in (sl.Rodas4(), sl.Rodas4P(), sl.Rodas5P(), sl.Kvaerno5(), sl.RadauIIA5(),
                       sl.QNDF(), sl.FBDF())
    ],
    *[("transistor_amplifier", m, 1e-4) for m in (sl.Rodas5P(), sl.RadauIIA5(), sl.QNDF())],
    *[
        (name, method, rtol)
        for name in ("index 2", "ggl")
        for method in (sl.RadauIIA5(), sl.QNDF(), sl.FBDF())
        for rtol in (1e-4, 1e-8)
    ],
    *[("index 3", sl.RadauIIA5(), rtol) for rtol in (1e-4, 1e-8)],
    *[("car_axis", sl.RadauIIA5(), rtol) for rtol in (1e-4, 1e-6)],
    ("andrews_squeezer", sl.RadauIIA5(), 1e-4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "method", "rtol"), CELLS, ids=lambda x: getattr(x, "name", str(x))
)
def test_error_is_within_ten_times_the_tolerance(name, method, rtol):
    assert error_of(name, method, rtol) < 10


@pytest.mark.parametrize("method", [sl.QNDF(), sl.FBDF()], ids=lambda m: m.name)
def test_rounding_of_a_constraint_does_not_stop_a_fine_tolerance(method):
    """A node of the amplifier passes through zero, where a constraint holds to rounding only."""
    prob = sl.zoo.transistor_amplifier(tspan=(0.0, 0.02))
    sol = sl.solve(prob, method, rtol=1e-10, atol=1e-13, dense=False)
    assert sol.success, sol.message


@pytest.mark.parametrize("name", ["rober_dae", "chemical_akzo_nobel"])
@pytest.mark.parametrize("method", [sl.FBDF(), sl.QNDF()], ids=lambda m: m.name)
def test_the_same_equations_as_residuals(name, method):
    """F(u', u, p, t) = M u' - f(u, p, t), with the u' that sl.consistent finds."""
    entry, rtol = sl.zoo.get(name), 1e-6
    prob, M = entry(), entry.mass_matrix
    residual = sl.DAEProblem(
        lambda du, u, p, t: M @ du - prob.f(u, p, t), M @ prob.f(prob.u0, prob.p, 0.0), prob.u0,
        prob.tspan, prob.p,
    )  # fmt: skip
    sol = sl.solve(sl.consistent(residual), method, rtol=rtol, atol=ZOO[name] * rtol, dense=False)
    assert sol.success, sol.message
    assert entry.reference.error(sol.u[-1]) < 10 * rtol
