"""np.array([...]) of traced arrays: gathered as whole rows, and right whatever is done with it."""

import numpy as np
import pytest

from sciml_lab import ad
from sciml_lab.ad import Tape, collect, is_traced, needs_reverse, primal

Z = np.arange(8.0).reshape(2, 4) / 3 + 0.1


def pair(z):
    x, y = z
    return np.array([x * y, x - y])


def test_rows_are_gathered_without_taking_their_entries():
    tape = Tape()
    z = tape.input(Z)
    out = collect(pair(z))
    assert out.shape == (2, 4)
    assert len(tape.entries) <= 6  # the input, two rows, product, difference, stack
    np.testing.assert_array_equal(primal(out), pair(Z))


def test_an_array_of_entries_is_its_parent():
    tape = Tape()
    z = tape.input(Z)
    assert collect(np.array(list(z))).shape == (2, 4)
    assert collect(np.asarray(z)) is z


FUNCTIONS = {
    "rows": lambda z: np.sum(collect(pair(z)) ** 2),
    "object sum": lambda z: np.sum(pair(z) * 3.0),
    "single entries": lambda z: pair(z)[0][1] * pair(z)[1, 2],
    "a function of objects": lambda z: 2 * np.sin(pair(z))[0, 3],
    "reversed rows": lambda z: np.sum(collect(pair(z)[:, ::-1]) * np.arange(4.0)),
    "swapped rows": lambda z: np.sum(collect(pair(z)[::-1]) * np.arange(8.0).reshape(2, 4)),
    "beside constants": lambda z: np.sum(collect(np.array([z[0] * z[1], np.ones(4)])) ** 2),
    "beside numbers": lambda z: np.sum(collect(np.array([z[0] ** 2, np.arange(4)])) ** 2),
    "matrix product": lambda z: np.sum(pair(z).T @ np.ones((2, 3))),
    "iteration": lambda z: sum(v * k for k, v in enumerate(pair(z)[0])),
    "a branch": lambda z: np.exp(pair(z)[1, 1]) if pair(z)[0, 1] > 0 else 0.0 * z[0, 0],
    "three deep": lambda z: np.sum(collect(np.array([pair(z), pair(z)])) ** 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_agree_with_differences(name):
    f = FUNCTIONS[name]
    expected = ad.jacobian(f, Z, mode="finite_difference")
    np.testing.assert_allclose(ad.grad(f, Z), expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ad.jacobian(f, Z, mode="dual"), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["rows", "object sum", "single entries", "beside constants"])
def test_second_derivatives_agree_with_differences(name):
    f = FUNCTIONS[name]
    expected = ad.jacobian(lambda z: ad.grad(f, z), Z, mode="finite_difference")
    np.testing.assert_allclose(ad.hessian(f, Z), expected, rtol=1e-6, atol=1e-6)


def test_an_entry_is_traced_and_does_not_become_a_number():
    z = Tape().input(Z)
    entry = pair(z)[0, 1]
    assert is_traced(entry)
    assert needs_reverse(entry)
    assert primal(entry) == Z[0, 1] * Z[1, 1]
    for lose in (float, int, complex):
        with pytest.raises(TypeError, match="its derivative would be lost"):
            lose(entry)
