"""exp, tanh, sigmoid and gelu without branches: right to 2 units in the last place everywhere."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from sciml_lab.backends.numba import functions_math

NAMES = ("exp", "tanh", "sigmoid", "gelu")
RANGE = {"exp": 750.0, "tanh": 25.0, "sigmoid": 750.0, "gelu": 24.0}
CUBIC = Decimal(float("0.044715"))
C = Decimal((2 / math.pi) ** 0.5)


def exact(name, x):
    """The value in 60 digits."""
    x = Decimal(float(x))
    if name == "exp":
        return x.exp()
    if name == "tanh":
        return x - x**3 / 3 if abs(x) < Decimal("1e-15") else 1 - 2 / ((2 * x).exp() + 1)
    z = x if name == "sigmoid" else 2 * C * (x + CUBIC * x**3)
    return (1 if name == "sigmoid" else x) / (1 + (-z).exp())


def points(name, n):
    rng = np.random.default_rng(len(name))
    signs = rng.choice([-1.0, 1.0], n)
    return np.concatenate([
        rng.uniform(-RANGE[name], RANGE[name], n), rng.uniform(-3, 3, n), rng.uniform(-0.5, 0.5, n),
        signs * np.exp(rng.uniform(-40, 5, n)), signs * 10.0 ** rng.uniform(-323, 3, n),
        [5e-324, -5e-324, 1e-310, 709.78, -745.13, -708.4, 19.06, -21.55, 0.5 * math.log(2)],
    ])  # fmt: skip


def units_off(name, function, xs):
    """The largest error in units in the last place of the exact value."""
    worst = 0.0
    with localcontext() as context, np.errstate(all="ignore"):
        context.prec = 60
        context.Emax, context.Emin = 10**9, -(10**9)
        for x in xs:
            y, value = exact(name, x), float(function(x))
            if float(y) == math.inf:
                assert value == math.inf
                continue
            worst = max(worst, float(abs(Decimal(value) - y) / Decimal(math.ulp(abs(float(y))))))
    return worst


@pytest.mark.parametrize("name", NAMES)
def test_plain_python_is_right_to_two_units(name):
    assert units_off(name, getattr(functions_math, name), points(name, 150)) < 2


@pytest.mark.parametrize("name", NAMES)
def test_compiled_code_is_right_to_two_units(name):
    assert units_off(name, functions_math.compiled()[name], points(name, 2000)) < 2


@pytest.mark.parametrize("kind", ["plain", "compiled"])
def test_the_ends_of_the_numbers(kind):
    f = functions_math.compiled() if kind == "compiled" else vars(functions_math)
    limits = {
        "exp": (0.0, math.inf), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "gelu": (-0.0, math.inf)
    }  # fmt: skip
    with np.errstate(all="ignore"):
        for name, (below, above) in limits.items():
            for far in (math.inf, 1.7e308, 1e100):
                assert f[name](np.float64(-far)) == below
                assert f[name](np.float64(far)) == (far if name == "gelu" else above)
            assert math.isnan(f[name](np.float64(math.nan)))
        for zero in (0.0, -0.0):
            for name, value in (("tanh", zero), ("gelu", zero), ("exp", 1.0), ("sigmoid", 0.5)):
                answer = float(f[name](np.float64(zero)))
                assert (answer, math.copysign(1, answer)) == (value, math.copysign(1, value))


def test_nothing_overflows_on_the_way():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for name in ("tanh", "sigmoid"):
            for x in (-1e308, -800.0, 1e-320, 800.0, 1e308):
                getattr(functions_math, name)(np.float64(x))


def test_compiled_and_plain_agree():
    """Multiply-and-add in one instruction rounds once less; nothing else is different."""
    x = np.linspace(-30, 30, 997)
    for name in NAMES:
        plain, quick = getattr(functions_math, name), functions_math.compiled()[name]
        np.testing.assert_array_max_ulp(
            np.array([plain(v) for v in x]), np.array([quick(v) for v in x]), 3
        )


def test_a_loop_becomes_vector_instructions():
    """What they are for: the loop over an array holds no call of the C library's tanh."""
    import numba

    f = functions_math.compiled()["tanh"]

    @numba.njit(error_model="numpy")
    def layer(out, z):
        for i in range(z.size):
            out[i] = f(z[i])

    z = np.linspace(-3, 3, 64)
    out = np.empty_like(z)
    layer(out, z)
    assert np.allclose(out, np.tanh(z), rtol=1e-15, atol=0)
    llvm = next(iter(layer.inspect_llvm().values()))
    assert " x double>" in llvm and "@tanh" not in llvm


@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_several_numbers_side_by_side(name):
    """The operations are those for one number, so nothing but the order of the work differs."""
    xs = points(name, 3)
    alone, abreast = functions_math.compiled()[name], functions_math.several(name, 4)
    for start in range(0, len(xs) - 4, 4):
        four = abreast(*xs[start : start + 4])
        np.testing.assert_array_equal(four, [alone(x) for x in xs[start : start + 4]])
