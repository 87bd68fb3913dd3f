"""The pattern of a Jacobian: exact where it should be, and never an entry too few."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.problems import zoo
from sciml_lab.transform import lower
from sciml_lab.transform.python import read
from sciml_lab.transform.sparsity import pattern, sparsity

MODELS = ["lotka_volterra", "lorenz", "pollu", "pleiades", "arenstorf", "hires", "rober"]


@pytest.mark.parametrize("name", MODELS)
def test_exact_on_the_zoo(name):
    problem = getattr(zoo, name)()
    p = np.asarray(problem.p)
    u = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(problem.u0))
    dense = sl.ad.jacobian(lambda u: problem.f(u, p, 0.1), mode="dual")(u)
    found = pattern(lower(problem.f, u, p, 0.1))
    assert not np.any(dense[~found])
    assert np.sum(found) == np.sum(dense != 0)


def test_lorenz96_has_four_entries_a_row():
    source = """def f(u):
    du = np.empty(40)
    for i in range(40):
        du[i] = (u[(i + 1) % 40] - u[(i - 2) % 40]) * u[(i - 1) % 40] - u[i]
    return du"""
    found = pattern(read(source, u=(40,)))
    rows, columns = np.nonzero(found)
    assert found.sum() == 160 and set((columns - rows) % 40) == {0, 1, 38, 39}


def test_brusselator_in_one_dimension():
    """Diffusion couples neighbours of one kind, the reaction couples the two kinds."""
    n = 8

    def f(u, p, t):
        x, y = u[:n], u[n:]
        dx = 1.0 + x * x * y - 4.0 * x + p[0] * (np.roll(x, 1) - 2.0 * x + np.roll(x, -1))
        dy = 3.0 * x - x * x * y + p[0] * (np.roll(y, 1) - 2.0 * y + np.roll(y, -1))
        return np.concatenate([dx, dy])

    found = sparsity(f, np.ones(2 * n), np.ones(1))
    ring = (np.eye(n) + np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)) > 0
    expected = np.block([[ring, np.eye(n, dtype=bool)], [np.eye(n, dtype=bool), ring]])
    assert np.array_equal(found.toarray(), expected)


def rows(body):
    lines = ["y = np.zeros(2)", *body.split("\n")]
    source = "\n".join(["def f(u, t):", *("    " + line for line in lines), "    return y"])
    return pattern(read(source, u=(3,))).astype(int).tolist()


def test_both_branches_count():
    body = (
        "if u[2] > 0.0:\n    y[0] = u[0]\nelse:\n    y[0] = u[1]\ny[1] = u[2] if t > 0.0 else 1.0"
    )
    assert rows(body) == [[1, 1, 0], [0, 0, 1]]


def test_a_branch_that_is_known_counts_alone():
    body = """for i in range(2):
    if i == 0:
        y[i] = u[0]
    else:
        y[i] = u[1] if i > 5 else u[2]"""
    assert rows(body) == [[1, 0, 0], [0, 0, 1]]


def test_a_while_runs_until_nothing_changes():
    body = """x = u[0]
z = u[1]
while t > x:
    x_next = z * 1.0
    z_next = u[2]
    x = x_next
    z = z_next
y[0] = x
y[1] = z"""
    assert rows(body) == [[1, 1, 1], [0, 1, 1]]


def test_conditions_and_steps_have_no_slope():
    body = """y[0] = np.floor(u[0]) + np.sign(u[1]) + int(u[2])
y[1] = u[0] // 2.0 + (1.0 if u[1] > 0.0 else 2.0)"""
    assert rows(body) == [[0, 0, 0], [0, 0, 0]]


def test_an_entry_set_anew_forgets_what_was_there():
    assert rows("y[0] = u[0]\ny[0] = u[1]\ny[0] += u[2]\ny[1] = y[0]") == [[0, 1, 1], [0, 1, 1]]


def test_a_network_may_depend_on_everything():
    net = sl.nn.MLP([2, 3, 2])
    p = net.init(0)
    found = pattern(lower(lambda u, p, t: net(u[:2], p) * u[2], np.ones(3), p, 0.0))
    assert found.all() and found.shape == (2, 3)


def test_by_the_parameters():
    lowered = lower(zoo.lotka_volterra().f, [1.0, 1.0], [1.5, 1.0, 3.0, 1.0], 0.0)
    assert pattern(lowered, wrt="p").astype(int).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
