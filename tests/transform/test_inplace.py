"""The form that is compiled: memory from outside, flat arrays, and what Numba makes of it."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.problems import zoo
from sciml_lab.transform import lower
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.python import compile as compiled
from sciml_lab.transform.python import execute, read
from sciml_lab.transform.tidy import tidy
from sciml_lab.transform.vjp import vjp


def test_arguments_and_work():
    source = """def f(u, p, t):
    v = np.zeros((2, 3))
    du = np.empty(3)
    for i in range(3):
        v[1, i] = u[i] * t
        v[0, 2] = p[0]
        du[i] = v[1, i] + v[0, 2]
    return du"""
    form = inplace(read(source, u=(3,), p=(1,)))
    assert form.text.startswith("def f(du, u, p, t, work):")
    assert (form.work, form.outputs, form.inputs) == (6, ("du",), ("u", "p", "t"))
    assert "v = work[0:6]" in form.text and "v[3 + i]" in form.text and "v[2] = p[0]" in form.text
    assert "np.empty" not in form.text and "np.zeros" not in form.text


def test_a_number_becomes_an_array_of_one():
    form = inplace(read("def f(a, b):\n    y = a * b\n    return y"))
    out = np.zeros(1)
    execute(form.text, "f")(out, 2.0, 3.0, np.empty(0))
    assert form.outputs == ("y_out",) and out[0] == 6.0


def test_adjoints_are_added_to():
    lowered = lower(zoo.lotka_volterra().f, [1.0, 1.0], [1.5, 1.0, 3.0, 1.0], 0.0)
    form = inplace(vjp(lowered), accumulate=True)
    assert form.text.startswith("def lotka_volterra_rhs_vjp(u_bar, p_bar, u, p, t, du_bar, work):")
    u, p, w = np.array([1.0, 2.0]), np.array([1.5, 1.0, 3.0, 1.0]), np.array([0.3, -0.7])
    u_bar, p_bar = np.full(2, 10.0), np.full(4, 20.0)
    execute(form.text, form.name)(u_bar, p_bar, u, p, 0.0, w, np.empty(form.work))
    expected = compiled(vjp(lowered))(u, p, 0.0, w)
    np.testing.assert_allclose(u_bar - 10.0, expected[0], rtol=1e-13)
    np.testing.assert_allclose(p_bar - 20.0, expected[1], rtol=1e-13)


def test_numbers_are_added_to_as_well():
    lowered = read("def f(a):\n    y = a * a\n    return y")
    form = inplace(vjp(lowered, "a"), accumulate=True)
    total = np.ones(1)
    execute(form.text, form.name)(total, 3.0, 1.0, np.empty(form.work))
    assert total[0] == 7.0


def test_primitives_share_their_scratch_memory():
    net = sl.nn.MLP([2, 4, 2])
    p = net.init(0)
    lowered = lower(lambda u, p, t: net(net(u, p), p), np.ones(2), p, 0.0)
    form = inplace(vjp(lowered), accumulate=True)
    (primitive,) = form.primitives.values()
    calls = [line for line in form.text.splitlines()[1:] if primitive.name in line]
    pieces = [line[line.index("work[") :] for line in calls]
    assert len(pieces) == 3 and len({piece.split("]")[0] for piece in pieces}) == 1
    assert form.work >= primitive.work


def test_constant_tables_are_flat():
    source = """def f(u):
    y = np.empty(2)
    for i in range(2):
        y[i] = table[i, 1] * u[-1]
    return y"""
    form = inplace(read(source, constants={"table": np.array([[1.0, 2.0], [3.0, 4.0]])}, u=(3,)))
    assert form.constants["table"].shape == (4,)
    assert "table[2 * i + 1] * u[2]" in form.text


@pytest.mark.parametrize("name", ["lotka_volterra", "pleiades", "kepler"])
def test_numba_compiles_it(name):
    numba = pytest.importorskip("numba", reason="Numba is an optional package")
    problem = getattr(zoo, name)()
    u, p = np.asarray(problem.u0), np.asarray(problem.p)
    w = np.cos(np.arange(u.size))
    lowered = lower(problem.f, u, p, 0.0)
    for form, given, expected in (
        (inplace(tidy(lowered)), (u, p, 0.1), [compiled(lowered)(u, p, 0.1)]),
        (inplace(vjp(lowered), True), (u, p, 0.1, w), compiled(vjp(lowered))(u, p, 0.1, w)),
    ):
        space = {"np": np, **form.constants}
        exec(form.text, space)
        out = [np.zeros(x.shape) for x in expected]
        numba.njit(space[form.name], error_model="numpy")(*out, *given, np.full(form.work, np.nan))
        for a, b in zip(out, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13 * np.max(np.abs(b)))


def test_a_list_of_kept_numbers_compiles():
    numba = pytest.importorskip("numba", reason="Numba is an optional package")
    source = """def root(a):
    x = 1.0
    d = 1.0
    while d > 1e-12:
        x_next = 0.5 * (x + a / x)
        d_next = abs(x_next - x)
        x = x_next
        d = d_next
    return x"""
    form = inplace(vjp(read(source), "a"))
    space = {"np": np}
    exec(form.text, space)
    a_bar = np.zeros(1)
    numba.njit(space[form.name])(a_bar, 2.0, 1.0, np.empty(form.work))
    assert np.isclose(a_bar[0], 0.5 / np.sqrt(2.0), rtol=1e-12)
