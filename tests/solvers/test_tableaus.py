"""Every table proves itself: order conditions, dense output, stability, against known values."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import stability, tableaus, trees
from sciml_lab.solvers.tableau import TOLERANCE, Tableau, hermite

# name: order, embedded order, order of dense output, stages
KNOWN = {
    "Euler": (1, 0, 1, 1),
    "Midpoint": (2, 1, 2, 2),
    "Heun": (2, 1, 2, 2),
    "Ralston": (2, 1, 2, 2),
    "RK4": (4, 0, 3, 4),
    "BS3": (3, 2, 3, 4),
    "DP5": (5, 4, 4, 7),
    "Tsit5": (5, 4, 4, 7),
    "Vern7": (7, 6, 7, 10),
    "Vern9": (9, 8, 9, 16),
    "DOP853": (8, 5, 7, 12),
}
METHODS = [cls() for cls in sl.METHODS.values()]


def test_every_method_is_in_the_table():
    assert set(KNOWN) == set(sl.METHODS)
    assert {t.lower() for t in tableaus.__all__} == {name.lower() for name in KNOWN}


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_order_conditions_hold_to_rounding(method):
    tab = method.tableau
    phi = trees.StageWeights(tab.A)
    for order in range(1, KNOWN[method.name][0] + 1):
        for tree in trees.trees(order):
            value, scale = trees.defect(phi, tab.b, tree)
            assert abs(value) <= 1e-14 * scale
    for order in range(1, KNOWN[method.name][1] + 1):
        for tree in trees.trees(order):
            value, scale = trees.defect(phi, tab.b - tab.b_error, tree)
            assert abs(value) <= 1e-14 * scale


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_orders_are_the_published_ones(method):
    tab = method.tableau
    found = (tab.order, tab.embedded_order, tab.dense_order, tab.stages)
    assert found == KNOWN[method.name]
    assert tab.explicit


@pytest.mark.parametrize("method", METHODS[1:], ids=repr)  # Euler has no coefficient in A
def test_a_wrong_digit_is_noticed(method):
    tab = method.tableau
    A = np.array(tab.A)
    A[np.flatnonzero(tab.b)[-1], 0] += 1e-9  # of a stage that has a weight
    assert Tableau(name="wrong", A=A, b=tab.b).order < tab.order


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_dense_output_ends_where_the_step_ends(method):
    tab = method.tableau
    at_end = tab.P.sum(axis=1)
    size = np.abs(tab.P).sum()
    assert np.allclose(at_end[: tab.stages], tab.b, rtol=0, atol=1e-15 * size)
    assert np.allclose(at_end[tab.stages :], 0, rtol=0, atol=1e-15 * size)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_nodes_are_row_sums_and_weights_sum_to_one(method):
    tab = method.tableau
    assert np.all(np.abs(tab.A.sum(axis=1) - tab.c) <= 1e-14 * (1 + np.abs(tab.A).sum(axis=1)))
    assert abs(tab.b.sum() - 1) < 1e-14
    if tab.b_error is not None:
        assert abs(tab.b_error.sum()) < 1e-14


def test_first_same_as_last():
    assert {m.name for m in METHODS if m.tableau.fsal} == {"BS3", "DP5", "Tsit5"}


def test_scipy_has_the_same_numbers():
    rk = pytest.importorskip("scipy.integrate._ivp.rk")
    dop = pytest.importorskip("scipy.integrate._ivp.dop853_coefficients")
    ours = sl.DOP853().tableau
    assert np.array_equal(ours.A, dop.A[:12, :12])
    assert np.array_equal(ours.b, dop.B)
    assert np.allclose(np.abs(ours.b_error), np.abs(dop.E5[:12]), rtol=0, atol=1e-15)
    assert np.allclose(np.abs(ours.b_error2), np.abs(dop.E3[:12]), rtol=0, atol=1e-15)
    assert np.allclose(ours.A_dense[1:], dop.A[13:16], rtol=0, atol=1e-15)
    assert np.allclose(sl.DP5().tableau.P, rk.RK45.P, rtol=1e-13, atol=1e-13)
    assert np.allclose(sl.BS3().tableau.P, rk.RK23.P, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "real", "imaginary"),
    [
        ("Euler", 2.0, 0.0),
        ("Heun", 2.0, 0.0),
        ("BS3", 2.5127, np.sqrt(3)),
        ("RK4", 2.7853, np.sqrt(8)),
        ("DP5", 3.3066, 0.9972),
    ],
)
def test_stability_intervals(name, real, imaginary):
    found = sl.METHODS[name]().tableau.stability_interval
    assert found == pytest.approx((real, imaginary), abs=2e-4)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_stability_function_approximates_exp_to_the_order(method):
    tab = method.tableau
    over, under = stability.coefficients(tab.A, tab.b)
    assert under.tolist() == [1.0] + [0.0] * tab.stages
    exact = [1.0]
    for n in range(1, tab.order + 1):
        exact.append(exact[-1] / n)
    assert np.allclose(over[: tab.order + 1], exact, rtol=1e-11, atol=0)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_stability_function_is_what_a_step_does(method):
    z = np.array([-0.7 + 0.3j, 0.2 - 1.1j])
    stepped = [
        method.step(lambda u, p, t, x=x: x * u, np.array([1 + 0j]), None, 0.0, 1.0) for x in z
    ]
    assert np.allclose([s.u[0] for s in stepped], method.tableau.stability_function(z), rtol=1e-12)


def test_the_boundary_of_stability_is_where_it_says():
    for method in METHODS:
        limit = method.tableau.real_stability
        inside = method.tableau.stability_function(-np.linspace(0, 0.999 * limit, 500))
        assert np.all(np.abs(inside) <= 1 + 1e-9)
        assert abs(method.tableau.stability_function(-1.001 * limit)) > 1


def test_implicit_tables_know_themselves_too():
    g = np.sqrt(3) / 6
    gauss = Tableau(name="Gauss", A=[[0.25, 0.25 - g], [0.25 + g, 0.25]], b=[0.5, 0.5])
    assert gauss.order == 4
    assert gauss.is_symplectic
    assert not gauss.explicit
    assert gauss.stability_interval == (np.inf, np.inf)
    euler = Tableau(name="implicit Euler", A=[[1]], b=[1])
    assert euler.order == 1
    assert euler.ssp_coefficient == np.inf
    assert not euler.is_symplectic
    assert euler.stability_function(-1e3) == pytest.approx(1 / 1001)


def test_ssp_coefficients():
    ssp33 = Tableau(
        name="SSPRK33", A=[[0, 0, 0], [1, 0, 0], [0.25, 0.25, 0]], b=[1 / 6, 1 / 6, 2 / 3]
    )
    assert ssp33.order == 3
    assert ssp33.ssp_coefficient == pytest.approx(1, abs=1e-6)
    assert sl.Euler().tableau.ssp_coefficient == pytest.approx(1, abs=1e-6)
    assert sl.Heun().tableau.ssp_coefficient == pytest.approx(1, abs=1e-6)
    assert sl.RK4().tableau.ssp_coefficient == 0
    assert sl.Tsit5().tableau.ssp_coefficient == 0
    assert not sl.RK4().tableau.is_symplectic


def test_error_constants_of_the_literature():
    assert sl.DP5().tableau.error_constant == pytest.approx(3.991e-4, rel=1e-3)
    assert sl.Vern7().tableau.error_constant == pytest.approx(1.675585e-5, rel=1e-5)


def test_trees_are_counted_and_labelled_right():
    counts = [len(trees.trees(n)) for n in range(1, 11)]
    assert counts == [1, 1, 2, 4, 9, 20, 48, 115, 286, 719]
    factorial = 1.0
    for n in range(1, 9):  # each of the (n-1)! monotone labellings belongs to one tree
        labellings = sum(
            factorial * n / (trees.symmetry(t) * trees.density(t)) for t in trees.trees(n)
        )
        assert labellings == pytest.approx(factorial)
        factorial *= n
    assert len({t for n in range(1, 9) for t in trees.trees(n)}) == sum(counts[:8])


def test_defects_by_tree():
    defects = sl.RK4().tableau.order_defects(5)
    assert len(defects) == 9
    assert max(map(abs, defects.values())) > 1e-3
    assert max(map(abs, sl.RK4().tableau.order_defects(4).values())) < 1e-15


def test_tableau_prints_itself():
    text = str(sl.Tsit5())
    for part in ("Tsit5", "order 5", "7 stages", "first same as last", "161/1000", "bhat"):
        assert part in text
    assert "2.785" in str(sl.RK4())
    assert "extra stages" in str(sl.Vern9())
    assert repr(sl.Vern9()) == "Vern9()"


def test_tolerance_is_between_rounding_and_mathematics():
    assert 10 * np.finfo(float).eps < TOLERANCE < 1e-12


def test_hermite_is_the_cubic_with_both_slopes():
    P = hermite([0.0, 1.0], 2)
    theta = np.array([1.0, 2.0, 3.0])
    assert (P @ theta).tolist() == [0.0, 0.0, 1.0]  # slope at the end: that of stage 3
    assert P[:, 0].tolist() == [1.0, 0.0, 0.0]  # slope at the start: that of stage 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "name must be"),
        ({"A": [[0, 0]]}, "A must have shape"),
        ({"A": "table"}, "A must be an array"),
        ({"A": [[0, 0], [np.nan, 0]]}, "A must be finite"),
        ({"b": [0.5, 0.6]}, "b must sum to 1"),
        ({"b": []}, "b must have"),
        ({"c": [0, 0.5]}, "c must be the row sums of A"),
        ({"b_error": [0.5, 0.5]}, "b_error must sum to 0"),
        ({"b_error": [1.0]}, "b_error must have shape"),
        ({"A_dense": [[0.5, 0.5]]}, "A_dense without P"),
        ({"A_dense": [[0.5, 0.5, 1.0]], "P": [[1.0]] * 3}, "A_dense[0] may use"),
        ({"P": [[1.0]]}, "P must have one row for each"),
    ],
)
def test_bad_tables_get_a_sentence(change, words):
    good = {"name": "mine", "A": [[0, 0], [1, 0]], "b": [0.5, 0.5]}
    with pytest.raises((TypeError, ValueError)) as caught:
        Tableau(**{**good, **change})
    assert words in str(caught.value)


def test_explicit_rk_wants_an_explicit_tableau():
    with pytest.raises(ValueError, match="implicit"):
        sl.ExplicitRK(Tableau(name="implicit Euler", A=[[1]], b=[1]))
    with pytest.raises(TypeError, match="tableau must be a Tableau"):
        sl.ExplicitRK([[0]])
