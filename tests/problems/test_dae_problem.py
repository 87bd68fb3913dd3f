"""The differential-algebraic problem: what it takes, and what it says to mistakes."""

import numpy as np
import pytest

import sciml_lab as sl


def residual(du, u, p, t):
    return np.array([du[0] + u[1], u[1] - u[0] ** 2])


def problem(**changes):
    given = {"residual": residual, "du0": [-1, 2], "u0": [1, 1], "tspan": (0, 2), **changes}
    return sl.DAEProblem(**given)


def test_it_holds_plain_float_arrays():
    prob = problem(p=[1])
    assert prob.u0.dtype == prob.du0.dtype == prob.p.dtype == np.float64
    assert not prob.du0.flags.writeable
    assert prob.tspan == (0.0, 2.0)
    assert "DAEProblem(residual=residual, du0=[-1. 2.], u0=[1. 1.]" in repr(prob)
    assert prob.replace(u0=[2.0, 4.0]).u0[1] == 4.0


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"residual": 3}, TypeError, r"residual must be a function residual\(du, u, p, t\)"),
        ({"residual": lambda u, p, t: u}, TypeError, "residual must take the four arguments"),
        ({"du0": [1.0]}, ValueError, "du0 and u0 must have the same shape"),
        ({"du0": [1.0, np.nan]}, ValueError, "du0 must be finite"),
        ({"u0": []}, ValueError, "u0 is empty"),
        ({"p": {"a": 1}}, TypeError, "p must be a number or a flat vector"),
        ({"tspan": (1, 1)}, ValueError, "tspan is empty"),
    ],
)
def test_a_mistake_gets_its_sentence(changes, error, words):
    with pytest.raises(error, match=words):
        problem(**changes)


@pytest.mark.parametrize("method", [sl.Tsit5(), sl.Rodas5P(), sl.RadauIIA5()], ids=repr)
def test_methods_for_ordinary_equations_refuse_it(method):
    with pytest.raises(TypeError, match="the problem is a DAEProblem"):
        sl.solve(problem(), method)


def test_there_is_no_right_hand_side():
    with pytest.raises(TypeError, match=r"only through residual\(du, u, p, t\)"):
        problem().f(np.ones(2), None, 0.0)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda du, u, p, t: None, TypeError, "residual returned None"),
        (lambda du, u, p, t: [1.0, 2.0], TypeError, "residual returned a list"),
        (lambda du, u, p, t: np.zeros(3), ValueError, r"array of shape \(3,\), but u has shape"),
    ],
)
def test_a_wrong_residual_is_named(wrong, error, words):
    with pytest.raises(error, match=words):
        sl.solve(problem(residual=wrong))


def test_a_residual_that_writes_is_caught():
    def writes(du, u, p, t):
        u[0] = 1.0
        return residual(du, u, p, t)

    with pytest.raises(ValueError, match="residual wrote into its arguments"):
        sl.solve(problem(residual=writes))
