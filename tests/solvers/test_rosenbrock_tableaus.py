"""Rosenbrock tables prove themselves: trees, coloured trees, stability, both forms."""

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.solvers import trees
from sciml_lab.solvers.rosenbrock_forms import continuous
from sciml_lab.solvers.rosenbrock_tableau import RosenbrockTableau
from sciml_lab.solvers.trees_rosenbrock import FAT, MEAGRE, RosenbrockWeights, coloured

# name: order, embedded order, order of dense output, stages, orders on a DAE of index 1, and on
# the equation of Prothero and Robinson
KNOWN = {
    "Rosenbrock23": (2, 3, 2, 3, (2, 2), 2),
    "Rodas4": (4, 3, 3, 6, (4, 4), 2),
    "Rodas4P": (4, 3, 3, 6, (4, 4), 4),
    "Rodas5P": (5, 4, 4, 8, (5, 5), 4),
}
METHODS = [cls() for cls in sl.ROSENBROCK_METHODS.values()]
TABLEAUS = [method.tableau for method in METHODS]
by_name = pytest.mark.parametrize("tab", TABLEAUS, ids=lambda tab: tab.name)


def test_every_method_is_in_the_table():
    assert set(KNOWN) == set(sl.ROSENBROCK_METHODS)


@by_name
def test_order_conditions_hold_to_rounding(tab):
    phi = RosenbrockWeights(tab.alpha, tab.Gamma)
    for b, reached in ((tab.b, KNOWN[tab.name][0]), (tab.b - tab.b_error, KNOWN[tab.name][1])):
        for order in range(1, reached + 1):
            for tree in trees.trees(order):
                value, scale = trees.defect(phi, b, tree)
                assert abs(value) <= 1e-14 * scale


@by_name
def test_orders_are_the_published_ones(tab):
    found = (tab.order, tab.embedded_order, tab.dense_order, tab.stages, tab.dae_order)
    assert (*found, tab.stiff_order) == KNOWN[tab.name]


@by_name
def test_a_wrong_digit_is_noticed(tab):
    for name in ("alpha", "Gamma"):
        parts = {"alpha": np.array(tab.alpha), "Gamma": np.array(tab.Gamma)}
        parts[name][np.flatnonzero(tab.b)[-1], 0] += 1e-8
        assert RosenbrockTableau(name="wrong", b=tab.b, **parts).order < tab.order


@by_name
def test_both_forms_are_the_same_method(tab):
    form = tab.transformed
    again = RosenbrockTableau.from_transformed(
        tab.name, tab.gamma, form.A, form.C, form.m, form.m_error, nodes=tab.nodes, d=tab.d
    )
    for name in ("alpha", "Gamma", "b", "b_error"):
        size = 1 + np.abs(getattr(tab, name)).max()
        assert np.allclose(getattr(again, name), getattr(tab, name), rtol=0, atol=1e-14 * size)
    inverse = np.linalg.inv(tab.Gamma)
    assert np.allclose(form.A, tab.alpha @ inverse, rtol=0, atol=1e-11)
    strict = np.eye(tab.stages) / tab.gamma - inverse
    assert np.allclose(form.C, strict, rtol=1e-11, atol=1e-11)


@by_name
def test_stability(tab):
    assert tab.A_stable
    assert tab.L_stable
    assert tab.damping == 0
    assert abs(tab.stability_function(-1e9)) < 1e-6
    z = np.array([0.01, -0.01 + 0.02j])
    defect = np.abs(tab.stability_function(z) - np.exp(z))
    assert np.all(defect < 2 * np.abs(z) ** (tab.order + 1))
    y = 1j * np.geomspace(1e-2, 1e5, 2000)
    assert np.all(np.abs(tab.stability_function(y)) <= 1 + 1e-12)


@by_name
def test_dense_output_ends_where_the_step_ends(tab):
    size = np.abs(tab.P).sum()
    assert np.allclose(tab.P.sum(axis=1), tab.b, rtol=0, atol=1e-14 * size)


def test_which_methods_end_on_the_constraints():
    assert {tab.name for tab in TABLEAUS if tab.stiffly_accurate} == {
        "Rodas4",
        "Rodas4P",
        "Rodas5P",
    }
    assert {tab.name for tab in TABLEAUS if tab.fsal} == {"Rosenbrock23"}


@by_name
def test_dense_output_from_the_order_conditions(tab):
    own = RosenbrockTableau(name="own", alpha=tab.alpha, Gamma=tab.Gamma, b=tab.b)
    assert own.dense_order == min(3, tab.order)
    assert np.allclose(own.P.sum(axis=1), tab.b, rtol=0, atol=1e-13)


def test_a_method_of_order_one_has_linear_dense_output():
    P = continuous(RosenbrockWeights(np.zeros((1, 1)), np.ones((1, 1))), np.ones(1))
    assert P.tolist() == [[1.0]]


def test_not_every_method_is_stable():
    explicit_like = RosenbrockTableau(name="small gamma", alpha=[[0]], Gamma=[[0.1]], b=[1])
    assert not explicit_like.A_stable
    assert explicit_like.damping == pytest.approx(-9)
    assert "not A-stable" in str(explicit_like)
    midpoint = RosenbrockTableau(name="half", alpha=[[0]], Gamma=[[0.5]], b=[1])
    assert midpoint.A_stable
    assert not midpoint.L_stable
    assert midpoint.order == 2


def test_number_of_coloured_trees():
    """Fat nodes carry at least two trees, so the numbers stay finite."""
    assert [len(coloured(MEAGRE, n)) for n in range(1, 6)] == [1, 1, 3, 9, 33]
    assert [len(coloured(FAT, n)) for n in range(1, 6)] == [0, 1, 3, 12, 45]


def test_the_certificate_names_what_holds():
    text = str(sl.Rodas5P())
    assert text == str(sl.Rodas5P().tableau)
    for words in ("order 5, 8 stages", "embedded method: order 4", "dense output: order 4",
                  "L-stable", "stiffly accurate", "DAE of index 1: order 5",
                  "Prothero-Robinson: order 4"):  # fmt: skip
        assert words in text


EULER = {"name": "e", "alpha": [[0.0]], "Gamma": [[1.0]], "b": [1.0]}
TWO = {"name": "t", "alpha": [[0, 0], [1, 0]], "Gamma": [[0.5, 0], [0, 0.5]], "b": [0.5, 0.5]}


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"name": ""}, TypeError, "name must be a non-empty string"),
        ({"b": [2.0]}, ValueError, "b must sum to 1"),
        ({"alpha": [[1.0]]}, ValueError, "strictly lower"),
        ({"Gamma": [[-1.0]]}, ValueError, "one positive number all along its diagonal"),
        ({"Gamma": [[np.nan]]}, ValueError, "Gamma must be finite"),
        ({"b_error": [1.0]}, ValueError, "b_error must sum to 0"),
        ({"P": [[1.0], [1.0]]}, ValueError, "one row for each of the 1 stages"),
    ],
)
def test_bad_tableau(wrong, error, words):
    with pytest.raises(error, match=words):
        RosenbrockTableau(**{**EULER, **wrong})


def test_bad_diagonal():
    with pytest.raises(ValueError, match="share one LU"):
        RosenbrockTableau(**{**TWO, "Gamma": [[0.5, 0], [0, 0.4]]})


def test_bad_published_sums():
    form = sl.Rodas4().tableau.transformed
    with pytest.raises(ValueError, match="nodes must be the row sums of alpha"):
        RosenbrockTableau.from_transformed("x", 0.25, form.A, form.C, form.m, nodes=np.zeros(6))
    with pytest.raises(ValueError, match="strictly lower"):
        RosenbrockTableau.from_transformed("x", 0.25, form.A.T, form.C, form.m)
    with pytest.raises(ValueError, match="gamma must be a positive number"):
        RosenbrockTableau.from_transformed("x", 0.0, form.A, form.C, form.m)
    with pytest.raises(ValueError, match="H must have shape"):
        RosenbrockTableau.from_transformed("x", 0.25, form.A, form.C, form.m, H=np.ones((2, 5)))
