"""Which variables of a DAE are of index 1, 2 and 3, found from M and J."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers.constraints import indices_near
from sciml_lab.solvers.dae_index import variable_indices
from sciml_lab.solvers.solve import run_of


def found(prob):
    settings = {
        "rtol": 1e-6, "atol": 1e-6, "dt": None, "adaptive": None, "controller": None,
        "max_steps": 10,
    }  # fmt: skip
    return indices_near(run_of(prob, sl.RadauIIA5(), settings)).tolist()


@pytest.mark.parametrize(
    ("form", "want"),
    [
        ({"index": 1}, [1, 1, 1, 1, 1]),
        ({"index": 2}, [1, 1, 1, 1, 2]),
        ({"index": 3}, [1, 1, 2, 2, 3]),
        ({"stabilisation": "baumgarte"}, [1, 1, 1, 1, 1]),
        ({"stabilisation": "ggl"}, [1, 1, 1, 1, 2, 2]),
    ],
    ids=str,
)
@pytest.mark.parametrize("angle", [0.0, 1.0, np.pi / 2])
def test_forms_of_the_pendulum(form, want, angle):
    """Also where it hangs down or stands off at a right angle, and entries of J are zero."""
    assert found(sl.zoo.pendulum_dae(angle=angle, **form)) == want


def test_mechanisms_of_the_zoo():
    assert found(sl.zoo.car_axis()) == [1] * 4 + [2] * 4 + [3] * 2


@pytest.mark.parametrize("name", ["rober_dae", "chemical_akzo_nobel", "transistor_amplifier"])
def test_index_one(name):
    prob = sl.zoo.get(name)()
    assert set(found(prob)) == {1}


def chain(length):
    """``x1' = x2, x2' = x3, ..., 0 = x1``: of index `length`."""
    J = np.diag(np.ones(length - 1), 1)
    J[-1, 0] = 1.0
    return np.diag([1.0] * (length - 1) + [0.0]), J


@pytest.mark.parametrize("length", [1, 2, 3])
def test_units_orders_and_mixtures_of_equations_do_not_matter(length):
    """Random units, equations mixed by a random matrix, and a differential equation beside."""
    rng = np.random.default_rng(length)
    M, J = chain(length)
    M = np.block([[M, np.zeros((length, 2))], [np.zeros((2, length)), np.eye(2)]])
    J = np.block([[J, np.zeros((length, 2))], [rng.normal(size=(2, length + 2))]])
    J[length:, length - 1] = 0.0  # nothing of the highest index enters it
    want = np.append(np.arange(1, length + 1), [1, 1])
    for _ in range(20):
        mix = rng.normal(size=M.shape)
        units = 10.0 ** rng.uniform(-4, 4, len(M))
        order = rng.permutation(len(M))
        got = variable_indices((mix @ M * units)[:, order], (mix @ J * units)[:, order])
        assert got is not None
        np.testing.assert_array_equal(got, want[order])


def test_what_is_out_of_reach():
    assert variable_indices(*chain(4)) is None
    assert variable_indices(np.diag([1.0, 0.0]), np.array([[1.0, 1.0], [0.0, 0.0]])) is None
    assert variable_indices(np.eye(2)[[0, 0]], np.eye(2)[[0, 0]]) is None


@pytest.mark.parametrize("method", [sl.FBDF(), sl.QNDF(), sl.Rodas5P()], ids=repr)
def test_who_is_not_made_for_it_names_who_is(method):
    with pytest.warns(UserWarning, match=r"\(index above 1: 3\), so .* or take RadauIIA5\(\)"):
        sl.solve(sl.zoo.pendulum_dae(index=3), method, max_steps=20)
