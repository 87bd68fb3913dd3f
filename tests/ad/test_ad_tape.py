"""The tape as a thing to look at, its length, and what a traced value can do as an array."""

import copy

import numpy as np
import pytest

import sciml_lab.ad as ad


def test_twenty_thousand_steps_in_a_chain():
    def f(x):
        for _ in range(20_000):
            x = x + 1e-4 * np.sin(x)
        return x

    slope = ad.grad(f, 0.5)
    assert slope == pytest.approx(ad.derivative(f, 0.5), rel=1e-12)
    assert slope == pytest.approx(ad.derivative(f, 0.5, mode="complex_step"), rel=1e-12)


def test_entries_come_in_order_and_know_their_parents():
    tape = ad.Tape()
    x, y = tape.input(2.0), tape.input([1.0, 3.0])
    z = np.sum(x * y**2)
    assert [e.name for e in tape.entries] == ["input", "input", "square", "multiply", "sum"]
    assert [tuple(e.parents) for e in tape.entries] == [(), (), (1,), (0, 2), (3,)]
    assert len(tape) == 5 and z.index == 4 and float(tape.entries[4].value) == 20.0
    gx, gy = tape.gradient(z, x, y)
    assert gx == 10.0
    np.testing.assert_array_equal(gy, [4.0, 12.0])


def test_print_shows_the_table():
    x = ad.Var(2.0)
    y = x * x + np.array([1.0, 2.0])
    table = str(x.tape)
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [
        ["0", "input"], ["1", "multiply"], ["2", "add"],
    ]  # fmt: skip
    swept = x.tape.sweep({y.index: np.ones(2)})
    assert "cotangent" in x.tape.show(swept) and "8.0" in x.tape.show(swept)
    for _ in range(100):
        y = y + 1.0
    assert "more)" in str(x.tape) and len(str(x.tape).splitlines()) <= 43


def test_gradient_of_a_stranger_is_refused():
    x, other = ad.Var(2.0), ad.Var(3.0)
    with pytest.raises(TypeError, match="not recorded on this tape"):
        x.tape.gradient(other, x)
    with pytest.raises(ValueError, match="scalar"):
        x.tape.gradient(x * np.ones(2), x)


def test_input_that_is_not_used_has_gradient_zero():
    tape = ad.Tape()
    x, y = tape.input(2.0), tape.input(np.ones((2, 3)))
    assert np.array_equal(tape.gradient(x * x, y), np.zeros((2, 3)))


MAKERS = [
    pytest.param(lambda a: ad.Dual(a, np.ones(np.shape(a))), id="Dual"),
    pytest.param(ad.Var, id="Var"),
    pytest.param(lambda a: ad.Var(ad.Dual(a, np.ones(np.shape(a)))), id="Var of Dual"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_face_of_an_array(make):
    plain = np.arange(6.0).reshape(2, 3)
    x = make(plain)
    assert x.shape == (2, 3) and x.ndim == 2 and x.size == 6 and x.dtype == np.float64
    assert len(x) == 2 and np.shape(x) == (2, 3) and x.T.shape == (3, 2)
    for traced, exact in (
        (x.copy(), plain), (x.astype(float), plain), (x.reshape(3, 2), plain.reshape(3, 2)),
        (x.reshape((6,)), plain.ravel()), (x.reshape(3, -1), plain.reshape(3, 2)),
        (x.ravel(), plain.ravel()), (x.flatten(), plain.ravel()), (x.sum(), plain.sum()),
        (x.mean(axis=0), plain.mean(axis=0)), (x.max(1), plain.max(1)),
        (x.dot(plain.T), plain @ plain.T),
        (x.transpose(1, 0), plain.T), (x.swapaxes(0, 1), plain.T), (+x, plain), (abs(-x), plain),
        (x[1], plain[1]), (x[:, ::2], plain[:, ::2]), (x[plain > 2], plain[plain > 2]),
        (x[0, 1], plain[0, 1]), (x[None].squeeze(), plain), (x.clip(1, 3), plain.clip(1, 3)),
        (x.std(), plain.std()), (x.cumsum(), plain.cumsum()), (x.conj().real, plain),
    ):  # fmt: skip
        assert ad.is_traced(traced)
        assert np.shape(traced) == np.shape(exact)
        np.testing.assert_allclose(ad.primal(traced), exact)
    rows = list(x)
    assert len(rows) == 2 and np.array_equal(ad.primal(rows[1]), plain[1])
    first, second = x[:, 0]
    assert first < second and bool(second) and not first
    assert (x == plain).all() and (x != 0).sum() == 5 and np.array_equal(x, plain)
    assert f"{x[1, 2]:.2f}" == "5.00" and repr(x).startswith(("Dual", "Var"))
    assert copy.deepcopy(x) is x and copy.copy(x) is x
    total = 0.0
    for entry in x.flat:
        total += entry
    assert ad.primal(total) == 15.0


@pytest.mark.parametrize("make", MAKERS)
def test_plain_values_on_either_side(make):
    x = make([1.0, 2.0])
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    for result, exact in (
        (2 * x, [2, 4]), (x * 2, [2, 4]), (np.float64(2) * x, [2, 4]), (np.ones(2) + x, [2, 3]),
        (1 - x, [0, -1]), (A @ x, [5, 11]), (x @ A, [7, 10]), (x @ [1, 1], 3), ([1, 1] @ x, 3),
        (2**x, [2, 4]), (np.array(3.0) / x, [3, 1.5]), ([1.0, 2.0] * x, [1, 4]),
        (x / np.array([2, 4]), [0.5, 0.5]), (5.0 % x, [0, 1]), (np.bool_(True) * x, [1, 2]),
        (np.dot(A, x), [5, 11]), (np.matmul(x, A), [7, 10]),
    ):  # fmt: skip
        assert ad.is_traced(result)
        np.testing.assert_allclose(ad.primal(result), exact)


def test_object_arrays_are_gathered():
    x, y = ad.Dual(2.0, [1.0, 0.0]), ad.Dual(3.0, [0.0, 1.0])
    packed = ad.collect(np.array([[x * y, x], [y, 1.0]]))
    assert packed.shape == (2, 2) and packed.partials.shape == (2, 2, 2)
    np.testing.assert_array_equal(packed.partials[0], [[3, 2], [1, 0]])
    np.testing.assert_array_equal(ad.collect([packed[0], packed[1]]).partials, packed.partials)
    assert ad.collect(x) is x
    again = ad.collect(np.asarray(packed))
    np.testing.assert_array_equal(again.partials, packed.partials)
    assert (
        ad.collect([1, 2]).dtype.kind == "i"
        and ad.collect(np.array([1.0, 2.0], object)).dtype == (1.0).__class__
    )
    assert ad.collect(np.array(x)).shape == ()


def test_broadcast_gradients_have_the_shape_of_their_input():
    def f(a, b, c):
        return np.sum((a + b) * c)

    shapes = ((3, 1), (4,), ())
    args = tuple(np.ones(s) if s else np.float64(1.0) for s in shapes)
    _, bars = ad.vjp(f, args, 1.0)
    assert [np.shape(b) for b in bars] == list(shapes)
    np.testing.assert_array_equal(bars[0], np.full((3, 1), 4.0))
    np.testing.assert_array_equal(bars[1], np.full(4, 3.0))
    assert bars[2] == 24.0
