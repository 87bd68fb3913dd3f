"""Stages that keep the values of their networks: the same gradient as without."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.backends.numba import drive, gradient_loss, gradient_tape, layout
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.backends.numba.gradient_tape import taped, without_tape
from sciml_lab.nn.lowered import network as network_of

NET, DEEP = sl.nn.MLP([2, 12, 2]), sl.nn.MLP([2, 9, 6, 2], "gelu")
T = np.linspace(0.0, 2.0, 9)
DATA = np.stack([np.cos(T), 1 - 0.3 * T], axis=1)
METHODS = {
    "Tsit5": {"method": sl.Tsit5(), "rtol": 1e-6, "atol": 1e-8},
    "fixed RK4": {"substeps": 3},
    "Vern7": {"method": sl.Vern7(), "rtol": 1e-8},  # with extra stages for dense output
}


def network(u, p, t):
    return NET(u, p)


def two_networks(u, p, t):
    inner = NET(u, p[: NET.size])
    outer = DEEP(inner * u + np.sin(t), p[NET.size : NET.size + DEEP.size])
    return np.array([outer[0] * inner[1] - p[-1] * u[0], outer[1] - u[1] * inner[0]])


def known_part(u, p, t):
    missing = DEEP(u, p[: DEEP.size])
    return np.array([p[-1] * u[0] + missing[0], missing[1] - u[1]])


def in_a_loop(u, p, t):
    v = u
    for _ in range(2):
        v = NET(v, p[: NET.size])
    return v - 0.1 * u


def computed_parameters(u, p, t):
    return NET(u, 1.1 * p[: NET.size])


def unused(u, p, t):
    NET(u, p[: NET.size])
    return -p[0] * u


FS = {
    f.__name__: f
    for f in (network, two_networks, known_part, in_a_loop, computed_parameters, unused)
}


def parameters(f):
    size = NET.size if f is network else NET.size + DEEP.size + 1
    return 0.4 * np.random.default_rng(3).normal(size=size)


def pair(f, **options):
    return [sl.neural.trajectory_loss(f, T, DATA, backend=b, **options) for b in ("numpy", "numba")]


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("name", FS)
def test_the_gradient(name, how):
    f = FS[name]
    p = parameters(f)
    readable, compiled = pair(f, **METHODS[how])
    value, slope = sl.ad.value_and_grad(readable, p)
    quick, quick_slope = compiled.value_and_grad(p)
    assert abs(quick - value) <= 1e-12 * value
    assert np.max(np.abs(quick_slope - slope)) <= 1e-12 * np.max(np.abs(slope))


def test_which_f_has_a_tape():
    u = np.ones(2)
    lengths, packed = {}, {}
    for name, f in FS.items():
        p = parameters(f)
        made = taped(right_hand_side(f, u, p, 0.0), u, p)
        lengths[name], packed[name] = made.tape, made.packed
    sizes = {net: network_of(net).packed.size for net in (NET, DEEP)}
    assert packed["network"] == packed["in_a_loop"] == sizes[NET]  # once, though called twice
    assert packed["two_networks"] == sizes[NET] + sizes[DEEP]
    assert packed["computed_parameters"] == 0  # they change from call to call of f
    assert (
        lengths["computed_parameters"] == lengths["network"] == 16
    )  # twelve values in two lines of the cache
    assert lengths["known_part"] == 2 * (16 + 8)  # gelu needs the sums too
    assert lengths["two_networks"] == 3 * 16 + 2 * (16 + 8)  # the first one with all its room


def test_a_plain_f_has_none():
    u, p = np.ones(2), np.ones(1)
    f = right_hand_side(lambda u, p, t: -p[0] * u, u, p, 0.0)
    made, plain = taped(f, u, p), without_tape(f, u, p)
    assert made.tape == 0 and (made.f, made.f_vjp) == (plain.f, plain.f_vjp)


def test_a_store_that_is_too_small(monkeypatch):
    """The steps don't fit: both stores grow, and the solve begins again."""
    monkeypatch.setattr(drive, "FIRST_BYTES", 2**11)
    readable, compiled = pair(network, method=sl.Tsit5(), rtol=1e-10, atol=1e-10)
    p = parameters(network)
    made = compiled.compiled(p)
    before = made.drive.store.capacity
    value, slope = sl.ad.value_and_grad(readable, p)
    quick, quick_slope = compiled.value_and_grad(p)
    assert made.drive.integers[layout.NACCEPT] > before
    assert abs(quick - value) <= 1e-12 * value
    assert np.max(np.abs(quick_slope - slope)) <= 1e-12 * np.max(np.abs(slope))


def test_a_tape_that_would_be_too_long(monkeypatch):
    p = parameters(network)
    kept = pair(network, **METHODS["Tsit5"])[1].value_and_grad(p)
    monkeypatch.setattr(gradient_tape, "MOST", 100)
    short = pair(network, **METHODS["Tsit5"])[1]
    again = short.value_and_grad(p)
    assert short.compiled(p).drive.integers[layout.TAPE] == 0
    assert abs(kept[0] - again[0]) <= 1e-14 * kept[0]  # sums in another order
    np.testing.assert_allclose(again[1], kept[1], rtol=1e-12, atol=1e-15)


def test_a_tape_begins_with_a_line_of_the_cache():
    p = parameters(network)
    made = pair(network, **METHODS["Tsit5"])[1].compiled(p)
    assert isinstance(made, gradient_loss.CompiledLoss)
    assert made.drive.integers[layout.WORK] % 64 == 0


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.BS3(), sl.DP5()], ids=str)
def test_a_last_stage_that_is_the_next_first_one(method):
    """Outputs inside of steps, of the last one too, reach it; it is pulled back once for both."""
    p, grads = parameters(network), []
    times = np.append(np.linspace(0.05, 1.9, 40), [1.93, 1.97])  # the end of the last step is 2
    for backend in ("numpy", "numba"):

        def loss(q, backend=backend):
            problem = sl.ODEProblem(network, [0.5, -0.3], (0.0, 2.0), q)
            sol = sl.solve(problem, method, rtol=1e-5, saveat=times, backend=backend,
                           sensitivity=sl.DiscreteAdjoint(), dense=False)  # fmt: skip
            return ((sol.u - 0.2) ** 2).sum()

        grads.append(sl.ad.grad(loss)(p))
    np.testing.assert_allclose(grads[1], grads[0], rtol=1e-11, atol=1e-13)
