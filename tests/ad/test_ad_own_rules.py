"""Rules of one's own, and the check that finds a wrong one."""

import numpy as np
import pytest

import sciml_lab.ad as ad
from sciml_lab.ad.primitive import RULES, elementwise


def cube_rules():
    return {"jvp": lambda t, y, x: 3 * x**2 * t, "vjp": lambda g, y, x: 3 * x**2 * g}


def test_own_primitive_in_every_mode_and_nested():
    cube = ad.primitive(lambda x: x**3, **cube_rules())
    x = np.array([1.0, -2.0])
    np.testing.assert_array_equal(cube(x), x**3)
    for mode in ("dual", "tape"):
        np.testing.assert_allclose(ad.grad(lambda x: np.sum(cube(x)), x, mode=mode), 3 * x**2)
    np.testing.assert_allclose(ad.jacobian(cube, x), np.diag(3 * x**2))
    np.testing.assert_allclose(ad.hessian(lambda x: np.sum(cube(x)), x), np.diag(6 * x))
    assert ad.check(cube, x).ok
    assert "rules" not in RULES and cube.name not in RULES


def test_own_primitive_of_several_arguments():
    def fun(a, b, scale=1.0):
        return scale * a * np.sum(b)

    one_each = ad.primitive(
        fun,
        jvp=(lambda t, y, a, b, scale: scale * t * np.sum(b),
             lambda t, y, a, b, scale: scale * a * np.sum(t)),
        vjp=(lambda g, y, a, b, scale: scale * g * np.sum(b),
             lambda g, y, a, b, scale: scale * np.sum(g * a) * np.ones_like(b)),
    )  # fmt: skip
    at_once = ad.primitive(
        fun,
        jvp=lambda ts, y, a, b, scale: scale * (ts[0] * np.sum(b) + a * np.sum(ts[1])),
        vjp=lambda g, y, a, b, scale: (scale * g * np.sum(b),
                                       scale * np.sum(g * a) * np.ones_like(b)),
    )  # fmt: skip
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])
    for f in (one_each, at_once):
        assert ad.check(lambda a, b, f=f: f(a, b, scale=2.0), (a, b)).ok
        assert ad.check(lambda b, f=f: f(a, b, scale=2.0), b).ok


def test_own_primitive_gets_plain_numbers():
    seen = []

    @ad.primitive(jvp=lambda t, y, x: t / (2 * y), vjp=lambda g, y, x: g / (2 * y), name="root")
    def root(x):
        seen.append(type(x))
        return float(x) ** 0.5

    assert ad.derivative(root, 4.0) == 0.25 == ad.grad(root, 4.0)
    assert ad.hessian(root, 4.0) == pytest.approx(-1 / 32)
    assert set(seen) <= {np.float64, np.ndarray}


def test_own_primitive_on_autograd_values():
    autograd = pytest.importorskip("autograd")
    cube = ad.primitive(lambda x: x**3, **cube_rules())
    assert autograd.grad(cube)(2.0) == 12.0
    assert ad.derivative(cube, 2.0, mode="autograd") == 12.0
    assert ad.jvp(cube, 2.0, 1.0, mode="autograd") == (8.0, 12.0)
    assert autograd.grad(autograd.grad(cube))(2.0) == 12.0


def test_missing_and_misshapen_rules():
    only_jvp = ad.primitive(lambda x: x**3, jvp=cube_rules()["jvp"], name="cube")
    assert ad.derivative(only_jvp, 2.0) == 12.0
    with pytest.raises(TypeError, match="cube has no vjp rule.*mode='dual'"):
        ad.grad(only_jvp, 2.0)
    only_vjp = ad.primitive(lambda x: x**3, vjp=cube_rules()["vjp"], name="cube")
    with pytest.raises(TypeError, match="cube has no jvp rule.*mode='tape'"):
        ad.derivative(only_vjp, 2.0)
    wrong = ad.primitive(lambda x: x**3, vjp=lambda g, y, x: np.sum(g), name="cube")
    with pytest.raises(ValueError, match="the vjp of cube returned shape"):
        ad.grad(lambda x: np.sum(wrong(x)), [1.0, 2.0])
    short = ad.primitive(lambda x, y: x * y, vjp=lambda g, z, x, y: g * y, name="product")
    with pytest.raises(ValueError, match="1 cotangents for 2"):
        ad.vjp(short, (1.0, 2.0), 1.0)
    with pytest.raises(TypeError, match="at least one"):
        ad.primitive(np.sin)
    with pytest.raises(TypeError, match="must be a function"):
        ad.primitive(3.0, jvp=np.sin)


def test_check_names_the_wrong_rule():
    wrong = ad.primitive(
        lambda x: x**3, jvp=lambda t, y, x: 3 * x**2 * t, vjp=lambda g, y, x: 2 * x**2 * g,
        name="crooked",
    )  # fmt: skip
    report = ad.check(lambda x: np.sin(wrong(2 * x)), [0.3, 0.5])
    assert not report and not report.ok
    assert "tape gives" in str(report) and "crooked has a wrong VJP" in str(report)
    with pytest.raises(ad.CheckError, match="crooked"):
        report.assert_ok()
    wrong = ad.primitive(
        lambda x: x**3, jvp=lambda t, y, x: t, vjp=cube_rules()["vjp"], name="bent"
    )
    assert "bent has a wrong JVP" in str(ad.check(wrong, [0.3, 0.5]))


def test_check_finds_a_rule_that_is_wrong_at_second_order_only():
    frozen = ad.primitive(
        lambda x: x**3,
        jvp=lambda t, y, x: 3 * ad.primal(x) ** 2 * t,
        vjp=lambda g, y, x: 3 * ad.primal(x) ** 2 * g,
    )
    report = ad.check(frozen, [0.3, 0.5])
    assert not report.ok and "to second order" in str(report)
    assert ad.check(frozen, [0.3, 0.5], second=False).ok


def test_check_compares_chosen_modes():
    report = ad.check(np.sin, 0.4, modes=("dual", "complex_step"))
    assert report.assert_ok() is report
    assert set(report.numbers["first order"]) >= {"dual", "complex_step"}
    with pytest.raises(ValueError, match="modes must be among"):
        ad.check(np.sin, 0.4, modes=("swift",))


def test_a_wrong_rule_of_the_table_is_found():
    before = dict(RULES)
    try:
        rule = elementwise(lambda x: np.sin(x), lambda ans, x: np.sin(x), name="wrong sine")
        assert "wrong sine" in str(ad.check(rule, 0.4))
    finally:
        RULES.clear()
        RULES.update(before)
