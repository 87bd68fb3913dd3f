"""The unrolled formulas compute what the readable ones do, for every method."""

import ast
import re

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.backends import unroll
from sciml_lab.solvers.explicit import error_norm
from sciml_lab.solvers.initial_step import initial_step
from sciml_lab.solvers.stepping import Run, _below_roundoff

METHODS = [cls() for cls in sl.METHODS.values()]
METHODS.append(
    sl.ExplicitRK(
        sl.Tableau(
            name="mine", A=[[0, 0, 0], [0.5, 0, 0], [-1, 2, 0]], b=[1 / 6, 2 / 3, 1 / 6],
            b_error=[1 / 6, -1 / 3, 1 / 6],
        )
    )
)  # fmt: skip
RATES = np.array([1.5, 1.0, 3.0, 1.0])


def prey(u, p, t):
    x, y = u
    return np.array([p[0] * x - p[1] * x * y, -p[2] * y + p[3] * x * y + np.sin(t)])


def in_place(k, u, p, t, work):
    k[:] = prey(u, p, t)


def call(lowered, values):
    """Run the text with these arguments; arrays that are missing are made."""
    names = {"np": np, "f": in_place}
    exec(compile(ast.unparse(lowered.tree), "<unrolled>", "exec"), names)
    arguments = {x: values.setdefault(x, np.full(2, np.nan)) for x in lowered.inputs}
    return names[lowered.name](*arguments.values())


def start(method, h=0.05):
    u = np.array([1.3, 0.6])
    values = {"u": u, "p": RATES, "t": 0.4, "h": h, "n": 2, "work": None, "k1": prey(u, RATES, 0.4)}
    return values, method.step(prey, u, RATES, 0.4, h, values["k1"])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_step(method):
    values, wanted = start(method)
    call(unroll.step(method), values)
    np.testing.assert_allclose(values["u_new"], wanted.u, rtol=1e-14)
    for i, k in enumerate(wanted.k):
        np.testing.assert_allclose(values[f"k{i + 1}"], k, rtol=1e-13)
    if method.adaptive:
        size = np.max(np.abs(wanted.k)) * values["h"]
        np.testing.assert_allclose(values["error"], wanted.error, atol=1e-14 * size, rtol=0)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_dense_output(method, theta):
    values, wanted = start(method)
    call(unroll.step(method), values)
    call(unroll.dense_stages(method), values)
    values["theta"] = theta
    call(unroll.interpolate(method), values)
    k = method.dense_stages(prey, values["u"], RATES, 0.4, 0.05, wanted.k)
    there = method.interpolate(values["u"], k, 0.05, theta)
    np.testing.assert_allclose(values["out"], there, rtol=1e-13)


@pytest.mark.parametrize("method", [m for m in METHODS if m.adaptive], ids=lambda m: m.name)
def test_the_norm_of_the_error(method):
    values, wanted = start(method, h=0.5)
    call(unroll.step(method), values)
    values |= {"rtol": np.array([1e-3, 1e-6]), "atol": np.array([1e-6, 1e-4])}
    norm = call(unroll.error_norm(method), values)
    readable = error_norm(wanted, values["u"], values["rtol"], values["atol"], False)
    rounding = 1e-15 * np.max(np.abs(wanted.k)) / np.min(values["atol"])
    assert norm == pytest.approx(readable, rel=1e-12, abs=rounding)


@pytest.mark.parametrize("u", [[1.3, 0.6], [0.0, 0.0], [1e200, 1e300]], ids=str)
@pytest.mark.parametrize("span", [7.0, -7.0, 1e-9])
def test_the_first_step(u, span):
    u = np.array(u)
    with np.errstate(all="ignore"):
        f0 = prey(u, RATES, 0.4)
        values = {
            "u": u, "p": RATES, "t": 0.4, "f0": f0, "span": span, "n": 2, "work": None,
            "rtol": np.full(2, 1e-6), "atol": np.full(2, 1e-9),
        }  # fmt: skip
        h = call(unroll.initial_step(5), values)
        wanted = initial_step(prey, u, RATES, 0.4, f0, span, 5, 1e-6, 1e-9, False)
    assert h == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("atol", [1e-9, 1e-18])
def test_a_tolerance_below_rounding(atol):
    u, wide = np.array([1.0, 2.0]), {"rtol": np.zeros(2), "atol": np.full(2, atol)}
    found = call(unroll.below_roundoff(), {"u": u, "n": 2, **wide})
    run = Run(
        None, None, None, (), None, 0.0, atol, None, True, None, 1, False, strictness=1.0
    )  # fmt: skip
    assert found == _below_roundoff(run, u) == (atol < 1e-16)


def test_the_text_reads_like_the_textbook():
    text = ast.unparse(unroll.step(sl.Heun()).tree)
    assert "v[i] = u[i] + h * k1[i]" in text and "f(k2, v, p, t + h, work)" in text
    numbers = re.findall(r"\d\.\d+", ast.unparse(unroll.step(sl.DP5()).tree))
    assert {"0.2", "0.075", "0.225"} <= set(numbers)


def test_what_has_no_symbol_is_refused():
    u = unroll.Symbol.named("u", True)
    with pytest.raises(TypeError):
        np.sin(u)
    with pytest.raises(TypeError):
        np.sort(u)
