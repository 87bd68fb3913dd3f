"""The network as loops over numbers: value, VJP and JVP are those of `MLP`."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.nn.activations import ACTIVATIONS, Activation
from sciml_lab.nn.lowered import network
from sciml_lab.transform.tree import TransformError

SIZES = ([2, 50, 2], [1, 1], [3, 2], [1, 4, 1], [5, 5], [2, 9, 7, 3], [6, 17, 5, 8], [4, 4, 4, 4])


def run(text, *arguments):
    """Run one of a primitive's texts in plain Python."""
    names = {"np": np}
    exec(text, names)
    names[text.partition("(")[0].removeprefix("def ")](*arguments)


def example(net, batch, seed=0):
    rng = np.random.default_rng(seed)
    tail = () if batch is None else (batch,)
    n, m = net.sizes[0], net.sizes[-1]
    p = rng.normal(size=net.size) / 2
    return [rng.normal(size=(n, *tail)), p, rng.normal(size=(m, *tail)),
            rng.normal(size=(n, *tail)), rng.normal(size=net.size)]  # fmt: skip


def check(net, batch, execute):
    u, p, g, u_dot, p_dot = example(net, batch)
    made = net.as_primitive(u.shape, p.shape)
    x, work, tail = u.ravel(), np.zeros(made.work), u.shape[1:]
    y, (u_bar, p_bar) = sl.ad.vjp(net, (u, p), g)
    _, y_dot = sl.ad.jvp(net, (u, p), (u_dot, p_dot))
    out = np.full(y.size, np.nan)
    assert made.shape == (net.sizes[-1], *tail) and made.plain(u, p).shape == made.shape
    execute(made.call, out, x, p, work)
    np.testing.assert_allclose(out, y.ravel(), rtol=1e-13, atol=1e-14)
    execute(made.jvp, out, x, p, u_dot.ravel(), p_dot, work)
    np.testing.assert_allclose(out, y_dot.ravel(), rtol=1e-13, atol=1e-13)
    before = np.full(u.size, 0.5), np.full(p.size, -0.25)  # a VJP adds
    bars = tuple(b.copy() for b in before)
    execute(made.vjp, *bars, g.ravel(), x, p, work)
    np.testing.assert_allclose(bars[0] - 0.5, u_bar.ravel(), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(bars[1] + 0.25, p_bar, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("batch", [None, 1, 3, 8], ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sizes(sizes, batch):
    check(sl.nn.MLP(sizes), batch, run)


@pytest.mark.parametrize("name", ["tanh", "gelu", "rbf", "softplus"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_packed_parameters(sizes, name):
    """In the other order of the parameters, with a reverse sweep that finds the values."""
    net = sl.nn.MLP(sizes, name)
    x, p, g, _, _ = example(net, None)
    made = network(net).packed
    packed, work, out = np.full(made.size, np.nan), np.full(made.work, np.nan), np.empty(len(g))
    run(made.pack, packed, p)
    run(made.call, out, x, packed, work)
    y, (u_bar, p_bar) = sl.ad.vjp(net, (x, p), g)
    np.testing.assert_allclose(out, y, rtol=1e-13, atol=1e-14)
    work[made.tape :] = np.nan  # what is not on the tape is not read
    mine, packed_bar, back = np.zeros(len(x)), np.zeros(made.size), np.full(p.size, 0.25)
    run(made.back, mine, packed_bar, g, x, packed, work)
    run(made.unpack, back, packed_bar)
    np.testing.assert_allclose(mine, u_bar, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(back - 0.25, p_bar, rtol=1e-13, atol=1e-13)


def test_zeros_that_a_nonlinearity_does_not_know():
    """Packed layers are filled up with zeros, so there are none without a finite value there."""
    root = Activation("root", lambda x, np: np.sqrt(x), lambda x, y, np: 0.5 / y)
    assert network(sl.nn.MLP([2, 6, 2], root)).packed is None
    assert network(sl.nn.MLP([2, 6, 2]), 3).packed is None  # a batch needs no other order


@pytest.mark.parametrize("batch", [None, 3, 16], ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_reverse_sweep_with_a_tape(sizes, batch):
    net = sl.nn.MLP(sizes, "gelu")
    x, p, g, _, _ = example(net, batch)
    made = net.as_primitive(x.shape, p.shape)
    work = np.zeros(made.work)
    run(made.call, np.empty(g.size), x.ravel(), p, work)
    work[made.tape :] = np.nan
    _, (u_bar, p_bar) = sl.ad.vjp(net, (x, p), g)
    bars = np.zeros(x.size), np.zeros(p.size)
    run(made.back, *bars, g.ravel(), x.ravel(), p, work)
    np.testing.assert_allclose(bars[0], u_bar.ravel(), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(bars[1], p_bar, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("batch", [None, 3, 16], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, batch):
    check(sl.nn.MLP([2, 6, 5, 1], name), batch, run)


def test_layers_may_differ():
    check(sl.nn.MLP([2, 6, 6, 2], ["gelu", "sin"]), None, run)


def test_an_activation_of_ones_own():
    leaky = Activation(
        "leaky", lambda x, np: np.where(x > 0, x, 0.1 * x), lambda x, y, np: np.where(x > 0, 1, 0.1)
    )
    check(sl.nn.MLP([2, 6, 2], leaky), None, run)


def test_what_cannot_be_written_out():
    with pytest.raises(TransformError, match="slope is unknown.*nn.Activation"):
        sl.nn.MLP([2, 6, 2], lambda x: x**3).as_primitive((2,), (32,))
    odd = Activation("odd", lambda x, np: np.arcsinh(x), lambda x, y, np: 1 / np.cosh(y))
    with pytest.raises(TransformError, match="np.arcsinh in an activation.*write it with"):
        sl.nn.MLP([2, 6, 2], odd).as_primitive((2,), (32,))
    for shapes in (((3,), (32,)), ((2, 2, 2), (32,)), ((2,), (31,))):
        with pytest.raises(TransformError, match=r"give u as \(2,\) or \(2, B\)"):
            sl.nn.MLP([2, 6, 2]).as_primitive(*shapes)


def test_the_same_network_is_written_once():
    net = sl.nn.MLP([2, 6, 2])
    assert network(net, None) is sl.nn.MLP([2, 6, 2]).as_primitive((2,), (net.size,))
