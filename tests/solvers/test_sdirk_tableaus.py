"""Diagonally implicit tables prove themselves: order, embedded order, dense output, stability."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import stability, trees, trees_additive
from sciml_lab.solvers.tableau import TOLERANCE, Tableau
from sciml_lab.solvers.tableaus import kennedy_carpenter
from sciml_lab.solvers.tableaus.smooth import smooth_weights

# method: order, embedded order, order of dense output, stages, stage order
KNOWN = {
    sl.ImplicitEuler: (1, 2, 1, 2, 1),
    sl.Trapezoid: (2, 0, 2, 2, 2),
    sl.TRBDF2: (2, 3, 2, 3, 2),
    sl.Kvaerno3: (3, 2, 3, 4, 2),
    sl.Kvaerno5: (5, 4, 4, 7, 2),
    sl.KenCarp3: (3, 2, 3, 4, 2),
    sl.KenCarp4: (4, 3, 4, 6, 2),
    sl.KenCarp5: (5, 4, 4, 8, 2),
}
METHODS = [cls() for cls in KNOWN]
PAIRS = {
    3: kennedy_carpenter.KENCARP3,
    4: kennedy_carpenter.KENCARP4,
    5: kennedy_carpenter.KENCARP5,
}


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_order_conditions_hold_to_rounding(method):
    tab, (order, embedded, *_) = method.tableau, KNOWN[type(method)]
    phi = trees.StageWeights(tab.A)
    bhat = None if tab.b_error is None else tab.b - tab.b_error
    for weights, highest in ((tab.b, order), (bhat, embedded)):
        for n in range(1, highest + 1):
            for tree in trees.trees(n):
                value, scale = trees.defect(phi, weights, tree)
                assert abs(value) <= 1e-14 * scale


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_orders_are_the_published_ones(method):
    tab = method.tableau
    found = (tab.order, tab.embedded_order, tab.dense_order, tab.stages, tab.stage_order)
    assert found == KNOWN[type(method)]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_one_diagonal_and_an_explicit_first_stage(method):
    A = method.tableau.A
    assert not A[0].any()
    assert not np.triu(A, 1).any()
    assert len(set(np.diag(A)[1:])) == 1
    assert method.gammas == (A[1, 1],)
    assert method.tableau.stiffly_accurate


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_stability(method):
    tab = method.tableau
    assert tab.A_stable
    assert tab.L_stable == (type(method) is not sl.Trapezoid)
    far = abs(tab.stability_function(-1e7 + 0j))
    assert far == pytest.approx(tab.damping, abs=1e-5)
    angle = np.exp(1j * np.linspace(np.pi / 2, np.pi, 30))
    for radius in (1e-2, 1.0, 30.0, 1e4):
        assert np.all(abs(tab.stability_function(radius * angle)) <= 1 + 1e-9)


STIFF_ORDER = {
    sl.ImplicitEuler(): 1, sl.Trapezoid(): 2, sl.TRBDF2(): 2, sl.Kvaerno3(): 3, sl.Kvaerno5(): 3,
    sl.KenCarp3(): 3, sl.KenCarp4(): 3, sl.KenCarp5(): 3, sl.RadauIIA5(): 4,
    sl.ImplicitMidpoint(): 2, sl.Gauss(2): 2, sl.Gauss(3): 4,
}  # fmt: skip


@pytest.mark.parametrize("method", STIFF_ORDER, ids=repr)
def test_stiff_order(method):
    """What is promised holds uniformly: the error is bounded by ``C h**q`` for all lambda."""
    q, scale = STIFF_ORDER[method], []
    assert method.tableau.stiff_order == q
    assert f"Prothero-Robinson: order {q}" in str(method)
    for n in (10, 20, 40):
        worst = 0.0
        for lam in -np.geomspace(1.0, 1e6, 7):
            prob = sl.ODEProblem(
                lambda u, p, t: p * (u - np.sin(t)) + np.cos(t), [0.0], (0.0, 1.3), lam
            )
            u = sl.solve(prob, method, dt=1.3 / n, adaptive=False).u[-1, 0]
            worst = max(worst, abs(u - np.sin(1.3)))
        scale.append(worst * n**q)
    assert scale[2] < 1.15 * scale[0]


def test_methods_that_are_not_stable_are_told_apart():
    explicit = sl.RK4().tableau
    assert not explicit.A_stable
    assert explicit.damping == np.inf
    g = 0.2  # below 1/4 the SDIRK method of order 2 is not A-stable
    wrong = Tableau(name="g = 0.2", A=[[g, 0], [1 - 2 * g, g]], b=[0.5, 0.5])
    assert not wrong.A_stable
    right = Tableau(name="g = 0.3", A=[[0.3, 0], [0.4, 0.3]], b=[0.5, 0.5])
    assert right.A_stable
    assert 0 < right.damping < 1
    assert not right.L_stable


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_stability_function_is_what_a_step_does(method):
    for z in (-0.7 + 0.3j, -20.0 + 5j):
        prob = sl.ODEProblem(lambda u, p, t: p * u, [1 + 0j], (0.0, 1.0), z)
        sol = sl.solve(prob, method, dt=1.0, adaptive=False)
        assert np.allclose(sol.u[-1, 0], method.tableau.stability_function(z), rtol=1e-11)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_dense_output_is_continuous_and_mostly_smooth(method):
    tab = method.tableau
    size, powers = np.abs(tab.P).sum(), 1 + np.arange(tab.P.shape[1])
    assert np.allclose(tab.P.sum(axis=1), tab.b, rtol=0, atol=1e-15 * size)
    if tab.order > 2:
        assert np.allclose(tab.P[:, 0], np.eye(tab.stages)[0], rtol=0, atol=1e-15 * size)
        assert np.allclose(tab.P @ powers, np.eye(tab.stages)[-1], rtol=0, atol=4e-15 * size)


def test_no_smooth_polynomial_where_there_is_none():
    tab = sl.Kvaerno3().tableau
    with pytest.raises(ValueError, match="no polynomial of degree 4 has order 4"):
        smooth_weights(tab.A, tab.b, 4, 4)


@pytest.mark.parametrize("method", METHODS[2:], ids=repr)
def test_a_wrong_digit_is_noticed(method):
    A = np.array(method.tableau.A)
    A[-1, -2] += 1e-9
    A[-1, 0] -= 1e-9
    assert Tableau(name="wrong", A=A, b=A[-1]).order < method.order


@pytest.mark.parametrize("order", PAIRS)
def test_additive_pairs_satisfy_the_coupling_conditions(order):
    pair = PAIRS[order]
    b, matrices = pair.explicit.b, (pair.explicit.A, pair.implicit.A)
    assert trees_additive.additive_order(matrices, b, TOLERANCE) == order
    bhat = b - pair.explicit.b_error
    assert trees_additive.additive_order(matrices, bhat, TOLERANCE) == order - 1


@pytest.mark.parametrize("order", PAIRS)
def test_both_parts_of_a_pair_are_methods_of_their_own(order):
    pair = PAIRS[order]
    assert pair.explicit.explicit
    assert pair.explicit.order == pair.implicit.order == order
    assert np.array_equal(pair.explicit.b, pair.implicit.b)
    assert np.array_equal(pair.explicit.c, pair.implicit.c)


@pytest.mark.parametrize("order", PAIRS)
def test_published_dense_output_serves_both_parts(order):
    """Order 2, 3, 3 for every colouring of the trees."""
    pair, dense_order = PAIRS[order], min(order - 1, 3)
    P, matrices = pair.explicit.P, (pair.explicit.A, pair.implicit.A)
    for n in range(1, dense_order + 1):
        for tree in trees.trees(n):
            right = np.zeros(P.shape[1])
            right[n - 1] = 1 / trees.density(tree)
            for phi, bound in trees_additive.coloured_weights(matrices, tree):
                assert np.all(abs(phi @ P - right) <= 1e-14 * (bound @ abs(P) + right))


def test_additive_order_of_two_equal_parts_is_the_order():
    tab = sl.RK4().tableau
    assert trees_additive.additive_order((tab.A, tab.A), tab.b, TOLERANCE) == 4


def test_damping_is_the_limit_of_the_formula():
    A, b = np.array([[0.4]]), np.ones(1)
    assert stability.at_infinity(A, b) == pytest.approx(abs(1 - 1 / 0.4))
