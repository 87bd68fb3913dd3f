"""The network: values, derivatives by every mode, initial weights, and bad input."""

import pickle

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab import ad, nn

NAMES = sorted(nn.ACTIVATIONS)


def by_hand(net, u, p, fun):
    """The network as a loop over neurons: slow, and right by inspection."""
    x, i = list(u), 0
    for k, (n, m) in enumerate(zip(net.sizes[:-1], net.sizes[1:], strict=True)):
        W, b = p[i : i + m * n].reshape(m, n), p[i + m * n : i + m * n + m]
        i += m * n + m
        z = [sum(W[r, c] * x[c] for c in range(n)) + b[r] for r in range(m)]
        x = z if k == len(net.sizes) - 2 else [fun(value) for value in z]
    return np.array(x)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def random_net(activation, rng, sizes=(3, 5, 4, 2)):
    net = nn.MLP(list(sizes), activation=activation)
    return net, net.init(1) + 0.1 * rng.normal(size=net.size)


def test_value_is_the_loop_over_neurons(rng):
    net, p = random_net("tanh", rng)
    u = rng.normal(size=(3, 6))
    want = np.array([by_hand(net, column, p, np.tanh) for column in u.T]).T
    np.testing.assert_allclose(net(u, p), want, rtol=0, atol=1e-14)
    np.testing.assert_allclose(net(u[:, 0], p), want[:, 0], rtol=0, atol=1e-14)
    assert net.size == p.size == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2


def reference(name):
    return {
        "tanh": np.tanh,
        "relu": lambda x: np.maximum(x, 0),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.log(1 + np.exp(x)),
        "swish": lambda x: x / (1 + np.exp(-x)),
        "sin": np.sin,
        "rbf": lambda x: np.exp(-(x**2)),
    }[name]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "gelu"])
def test_activation_is_its_formula(name):
    x = np.linspace(-4, 4, 41)
    np.testing.assert_allclose(nn.ACTIVATIONS[name](x), reference(name)(x), rtol=1e-13, atol=1e-14)


def test_gelu_is_x_times_the_normal_distribution_function():
    from math import erf, sqrt

    x = np.linspace(-5, 5, 201)
    exact = np.array([0.5 * v * (1 + erf(v / sqrt(2))) for v in x])
    assert np.max(np.abs(nn.ACTIVATIONS["gelu"](x) - exact)) < 5e-4  # the tanh form's known error


@pytest.mark.parametrize("name", NAMES)
def test_activation_far_out_is_finite(name):
    x = np.array([-800.0, 800.0])
    y = nn.ACTIVATIONS[name](x)
    assert np.all(np.isfinite(y))
    assert np.all(np.isfinite(nn.ACTIVATIONS[name].slope(x, y, np)))


@pytest.mark.parametrize("name", NAMES)
def test_slope_is_the_complex_step_derivative(name):
    activation, x, h = nn.ACTIVATIONS[name], np.linspace(-3, 3, 24), 1e-30
    want = activation(x + 1j * h).imag / h
    np.testing.assert_allclose(activation.slope(x, activation(x), np), want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("batch", [(), (4,)])
@pytest.mark.parametrize("name", NAMES)
def test_jvp_and_vjp_against_complex_step_and_each_other(name, batch, rng):
    net, p = random_net(name, rng)
    u, du, dp = rng.normal(size=(3, *batch)), rng.normal(size=(3, *batch)), rng.normal(size=p.size)
    g, h = rng.normal(size=(2, *batch)), 1e-30
    y, y_dot = ad.jvp(net, (u, p), (du, dp))
    want = net(u + 1j * h * du, p + 1j * h * dp).imag / h
    np.testing.assert_array_equal(y, net(u, p))
    np.testing.assert_allclose(y_dot, want, rtol=1e-12, atol=1e-13)
    _, (u_bar, p_bar) = ad.vjp(net, (u, p), g)
    left, right = np.sum(g * y_dot), np.sum(u_bar * du) + np.sum(p_bar * dp)
    assert abs(left - right) < 1e-12 * (1 + abs(left))


@pytest.mark.parametrize("mode", ["dual", "tape", "complex_step", "autograd"])
def test_gradient_of_a_loss_in_every_mode(mode, rng):
    net, p = random_net("swish", rng)
    u = rng.normal(size=(3, 4))

    def loss(q):
        return (net(u, q) ** 2).sum()

    tiny = 1e-30
    want = [loss(p + 1j * tiny * e).imag / tiny for e in np.eye(p.size)]
    np.testing.assert_allclose(ad.grad(loss, p, mode=mode), want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_with_autograd_itself(name, rng):
    autograd = pytest.importorskip("autograd")
    net, p = random_net(name, rng)
    for u in (rng.normal(size=3), rng.normal(size=(3, 4))):

        def loss(v, q):
            return (net(v, q) ** 2).sum()

        for k in (0, 1):
            mine = ad.grad(lambda x, k=k, u=u: loss(*((x, p) if k == 0 else (u, x))), (u, p)[k])
            theirs = autograd.grad(loss, k)(u, p)
            np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus", "sin", "rbf", "swish", "sigmoid"])
def test_second_derivatives(name, rng):
    net, p = random_net(name, rng, sizes=(2, 4, 1))
    u = rng.normal(size=2)

    def value(v):
        return net(v, p)[0]

    hessian = ad.hessian(value, u)
    eps = 1e-6
    for i, e in enumerate(np.eye(2)):
        slope = (ad.grad(value, u + eps * e) - ad.grad(value, u - eps * e)) / (2 * eps)
        np.testing.assert_allclose(hessian[i], slope, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-14)


def test_mixed_second_derivative_over_input_and_weights(rng):
    """The gradient in p of |du net|^2: what a penalty on the slope of a network needs."""
    net, p = random_net("tanh", rng, sizes=(1, 6, 1))
    u = np.array([0.3])

    def penalty(q):
        return ad.grad(lambda v: net(v, q)[0], u)[0] ** 2

    gradient, tiny = ad.grad(penalty, p), 1e-6
    for e in np.eye(p.size)[::5]:
        want = (penalty(p + tiny * e) - penalty(p - tiny * e)) / (2 * tiny)
        assert abs(gradient @ e - want) < 1e-7 * (1 + abs(want))


def test_a_function_of_the_user_as_activation(rng):
    net = nn.MLP([2, 4, 1], activation=lambda x: np.sin(x) * x)
    p, u = net.init(0), rng.normal(size=(2, 3))
    tiny = 1e-30
    want = [net(u, p + 1j * tiny * e).imag.sum() / tiny for e in np.eye(p.size)]
    np.testing.assert_allclose(ad.grad(lambda q: net(u, q).sum(), p), want, rtol=1e-12, atol=1e-14)


def test_one_activation_for_each_layer(rng):
    net = nn.MLP([1, 3, 3, 1], activation=["rbf", "tanh"])
    p, u = net.init(2), np.array([0.4])
    (W1, b1), (W2, b2), (W3, b3) = net.unpack(p)
    want = W3 @ np.tanh(W2 @ np.exp(-((W1 @ u + b1) ** 2)) + b2) + b3
    np.testing.assert_allclose(net(u, p), want, rtol=1e-15)


def test_list_of_traced_components_is_gathered(rng):
    net, p = random_net("tanh", rng, sizes=(2, 3, 2))

    def f(v):
        x, y = v
        return net(np.array([x, y]), p).sum() + net([y, x], p).sum()

    u = rng.normal(size=2)
    want = ad.grad(lambda v: net(v, p).sum() + net(v[::-1], p).sum(), u)
    np.testing.assert_allclose(ad.grad(f, u), want, rtol=1e-13)


def test_a_network_is_a_right_hand_side():
    net = nn.MLP([2, 8, 2])
    sol = sl.solve(sl.ODEProblem(net, [1.0, 0.5], (0.0, 1.0), net.init(0)))
    assert sol.success


def test_parameters_that_changed_in_place_are_not_remembered(rng):
    net, p = random_net("tanh", rng)
    u, g = rng.normal(size=3), rng.normal(size=2)
    ad.vjp(net, (u, p), g)
    p *= 2
    _, (_, p_bar) = ad.vjp(net, (u, p), g)
    _, (_, fresh) = ad.vjp(nn.MLP(list(net.sizes), "tanh"), (u.copy(), p.copy()), g)
    np.testing.assert_array_equal(p_bar, fresh)


def test_pickle_equality_and_printing():
    net = nn.MLP([2, 5, 1], activation="gelu")
    copy = pickle.loads(pickle.dumps(net))
    assert copy == net and hash(copy) == hash(net)
    assert repr(net) == "MLP([2, 5, 1], activation='gelu')"


# --- initial weights -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "variance", "kurtosis"),
    [("glorot", 2 / (80 + 120), 1.8), ("he", 2 / 80, 3.0), ("lecun", 1 / 80, 3.0)],
)
def test_initial_variance_within_five_standard_errors(scheme, variance, kurtosis):
    net = nn.MLP([80, 120, 1])
    W, b = net.unpack(net.init(seed=0, scheme=scheme))[0]
    error = variance * np.sqrt((kurtosis - 1) / W.size)  # of a sample variance
    assert abs(np.mean(W**2) - variance) < 5 * error
    assert abs(np.mean(W)) < 5 * np.sqrt(variance / W.size)
    assert not b.any()


def test_he_keeps_the_signal_through_ten_relu_layers():
    net = nn.MLP([200] * 11, activation="relu")
    u = np.random.default_rng(1).normal(size=(200, 50))
    out = net(u, net.init(seed=3, scheme="he"))
    assert 0.5 < np.mean(out**2) / np.mean(u**2) * 1.0 < 4.0  # factor 2 more: the last is linear


def test_zeros_last_gives_a_network_that_is_zero():
    net = nn.MLP([2, 7, 3])
    p = net.init(seed=0, scheme="zeros-last")
    assert not net(np.ones(2), p).any() and p.any()


def test_same_seed_same_numbers():
    net = nn.MLP([2, 7, 3])
    np.testing.assert_array_equal(net.init(4), net.init(np.random.default_rng(4)))
    assert np.any(net.init(4) != net.init(5))


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: nn.MLP([2]), ValueError, "sizes"),
        (lambda: nn.MLP([2, 0, 1]), ValueError, "sizes"),
        (lambda: nn.MLP([2, 2.5, 1]), ValueError, "sizes"),
        (lambda: nn.MLP(5), ValueError, "sizes"),
        (lambda: nn.MLP([2, 3, 1], activation="tahn"), ValueError, "activation 'tahn' is unknown"),
        (lambda: nn.MLP([2, 3, 1], activation=7), TypeError, "activation must be"),
        (lambda: nn.MLP([2, 3, 1], activation=["tanh"] * 2), ValueError, "1 hidden layer"),
        (lambda: nn.MLP([2, 3, 1]).init(0, scheme="xavier"), ValueError, "scheme"),
        (lambda: nn.MLP([2, 3, 1])(np.ones(2), np.ones(5)), ValueError, "13 parameters"),
        (lambda: nn.MLP([2, 3, 1])(np.ones(3), np.ones(13)), ValueError, "component first"),
        (lambda: nn.MLP([2, 3, 1])(np.ones((2, 3, 4)), np.ones(13)), ValueError, "u has shape"),
        (lambda: nn.MLP([2, 3, 1])(1.0, np.ones(13)), ValueError, "u has shape"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(call, kind, words):
    with pytest.raises(kind, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


# --- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [nn.mse, nn.mae, nn.huber])
def test_losses_are_differentiated_and_reject_broadcasting(loss, rng):
    data, x, tiny = rng.normal(size=(4, 2)), 2 * rng.normal(size=(4, 2)), 1e-30
    directions = np.eye(8).reshape(8, 4, 2)
    want = [loss(x + 1j * tiny * e, data).imag / tiny for e in directions]
    got = ad.grad(lambda v: loss(v, data), x)
    np.testing.assert_allclose(got.ravel(), want, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="prediction has shape"):
        loss(x, data[:, 0])


def test_huber_is_quadratic_inside_and_linear_outside():
    assert nn.huber(np.array([0.2]), np.zeros(1), delta=0.5) == pytest.approx(0.02)
    assert nn.huber(np.array([3.0]), np.zeros(1), delta=0.5) == pytest.approx(0.5 * (3 - 0.25))
    with pytest.raises(ValueError, match="delta"):
        nn.huber(np.ones(1), np.zeros(1), delta=0)
