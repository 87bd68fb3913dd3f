"""`ForwardSensitivity` with compiled kernels: the derivatives that dual numbers carry."""

import numpy as np
import pytest

import sciml_lab as sl


def lotka_volterra(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def driven(u, p, t):
    return np.array([u[1], -p[0] * u[0] - p[1] * u[1] + np.sin(p[2] * t)])


NET = sl.nn.MLP([2, 5, 2])

PROBLEMS = {
    "Lotka-Volterra": (lotka_volterra, [1.0, 1.2], (0.0, 5.0), [1.5, 1.0, 3.0, 1.0]),
    "driven": (driven, [1.0, 0.0], (0.5, 4.0), [2.0, 0.3, 1.7]),
    "backwards": (driven, [1.0, 0.0], (4.0, 0.5), [2.0, 0.3, 1.7]),
    "neural": (lambda u, p, t: NET(u, p), [1.0, -0.5], (0.0, 2.0), NET.init(3)),
}
TRAIL = (("u0", "p"), ("p",), ("u0",))


def same(quick, slow, rtol=1e-11):
    np.testing.assert_allclose(quick, slow, rtol=rtol, atol=rtol * np.max(np.abs(slow)))


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.RK4(), sl.DOP853()], ids=lambda m: m.name)
@pytest.mark.parametrize("name", PROBLEMS)
def test_sensitivities(name, method):
    f, u0, tspan, p = PROBLEMS[name]
    options = {"rtol": 1e-7, "saveat": np.linspace(*tspan, 23)}
    if not method.adaptive:
        options["dt"] = 0.02
    slow, quick = (
        sl.solve(sl.ODEProblem(f, u0, tspan, p), method, backend=backend,
                 sensitivity=sl.ForwardSensitivity(), **options)
        for backend in ("numpy", "numba")
    )  # fmt: skip
    assert quick.stats.naccept == slow.stats.naccept and quick.stats.nreject == slow.stats.nreject
    same(quick.u, slow.u)
    same(quick.sensitivities.p, slow.sensitivities.p)
    same(quick.sensitivities.u0, slow.sensitivities.u0)
    assert quick.u.shape == (23, 2) and quick.problem is not None
    same(quick(0.5 * sum(tspan)), slow(0.5 * sum(tspan)))


@pytest.mark.parametrize("wrt", TRAIL, ids=str)
def test_by_what(wrt):
    f, u0, tspan, p = PROBLEMS["Lotka-Volterra"]
    slow, quick = (
        sl.solve(sl.ODEProblem(f, u0, tspan, p), sl.Tsit5(), backend=backend, saveat=5.0, atol=[
            1e-6, 1e-8], sensitivity=sl.ForwardSensitivity(wrt))
        for backend in ("numpy", "numba")
    )  # fmt: skip
    for name in ("u0", "p"):
        found, wanted = (getattr(sol.sensitivities, name) for sol in (quick, slow))
        assert (found is None) == (wanted is None) == (name not in wrt)
        if found is not None:
            same(found, wanted)


def test_gradients():
    f, u0, tspan, p = PROBLEMS["driven"]
    prob = sl.ODEProblem(f, u0, tspan, p)

    def loss(z, backend):
        sol = sl.solve(prob.replace(u0=z[:2], p=z[2:]), sl.Tsit5(), saveat=np.linspace(1, 4, 9),
                       sensitivity=sl.ForwardSensitivity(), backend=backend)  # fmt: skip
        return (sol.u**2).sum() + sol(2.22)[0]

    z = np.concatenate([u0, p])
    slow, quick = (sl.ad.value_and_grad(lambda z, b=b: loss(z, b), z) for b in ("numpy", "numba"))
    same(quick[0], slow[0])
    same(quick[1], slow[1])


def test_no_parameters_and_a_state_of_another_shape():
    def f(u, p, t):
        return -u * u * np.cos(t)

    u0 = np.array([[1.0, 2.0], [0.5, 0.7]])
    slow, quick = (
        sl.solve(sl.ODEProblem(f, u0, (0.0, 1.0)), sl.Tsit5(), backend=backend,
                 sensitivity=sl.ForwardSensitivity())
        for backend in ("numpy", "numba")
    )  # fmt: skip
    same(quick.sensitivities.u0[-1], slow.sensitivities.u0[-1], 1e-9)
    assert quick.u.shape == slow.u.shape and quick.sensitivities.p is None


def test_what_is_done_in_python():
    """Times as inputs, and batches: the same numbers by dual numbers."""
    f, u0, tspan, p = PROBLEMS["driven"]
    prob = sl.ODEProblem(f, u0, tspan, p)
    options = {"sensitivity": sl.ForwardSensitivity(), "backend": "numba"}

    def end(t):
        return sl.solve(prob.replace(tspan=(0.5, t)), sl.Tsit5(), **options).u[-1, 0]

    assert abs(sl.ad.grad(end, 2.0) - sl.solve(prob, sl.Tsit5(), rtol=1e-9)(2.0)[1]) < 1e-5
    lanes = prob.replace(u0=np.ones((2, 3)), batch=True)
    assert sl.solve(lanes, sl.Tsit5(), **options).sensitivities.p.shape[1:] == (2, 3, 3)


def test_a_failed_solve_is_explained():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u * u, [1.0], (0.0, 2.0), [1.0])
    sol = sl.solve(prob, sl.Tsit5(), sensitivity=sl.ForwardSensitivity(), backend="numba")
    assert not sol.success and "t = 1" in sol.message and sol.u.shape[1:] == (1,)
