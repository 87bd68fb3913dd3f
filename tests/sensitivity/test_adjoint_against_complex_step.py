"""The discrete adjoint of an adaptive solve against a complex step through the same solver.

Both take their own steps: rounding differs between real and complex numbers, and the control of
the step size must not magnify it.
"""

import numpy as np
import pytest

import sciml_lab as sl

TIMES = np.linspace(0.0, 5.0, 16)
NET = sl.nn.MLP([2, 16, 2])
PROBLEMS = {
    "lotka_volterra": sl.zoo.lotka_volterra(tspan=(0.0, 5.0)),
    "pendulum": sl.zoo.pendulum(tspan=(0.0, 5.0)),
    "neural": sl.ODEProblem(NET, [1.0, 1.0], (0.0, 5.0), NET.init(0)),
}


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("method", [sl.Tsit5(), sl.DP5(), sl.DOP853(), sl.Vern9()], ids=repr)
@pytest.mark.parametrize("name", PROBLEMS)
def test_relative_difference_is_below_1e_10(name, method, rtol):
    problem = PROBLEMS[name]

    def loss(p):
        sol = sl.solve(problem.replace(p=p), method, rtol=rtol, atol=1e-3 * rtol, saveat=TIMES)
        return np.sum(sol.u**2)

    adjoint = sl.ad.grad(loss, problem.p)
    exact = sl.ad.grad(loss, problem.p, mode="complex_step")
    assert np.linalg.norm(adjoint - exact) < 1e-10 * np.linalg.norm(exact)
