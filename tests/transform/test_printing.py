"""The printed text: short lines, few parentheses, line numbers; and what runs it."""

import inspect
import traceback

import numpy as np
import pytest

from sciml_lab.transform import lower
from sciml_lab.transform.printing import text
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import execute, read
from sciml_lab.transform.tree import Primitive


def body(source, **shapes):
    return text(read(f"def f(u):\n    {source}\n    return y", u=(3,), **shapes)).split("\n", 1)[1]


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("y = -(u[0] * u[1])", "y = -u[0] * u[1]"),
        ("y = -(u[0] / u[1] * 2.0)", "y = -u[0] / u[1] * 2.0"),
        ("y = -(u[0] + u[1])", "y = -(u[0] + u[1])"),
        ("y = (u[0] - (u[1] - u[2]))", "y = u[0] - (u[1] - u[2])"),
        ("y = 0.0\n    y = y + u[0]", "y += u[0]"),
        ("y = 0.0\n    y = y - u[0] * u[1]", "y -= u[0] * u[1]"),
        ("y = 0.0\n    y = y + u[0] + u[1]", "y = y + u[0] + u[1]"),
    ],
)
def test_expression(source, printed):
    assert printed in body(source).replace("  # line 2", "").replace("  # line 3", "")


def test_comments_name_the_line_of_the_source_where_it_changes():
    printed = text(read("def f(u):\n    x = u[0]\n\n    y = x\n    return y", u=(1,)))
    assert printed.splitlines()[1:] == [
        "    x = u[0]  # line 2",
        "    y = x  # line 4",
        "    return y  # line 5",
    ]


def test_long_lines_are_broken_at_a_sum():
    terms = " + ".join(f"u[{k}] * u[{k + 1}] ** 2" for k in range(12))
    printed = text(read(f"def f(u):\n    y = {terms}\n    return y", u=(13,)))
    assert max(map(len, printed.splitlines())) <= 100
    assert execute(printed, "f")(np.ones(13)) == 12.0


def test_elif():
    source = """def f(a):
    if a > 1.0:
        y = 1.0
    elif a > 0.0:
        y = 2.0
    else:
        y = 3.0
    return y"""
    f = compiled(read(source))
    assert "elif a > 0.0:" in f.source
    assert [float(f(a)) for a in (2.0, 0.5, -1.0)] == [1.0, 2.0, 3.0]


def test_carried_number_is_set_in_one_line():
    source = """def f(u):
    s = 0.0
    for i in range(3):
        s_next = s + u[i]
        s = s_next
    return s"""
    assert "        s += u[i]" in text(read(source, u=(3,)))


def test_two_carried_numbers_that_need_each_other():
    source = """def f(a):
    x = a
    y = 1.0
    for i in range(3):
        x_next = x + y
        y_next = x * y
        x = x_next
        y = y_next
    return x, y"""
    x, y = compiled(read(source))(2.0)
    assert (x, y) == (11.0, 30.0)


def test_source_and_traceback_show_the_generated_line():
    f = compiled(read("def f(u):\n    y = u[7] * 2.0\n    return y", u=(3,)), "Read too far.")
    assert "y = u[7] * 2.0" in inspect.getsource(f.__wrapped__)
    assert f.__doc__ == "Read too far." and '"""Read too far."""' in f.source
    with pytest.raises(IndexError) as caught:
        f(np.ones(3))
    assert "y = u[7] * 2.0" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("source", ["y = 1.0 / a", "x = 0.0\n    y = 2.0 / x", "y = a ** -1"])
def test_division_by_zero_is_infinite_as_in_numpy(source):
    f = compiled(read(f"def f(a):\n    {source}\n    return y"))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert f(0.0) == np.inf


def test_constants_are_at_hand():
    source = "def f(u):\n    y = table[0, 1] * u[0]\n    return y"
    lowered = read(source, constants={"table": np.array([[1.0, 2.0]])}, u=(1,))
    assert compiled(lowered)([3.0]) == 6.0


def test_primitive_without_a_plain_form_runs_its_text():
    call = """def twice(out, x, work):
    work[0] = 2.0
    for i in range(2):
        out[i] = work[0] * x[i]"""
    others = [call.replace("twice", name) for name in ("twice_vjp", "twice_jvp")]
    twice = Primitive("twice", (2,), call, *others, work=1)
    source = "def f(u):\n    z = np.empty(2)\n    twice(z, u)\n    return z"
    lowered = read(source, primitives={"twice": twice}, u=(2,))
    assert np.array_equal(compiled(lowered)([1.0, 2.0]), [2.0, 4.0])


def test_a_lowered_function_of_the_user_prints_and_runs():
    def f(u, p, t):
        x, y = u
        return np.array([y, -p[0] * np.sin(x)])

    lowered = lower(f, [1.0, 0.0], [9.8], 0.0)
    assert np.array_equal(compiled(lowered)([1.0, 0.5], [9.8], 0.0), f([1.0, 0.5], [9.8], 0.0))
