"""Whatever is handed to the lowering, what it can't read is said in one sentence, with a line."""

import functools

import numpy as np
import pytest
from lowered_programs import module, run

from sciml_lab.transform import TransformError, lower

INPUTS = np.array([0.3, -0.8, 0.55]), np.array([1.0, 2.0]), 0.4


class Spring:
    k = 2.0

    def __call__(self, u, p, t):
        return -self.k * u

    def method(self, u, p, t):
        return self(u, p, t) * p[0]

    @staticmethod
    def static(u, p, t):
        return u * t

    @classmethod
    def of_class(cls, u, p, t):
        return cls.k * u


def _twice(f):
    @functools.wraps(f)
    def wrapper(*args):
        return 2 * f(*args)

    return wrapper


@_twice
def _decorated(u, p, t):
    return u + t


def _scaled(scale, u, p, t, by=2.0, *, shift=1.0):
    return scale * u * by + shift


@pytest.mark.parametrize(
    "f",
    [
        Spring(), Spring().method, Spring.static, Spring.of_class, _decorated,
        functools.partial(_scaled, 3.0), functools.partial(_scaled, 3.0, shift=0.5),
        lambda u, p, t: u * 2, functools.partial(lambda k, u, p, t: k * u, 4.0),
    ],
)  # fmt: skip
def test_everything_that_can_be_called(f):
    lowered = lower(f, *INPUTS)
    used = INPUTS[: len(lowered.inputs)]
    np.testing.assert_allclose(run(lowered, used), f(*INPUTS), rtol=1e-15)


def test_two_lambdas_on_a_line():
    f, g = (lambda u: u + 1), (lambda u: u * 2)
    np.testing.assert_array_equal(run(lower(f, np.ones(2)), [np.ones(2)]), [2, 2])
    np.testing.assert_array_equal(run(lower(g, np.ones(2)), [np.ones(2)]), [2, 2])


@pytest.mark.parametrize("f", [len, np.sum, 3, None, "f", Spring, np.vectorize(abs), {}.get])
def test_what_is_no_python_function(f):
    with pytest.raises(TransformError, match=r"can't be transformed: .+\."):
        lower(f, *INPUTS)


def test_a_function_without_source():
    space = {}
    exec("def f(u, p, t):\n    return u", space)
    with pytest.raises(TransformError, match="without source.*notebook cell"):
        lower(space["f"], *INPUTS)


@pytest.mark.parametrize("bad", [1j, np.ones(2) + 1j, np.array([None])])
def test_arguments_that_are_no_real_numbers(bad):
    with pytest.raises(TransformError):
        lower(lambda u, p, t: u * p, bad, *INPUTS[1:])


@pytest.mark.parametrize(
    "line",
    [
        "return {u[0]: 1}", "return 'text'", "return np.zeros(u[0])", "return u[0][0]",
        "return u['a']", "return u[1, 2]", "return u.unknown()", "return np.sin(u, p, t)",
        "return np.stack(u, u, u, u)", "return np.roll(u)", "return 1 / 0 * u",
        "return max(u, key=1)",
        "return [[u[0], u[1]], [u[2]]]", "return u.sum(axis=2)", "return u[u]", "return u << 2",
        "return 'a' + u", "return u if t > 0 else None", "return np.dot(u, np.ones((2, 2)))",
        "return len(t) * u", "return np.concatenate(u)", "return np.concatenate([u, t])",
        "return unknown * u", "return not u", "return u.shape[7] * u", "return f",
        "return sum(5) * u", "return u[None].x", "return np.array(u, dtype=int)", "return u[5]",
        "return np.unknown(u)", "return u * int", "return u * ...", "return (yield u)",
    ],
)  # fmt: skip
def test_one_line(line):
    f = module(
        f"def g(u, p, t):\n    x = u\n    {line}\n\ndef f(u, p, t):\n    y = t\n    {line}\n"
    )
    for name in "gf":
        with pytest.raises(TransformError, match=r"can't be transformed: .+\.$") as caught:
            lower(f[name], *INPUTS)
        assert caught.value.line == {"g": 3, "f": 7}[name]
        assert caught.value.origin.name == name


def test_the_line_in_a_helper():
    space = module(
        "def helper(x):\n    y = x\n    return np.sort(y)\n\n"
        "def f(u, p, t):\n    return helper(u)\n"
    )
    with pytest.raises(TransformError, match=r"line 3 of helper"):
        lower(space["f"], *INPUTS)
