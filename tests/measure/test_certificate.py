"""Certificates: every built-in table passes, and one with a wrong digit is refused by its tree."""

from dataclasses import replace

import numpy as np
import pytest

import sciml_lab as sl
from sciml_lab.measure import certificate

EXPLICIT = [cls() for cls in sl.METHODS.values()]
ROSENBROCK = [sl.Rosenbrock23(), sl.Rodas4(), sl.Rodas4P(), sl.Rodas5P()]
DIAGONAL = [
    sl.ImplicitEuler(), sl.Trapezoid(), sl.TRBDF2(), sl.Kvaerno3(), sl.Kvaerno5(), sl.KenCarp3(),
    sl.KenCarp4(), sl.KenCarp5(),
]  # fmt: skip
COLLOCATION = [sl.RadauIIA5(), sl.ImplicitMidpoint(), sl.Gauss(2), sl.Gauss(3)]
SPLIT = sl.SplitProblem(lambda u, p, t: -u, lambda u, p, t: 0 * u, [1.0], (0.0, 1.0))
ADDITIVE = [sl.IMEXEuler(), sl.ARS222(), sl.ARS443()] + [
    method.on(SPLIT) for method in (sl.KenCarp3(), sl.KenCarp4(), sl.KenCarp5())
]
MULTIRATE = [sl.MRIGARKERK33a(), sl.MRIGARKERK45a(), sl.MIS2()]
SYMPLECTIC = [
    sl.SymplecticEuler(), sl.VelocityVerlet(), sl.Ruth3(), sl.McAte4(), sl.McAte5(),
    sl.Yoshida6(), sl.KahanLi6(), sl.KahanLi8(),
]  # fmt: skip
NYSTROM = [sl.Nystrom4(), sl.Nystrom5(), sl.DPRKN6()]
ALL = [
    *EXPLICIT, *ROSENBROCK, *DIAGONAL, *COLLOCATION, *ADDITIVE, *MULTIRATE, *SYMPLECTIC, *NYSTROM,
]  # fmt: skip


@pytest.mark.parametrize("method", ALL, ids=repr)
def test_every_built_in_method_passes(method):
    found = certificate(method, method.order)
    assert found.passed, found
    assert found.order == method.order
    assert found.largest < found.table.tolerance
    assert found.violated is None or found.violated.relative > found.table.tolerance
    assert f"passed: a method of order {method.order}" in str(found)
    assert "digits" not in found.verdict


def shifted(rows, i, j, k, by=1e-3):
    """The same numbers with a little moved from one place of a row to another."""
    rows = [np.array(row, dtype=float) for row in rows]
    rows[i][j] += by
    rows[i][k] -= by
    return rows


def wrong(method):
    """The table of a method with one digit wrong (two where a sum is checked before)."""
    if isinstance(method, sl.Splitting):
        flows = list(method.flows)
        drifts = [i for i, (letter, _) in enumerate(flows) if letter == "A"]
        for i, change in ((drifts[0], 1e-3), (drifts[-1], -1e-3)):
            flows[i] = ("A", flows[i][1] + change)
        return sl.Splitting("wrong", tuple(flows), method.quadratic)
    if isinstance(method, sl.AdditiveRK):
        explicit = method.explicit
        row = shifted(explicit.A, 2, 0, 1)
        tab = sl.Tableau(name="wrong", A=row, b=explicit.b, c=explicit.c)
        implicit = sl.Tableau(name="right", A=method.implicit.A, b=method.implicit.b)
        return tab, implicit
    if isinstance(method, sl.MultirateRK):
        return replace(method.table, slow=shifted(method.table.slow, 2, 0, 1), embedded=None)
    table = method.tableau
    name = "alpha" if isinstance(table, sl.RosenbrockTableau) else "A"
    A = np.array(getattr(table, name))
    A[len(A) // 2, 0] += 1e-3
    changes = {name: A, "P": None}
    if isinstance(table, sl.Tableau):
        changes |= {"c": None, "A_dense": None, "c_dense": None}
    return replace(table, **changes)


REFUSED = [
    sl.RK4(), sl.Tsit5(), sl.Vern7(), sl.Vern9(), *ROSENBROCK, sl.Kvaerno3(), sl.Kvaerno5(),
    sl.RadauIIA5(), sl.Gauss(3), sl.ARS443(), sl.KenCarp4().on(SPLIT), *MULTIRATE[:2], *NYSTROM,
    sl.Ruth3(), sl.Yoshida6(), sl.KahanLi8(),
]  # fmt: skip


@pytest.mark.parametrize("method", REFUSED, ids=repr)
def test_a_wrong_digit_is_refused_and_its_condition_named(method):
    found = certificate(wrong(method), method.order)
    assert not found.passed
    assert found.order < method.order
    assert found.violated is not None and found.tree
    assert found.verdict.startswith(f"refused: order {method.order} is claimed")
    assert f"of order {found.order + 1} of {found.tree} is missed by" in found.verdict
    right = {c.tree: c for c in certificate(method).table.conditions(found.order + 1)}
    assert right[found.violated.tree].relative < found.violated.relative
    assert "\n" not in found.verdict


def test_the_first_tree_that_sees_the_digit_is_named():
    """A wrong a_32 in the classical method: sum b_i c_i is the first sum that holds it."""
    A = [[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5 + 1e-4, 0, 0], [0, 0, 1, 0]]
    mine = sl.Tableau(name="mine", A=A, b=[1 / 6, 1 / 3, 1 / 3, 1 / 6])
    found = certificate(mine, order=4)
    assert found.tree == "f'(f)"
    assert found.violated is not None
    assert found.violated.defect == pytest.approx(1e-4 / 3)


def test_two_good_tableaus_need_not_make_a_good_pair():
    """Both are of order 3 by themselves, with the same nodes; a tree with both colours says no."""
    heun = sl.Tableau(
        name="Heun", A=[[0, 0, 0, 0], [1 / 3, 0, 0, 0], [0, 2 / 3, 0, 0], [1, 0, 0, 0]],
        b=[1 / 4, 0, 3 / 4, 0],
    )  # fmt: skip
    other = sl.Tableau(
        name="other", b=[1 / 8, 3 / 8, 3 / 8, 1 / 8],
        A=[[0, 0, 0, 0], [1 / 6, 1 / 6, 0, 0], [1 / 3, 0, 1 / 3, 0], [0, 3 / 4, 0, 1 / 4]],
    )  # fmt: skip
    assert heun.order == other.order == 3
    found = certificate((heun, other), order=3)
    assert not found.passed and found.order == 2
    assert found.kind == "additive Runge-Kutta"
    assert found.tree == "I'(E'(E))"


def test_an_order_that_is_missed_by_little_asks_for_digits():
    A = np.array(sl.RK4().tableau.A)
    A[2, 1] = 0.5 + 3e-11
    found = certificate(sl.Tableau(name="mine", A=A, b=sl.RK4().tableau.b))
    assert found.order == 1
    assert "are digits missing?" in found.verdict


@pytest.mark.parametrize("method", [sl.RK4(), sl.Rodas4(), sl.ARS222(), sl.MIS2(), sl.Yoshida6()])
def test_there_is_a_picture(method):
    pytest.importorskip("matplotlib")
    assert method.name in certificate(method).plot().alt


def test_own_tables_of_every_kind():
    half = sl.Tableau(name="mine", A=[[0.5]], b=[1.0])
    assert certificate(half).kind == "diagonally implicit Runge-Kutta"
    root = np.sqrt(3) / 6
    full = sl.Tableau(name="mine", A=[[0.25, 0.25 - root], [0.25 + root, 0.25]], b=[0.5, 0.5])
    assert certificate(full, order=4).passed
    verlet = sl.Splitting("mine", (("B", 0.5), ("A", 1.0), ("B", 0.5)))
    report = str(certificate(verlet, order=2))
    assert "keep their size up to h w = 2.00" in report
    lie = sl.MultirateTable(name="mine", fast=[1.0], slow=[[1.0]])
    assert certificate(lie).order == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: certificate(sl.QNDF()), TypeError, "a method that is made of one"),
        (lambda: certificate("RK4"), TypeError, "a method that is made of one"),
        (lambda: certificate(sl.RK4(), order=0), ValueError, "order must be a positive whole"),
        (lambda: certificate(sl.RK4(), order=4.0), ValueError, "order must be a positive whole"),
    ],
)
def test_what_has_no_table_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()
