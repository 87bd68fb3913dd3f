"""Problems with structure: bad input, the right-hand side, replace, repr, copies, lowering."""

import pickle

import numpy as np
import pytest
from scipy import sparse

import sciml_lab as sl
from sciml_lab.transform import python


def decay(u, p, t):
    return -u


def drive(u, p, t):
    return np.cos(t) * np.ones_like(u)


def velocity(q, p, params, t):
    return p


def pull(q, p, params, t):
    return np.sin(q) if params is None else params[0] * np.sin(q)


def spring(x, v, p, t):
    return -x - 0.1 * v if p is None else -p[0] * x


START = {"u0": [1.0, 2.0], "tspan": (0.0, 1.0)}
GOOD = {
    sl.SplitProblem: {"f_stiff": decay, "f_nonstiff": drive, **START},
    sl.SemilinearProblem: {"L": [-1.0, -2.0], "N": drive, **START},
    sl.HamiltonianProblem: {
        "dHdp": velocity, "dHdq": pull, "q0": [1.0, 2.0], "p0": [3.0, 4.0], "tspan": (0.0, 1.0),
    },
    sl.SecondOrderProblem: {
        "acceleration": spring, "x0": [1.0, 2.0], "v0": [3.0, 4.0], "tspan": (0.0, 1.0),
    },
}  # fmt: skip
KINDS = list(GOOD)
SPLIT, SEMILINEAR, HAMILTON, NEWTON = KINDS


def make(kind, **changes):
    return kind(**(GOOD[kind] | changes))


BAD = [
    # (kind, what is changed, the exception, words that the sentence must hold)
    (SPLIT, {"f_stiff": 3.0}, TypeError, ["f_stiff must be a function f_stiff(u, p, t)", "3.0"]),
    (SPLIT, {"f_nonstiff": lambda u: u}, TypeError, ["f_nonstiff must take the three", "(u)"]),
    (SPLIT, {"u0": []}, ValueError, ["u0 is empty"]),
    (SPLIT, {"u0": [1.0, np.nan]}, ValueError, ["u0 must be finite"]),
    (SPLIT, {"tspan": (1.0, 1.0)}, ValueError, ["tspan is empty"]),
    (SPLIT, {"p": {"a": 1.0}}, TypeError, ["p must be a number or a flat vector"]),
    (SPLIT, {"p": np.ones((2, 2))}, ValueError, ["p must be a number or a flat vector", "ravel"]),
    (SPLIT, {"jac": np.eye(2)}, TypeError, ["jac must be a function jac(u, p, t)"]),
    (SPLIT, {"jac": lambda u: u}, TypeError, ["jac must take the three arguments", "(u)"]),
    (SPLIT, {"sparsity": np.eye(3)}, ValueError, ["sparsity must have shape (2, 2)", "(3, 3)"]),
    (SEMILINEAR, {"N": None}, TypeError, ["N must be a function N(u, p, t)", "None"]),
    (SEMILINEAR, {"N": lambda t, u: u}, TypeError, ["N must take the three arguments"]),
    (SEMILINEAR, {"L": "diagonal"}, TypeError, ["L must hold numbers", "'diagonal'"]),
    (SEMILINEAR, {"L": -1.0}, ValueError, ["L must have shape (2,)", "(2, 2)", "()"]),
    (SEMILINEAR, {"L": np.ones(3)}, ValueError, ["L must have shape (2,)", "(3,)"]),
    (SEMILINEAR, {"L": sparse.eye_array(3)}, ValueError, ["L must have shape", "(3, 3)"]),
    (SEMILINEAR, {"L": [1.0, np.inf]}, ValueError, ["L must be finite", "index 1"]),
    (SEMILINEAR, {"L": sparse.csr_array([[np.nan, 0.0], [0.0, 1.0]])}, ValueError, ["finite"]),
    (SEMILINEAR, {"u0": np.ones((2, 2))}, ValueError, ["must be a vector (n,)", "ravel"]),
    (SEMILINEAR, {"u0": 1.0}, ValueError, ["must be a vector (n,)"]),
    (HAMILTON, {"dHdp": 1.0}, TypeError, ["dHdp must be a function dHdp(q, p, params, t)"]),
    (HAMILTON, {"dHdq": lambda q, p, t: q}, TypeError, ["dHdq must take the four", "(q, p, t)"]),
    (HAMILTON, {"H": 3.0}, TypeError, ["H must be a function H(q, p, params, t)"]),
    (HAMILTON, {"H": lambda q, p: 0.0}, TypeError, ["H must take the four arguments"]),
    (HAMILTON, {"q0": [1.0]}, ValueError, ["q0 and p0 must have the same length", "1 and 2"]),
    (HAMILTON, {"q0": 1.0, "p0": 2.0}, ValueError, ["q0 must be a vector (n,)", "()"]),
    (HAMILTON, {"p0": [np.inf, 0.0]}, ValueError, ["p0 must be finite"]),
    (HAMILTON, {"params": {"g": 9.81}}, TypeError, ["p must be a number or a flat vector"]),
    (NEWTON, {"acceleration": None}, TypeError, ["acceleration must be a function", "None"]),
    (NEWTON, {"acceleration": lambda x, p, t: x}, TypeError, ["must take the four arguments"]),
    (NEWTON, {"x0": []}, ValueError, ["x0 must be a vector (n,), not empty"]),
    (NEWTON, {"v0": [1.0]}, ValueError, ["x0 and v0 must have the same length", "2 and 1"]),
    (NEWTON, {"x0": ["a", "b"]}, TypeError, ["x0 must hold numbers"]),
    (NEWTON, {"tspan": 3.0}, TypeError, ["tspan must be two times"]),
]


@pytest.mark.parametrize(("kind", "changes", "error", "words"), BAD)
def test_bad_input_gets_one_sentence(kind, changes, error, words):
    with pytest.raises(error) as caught:
        make(kind, **changes)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert text.endswith(".") and "\n" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_read_only_floats(kind):
    prob = make(kind, tspan=[0, 1])
    assert prob.u0.dtype == float and not prob.u0.flags.writeable
    assert prob.tspan == (0.0, 1.0) and prob.batch is False
    assert prob.mass_matrix is None and prob.jac is None and prob.sparsity is None
    assert isinstance(prob, sl.problems.Problem)


def test_right_hand_sides():
    u, p = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0])
    prob = make(SPLIT)
    np.testing.assert_array_equal(prob.f(u[:2], None, 0.0), [0.0, -1.0])
    assert prob.f_slow is decay and prob.f_fast is drive
    np.testing.assert_array_equal(make(SEMILINEAR).f(u[:2], None, 0.0), [0.0, -3.0])
    np.testing.assert_array_equal(make(HAMILTON).u0, u)
    np.testing.assert_array_equal(make(HAMILTON).f(u, p, 0.0), [3, 4, *(-2 * np.sin([1, 2]))])
    np.testing.assert_array_equal(make(NEWTON).u0, u)
    np.testing.assert_array_equal(make(NEWTON).f(u, p, 0.0), [3, 4, -2, -4])


@pytest.mark.parametrize("L", [
    [[0.0, 1.0], [-1.0, 0.0]], sparse.csr_array([[0.0, 1.0], [-1.0, 0.0]]),
    sparse.csc_matrix([[0.0, 1.0], [-1.0, 0.0]]),
])  # fmt: skip
def test_linear_part_as_a_matrix(L):
    prob = make(SEMILINEAR, L=L)
    np.testing.assert_array_equal(prob.f(prob.u0, None, 0.0), [3.0, 0.0])


def test_complex_linear_part_makes_the_state_complex():
    prob = make(SEMILINEAR, L=[1j, -2j], N=lambda u, p, t: 0.0 * u)
    assert prob.u0.dtype == complex and prob.L.dtype == complex
    sol = sl.solve(prob, sl.Vern7(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(sol.u[-1], [np.exp(1j), 2 * np.exp(-2j)], rtol=1e-9)


def test_functions_may_return_lists():
    prob = make(SPLIT, f_stiff=lambda u, p, t: [1.0, 2.0], f_nonstiff=lambda u, p, t: (3.0, 4.0))
    np.testing.assert_array_equal(prob.f(prob.u0, None, 0.0), [4.0, 6.0])
    prob = make(SEMILINEAR, N=lambda u, p, t: [1.0, 2.0])
    np.testing.assert_array_equal(prob.f(prob.u0, None, 0.0), [0.0, -2.0])
    one = {"dHdp": lambda q, p, c, t: [p[0], p[1]], "dHdq": lambda q, p, c, t: [q[0], q[1]]}
    prob = make(HAMILTON, **one)
    np.testing.assert_array_equal(prob.f(prob.u0, None, 0.0), [3.0, 4.0, -1.0, -2.0])
    prob = make(NEWTON, acceleration=lambda x, v, p, t: [-x[0], -x[1]])
    np.testing.assert_array_equal(prob.f(prob.u0, None, 0.0), [3.0, 4.0, -1.0, -2.0])
    jac = sl.ad.jacobian(lambda u: sl.ad.collect(prob.f(u, None, 0.0)), prob.u0)
    np.testing.assert_array_equal(jac, np.block([[np.zeros((2, 2)), np.eye(2)],
                                                 [-np.eye(2), np.zeros((2, 2))]]))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_solves_them_as_the_plain_problem(kind):
    prob = make(kind)
    plain = sl.ODEProblem(prob.f, prob.u0, prob.tspan)
    ours, theirs = (sl.solve(x, sl.Tsit5(), rtol=1e-8, atol=1e-10) for x in (prob, plain))
    np.testing.assert_array_equal(ours.u, theirs.u)


@pytest.mark.parametrize("kind", KINDS)
def test_right_hand_side_lowers(kind):
    prob = make(kind)
    lowered = python.compile(sl.transform.lower(prob.f, prob.u0, None, 0.3))  # p is frozen
    want = prob.f(prob.u0, None, 0.3)
    np.testing.assert_allclose(lowered(prob.u0, 0.3), want, rtol=1e-14)


# -- replace, repr, copies ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_replace_takes_what_every_problem_has(kind):
    prob = make(kind)
    size = prob.u0.size
    other = prob.replace(u0=np.arange(size), p=[5.0], tspan=(0.0, 3.0))
    assert type(other) is kind and other.tspan == (0.0, 3.0) and other.p[0] == 5.0
    np.testing.assert_array_equal(other.u0, np.arange(size))
    assert prob.p is None and prob.tspan == (0.0, 1.0)
    with pytest.raises(TypeError, match=rf"replace\(\) does not know 'f': a {kind.__name__} has"):
        prob.replace(f=decay)
    with pytest.raises(ValueError, match=r"u0 .*(empty)"):
        prob.replace(u0=[])


def test_replace_makes_f_anew():
    prob = make(SPLIT).replace(f_stiff=lambda u, p, t: -3 * u)
    np.testing.assert_array_equal(prob.f(np.ones(2), None, 0.0), [-2.0, -2.0])
    prob = make(SEMILINEAR).replace(L=[-5.0, -6.0])
    np.testing.assert_array_equal(prob.f(np.ones(2), None, 0.0), [-4.0, -5.0])
    prob = make(NEWTON).replace(acceleration=lambda x, v, p, t: 7 * x)
    np.testing.assert_array_equal(prob.f(np.ones(4), None, 0.0), [1.0, 1.0, 7.0, 7.0])


def test_replace_of_halves_and_parameters():
    prob = make(HAMILTON, params=[2.0])
    assert prob.params is prob.p
    for name in ("p", "params"):
        other = prob.replace(**{name: [3.0]})
        assert other.p[0] == other.params[0] == 3.0
    other = prob.replace(q0=[7.0, 8.0])
    np.testing.assert_array_equal(other.u0, [7.0, 8.0, 3.0, 4.0])
    other = prob.replace(u0=[5.0, 6.0, 7.0, 8.0])
    np.testing.assert_array_equal(other.q0, [5.0, 6.0])
    np.testing.assert_array_equal(other.p0, [7.0, 8.0])
    with pytest.raises(ValueError, match=r"u0 must hold x0 and v0, 2 entries each \(got 3 entr"):
        make(NEWTON).replace(u0=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_the_start_pass_through(kind):
    prob = make(kind)

    def end(u0):
        return sl.solve(prob.replace(u0=u0), sl.RK4(), dt=0.1).u[-1, 0]

    for mode in ("dual", "tape"):
        slope = sl.ad.grad(end, prob.u0, mode=mode)
        h = 1e-6 * np.eye(prob.u0.size)
        central = [(end(prob.u0 + e) - end(prob.u0 - e)) / 2e-6 for e in h]
        np.testing.assert_allclose(slope, central, rtol=1e-7, atol=1e-9)


def test_repr():
    assert repr(make(SPLIT, p=[1.0])) == (
        "SplitProblem(f_stiff=decay, f_nonstiff=drive, u0=[1. 2.], tspan=(0.0, 1.0), p=[1.])"
    )
    assert repr(make(SEMILINEAR)) == (
        "SemilinearProblem(L=[-1. -2.], N=drive, u0=[1. 2.], tspan=(0.0, 1.0))"
    )
    assert repr(make(HAMILTON, params=[2.0])) == (
        "HamiltonianProblem(dHdp=velocity, dHdq=pull, q0=[1. 2.], p0=[3. 4.], "
        "tspan=(0.0, 1.0), params=[2.])"
    )
    assert repr(make(NEWTON)) == (
        "SecondOrderProblem(acceleration=spring, x0=[1. 2.], v0=[3. 4.], tspan=(0.0, 1.0))"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_makes_f_anew(kind):
    prob = make(kind)
    copy = pickle.loads(pickle.dumps(prob))
    assert type(copy) is kind and repr(copy) == repr(prob)
    u = np.array(prob.u0)
    np.testing.assert_array_equal(copy.f(u, None, 0.2), prob.f(u, None, 0.2))
