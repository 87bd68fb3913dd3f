"""What can't be differentiated is refused in one sentence; nothing is lost in silence."""

import math

import numpy as np
import pytest

import sciml_lab.ad as ad

KINDS = [pytest.param(lambda a: ad.Dual(a, np.ones(np.shape(a))), id="Dual"),
         pytest.param(ad.Var, id="Var")]  # fmt: skip


def write_index(x):
    out = np.zeros(2)
    out[0] = x[0]
    return out


def write_slice(x):
    out = np.zeros(2)
    out[:] = x
    return out


def add_into_plain(x):
    out = np.zeros(2)
    out += x
    return out


def add_into_traced(x):
    y = 2 * x
    y += 1.0
    return y


def multiply_into_traced(x):
    y = 2 * x
    y *= x
    return y


def set_traced(x):
    y = 2 * x
    y[0] = 1.0
    return y


LOSSES = {
    "float": lambda x: float(x[0]), "int": lambda x: int(x[0]), "complex": lambda x: complex(x[0]),
    "math.sin": lambda x: math.sin(x[0]), "item": lambda x: x[0].item(),
    "tolist": lambda x: x.tolist(), "index": lambda x: np.arange(5)[x[0].__index__()],
    "asarray float": lambda x: np.asarray(x, dtype=float),
    "array of scalars float": lambda x: np.array([x[0], x[1]], dtype=float),
    "astype int": lambda x: x.astype(int), "np.float64": lambda x: np.float64(x[0]),
}  # fmt: skip


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_a_derivative_is_never_lost_in_silence(make, loss):
    with pytest.raises(TypeError, match="derivative would be lost"):
        loss(make([1.0, 2.0]))


WRITES = [write_index, write_slice, add_into_plain, add_into_traced, multiply_into_traced,
          set_traced, lambda x: np.add(x, x, out=np.zeros(2)),
          lambda x: np.sum(x, out=np.zeros(()))]  # fmt: skip


@pytest.mark.parametrize("mode", ["dual", "tape"])
@pytest.mark.parametrize("f", WRITES)
def test_writing_into_an_array_is_refused(f, mode):
    with pytest.raises(TypeError, match="derivative would be lost"):
        ad.jacobian(f, [1.0, 2.0], mode=mode)


@pytest.mark.parametrize("make", KINDS)
def test_a_function_without_a_rule_is_named(make):
    x = make(np.eye(2))
    for call, name in (
        (lambda: np.linalg.eigvals(x), "np.linalg.eigvals"),
        (lambda: np.fft.fft(x), "np.fft"),
        (lambda: np.spacing(np.i0(x)), "i0"),
        (lambda: np.nextafter(x, x), "nextafter"),
        (lambda: np.multiply.accumulate(x), "multiply.accumulate"),
        (lambda: np.add(x, x, where=False), "add with where"),
        (lambda: np.gcd(x, 2), "gcd"),
    ):
        with pytest.raises(TypeError, match=r"no derivative rule.*sl\.ad\.primitive") as caught:
            call()
        assert name in str(caught.value)
    with pytest.raises(AttributeError, match="no attribute 'sort'"):
        x.sort()
    with pytest.raises(TypeError, match="einsum"):
        np.einsum("ii->", x)
    with pytest.raises(TypeError, match="each matrix of a stack"):
        np.linalg.solve(make(np.stack([np.eye(2)] * 3)), np.ones((3, 2, 1)))
    with pytest.raises(ValueError, match="singular"):
        ad.grad(np.linalg.det, np.ones((2, 2)))
    with pytest.raises(ValueError, match="out of bounds"):
        x.sum(axis=2)


@pytest.mark.parametrize(
    "function", ["grad", "value_and_grad", "jacobian", "hessian", "derivative"]
)
def test_bad_arguments_are_named(function):
    take = getattr(ad, function)
    for call, error, words in (
        (lambda: take(3.0, 1.0), TypeError, "f must be a function"),
        (lambda: take(np.sin, 1.0, mode="fast"), ValueError, "mode must be one of 'dual'"),
        (lambda: take(np.sin, mode="fast"), ValueError, "mode must be one of"),
        (lambda: take(np.sin, np.nan), ValueError, "x holds NaN"),
        (lambda: take(np.sin, "one"), TypeError, "x must be a number"),
        (lambda: take(np.sin, None), TypeError, "x must be a number"),
        (lambda: take(lambda x: None, 1.0), TypeError, "f returned None"),
        (lambda: take(lambda x: "y", 1.0), TypeError, "the result of f must be"),
        (lambda: take(lambda x: {"y": x}, 1.0), TypeError, "the result of f must be"),
        (lambda: take(lambda x: [[1.0, 2.0], [x]], 1.0), TypeError, "makes no array"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_a_gradient_needs_one_real_number():
    for mode in ("dual", "tape", "complex_step", "finite_difference"):
        for function in (ad.grad, ad.hessian):
            with pytest.raises(ValueError, match="must return one number"):
                function(lambda x: x * x, [1.0, 2.0], mode=mode)
    for mode in ("dual", "tape"):
        with pytest.raises(TypeError, match="real number"):
            ad.grad(lambda x: 1j * x, 1.0, mode=mode)
    with pytest.raises(ValueError, match="use grad or jacobian"):
        ad.derivative(np.sin, [1.0, 2.0])


def test_tangents_and_cotangents_must_fit():
    with pytest.raises(ValueError, match="v has shape"):
        ad.jvp(np.sin, [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="form of x"):
        ad.jvp(np.add, (1.0, 2.0), (1.0,))
    with pytest.raises(ValueError, match="form of x"):
        ad.jvp(np.sin, 1.0, (1.0,))
    with pytest.raises(ValueError, match="g has shape"):
        ad.vjp(np.sin, [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="tangent has shape"):
        ad.Dual([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="directions meet in add"):
        ad.Dual(1.0, np.ones(2)) + ad.Dual(1.0, np.ones(3))
    with pytest.raises(ValueError, match="h must be positive"):
        ad.central_difference(np.sin, 1.0, h=0.0)


def test_errors_of_the_users_own_pass_unchanged():
    def f(x):
        raise ValueError("my own words")

    with pytest.raises(ValueError, match="my own words"):
        ad.grad(f, 1.0)


def test_traced_scalars_have_no_entries():
    x = ad.Var(1.0)
    with pytest.raises(TypeError, match="no entries"):
        len(x)
    with pytest.raises(TypeError, match="no entries"):
        list(x)
    with pytest.raises(TypeError, match="hash"):
        hash(x)


@pytest.mark.parametrize("f", [write_index, lambda x: float(x[0]), lambda x: math.sin(x[0])])
def test_losses_in_autograd_mode_get_a_sentence_too(f):
    pytest.importorskip("autograd")
    with pytest.raises(TypeError, match=r"write it with autograd\.numpy"):
        ad.jacobian(f, [1.0, 2.0], mode="autograd")


def test_engines_are_not_mixed():
    autograd = pytest.importorskip("autograd")
    with pytest.raises(TypeError, match="mode='autograd' on both levels"):
        autograd.grad(lambda x: ad.grad(lambda y: x * y, x))(1.0)


def test_arrays_that_change_before_the_sweep_do_no_harm():
    for size in (3, 2000):
        x = np.linspace(0.0, 1.0, size)

        def f(x, size=size):
            buffer, index, total = np.ones(size), np.array([0, 1]), 0.0
            for k in range(3):
                buffer[:] = k + 1.0
                index[:] = k
                total = total + np.sum(buffer * x) + np.sum(x[index])
            return total

        exact = np.full(size, 6.0)
        exact[:3] += 2.0
        np.testing.assert_array_equal(ad.grad(f, x), exact)
        before = x.copy()
        _, pullback = ad.vjp(lambda x: x * x, x)
        x[:] = 0.0
        np.testing.assert_array_equal(pullback(np.ones(size)), 2 * before)


def test_a_value_kept_from_another_derivative_is_refused():
    kept = []

    def leaking(x):
        kept.append(x)
        return x * x

    for inner in ("dual", "tape"):
        for outer in ("dual", "tape"):

            def f(x, inner=inner):
                ad.derivative(leaking, 2.0, mode=inner)
                return kept[-1] * x

            with pytest.raises(TypeError, match="already finished"):
                ad.derivative(f, 1.0, mode=outer)


def test_a_traced_setting_of_an_own_primitive_is_refused():
    scaled = ad.primitive(lambda x, s=1.0: s * x, jvp=lambda t, y, x, s: s * t, name="scaled")
    with pytest.raises(TypeError, match="scaled got a traced value as the setting s"):
        ad.derivative(lambda s: scaled(2.0, s=s), 1.0)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(TypeError, match="use jvp or vjp with a tuple"):
        ad.grad(lambda x: 0.0, ([1.0, 2.0], [1.0]))
