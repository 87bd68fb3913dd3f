"""Bad input: one sentence each, that names the argument and says what to do."""
# ruff: noqa: E501 (a table: one line for one case)

import numpy as np
import pytest

import sciml_lab as sl


def decay(u, p, t):
    return -u


def good():
    return sl.ODEProblem(decay, [1.0, 2.0], (0.0, 1.0))


def writes_into_u(u, p, t):
    u[0] = 0.0
    return -u


def returns_list(u, p, t):
    return [-u[0], -u[1]]


def returns_nothing(u, p, t):
    -u  # noqa: B018


def too_short(u, p, t):
    return np.array([-u[0]])


def too_long(u, p, t):
    return np.array([-u[0], -u[1], 0.0])


def too_deep(u, p, t):
    return np.array([[-u[0], -u[1]]])


def returns_number(u, p, t):
    return 1.0


def returns_text(u, p, t):
    return "slope"


def returns_words(u, p, t):
    return np.array(["a", "b"])


def with_f(f):
    return sl.ODEProblem(f, [1.0, 2.0], (0.0, 1.0))


def shape_changes(u, p, t):
    return -u if t < 0.5 else -u[:1]


# what is wrong: the call, the argument it must name, a word of the remedy
CASES = {
    # the problem
    "no function": (lambda: sl.ODEProblem(3.0, [1.0], (0, 1)), "f must be a function", "f(u, p, t)"),
    "f called": (lambda: sl.ODEProblem(decay(1.0, 0, 0), [1.0], (0, 1)), "f must", "calling"),
    "f of two": (lambda: sl.ODEProblem(lambda t, u: u, [1.0], (0, 1)), "f must take", "def f(u, p, t)"),
    "empty u0": (lambda: sl.ODEProblem(decay, [], (0, 1)), "u0 is empty", "at least one"),
    "u0 text": (lambda: sl.ODEProblem(decay, "one", (0, 1)), "u0 must", "u0="),
    "u0 none": (lambda: sl.ODEProblem(decay, None, (0, 1)), "u0 must", "u0="),
    "u0 ragged": (lambda: sl.ODEProblem(decay, [[1, 2], [3]], (0, 1)), "u0 must", "same length"),
    "u0 nan": (lambda: sl.ODEProblem(decay, [1, np.nan], (0, 1)), "u0 must be finite", "check"),
    "u0 inf": (lambda: sl.ODEProblem(decay, [np.inf], (0, 1)), "u0 must be finite", "check"),
    "empty tspan": (lambda: sl.ODEProblem(decay, [1.0], (1, 1)), "tspan is empty", "write tspan="),
    "tspan of one": (lambda: sl.ODEProblem(decay, [1.0], (1,)), "tspan must be two", "write tspan="),
    "tspan of three": (lambda: sl.ODEProblem(decay, [1.0], (0, 1, 2)), "tspan must", "write tspan="),
    "tspan number": (lambda: sl.ODEProblem(decay, [1.0], 10.0), "tspan must be two", "write tspan="),
    "tspan inf": (lambda: sl.ODEProblem(decay, [1.0], (0, np.inf)), "tspan must be finite", "write"),
    "tspan text": (lambda: sl.ODEProblem(decay, [1.0], ("a", "b")), "tspan must", "write tspan="),
    "tspan complex": (lambda: sl.ODEProblem(decay, [1.0], (0, 1j)), "tspan must", "write tspan="),
    "p dict": (lambda: sl.ODEProblem(decay, [1.0], (0, 1), {"a": 1}), "p must", "unpack it inside f"),
    "p nan": (lambda: sl.ODEProblem(decay, [1.0], (0, 1), [np.nan]), "p must be finite", "check"),
    "p matrix": (lambda: sl.ODEProblem(decay, [1.0], (0, 1), np.eye(3)), "p must", "p.ravel()"),
    "batch of a vector": (
        lambda: sl.ODEProblem(decay, [1.0, 2.0], (0, 1), batch=True), "u0 has shape", "(n, B)",
    ),
    "batch p": (
        lambda: sl.ODEProblem(decay, np.ones((2, 3)), (0, 1), np.ones((2, 4)), batch=True),
        "p has shape", "one column each",
    ),
    "unknown field": (lambda: good().replace(q=1), "'q'", "tspan"),
    # what is solved, and how
    "no problem": (lambda: sl.solve(decay), "problem must be an ODEProblem", "write ODEProblem("),
    "method string": (lambda: sl.solve(good(), "Tsit5"), "method must be an object", "sl.Tsit5()"),
    "unknown method": (lambda: sl.solve(good(), "RK45"), "method must be an object", "sl.Tsit5()"),
    "method class": (lambda: sl.solve(good(), sl.DP5), "method must be an object", "DP5()"),
    "method number": (lambda: sl.solve(good(), 5), "method must be a method", "known ones"),
    "backend": (lambda: sl.solve(good(), backend="fast"), "backend must be one of 'numpy', 'numba'", "fast"),
    "mass matrix": (
        lambda: sl.solve(sl.ODEProblem(decay, [1.0, 1.0], (0, 1), mass_matrix=np.eye(2)), sl.DP5()),
        "mass_matrix is set", "leave it out",
    ),
    "unknown option": (lambda: sl.solve(good(), reltol=1e-3), "reltol", "argument"),
    # the tolerances
    "rtol negative": (lambda: sl.solve(good(), rtol=-1e-6), "rtol must be positive", "try 1e-6"),
    "rtol nan": (lambda: sl.solve(good(), rtol=np.nan), "rtol must be positive", "try 1e-6"),
    "rtol text": (lambda: sl.solve(good(), rtol="tight"), "rtol must be a positive number", "got"),
    "atol zero": (lambda: sl.solve(good(), atol=0), "atol must be positive", "such as 1e-12"),
    "atol negative": (lambda: sl.solve(good(), atol=-1.0), "atol must be positive", "try 1e-6"),
    "atol shape": (lambda: sl.solve(good(), atol=[1e-6] * 3), "atol must be a positive", "shape (2,)"),
    # the step
    "dt missing": (lambda: sl.solve(good(), sl.RK4()), "dt is required", "Give dt="),
    "dt missing, fixed": (lambda: sl.solve(good(), sl.DP5(), adaptive=False), "dt is required", "Give"),
    "dt negative": (lambda: sl.solve(good(), sl.RK4(), dt=-0.1), "dt must be positive", "tspan"),
    "dt zero": (lambda: sl.solve(good(), sl.RK4(), dt=0), "dt must be positive", "tspan"),
    "dt nan": (lambda: sl.solve(good(), sl.RK4(), dt=np.nan), "dt must be positive", "tspan"),
    "dt text": (lambda: sl.solve(good(), sl.RK4(), dt="small"), "dt must be a number", "small"),
    "dt too long": (lambda: sl.solve(good(), sl.RK4(), dt=2.0), "dt = 2.0 is longer", "smaller dt"),
    "no estimate": (
        lambda: sl.solve(good(), sl.RK4(), adaptive=True), "adaptive=True needs", "Tsit5()",
    ),
    "controller class": (
        lambda: sl.solve(good(), controller=sl.PIController), "controller must be", "PIController()",
    ),
    "controller text": (lambda: sl.solve(good(), controller="PI"), "controller must", "PIController()"),
    "safety": (lambda: sl.PIController(safety=1.5), "safety must lie between", "try 0.9"),
    "factors": (lambda: sl.PIController(min_factor=2), "min_factor must", "try 0.2 and 10"),
    "gain": (lambda: sl.PIDController(kI=0), "kI must be positive", "tolerance"),
    "gain text": (lambda: sl.IController(safety="a"), "safety must be a number", "a"),
    "gain below zero": (lambda: sl.PIController(kP=-1.0), "kP and kD must not", "turns them off"),
    "max_steps zero": (lambda: sl.solve(good(), max_steps=0), "max_steps must be", "whole number"),
    "max_steps float": (lambda: sl.solve(good(), max_steps=1e3), "max_steps must be", "whole number"),
    # the output
    "saveat outside": (lambda: sl.solve(good(), saveat=[0.5, 2.0]), "saveat holds t = 2", "widen tspan"),
    "saveat before": (lambda: sl.solve(good(), saveat=[-1.0]), "saveat holds t = -1", "widen tspan"),
    "saveat order": (lambda: sl.solve(good(), saveat=[0.5, 0.2]), "saveat must be ordered", "sort it"),
    "saveat empty": (lambda: sl.solve(good(), saveat=[]), "saveat is empty", "leave it out"),
    "saveat True": (lambda: sl.solve(good(), saveat=True), "saveat must be a list", "spacing"),
    "saveat nan": (lambda: sl.solve(good(), saveat=[0.5, np.nan]), "saveat must hold finite", "NaN"),
    "saveat spacing": (lambda: sl.solve(good(), saveat=-0.1), "saveat as a spacing", "positive"),
    "saveat matrix": (lambda: sl.solve(good(), saveat=np.ones((2, 2))), "saveat must be one-", "shape"),
    "saveat text": (lambda: sl.solve(good(), saveat="all"), "saveat must be a list", "spacing"),
    "callback": (lambda: sl.solve(good(), callbacks=[3]), "callbacks must be events", "3"),
    "callbacks": (lambda: sl.solve(good(), callbacks=3), "callbacks must be a function", "list"),
    "sensitivity": (
        lambda: sl.solve(good(), sensitivity="adjoint"), "sensitivity must be", "DiscreteAdjoint()",
    ),
    "sensitivity class": (
        lambda: sl.solve(good(), sensitivity=sl.DiscreteAdjoint), "sensitivity must be", "()",
    ),
    "on_failure": (lambda: sl.solve(good(), on_failure="ignore"), "on_failure must be", "'raise'"),
    "seed": (lambda: sl.solve(good(), seed="today"), "seed must be", "whole number"),
    "dense": (lambda: sl.solve(good(), dense="yes"), "dense must be True or False", "got"),
    "progress": (lambda: sl.solve(good(), progress="bar"), "progress must be True or False", "got"),
    "adaptive": (lambda: sl.solve(good(), adaptive="no"), "adaptive must be True or False", "got"),
    "no dense output": (lambda: sl.solve(good(), dense=False)(0.5), "keeps no dense", "dense=True"),
    "outside of dense": (lambda: sl.solve(good())(7.0), "t = 7 lies outside", "longer tspan"),
    # what f returns
    "list": (lambda: sl.solve(with_f(returns_list)), "f returned a list", "np.array([...])"),
    "nothing": (lambda: sl.solve(with_f(returns_nothing)), "f returned None", "return"),
    "short": (lambda: sl.solve(with_f(too_short)), "f returned an array of shape (1,)", "(2,)"),
    "long": (lambda: sl.solve(with_f(too_long)), "f returned an array of shape (3,)", "(2,)"),
    "deep": (lambda: sl.solve(with_f(too_deep)), "f returned an array of shape (1, 2)", "(2,)"),
    "number": (lambda: sl.solve(with_f(returns_number)), "f returned", "(2,)"),
    "text": (lambda: sl.solve(with_f(returns_text)), "f returned str", "must return an array"),
    "words": (lambda: sl.solve(with_f(returns_words)), "f returned an array of dtype", "numbers"),
    "in place": (lambda: sl.solve(with_f(writes_into_u)), "f wrote into its argument u", "new array"),
    "later shape": (lambda: sl.solve(with_f(shape_changes)), "f returned an array of shape", "(2,)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_helpful_sentence(name):
    call, names_it, remedy = CASES[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    message = str(caught.value)
    assert names_it in message
    assert remedy in message
    assert "\n" not in message
    assert len(message) < 300


def test_there_are_many_cases():
    assert len(CASES) >= 60


def test_integers_are_not_an_error():
    sol = sl.solve(sl.ODEProblem(lambda u, p, t: -p[0] * u, [1, 2], (0, 1), [1]))
    assert sol.u.dtype == float
    assert np.allclose(sol.u[-1], np.exp(-1) * np.array([1, 2]), rtol=1e-5)


def test_integer_slopes_are_not_an_error():
    sol = sl.solve(sl.ODEProblem(lambda u, p, t: np.array([1, 2]), [0, 0], (0, 1)))
    assert np.allclose(sol.u[-1], [1, 2])


def test_errors_of_f_itself_come_through():
    def f(u, p, t):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sl.solve(sl.ODEProblem(f, [1.0], (0, 1)))
