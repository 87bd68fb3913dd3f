"""Sparse Jacobians: the pattern from three places, the entries from a direction for each colour."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.ad import jacobian
from sciml_lab.linalg import colored
from sciml_lab.linalg.colored import Colored, find_pattern, try_out
from sciml_lab.linalg.generated import generated
from sciml_lab.linalg.linearisation import Linearisation

sparse = pytest.importorskip("scipy.sparse")


def formulas(u, p, t):
    """Written out: its derivatives are generated."""
    a, b, c, d = u
    return np.array([a * b * t, b - a**2, p[0] * np.sin(c), c * d - d])


def chain(u, p, t):
    """Arrays: dual numbers are quicker than a loop over numbers."""
    left = np.concatenate([u[:1], u[:-1]])
    right = np.concatenate([u[1:], u[-1:]])
    return p[0] * (left - 2 * u + right) - u**3


def opaque_chain(u, p, t):
    """Neither the transformation nor dual numbers get through."""
    u = np.array([x for _, x in sorted(enumerate(float(v) for v in u))])
    return chain(u, p, t)


def unreadable_chain(u, p, t):
    """Dual numbers get through, the transformation does not know `next`."""
    return next(iter([chain(u, p, t)]))


P = np.array([3.0])
RNG = np.random.default_rng(0)


def exact(f, u):
    return jacobian(lambda x: f(x, P, 0.5), u)


@pytest.mark.parametrize(
    ("f", "n", "origin", "how", "colors"),
    [
        (formulas, 4, "source", "source", 2),
        (chain, 30, "source", "duals", 3),
        (unreadable_chain, 30, "tried", "duals", 3),
    ],
)
def test_patterns_and_colours(f, n, origin, how, colors):
    u = RNG.uniform(0.5, 1.5, n)
    pattern, found = find_pattern(f, u, P, 0.5)
    jac = Colored(f, f, pattern, found)
    J = jac(u, P, 0.5)
    assert (found, jac.how, jac.directions) == (origin, how, colors)
    assert np.allclose(J.toarray(), exact(f, u), rtol=1e-14, atol=1e-14)
    assert J.nnz == np.count_nonzero(exact(f, u))


def test_differences_with_a_given_pattern():
    u, calls = RNG.uniform(0.5, 1.5, 30), []

    def count(u, p, t):
        calls.append(t)
        return opaque_chain(u, p, t)

    band = sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(30, 30))
    jac = Colored(opaque_chain, count, find_pattern(opaque_chain, u, P, 0.5, band)[0], "given")
    jac(u, P, 0.5)  # the first two are checked against further differences
    jac(u + 0.01, P, 0.5)
    calls.clear()
    J = jac(u + 0.02, P, 0.5)
    assert len(calls) == 1 + 3  # the base, and a call for each colour
    assert jac.how == "differences"
    assert np.allclose(J.toarray(), exact(chain, u + 0.02), rtol=1e-5, atol=1e-6)


def test_no_pattern_is_no_failure():
    u = np.ones(150)
    pattern, why = find_pattern(opaque_chain, u, P, 0.0)
    assert pattern is None
    assert "neither the source of f nor dual numbers" in why
    lin = Linearisation(opaque_chain, 150)
    lin.update(u, P, 0.0)
    assert lin.choice is not None
    assert np.allclose(np.asarray(lin.J), exact(chain, u), atol=1e-5)


@pytest.mark.parametrize("entry", [sl.zoo.brusselator_1d(12), sl.zoo.brusselator_2d(6)])
def test_grids_of_the_zoo(entry):
    prob = entry()
    pattern, origin = find_pattern(prob.f, prob.u0, prob.p, 0.0)
    jac = Colored(prob.f, prob.f, pattern, origin)
    u = prob.u0 + RNG.uniform(0.1, 0.2, prob.u0.size)
    J = jac(u, prob.p, 2.0)
    dense = jacobian(lambda x: prob.f(x, prob.p, 2.0), u)
    assert origin == "source"
    assert jac.directions <= 12
    assert np.allclose(J.toarray(), dense, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("entry", [sl.zoo.brusselator_1d(40), sl.zoo.brusselator_2d(7)])
def test_trying_finds_what_the_source_says(entry):
    prob = entry()
    tried = try_out(prob.f, prob.u0, prob.p, 0.0)
    assert (tried != find_pattern(prob.f, prob.u0, prob.p, 0.0)[0]).nnz == 0


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 65])
def test_trying_finds_random_patterns(n):
    A = RNG.normal(size=(n, n)) * (RNG.random((n, n)) < 2 / n)
    tried = try_out(lambda u, p, t: A @ (u * u), RNG.normal(size=n), None, 0.0)
    assert np.array_equal(tried.toarray(), A != 0)


def test_a_pattern_found_by_trying_is_remembered_while_it_holds():
    def f(u, p, t):
        return p[0] * np.roll(u, 1) - u + p[1] * np.roll(u, 3)

    n, patterns = 1500, []
    for p in ([1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.5, 0.5]):
        patterns.append(find_pattern(f, np.ones(n), np.array(p), 0.0))
        assert patterns[-1][1] == "tried"
    assert patterns[1][0] is patterns[0][0]
    assert [found.nnz for found, _ in patterns] == [2 * n, 2 * n, 3 * n, 3 * n]
    assert patterns[3][0] is patterns[2][0]


def test_trying_gives_up_on_a_full_jacobian():
    n = 1100
    assert try_out(lambda u, p, t: np.sum(u) - u, np.ones(n), None, 0.0) is None


def test_a_full_jacobian_is_not_read():
    """Running the source of a product with a full matrix on sets would take a second."""
    A, u = RNG.normal(size=(400, 400)), np.ones(400)

    def f(u, p, t):
        return np.tanh(A @ u)

    assert find_pattern(f, u, None, 0.0) == (None, "the Jacobian is too full")
    assert "pattern" not in vars(generated(f, u, None, 0.0))


def test_a_pattern_is_looked_for_once(monkeypatch):
    u = RNG.uniform(0.5, 1.5, 30)
    first, _ = find_pattern(chain, u, P, 0.5)
    monkeypatch.setattr(colored, "try_out", None)
    assert find_pattern(chain, u, P, 0.7)[0] is first


def test_an_f_that_refuses_some_states():
    def f(u, p, t):
        if np.max(u) > 1.0:
            raise ValueError("more than there is")
        return -u

    assert find_pattern(f, np.full(120, 1.0), None, 0.0)[0] is None
    prob = sl.ODEProblem(f, np.full(120, 1.0), (0.0, 1.0))
    assert sl.solve(prob, sl.Rodas4()).success


def test_few_directions_serve_a_large_grid():
    """The cost of trying grows with the logarithm of the number of unknowns."""
    prob, widths = sl.zoo.brusselator_2d(32)(), []

    def f(u, p, t):
        widths.append(u.partials.shape[-1])
        return prob.f(u, p, t)

    assert try_out(f, prob.u0, prob.p, 0.0).nnz == 6 * 2048
    assert len(widths) == 2 * 11
    assert max(widths) < 60


def band_without(n, i, j):
    pattern = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1
    pattern[i, j] = False
    return pattern


@pytest.mark.parametrize("f", [chain, opaque_chain])
@pytest.mark.parametrize(("i", "j"), [(3, 4), (7, 7), (9, 8)])
def test_a_missing_entry_of_sparsity_is_named(f, i, j):
    prob = sl.ODEProblem(
        f, np.linspace(0.5, 1.5, 10), (0.0, 1.0), P, sparsity=band_without(10, i, j)
    )
    with pytest.raises(ValueError, match=rf"sparsity misses the entry \[{i}, {j}\] of the Jacob"):
        sl.solve(prob, sl.Rodas4())


def test_an_entry_that_shows_up_later_is_noticed():
    def f(u, p, t):
        return np.array([-u[0] + (u[1] if t > 0.3 else 0.0), -u[1]])

    prob = sl.ODEProblem(f, [1.0, 1.0], (0.0, 10.0), sparsity=np.eye(2))
    sol = sl.solve(prob, sl.Rodas4())
    assert not sol.success and 0.3 < sol.t[-1] < 5
    assert "wrong Jacobian: sparsity misses the entry [0, 1]" in sol.message


def test_superfluous_entries_do_no_harm():
    full = np.ones((10, 10))
    prob = sl.ODEProblem(chain, np.linspace(0.5, 1.5, 10), (0.0, 1.0), P)
    plain = sl.solve(prob, sl.Rodas4())
    given = sl.solve(prob.replace(sparsity=full), sl.Rodas4())
    assert np.allclose(plain.u[-1], given.u[-1], rtol=1e-12)


def test_a_pattern_found_by_trying_is_checked_too():
    def f(u, p, t):
        u = next(iter([u]))
        return np.array([-u[0] + (u[1] if t > 0.3 else 0.0), -u[1]])

    prob = sl.ODEProblem(f, [1.0, 1.0], (0.0, 10.0))
    sol = sl.solve(prob, sl.Rodas4(linear_solver="sparse"))
    assert not sol.success and 0.3 < sol.t[-1] < 5
    assert "found by trying, misses the entry [0, 1]: give spars" in sol.message


def test_a_kink_is_no_missing_entry():
    prob = sl.ODEProblem(
        lambda u, p, t: -np.maximum(u, 0.0) - 0.1 * u, np.zeros(5), (0.0, 1.0), sparsity=np.eye(5)
    )
    assert sl.solve(prob, sl.Rodas4(linear_solver="banded")).success
