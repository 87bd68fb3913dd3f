"""`DiscreteAdjoint` with compiled kernels: the gradient of the readable sweep, to rounding."""

import numpy as np
import pytest

import sciml_lab as sl


def lotka_volterra(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def lorenz_96(u, p, t):
    return (np.roll(u, -1) - np.roll(u, 2)) * np.roll(u, 1) - u + p[0]


def driven(u, p, t):
    return np.array([u[1], -p[0] * u[0] - p[1] * u[1] + np.sin(p[2] * t)])


NET = sl.nn.MLP([2, 10, 2])


def neural(u, p, t):
    return NET(u, p)


PROBLEMS = {
    "Lotka-Volterra": (lotka_volterra, [1.0, 1.2], (0.0, 6.0), [1.5, 1.0, 3.0, 1.0]),
    "Lorenz-96": (lorenz_96, 8 + np.sin(np.arange(10.0)), (0.0, 0.6), [8.0]),
    "driven": (driven, [1.0, 0.0], (0.5, 4.0), [2.0, 0.3, 1.7]),
    "backwards": (driven, [1.0, 0.0], (4.0, 0.5), [2.0, 0.3, 1.7]),
    "neural": (neural, [1.0, -0.5], (0.0, 3.0), NET.init(3)),
}
METHODS = [sl.Tsit5(), sl.RK4(), sl.BS3(), sl.Vern7(), sl.DOP853()]


def gradients(name, method, read, **options):
    """Value and gradient by u0 and p together, of both backends."""
    f, u0, tspan, p = PROBLEMS[name]
    prob, n = sl.ODEProblem(f, u0, tspan, p), len(u0)
    options = {"rtol": 1e-7, "atol": 1e-9, **options}
    if not method.adaptive:
        options.setdefault("dt", 0.02)

    def loss(z, backend):
        sol = sl.solve(
            prob.replace(u0=z[:n], p=z[n:]), method, backend=backend,
            sensitivity=sl.DiscreteAdjoint(), **options,
        )  # fmt: skip
        return read(sol)

    z = np.concatenate([u0, p])
    return [sl.ad.value_and_grad(lambda z, b=b: loss(z, b), z) for b in ("numpy", "numba")]


def assert_same(pair, rtol=1e-12):
    (value, slope), (quick, quick_slope) = pair
    assert abs(quick - value) <= rtol * abs(value)
    assert np.max(np.abs(quick_slope - slope)) <= rtol * np.max(np.abs(slope))
    assert np.any(slope)


def total(sol):
    weights = np.cos(np.arange(sol.u.size)).reshape(sol.u.shape)
    return (weights * sol.u * sol.u).sum()


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems(name):
    start, end = PROBLEMS[name][2]
    assert_same(gradients(name, sl.Tsit5(), total, saveat=np.linspace(start, end, 41)))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_methods(method):
    """Many outputs in one step, outputs between steps, at both ends, and twice at one time."""
    times = np.sort(np.concatenate([np.linspace(0, 6, 13), [0.0, 0.001, 0.002, 0.003, 2.0, 6.0]]))
    assert_same(gradients("Lotka-Volterra", method, total, saveat=times))


def test_only_the_end():
    assert_same(gradients("Lotka-Volterra", sl.Tsit5(), lambda sol: total(sol), saveat=6.0))


def test_every_step_is_an_output():
    """With fixed steps: the sizes of adaptive ones hang on the last digits of an error."""
    assert_same(gradients("Lotka-Volterra", sl.RK4(), total))


def test_dense_output():
    def read(sol):
        return (sol(np.array([3.3, 0.0, 5.9, 3.31])) ** 2).sum() + sol(1.234)[0] + sol.u[-1, 0]

    assert_same(gradients("Lotka-Volterra", sl.Vern7(), read, saveat=6.0))
    with pytest.raises(ValueError, match="keeps no dense output"):
        gradients("Lotka-Volterra", sl.Tsit5(), lambda sol: sol(1.0).sum(), dense=False)


def test_long_solves_come_in_pieces():
    """More steps than one call of a kernel takes, and than one chunk of the store holds."""
    pair = gradients("Lotka-Volterra", sl.RK4(), total, dt=0.005, adaptive=False, saveat=6.0)
    assert_same(pair, rtol=1e-11)


def test_a_problem_without_parameters():
    def loss(u0, backend):
        prob = sl.ODEProblem(lambda u, p, t: -u * np.cos(t) + u[::-1], u0, (0.0, 1.0))
        return (sl.solve(prob, sl.Tsit5(), backend=backend).u[-1] ** 2).sum()

    slopes = [sl.ad.grad(lambda u, b=b: loss(u, b), np.array([1.0, 2.0])) for b in
              ("numpy", "numba")]  # fmt: skip
    np.testing.assert_allclose(slopes[1], slopes[0], rtol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (4, 3)], ids=["shared", "one each"])
def test_a_batch(shape):
    u0 = np.array([[1.0, 1.1, 0.8], [1.0, 0.7, 1.3]])
    p = np.array([1.5, 1.0, 3.0, 1.0])
    p = p if len(shape) == 1 else p[:, None] * np.array([1.0, 1.05, 0.9])
    times = np.linspace(0, 3, 7)
    found = []
    for backend in ("numpy", "numba"):

        def loss(u0, p, backend=backend):
            prob = sl.ODEProblem(lotka_volterra, u0, (0.0, 3.0), p, batch=True)
            return total(sl.solve(prob, sl.Tsit5(), saveat=times, backend=backend))

        found.append(sl.ad.vjp(loss, (u0, p), 1.0)[1])
    for slow, quick in zip(*found, strict=True):
        np.testing.assert_allclose(quick, slow, rtol=1e-11, atol=1e-12 * np.max(np.abs(slow)))


def test_autograd():
    pytest.importorskip("autograd")
    import autograd

    f, u0, tspan, p = PROBLEMS["Lotka-Volterra"]
    prob = sl.ODEProblem(f, u0, tspan, p)
    slopes = [
        autograd.grad(lambda p, b=b: (sl.solve(prob.replace(p=p), saveat=1.0, backend=b).u ** 2)
                      .sum())(np.array(p))
        for b in ("numpy", "numba")
    ]  # fmt: skip
    np.testing.assert_allclose(slopes[1], slopes[0], rtol=1e-12)


def test_what_the_kernels_do_not_do_goes_the_readable_way():
    """Times, checkpoints, second derivatives and callbacks: the same numbers, more slowly."""
    f, u0, _, p = PROBLEMS["Lotka-Volterra"]
    prob, p = sl.ODEProblem(f, u0, (0.0, 1.0), p), np.array(p)

    def end(backend):
        def loss(t):
            return sl.solve(prob.replace(tspan=(0.0, t)), saveat=t, backend=backend).u[-1, 0]

        return sl.ad.grad(loss, 1.0)

    assert end("numba") == pytest.approx(end("numpy"), rel=1e-13)  # its f is compiled

    def curved(p, **options):
        return (sl.solve(prob.replace(p=p), backend="numba", **options).u[-1] ** 2).sum()

    first = sl.ad.grad(curved, p)
    kept = sl.ad.grad(lambda p: curved(p, sensitivity=sl.DiscreteAdjoint(checkpoints=3)), p)
    seen = []
    watched = sl.ad.grad(lambda p: curved(p, callbacks=seen.append), p)
    np.testing.assert_allclose(kept, first, rtol=1e-10)
    np.testing.assert_allclose(watched, first, rtol=1e-10)
    assert seen
    h = 1e-5 * np.eye(4)
    hessian = sl.ad.hessian(curved, p)
    slopes = [(sl.ad.grad(curved, p + d) - sl.ad.grad(curved, p - d)) / 2e-5 for d in h]
    np.testing.assert_allclose(hessian, slopes, rtol=1e-4, atol=1e-5)


def test_a_derivative_around_the_sweep():
    """The cotangent itself carries a derivative: the readable sweep takes over."""
    f, u0, _, p = PROBLEMS["Lotka-Volterra"]
    prob, p = sl.ODEProblem(f, u0, (0.0, 1.0), p), np.array(p)

    def slope(weight, backend):
        def loss(p):
            return weight * (sl.solve(prob.replace(p=p), saveat=1.0, backend=backend).u ** 2).sum()

        return sl.ad.grad(loss, p)

    found = [sl.ad.derivative(lambda w, b=b: slope(w, b), 2.0) for b in ("numpy", "numba")]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10)


def test_a_failed_solve_raises():
    prob = sl.ODEProblem(lambda u, p, t: p[0] * u * u, [1.0], (0.0, 2.0), [1.0])
    with pytest.raises(sl.SolveError):
        sl.ad.grad(lambda p: sl.solve(prob.replace(p=p), backend="numba").u[-1, 0], np.ones(1))
