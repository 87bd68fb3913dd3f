"""Random programs as a person writes them: the lowered text against Python, to 1e-12."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from lowered_programs import check_promises, module, run
from random_sources import Program

import sciml_lab as sl
from sciml_lab.ad.arraylike import LostDerivative
from sciml_lab.transform import TransformError, lower
from sciml_lab.transform.jvp import jvp
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.tidy import tidy

SIZES = (2, 3, 5, 7)  # arrays of up to four entries are written out, larger ones are loops


def _inputs(seed, n):
    rng = np.random.default_rng(seed)
    return rng.uniform(-2, 2, n), rng.uniform(-1, 2, 3), np.float64(rng.uniform(0, 1))


def _python(f, inputs):
    try:
        with np.errstate(all="ignore"):
            return np.asarray(f(*[np.copy(x)[()] for x in inputs]), float)
    except (UnboundLocalError, IndexError, ValueError, TypeError, AttributeError):
        return None  # no program in Python either


def _many(n):
    return settings(max_examples=n, deadline=None, suppress_health_check=list(HealthCheck))


def _program(seed):
    n = SIZES[seed % len(SIZES)]
    text = Program(seed, n).text()
    f = module(text)["f"]
    if _python(f, _inputs(seed, n)) is None:
        reject()
    try:
        return text, f, lower(f, *_inputs(seed, n)), n
    except TransformError as error:
        assert "raised" not in str(error), text  # no internal error of Python's
        assert error.line and error.origin, text
        reject()


@_many(25)
@given(st.integers(0, 2**32))
def test_against_python(seed):
    text, f, lowered, n = _program(seed)
    for k in range(5):
        inputs = _inputs(seed + k, n)
        expected = _python(f, inputs)
        if expected is None:
            continue
        used = [dict(zip("upt", inputs, strict=True))[name] for name in lowered.inputs]
        np.testing.assert_allclose(run(lowered, used), expected, 1e-12, 1e-12, err_msg=text)
        if k == 0:
            check_promises(lowered, used)


@_many(15)
@given(st.integers(0, 2**32))
def test_derivatives_against_duals(seed):
    """Programs that write into arrays are no programs for duals, and are left out."""
    text, f, lowered, n = _program(seed)
    if lowered.inputs != ("u", "p", "t"):
        reject()
    (u, p, t), v = _inputs(seed, n), np.linspace(-1, 1, n)
    try:
        _, expected = sl.ad.jvp(lambda u: f(u + 0.0, p, t) + 0.0 * u, u, v, mode="dual")
    except (LostDerivative, TypeError, ValueError):
        reject()
    found = compiled(jvp(tidy(lowered), "u"))(u, p, t, v)
    size = max(1.0, np.max(np.abs(expected)))
    np.testing.assert_allclose(found, expected, 1e-12, 1e-12 * size, err_msg=text)


def test_writes_through_second_names():
    for line, seen in (
        ("w = v", "v"), ("w = v[1:]", "v"), ("w = v.reshape(3, 2)[0]", "v"), ("w = v[::-1]", "v"),
        ("w = np.asarray(v)", "v"), ("w = v.T", "v"), ("w = v.copy()", "v"), ("w = v + 0", "v"),
        ("w = v[[0, 1, 2]]", "v"), ("w = v.flatten()", "v"), ("w = np.array(v)", "v"),
        ("(w, v) = (v, 2 * v)", "v"), ("w = z = v", "z"), ("w = [v][0]", "v"),
    ):  # fmt: skip
        for start in ("u * 2", "np.array([u[0], u[1], 1.0, 2.0, u[2], t])", "np.arange(6.0)"):
            text = f"def f(u, p, t):\n v = {start}\n {line}\n w[1] = 9.0\n return {seen} * 1.0\n"
            f = module(text)["f"]
            lowered = lower(f, *_inputs(1, 6))
            used = [dict(zip("upt", _inputs(2, 6), strict=True))[x] for x in lowered.inputs]
            np.testing.assert_allclose(run(lowered, used), f(*_inputs(2, 6)), 1e-15, err_msg=text)


def test_knows_when_it_is_out_of_date():
    space = module(
        "k, A, names, d = 2.0, np.arange(3.0), [1.0, 2.0], {'c': 3.0}\n"
        "class Box:\n    size = 1.0\n    def twice(self, x): return 2 * x * self.size\n"
        "box = Box()\n"
        "def g(x):\n    return x * k\n"
        "def table():\n    return A * names[1] * d['c']\n"
        "def f(u, p, t):\n    return g(u) + table() + box.twice(box.size * u)\n"
    )
    u = np.ones(3)

    def fresh():
        return lower(space["f"], u, [1.0], 0.0)

    def changed(change):
        lowered = fresh()
        assert lowered.is_current()
        change()
        assert not lowered.is_current()
        assert fresh().is_current()

    changed(lambda: space.update(k=3.0))
    changed(lambda: space["A"].__setitem__(0, 5.0))
    changed(lambda: space["names"].__setitem__(1, 5.0))
    changed(lambda: space["d"].update(c=1.0))
    changed(lambda: setattr(space["box"], "size", 2.0))
    changed(lambda: space.update(g=lambda x: x))


@pytest.mark.parametrize("n", [3, 8])
def test_of_two_names_that_a_loop_gives_one_may_not_be_written_into(n):
    for lines in (
        "v = a\n for k in range(6):\n  a[0] += 1\n  v = v + a\n return v",
        "v = u * 1\n s = 0.0\n for k in range(6):\n"
        "  a[0] += 1\n  s += v[0]\n  v = a\n return v * s",
        "w = a\n for k in range(6):\n  a[0] = 1.0\n  a = a * 2\n return a + w",
        "if t > 0:\n  v = a\n else:\n  v = u * 2\n a[0] = 7.0\n return v",
        "if t > 0:\n  v = a\n else:\n  v = u * 2\n v[0] = 7.0\n return a + v",
    ):
        f = module(f"def f(u, p, t):\n a = u.copy()\n {lines}\n")["f"]
        with pytest.raises(TransformError, match=r"second name.*\.copy"):
            lower(f, *_inputs(1, n))
