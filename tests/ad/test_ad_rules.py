"""Every rule against central differences, the adjoint identity, and the autograd package."""

import numpy as np
import pytest

import sciml_lab.ad as ad
from sciml_lab.ad import rules, rules_arrays, rules_linear
from sciml_lab.ad.primitive import DISPATCH, Primitive

rng = np.random.default_rng(7)
X = rng.uniform(0.2, 0.9, (2, 3))
Y = rng.uniform(0.2, 0.9, (2, 3))
SIGNED = np.array([[-1.3, 0.4, 2.1], [0.7, -0.2, -2.5]])
V3, V2 = rng.normal(size=3), rng.normal(size=2)
M23, M34, M33 = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(3, 3))
B1, B2 = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3, 5))
B3 = rng.normal(size=(2, 1, 2, 3))
SPD = M33 @ M33.T + 3 * np.eye(3)
COND = np.array([[True, False, True], [False, False, True]])

# name of the rule -> list of (function of a NumPy-like module and arrays, arrays)
CASES = {
    "add": [(lambda np, x, y: x + y, (X, Y)), (lambda np, x, y: x + y, (X, V3))],
    "subtract": [(lambda np, x, y: x - y, (X, Y)), (lambda np, x, y: 1.0 - x - y, (V3, X))],
    "multiply": [(lambda np, x, y: x * y, (X, V3)), (lambda np, x, y: x * y, (X[:, :1], V3))],
    "divide": [(lambda np, x, y: x / y, (X, Y)), (lambda np, x, y: 2.0 / x / y, (X, Y[0]))],
    "negative": [(lambda np, x: -x, (X,))],
    "reciprocal": [(lambda np, x: np.reciprocal(x), (X,))],
    "square": [(lambda np, x: np.square(x), (SIGNED,)), (lambda np, x: x**2, (SIGNED,))],
    "sqrt": [(lambda np, x: np.sqrt(x), (X,))],
    "cbrt": [(lambda np, x: np.cbrt(x), (SIGNED,))],
    "power": [
        (lambda np, x, y: x**y, (X, Y)),
        (lambda np, x: x**3, (SIGNED,)),
        (lambda np, x: x**-1.5, (X,)),
        (lambda np, x: 2.0**x, (SIGNED,)),
        (lambda np, x, y: np.power(x, y), (X, np.float64(1.5))),
    ],
    "remainder": [(lambda np, x, y: (3 * x) % y, (X, Y)), (lambda np, x: x % 0.75, (SIGNED,))],
    "hypot": [(lambda np, x, y: np.hypot(x, y), (SIGNED, V3))],
    "exp": [(lambda np, x: np.exp(x), (SIGNED,))],
    "exp2": [(lambda np, x: np.exp2(x), (SIGNED,))],
    "expm1": [(lambda np, x: np.expm1(x), (SIGNED,))],
    "log": [(lambda np, x: np.log(x), (X,))],
    "log2": [(lambda np, x: np.log2(x), (X,))],
    "log10": [(lambda np, x: np.log10(x), (X,))],
    "log1p": [(lambda np, x: np.log1p(x), (X,))],
    "logaddexp": [(lambda np, x, y: np.logaddexp(x, y), (SIGNED, V3))],
    "sin": [(lambda np, x: np.sin(x), (SIGNED,))],
    "cos": [(lambda np, x: np.cos(x), (SIGNED,))],
    "tan": [(lambda np, x: np.tan(x), (X,))],
    "arcsin": [(lambda np, x: np.arcsin(x), (X,))],
    "arccos": [(lambda np, x: np.arccos(x), (X,))],
    "arctan": [(lambda np, x: np.arctan(x), (SIGNED,))],
    "arctan2": [(lambda np, x, y: np.arctan2(x, y), (SIGNED, V3))],
    "sinh": [(lambda np, x: np.sinh(x), (SIGNED,))],
    "cosh": [(lambda np, x: np.cosh(x), (SIGNED,))],
    "tanh": [(lambda np, x: np.tanh(x), (SIGNED,))],
    "arcsinh": [(lambda np, x: np.arcsinh(x), (SIGNED,))],
    "arccosh": [(lambda np, x: np.arccosh(1.0 + x), (X,))],
    "arctanh": [(lambda np, x: np.arctanh(x), (X,))],
    "maximum": [(lambda np, x, y: np.maximum(x, y), (SIGNED, V3))],
    "minimum": [(lambda np, x, y: np.minimum(x, y), (SIGNED, np.float64(0.3)))],
    "where": [
        (lambda np, x, y: np.where(COND, x, y), (X, V3)),
        (lambda np, x: np.where(x > 0, x * x, -x), (SIGNED,)),
        (lambda np, x, y: np.where(np.array([True, False, True]), x, y), (np.float64(0.3), X)),
    ],
    "absolute": [
        (lambda np, x: np.abs(x), (SIGNED,)),
        (lambda np, x: np.abs(x + 1j * np.sin(x)), (SIGNED,)),
    ],
    "real": [(lambda np, x: np.real(np.exp((1.0 + 2.0j) * x)), (SIGNED,))],
    "imag": [(lambda np, x: np.imag(np.exp((1.0 + 2.0j) * x)), (SIGNED,))],
    "conjugate": [(lambda np, x: np.real(np.conj(np.exp(1j * x)) * (x + 2.0j)), (SIGNED,))],
    "sum": [
        (lambda np, x: np.sum(x * x), (X,)),
        (lambda np, x: np.sum(x, axis=0), (X,)),
        (lambda np, x: np.sum(x, 1), (X,)),
        (lambda np, x: np.sum(x, axis=(0, -1), keepdims=True), (B1,)),
        (lambda np, x: np.sum(x, keepdims=True), (X,)),
    ],
    "prod": [
        (lambda np, x: np.prod(x), (X,)),
        (lambda np, x: np.prod(x, axis=0), (SIGNED,)),
        (lambda np, x: np.prod(x, axis=1), (SIGNED,)),
    ],
    "max": [
        (lambda np, x: np.max(x), (SIGNED,)),
        (lambda np, x: np.max(x, axis=1, keepdims=True), (SIGNED,)),
    ],
    "min": [
        (lambda np, x: np.min(x), (SIGNED,)),
        (lambda np, x: np.min(x, axis=0), (SIGNED,)),
    ],
    "cumsum": [
        (lambda np, x: np.cumsum(x), (X,)),
        (lambda np, x: np.cumsum(x * x, axis=-1), (X,)),
        (lambda np, x: np.cumsum(x, 0), (X,)),
    ],
    "reshape": [
        (lambda np, x: np.reshape(x, (3, 2)), (X,)),
        (lambda np, x: x.reshape(-1), (X,)),
        (lambda np, x: np.ravel(x), (X,)),
        (lambda np, x: np.squeeze(np.expand_dims(x, 1)), (X,)),
    ],
    "transpose": [
        (lambda np, x: x.T, (X,)),
        (lambda np, x: np.transpose(x, (2, 0, 1)), (B1,)),
        (lambda np, x: np.swapaxes(x, 0, 2), (B1,)),
        (lambda np, x: np.moveaxis(x, 0, -1), (B1,)),
        (lambda np, x: np.moveaxis(x, -1, 1), (B1,)),
    ],
    "broadcast_to": [(lambda np, x: np.broadcast_to(x, (4, 2, 3)), (X,))],
    "flip": [(lambda np, x: np.flip(x, 1), (X,)), (lambda np, x: np.flip(x, axis=(0, 1)), (X,))],
    "roll": [(lambda np, x: np.roll(x, 2, axis=1), (X,)), (lambda np, x: np.roll(x, -1), (X,))],
    "getitem": [
        (lambda np, x: x[1], (X,)),
        (lambda np, x: x[:, 1:], (X,)),
        (lambda np, x: x[..., 0], (X,)),
        (lambda np, x: x[0, -1] * x[1, 0], (X,)),
        (lambda np, x: x[[0, 0, 1]], (X,)),
        (lambda np, x: x[COND], (X,)),
        (lambda np, x: x[:, None, ::-1], (X,)),
        (lambda np, x: x[1, :, [0, 2]], (B1,)),
        (lambda np, x: x[..., [0, 0]], (B1,)),
        (lambda np, x: x[np.array([3, 3]), ..., np.array([0, 1])], (B1,)),
    ],
    "put": [
        (lambda np, x: rules_arrays.put(x, index=[0, 0, 2], shape=(4,)), (V3,)),
        (lambda np, x: rules_arrays.put(x, index=(..., slice(1, 3)), shape=(2, 4)), (M33[:2, :2],)),
    ],
    "concatenate": [
        (lambda np, x, y: np.concatenate([x, y * y]), (X, Y)),
        (lambda np, x, y: np.concatenate((x, y), axis=-1), (X, M23)),
        (lambda np, x: np.concatenate([x, np.ones((2, 1)), x], 1), (X,)),
        (lambda np, x, y: np.vstack([x, y]), (X, V3)),
        (lambda np, x, y: np.hstack([x, y]), (V2, V3)),
    ],
    "stack": [
        (lambda np, x, y: np.stack([x, y]), (X, Y)),
        (lambda np, x, y: np.stack([x, y, x], axis=-1), (X, Y)),
        (lambda np, x: np.stack([x[0, 0], x[1, 2] * 2.0]), (X,)),
    ],
    "matmul": [
        (lambda np, x, y: x @ y, pair)
        for pair in (
            (V3, V3 + 1), (M23, V3), (V2, M23), (M23, M34), (B1, V3), (V3, B2), (B1, B2),
            (M23, B2), (B1, M33), (B3, B2), (V2, B1),
        )
    ] + [(lambda np, x, y: np.dot(x, y), (M23, M34)), (lambda np, x, y: np.dot(x, y), (V3, V3))],
    "einsum": [
        (lambda np, x, y: np.einsum("ij,jk->ik", x, y), (M23, M34)),
        (lambda np, x, y: np.einsum("ij,jk", x, y), (M23, M34)),
        (lambda np, x, y: np.einsum("ij,ij->", x, y), (X, Y)),
        (lambda np, x: np.einsum("ij->j", x), (X,)),
        (lambda np, x, y: np.einsum("i,j->ij", x, y), (V2, V3)),
        (lambda np, x, y: np.einsum("ij,k->k", x, y), (X, V2)),
    ],
    "solve": [
        (lambda np, a, b: np.linalg.solve(a, b), (SPD, V3)),
        (lambda np, a, b: np.linalg.solve(a, b), (SPD, M34)),
    ],
    "inv": [(lambda np, a: np.linalg.inv(a), (SPD,))],
    "det": [(lambda np, a: np.linalg.det(a), (SPD,))],
}  # fmt: skip

# Made of other rules, or without a slope: checked like the rules.
COMPOSED = {
    "mean": (lambda np, x: np.mean(x, axis=1) + np.mean(x), (X,)),
    "var std": (lambda np, x: np.var(x, axis=0) + np.std(x, ddof=1), (X,)),
    "methods": (lambda np, x: x.mean() * x.sum(0) + x.max(axis=0) - x.T.flatten()[:3], (X,)),
    "average ptp": (lambda np, x: np.average(x, axis=0, weights=V2**2) + np.ptp(x), (X,)),
    "diff": (lambda np, x: np.diff(x**3, axis=0), (X,)),
    "diff twice": (lambda np, x: np.diff(x**3, n=2), (X,)),
    "clip": (lambda np, x: np.clip(x, -1.0, 1.0) ** 2, (SIGNED,)),
    "interp": (
        lambda np, x, y: np.interp(x, [-2.0, -0.4, 0.1, 1.7], y) ** 2,
        (SIGNED, np.array([0.3, -1.0, 2.0, 0.7])),
    ),
    "interp outside": (lambda np, x: np.interp(9 * x, [-1.0, 0.0, 2.0], V3), (SIGNED,)),
    "interp knots": (
        lambda np, x: np.interp([0.4, 2.9, 7.0], x, x**2, left=5.0),
        (np.array([0.5, 1.5, 4.0]),),
    ),
    "sinc": (lambda np, x: np.sinc(x), (SIGNED,)),
    "norm": (lambda np, x: np.linalg.norm(x, axis=1) + np.linalg.norm(x), (SIGNED,)),
    "norm 1": (lambda np, x: np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf), (V3,)),
    "outer": (lambda np, x, y: np.outer(x, y), (V2, V3)),
    "tensordot": (lambda np, x, y: np.tensordot(x, y, ([1, 2], [0, 1])), (B1, B1[:3].T.swapaxes(0, 1))),  # noqa: E501
    "tensordot 1": (lambda np, x, y: np.tensordot(x, y, 1), (B1, M34)),
    "inner": (lambda np, x, y: np.inner(x, y), (M23, B1)),
    "vdot": (lambda np, x, y: np.vdot(x, y), (X, Y)),
    "take repeat tile": (
        lambda np, x: np.tile(np.repeat(np.take(x, [1, 1], axis=0), 2, axis=1), 2),
        (X,),
    ),
    "sort": (lambda np, x: np.sort(x, axis=0) * np.sort(x, axis=1), (SIGNED,)),
    "triangles": (lambda np, x: np.tril(x @ x) + np.triu(x, 1) + np.trace(x), (M33,)),
    "diag": (lambda np, x: np.diag(np.diag(x @ x)), (M33,)),
    "column_stack append": (lambda np, x: np.column_stack([np.append(x, x), np.append(x, 1.0 * x)]), (V3,)),  # noqa: E501
    "split": (lambda np, x: np.split(x, 3, axis=1)[1] * x[:, :1], (X,)),
    "atleast": (lambda np, x: np.atleast_2d(x) @ np.atleast_1d(x), (V3,)),
    "linspace": (lambda np, x: np.linspace(x[0], x[1], 5), (V2,)),
    "cross": (lambda np, x, y: np.cross(x, y), (M33, V3)),
    "polyval": (lambda np, p, x: np.polyval(p, x), (V3, X)),
    "sign floor": (lambda np, x: np.sign(x) * x + np.floor(x) * x, (SIGNED,)),
    "zeros_like": (lambda np, x: np.ones_like(x) * x + np.zeros_like(x), (X,)),
    "full_like": (lambda np, x: np.full_like(x, np.sum(x)) * x, (X,)),
    "trapezoid": (lambda np, x: DISPATCH[getattr(np, "trapezoid", None) or np.trapz](x, V3), (X,)),
    "angle": (lambda np, x: np.angle(np.exp(1j * x)), (X,)),
    "broadcast_arrays": (lambda np, x, y: np.broadcast_arrays(x, y)[1] * x, (X, V3)),
    "ufunc.reduce": (lambda np, x: np.add.reduce(x) + np.maximum.reduce(x), (X,)),
    "ufunc.outer": (lambda np, x, y: np.multiply.outer(x, y), (V2, X)),
    "reflected": (lambda np, x: 1.0 - x + 2.0 * x / (3.0 / x) + np.float64(2.0) * x, (X,)),
    "constant left": (lambda np, x: M23.T @ x + V2 @ x, (X,)),
    "array of scalars": (lambda np, x: np.array([[x[0] * x[1], x[2]], [1.0, np.sin(x[0])]]), (V3,)),
    "ufunc of object array": (lambda np, x: np.tanh(np.array([x[0] * x[1], x[2]])), (V3,)),
    "object array meets": (lambda np, x: x * np.array([x[0] * x[1], x[2], 2.0]), (V3,)),
}  # fmt: skip

ALL = [
    pytest.param(f, args, id=f"{name}-{i}")
    for name, cases in CASES.items()
    for i, (f, args) in enumerate(cases)
] + [pytest.param(f, args, id=name) for name, (f, args) in COMPOSED.items()]

# Left out of the comparison: autograd has no rule, or fails at broadcasting or (full_like) takes
# a traced fill for a constant; or the function is not called through the module passed in (put).
NOT_IN_AUTOGRAD = {
    "cbrt-0", "where-0", "where-2", "broadcast_to-0", "flip-0", "flip-1", "put-0", "put-1",
    "average ptp", "norm 1", "vdot", "take repeat tile", "sort", "cross", "polyval", "full_like",
    "trapezoid", "broadcast_arrays", "ufunc.reduce", "ufunc.outer",
    "interp", "interp outside", "interp knots",
}  # fmt: skip


def test_every_rule_has_a_case():
    modules = (rules, rules_arrays, rules_linear)
    table = {r.name for m in modules for r in vars(m).values() if isinstance(r, Primitive)}
    assert set(CASES) == table <= set(ad.RULES)


@pytest.mark.parametrize(("f", "args"), ALL)
def test_pushes_pulls_and_differences_agree_to_second_order(f, args):
    report = ad.check(lambda *xs: f(np, *xs), args, rtol=1e-7)
    assert report.ok, report.message


@pytest.mark.parametrize(("f", "args"), ALL)
def test_value_is_that_of_numpy(f, args):
    plain = f(np, *args)
    for mode in ("dual", "tape"):
        y, _ = ad.jvp(lambda *xs: f(np, *xs), args, tuple(np.zeros(np.shape(a)) for a in args),
                      mode=mode)  # fmt: skip
        assert np.shape(y) == np.shape(plain)
        np.testing.assert_allclose(y, plain, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(("f", "args"), [c for c in ALL if c.id not in NOT_IN_AUTOGRAD])
def test_agrees_with_autograd(f, args):
    anp = pytest.importorskip("autograd.numpy")
    from autograd import make_vjp

    pull, y = make_vjp(lambda xs: ad.collect(f(anp, *xs)))(tuple(args))
    g = np.random.default_rng(1).normal(size=np.shape(y))
    _, ours = ad.vjp(lambda *xs: f(np, *xs), args, g)
    for a, b in zip(ours, pull(g), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("f", "args"), ALL)
def test_many_directions_at_once_are_many_single_ones(f, args):
    x = args[0]
    jacobian = ad.jacobian(lambda z: f(np, z, *args[1:]), x)
    v = np.random.default_rng(2).normal(size=np.shape(x))
    _, y_dot = ad.jvp(lambda z: f(np, z, *args[1:]), x, v)
    flat = jacobian.reshape((*np.shape(y_dot), -1)) @ np.ravel(v)
    np.testing.assert_allclose(flat, y_dot, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["dual", "tape"])
def test_kinks_have_the_mean_slope(mode):
    assert ad.derivative(np.abs, 0.0, mode=mode) == 0.0
    assert ad.derivative(lambda x: np.maximum(x, 0.0), 0.0, mode=mode) == 0.5
    assert ad.derivative(lambda x: np.clip(x, 0.0, 1.0), 1.0, mode=mode) == 0.5
    np.testing.assert_array_equal(ad.grad(np.max, [2.0, 2.0, 1.0], mode=mode), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(ad.grad(np.linalg.norm, [0.0, 0.0], mode=mode), [0.0, 0.0])
    np.testing.assert_array_equal(ad.grad(np.prod, [0.0, 3.0, 0.0], mode=mode), [0, 0, 0])
    np.testing.assert_array_equal(ad.grad(np.prod, [0.0, 3.0, 2.0], mode=mode), [6, 0, 0])


@pytest.mark.parametrize("mode", ["dual", "tape"])
def test_an_unused_branch_with_infinite_slope_does_no_harm(mode):
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0) + np.where(x > 0, x**0.5, x))

    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(ad.grad(f, [0.0, 4.0], mode=mode), [1.0, 0.5])


@pytest.mark.parametrize("mode", ["dual", "tape"])
def test_powers_at_zero(mode):
    assert ad.derivative(lambda x: x**0, 0.0, mode=mode) == 0.0
    assert ad.derivative(lambda x: x**1, 0.0, mode=mode) == 1.0
    assert ad.derivative(lambda x: x**2.0, 0.0, mode=mode) == 0.0
    assert ad.derivative(lambda x: (-x) ** 3, 2.0, mode=mode) == -12.0


@pytest.mark.parametrize("mode", ["dual", "tape"])
@pytest.mark.parametrize(
    "f",
    [
        np.sum, np.prod, np.sin, lambda x: x[:0], lambda x: np.concatenate([x, x]),
        lambda x: x @ np.zeros((0, 3)), lambda x: np.zeros((3, 0)) @ x, np.cumsum,
        lambda x: np.sum(np.reshape(x, (0, 2)), axis=0), lambda x: np.stack([x, x]).ravel(),
    ],
)  # fmt: skip
def test_arrays_without_entries(f, mode):
    x = np.zeros(0)
    assert ad.jacobian(f, x, mode=mode).shape == (*np.shape(f(x)), 0)
    assert ad.vjp(f, x, np.ones(np.shape(f(x))), mode=mode)[1].shape == (0,)


def test_answers_without_a_slope_are_plain():
    for x in (ad.Dual([1.5, -2.0], [1.0, 0.0]), ad.Var([1.5, -2.0])):
        for plain in (np.sign(x), np.floor(x), x > 0, np.isfinite(x), np.argmax(x), np.round(x),
                      np.zeros_like(x), x // 1.0, np.any(x), x.argsort(), np.shape(x)):  # fmt: skip
            assert not ad.is_traced(plain)
        assert np.shape(x) == (2,) and np.ndim(x) == 1 and np.size(x) == 2 == len(x)


def test_complex_gradients_follow_the_stated_convention():
    z, h = 0.7 - 0.4j, 1e-6
    for mode in ("dual", "tape", "finite_difference"):
        for f in (np.abs, lambda z: np.real(np.exp(z) * np.conj(z)), lambda z: np.imag(z * z)):
            by_a = (f(z + h) - f(z - h)) / (2 * h)
            by_b = (f(z + 1j * h) - f(z - 1j * h)) / (2 * h)
            assert abs(ad.grad(f, z, mode=mode) - (by_a - 1j * by_b)) < 1e-8
    for mode in ("dual", "tape"):
        assert abs(ad.derivative(np.exp, z, mode=mode) - np.exp(z)) < 1e-15
        for f in (np.conj, np.abs, lambda z: z * np.real(z)):
            with pytest.raises(ValueError, match="not analytic"):
                ad.derivative(f, z, mode=mode)
    with pytest.raises(TypeError, match="real x only"):
        ad.derivative(np.exp, z, mode="finite_difference")


@pytest.mark.parametrize("mode", ["dual", "tape", "finite_difference"])
def test_complex_values_of_a_real_argument_keep_both_parts(mode):
    slope = ad.derivative(lambda x: np.exp(1j * x), 0.3, mode=mode)
    assert abs(slope - 1j * np.exp(0.3j)) < 1e-9
