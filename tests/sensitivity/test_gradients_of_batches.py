"""Gradients of many trajectories at once, each with its own steps."""

import numpy as np
import pytest

import sciml_lab as sl

TIMES = np.array([0.0, 0.4, 0.41, 1.7, 3.0])


@pytest.fixture
def herd(predator_prey):
    """Three trajectories that need steps of different sizes."""
    u0 = np.array([[1.0, 4.0, 0.3], [1.0, 0.2, 2.0]])
    return predator_prey.replace(u0=u0, batch=True)


def by_lane(herd):
    """Parameters of each lane for itself."""
    return herd.p[:, None] * np.array([1.0, 1.1, 0.8])


def difference(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.mark.parametrize("saveat", [None, TIMES, 0.7], ids=["ends", "times", "spacing"])
@pytest.mark.parametrize("own", [False, True], ids=["shared p", "own p"])
@pytest.mark.parametrize("name", ["Tsit5", "DOP853"])
def test_batch_against_complex_step(herd, scalar, complex_step, name, own, saveat):
    method = sl.METHODS[name]()
    p = by_lane(herd) if own else herd.p
    options = {"saveat": saveat, "dt": 0.1, "adaptive": False}

    def loss(u0, p):
        return scalar(sl.solve(herd.replace(u0=u0, p=p), method, **options).u)

    by_p = sl.ad.grad(lambda p: loss(herd.u0, p), p)
    by_u0 = sl.ad.grad(lambda u0: loss(u0, p), herd.u0)
    assert by_p.shape == p.shape
    assert difference(by_p, complex_step(lambda p: loss(herd.u0, p), p)) < 1e-11
    assert difference(by_u0, complex_step(lambda u0: loss(u0, p), herd.u0)) < 1e-11


@pytest.mark.parametrize("checkpoints", [None, 4])
def test_each_lane_takes_its_own_steps(herd, scalar, checkpoints):
    p = by_lane(herd)
    options = {"rtol": 1e-9, "saveat": TIMES, "sensitivity": sl.DiscreteAdjoint(checkpoints)}

    def together(u0, p):
        sol = sl.solve(herd.replace(u0=u0, p=p), sl.Tsit5(), **options)
        return sum(scalar(sol.u[:, :, lane]) for lane in range(3)), sol

    def alone(u0, p):
        prob = herd.replace(u0=u0, p=p, batch=False)
        return scalar(sl.solve(prob, sl.Tsit5(), **options).u)

    accepted = together(herd.u0, p)[1].stats.lanes["naccept"]
    assert len(set(accepted.tolist())) == 3
    by_u0 = sl.ad.grad(lambda u0: together(u0, p)[0], herd.u0)
    by_p = sl.ad.grad(lambda p: together(herd.u0, p)[0], p)
    for lane in range(3):
        u0, q = herd.u0[:, lane].copy(), p[:, lane].copy()
        assert difference(by_u0[:, lane], sl.ad.grad(lambda u0: alone(u0, q), u0)) < 1e-7  # noqa: B023
        assert difference(by_p[:, lane], sl.ad.grad(lambda q: alone(u0, q), q)) < 1e-7  # noqa: B023


@pytest.mark.parametrize("saveat", [None, TIMES, TIMES[1:4]])
@pytest.mark.parametrize("span", [(0.0, 3.0), (3.0, 0.0)], ids=["forward", "backward"])
@pytest.mark.parametrize("method", [sl.Tsit5(), sl.DOP853()], ids=repr)
def test_batch_against_plain_tracing(herd, scalar, frozen, span, saveat, method):
    if saveat is not None and span[0] > span[1]:
        saveat = saveat[::-1]
    u0 = 0.5 + 0.2 * herd.u0
    options = frozen(herd.replace(u0=u0, tspan=span), method, rtol=1e-5, dt=0.5)

    def loss(x, sensitivity):
        prob = herd.replace(u0=x[:6].reshape(2, 3), p=x[6:10], tspan=(x[10], x[11]))
        sol = sl.solve(prob, method, saveat=saveat, sensitivity=sensitivity, **options)
        return scalar(sol.u) + (sol.t**2).sum()

    x = np.concatenate([u0.ravel(), herd.p, span])
    adjoint = sl.ad.grad(lambda x: loss(x, sl.DiscreteAdjoint()), x)
    assert difference(adjoint, sl.ad.grad(lambda x: loss(x, sl.ThroughSolver()), x)) < 1e-11
    assert difference(adjoint, sl.ad.grad(lambda x: loss(x, sl.ForwardSensitivity()), x)) < 1e-11


def test_output_times_of_a_batch(herd, scalar, frozen):
    options = frozen(herd, sl.Tsit5(), dt=0.2)

    def loss(s, sensitivity):
        return scalar(sl.solve(herd, sl.Tsit5(), saveat=s, sensitivity=sensitivity, **options).u)

    adjoint = sl.ad.grad(lambda s: loss(s, sl.DiscreteAdjoint()), TIMES)
    assert difference(adjoint, sl.ad.grad(lambda s: loss(s, sl.ThroughSolver()), TIMES)) < 1e-11
    assert (
        difference(adjoint, sl.ad.grad(lambda s: loss(s, sl.ForwardSensitivity()), TIMES)) < 1e-11
    )


@pytest.mark.parametrize("own", [False, True], ids=["shared p", "own p"])
def test_sensitivities_of_a_batch(herd, own):
    p = by_lane(herd) if own else herd.p
    options = {"sensitivity": sl.ForwardSensitivity(), "saveat": TIMES, "rtol": 1e-8}
    found = sl.solve(herd.replace(p=p), sl.Tsit5(), **options).sensitivities
    assert found.p.shape == (5, 2, 3, 4)
    assert found.u0.shape == (5, 2, 3, 2)
    for lane in range(3):
        q = p[:, lane].copy() if own else p
        single = herd.replace(u0=herd.u0[:, lane].copy(), p=q, batch=False)
        alone = sl.solve(single, sl.Tsit5(), **options).sensitivities
        assert difference(found.p[:, :, lane], alone.p) < 1e-6
        assert difference(found.u0[:, :, lane], alone.u0) < 1e-6


def test_one_lane_that_fails_stops_the_gradient():
    prob = sl.ODEProblem(lambda u, p, t: p * u**2, [[0.1, 5.0]], (0.0, 1.0), [1.0], batch=True)
    with pytest.raises(sl.SolveError, match="No derivative was taken") as caught:
        sl.ad.grad(lambda p: sl.solve(prob.replace(p=p), sl.Tsit5()).u.sum(), prob.p)
    assert caught.value.solution.stats.lanes["success"].tolist() == [True, False]
