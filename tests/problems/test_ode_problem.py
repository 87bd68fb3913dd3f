"""ODEProblem: what it makes of good input, and the sentence it says about bad input."""

import dataclasses
import pickle

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.ad import is_traced


def decay(u, p, t):
    return -u


def problem(**changes):
    return sl.ODEProblem(**({"f": decay, "u0": [1.0, 2.0], "tspan": (0.0, 1.0)} | changes))


BAD = [
    # (what is changed, the exception, words that the sentence must hold)
    ({"f": 3.0}, TypeError, ["f must be a function", "3.0"]),
    ({"f": None}, TypeError, ["f must be a function", "None"]),
    ({"f": lambda t, u: u}, TypeError, ["f must take", "(u, p, t)", "(t, u)"]),
    ({"u0": []}, ValueError, ["u0 is empty"]),
    ({"u0": np.zeros((0, 3))}, ValueError, ["u0 is empty"]),
    ({"u0": [1.0, np.nan]}, ValueError, ["u0 must be finite", "nan", "index 1"]),
    ({"u0": [[1.0, np.inf]]}, ValueError, ["u0 must be finite", "inf", "(0, 1)"]),
    ({"u0": "one"}, TypeError, ["u0 must hold numbers", "'one'"]),
    ({"u0": ["1", "2"]}, TypeError, ["u0 must hold numbers"]),
    ({"u0": None}, TypeError, ["u0 must hold numbers", "None"]),
    ({"u0": {"x": 1.0}}, TypeError, ["u0 must hold numbers"]),
    ({"u0": [[1.0], [1.0, 2.0]]}, TypeError, ["u0 must be an array", "same length"]),
    ({"u0": [1.0, None]}, TypeError, ["u0 must hold numbers"]),
    ({"tspan": (1.0, 1.0)}, ValueError, ["tspan is empty", "1"]),
    ({"tspan": (0.0, np.nan)}, ValueError, ["tspan must be finite"]),
    ({"tspan": (0.0, np.inf)}, ValueError, ["tspan must be finite"]),
    ({"tspan": 10.0}, TypeError, ["tspan must be two times", "(0.0, 10.0)"]),
    ({"tspan": None}, TypeError, ["tspan must be two times", "None"]),
    ({"tspan": (0.0, 1.0, 2.0)}, ValueError, ["tspan must be two times", "3"]),
    ({"tspan": "01"}, TypeError, ["tspan must be two times"]),
    ({"tspan": {0: 0.0, 1: 1.0}}, TypeError, ["tspan must be two times"]),
    ({"tspan": (0.0, "end")}, TypeError, ["tspan", "real numbers", "'end'"]),
    ({"tspan": (0.0, 1j)}, TypeError, ["tspan", "real numbers"]),
    ({"tspan": (0.0, [1.0])}, TypeError, ["tspan", "real numbers"]),
    ({"p": {"a": 1.5, "b": 1.0}}, TypeError, ["p must be", "not a dict", "[1.5, 1.0]"]),
    ({"p": [np.nan]}, ValueError, ["p must be finite", "index 0"]),
    ({"p": "fast"}, TypeError, ["p must hold numbers"]),
    ({"p": [[1.0, 2.0], [3.0, 4.0]]}, ValueError, ["p must be", "(2, 2)", "p.ravel()"]),
    ({"p": [1.0, [2.0, 3.0]]}, TypeError, ["p must be an array"]),
    ({"batch": True}, ValueError, ["u0 has shape (2,)", "batch=True", "(n, B)"]),
    ({"batch": 1}, TypeError, ["batch must be True or False"]),
    ({"u0": np.ones((2, 3)), "batch": True, "p": np.ones((1, 4))}, ValueError, ["p has", "(m, 3)"]),
    ({"mass_matrix": np.eye(3)}, ValueError, ["mass_matrix must have shape (2, 2)", "(3, 3)"]),
    ({"mass_matrix": [[np.nan, 0], [0, 1]]}, ValueError, ["mass_matrix must be finite"]),
    ({"mass_matrix": "identity"}, TypeError, ["mass_matrix must hold numbers"]),
    ({"jac": np.eye(2)}, TypeError, ["jac must be a function"]),
    ({"sparsity": [1, 1]}, ValueError, ["sparsity must have shape (2, 2)", "(2,)"]),
]


@pytest.mark.parametrize(("changes", "error", "words"), BAD)
def test_bad_input_gets_one_sentence(changes, error, words):
    with pytest.raises(error) as caught:
        problem(**changes)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 240
    for word in words:
        assert word in message, message


def test_integers_and_single_precision_become_float64():
    prob = problem(u0=[1, 2], p=np.array([3, 4], dtype=np.int32), tspan=(0, 10))
    assert prob.u0.dtype == prob.p.dtype == np.float64
    assert prob.tspan == (0.0, 10.0) and all(type(s) is float for s in prob.tspan)
    assert problem(u0=np.ones(2, dtype=np.float32)).u0.dtype == np.float64


def test_complex_numbers_stay_complex():
    prob = problem(u0=[1 + 1e-30j, 2], p=np.array([1j], dtype=np.complex64))
    assert prob.u0.dtype == prob.p.dtype == np.complex128
    assert prob.u0[0].imag == 1e-30


def test_shapes_that_are_allowed():
    assert problem(u0=1.0, p=2.0).u0.shape == ()
    assert problem(u0=np.ones((2, 3)), p=np.ones((4, 3))).p.shape == (4, 3)
    assert problem(u0=np.ones((2, 3)), batch=True, p=[1.0]).p.shape == (1,)
    assert problem(u0=np.ones((2, 3)), batch=True, p=np.ones((1, 3))).p.shape == (1, 3)
    assert problem(u0=np.ones((2, 3)), batch=True, mass_matrix=np.eye(2)).batch
    assert problem(p=None).p is None
    assert problem(p=[]).p.shape == (0,)


def test_backward_in_time_is_allowed():
    assert problem(tspan=[1.0, 0.0]).tspan == (1.0, 0.0)


def test_a_problem_cannot_be_changed_from_outside():
    u0 = np.ones(2)
    prob = problem(u0=u0)
    u0[0] = 5.0
    assert prob.u0[0] == 1.0
    with pytest.raises(ValueError):
        prob.u0[0] = 5.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        prob.tspan = (0.0, 2.0)


def test_replace():
    prob = problem(p=[1.0], mass_matrix=np.eye(2))
    other = prob.replace(p=[2.0], tspan=(0.0, 3.0))
    assert other.p[0] == 2.0 and other.tspan == (0.0, 3.0) and other.f is prob.f
    assert prob.p[0] == 1.0
    np.testing.assert_array_equal(other.mass_matrix, np.eye(2))
    with pytest.raises(TypeError, match=r"does not know 'u1'.*u0, tspan"):
        prob.replace(u1=[1.0])
    with pytest.raises(ValueError, match="u0 is empty"):
        prob.replace(u0=[])


def test_repr_is_short_and_names_f():
    text = repr(problem(u0=np.ones(1000), p=[1.0]))
    assert text.startswith("ODEProblem(decay, u0=[1. 1. 1.") and len(text) < 160


def test_pickle():
    prob = pickle.loads(pickle.dumps(problem(p=[1.0, 2.0])))
    np.testing.assert_array_equal(prob.p, [1.0, 2.0])


def test_functions_without_a_signature_are_accepted():
    class Field:
        def __call__(self, u, p, t):
            return -u

    assert problem(f=Field()).f is not None
    assert problem(f=lambda u, p=None, t=0.0, *more: u).f is not None


def test_traced_values_pass_through_unharmed():
    seen = {}

    def loss(x):
        prob = problem(u0=[x[0], 1.0], p=x, tspan=(0.0, x[1]))
        seen["traced"] = [is_traced(v) for v in (prob.u0, prob.p, prob.tspan[1])]
        seen["start"] = prob.tspan[0]
        return prob.u0[0] * prob.p[1] * prob.tspan[1]

    for mode in ("dual", "tape"):
        slope = sl.ad.grad(loss, np.array([3.0, 2.0]), mode=mode)
        np.testing.assert_allclose(slope, [4.0, 12.0], rtol=1e-14)  # of x0 x1^2
        assert seen == {"traced": [True, True, True], "start": 0.0}


def test_autograd_boxes_pass_through_unharmed():
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")

    def loss(x):
        prob = problem(u0=[x[0], 1.0], p=x)
        return prob.u0[0] * prob.p[1]

    np.testing.assert_allclose(autograd.grad(loss)(np.array([3.0, 2.0])), [2.0, 3.0])


def test_bad_values_are_found_inside_traced_ones():
    with pytest.raises(ValueError, match="p must be finite"):
        sl.ad.grad(lambda x: problem(p=x * np.inf).p[0], np.array([1.0]), mode="dual")
