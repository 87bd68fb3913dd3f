"""`PipelineExplorer`: its stages solve the system, and what it counts is what they do."""

import numpy as np
import pytest

import sciml_lab as sl

pytest.importorskip("matplotlib", reason="explorers draw with Matplotlib")
pytest.importorskip("scipy", reason="sparse matrices are SciPy's")
pytest.importorskip("ipywidgets", reason="live explorers need ipywidgets")

from sciml_lab.linalg.banded import Band, banded_lu
from sciml_lab.linalg.colored import find_pattern
from sciml_lab_widgets import PipelineExplorer
from sciml_lab_widgets.pipeline import PIXELS, raster
from sciml_lab_widgets.pipeline_cases import CASES, HeatPlate, system
from sciml_lab_widgets.pipeline_costs import (
    Counting,
    bare,
    clocked,
    counted,
    operations,
)
from sciml_lab_widgets.pipeline_stages import (
    ORDERS,
    PRECONDITIONERS,
    RTOL,
    Plan,
    jacobian,
    residuals,
    shifted,
)

LINE, PLATE, HEAT = CASES
CHOICES = [
    {"pattern": False},
    {"colours": "off"},
    {"colours": "star"},
    {"solver": "full"},
    *({"solver": "band", "order": order} for order in ORDERS),
    *({"solver": "sparse", "order": order} for order in ORDERS),
    *({"solver": "GMRES", "precondition": kind} for kind in PRECONDITIONERS),
    {"solver": "GMRES", "matrix_free": True},
    {"solver": "GMRES", "pattern": False},
]


def settled(name, n=7, gamma_h=1e-2, **choice):
    return Plan(name, n, gamma_h, **choice).settled()[0]


@pytest.mark.parametrize("name", CASES)
def test_sweep_from_every_problem(name):
    report = PipelineExplorer(name, "GMRES" if name == HEAT else "sparse", n=6).sweep()
    assert report, str(report)


def test_every_control_changes_picture_and_words():
    explorer = PipelineExplorer(HEAT, n=8)
    box = explorer.widget
    for name, control in explorer.controls.items():
        krylov = name in ("precondition", "matrix_free", "gamma_h")
        solver = "GMRES" if krylov else "sparse"
        explorer.set(problem=HEAT, n=8, solver=solver, gamma_h=0.01, pattern=True)
        explorer.set(order=ORDERS[-1], precondition="none", colours="column", matrix_free=False)
        explorer.set(bars="operations")
        assert control.enabled, f"{name} is greyed out"
        seen = []
        for value in (control.ends()[0], control.ends()[-1]):
            control.widget.value = value
            assert explorer.error is None
            seen.append((bytes(box.children[1].value), box.children[2].value))
        assert seen[0][0] != seen[1][0], f"{name} does not change the picture"
        assert seen[0][1] != seen[1][1], f"{name} does not change the words"


def test_labels_twin_and_mime_bundle():
    explorer = PipelineExplorer(n=6)
    labels = [control.widget.description.strip() for control in explorer.controls.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    twin = explorer.static(problem=[LINE, PLATE])
    assert twin.png.startswith(b"\x89PNG") and twin.height == 2 * explorer.picture.height
    assert "36 points on a line" in twin.alt and "36 points on a plate" in twin.alt
    data, metadata = explorer._repr_mimebundle_()
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata["image/png"]["alt"] == explorer.words


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_choice_of_stages_solves_the_system(name, choice):
    plan, found = settled(name, **choice), system(name, 7)
    J = jacobian(plan, plan.colors) if not plan.matrix_free else found.J
    J = J.toarray() if hasattr(J, "toarray") else J
    assert np.allclose(J, found.J.toarray(), rtol=1e-10, atol=1e-8)
    W, ready = shifted(plan), counted(plan).ready
    x, _, _ = ready.solve(found.slope)
    assert np.linalg.norm(found.slope - W @ x) <= 2 * RTOL * np.linalg.norm(found.slope)
    assert np.allclose(W @ found.slope, found.W(plan.gamma_h) @ found.slope, rtol=1e-9)
    if plan.solver in ("full", "sparse", "band"):
        n, inside = found.size, np.zeros((found.size,) * 2, bool)
        stands = ready.picture.tocoo().coords if plan.solver != "full" else np.nonzero(inside == 0)
        inside[stands] = True
        own = ready.own.tocoo()
        assert inside[own.coords][own.data != 0].all(), "the factors cover all entries of W"
        assert inside.sum() <= ready.stored + n * (plan.solver == "band")


@pytest.mark.parametrize("name", CASES)
def test_systems_are_those_of_the_package(name):
    found = system(name, 5)
    prob = found.problem
    pattern, _ = find_pattern(prob.f, prob.u0, prob.p, 0.0)
    assert (pattern != found.pattern).nnz == 0
    J = sl.ad.jacobian(lambda u: prob.f(u, prob.p, 0.0), prob.u0)
    assert np.allclose(found.J.toarray(), J, rtol=1e-12, atol=1e-12)
    assert found.symmetric == np.allclose(J, J.T) == (name == HEAT)


def test_the_band_is_that_of_the_package():
    plan, found = settled(PLATE, solver="band", order=ORDERS[1]), system(PLATE, 7)
    W = shifted(plan)
    band = Band(found.pattern)
    assert counted(plan).ready.stored == (2 * band.kl + band.ku + 1) * found.size
    x, _, _ = counted(plan).ready.solve(found.slope)
    assert np.allclose(x, banded_lu(W)(found.slope), rtol=1e-10)


def test_heat_cools_as_its_eigenvalues_say():
    n = 9
    s = np.arange(1, n + 1) / (n + 1)
    wave = np.outer(np.sin(np.pi * s), np.sin(2 * np.pi * s)).ravel()
    rates = -4 * (n + 1) ** 2 * np.sin(np.array([1, 2]) * np.pi / 2 / (n + 1)) ** 2
    assert np.allclose(HeatPlate(n)(wave, None, 0.0), rates.sum() * wave)


def test_operations_are_counted():
    Counting.done = 0
    x = Counting()
    assert isinstance(-(3 - x) * x + x / 2, Counting) and Counting.done == 5
    assert operations(HEAT, 5) == 6 * 25
    full = counted(settled(LINE, 6, pattern=False)).parts
    n, f = 72, operations(LINE, 6)
    assert np.allclose(full, [6 * f, 2 * n * f, 2 / 3 * n**3, 12 * n**2])
    assert np.allclose(full, bare(LINE, 6))
    band = counted(settled(LINE, 6, solver="band", order=ORDERS[0]))
    assert band.directions == 4 and band.ready.made == 2 * n * 2 * 5
    assert counted(settled(LINE, 6, colours="off")).directions == n
    free = counted(settled(LINE, 6, solver="GMRES", matrix_free=True))
    assert free.directions == 0 and free.parts[1] == free.parts[2] == 0.0
    assert all(part > 0 for part in clocked(settled(LINE, 6)))


def test_orders_and_colours_are_worth_what_the_theory_says():
    made = {order: counted(settled(PLATE, 14, order=order)).ready.made for order in ORDERS}
    assert made["as they come"] > 3 * made["reverse Cuthill-McKee"] > 3 * made["minimum degree"]
    assert counted(settled(LINE, 14)).ready.stored < 1.5 * system(LINE, 14).J.nnz
    assert counted(settled(PLATE, 14)).ready.stored > 5 * system(PLATE, 14).J.nnz


def test_preconditioners_are_worth_what_the_theory_says():
    count = {
        n: {kind: curve[0][-1] for kind, curve in residuals(PLATE, n, 1e-2).items()}
        for n in (10, 20)
    }
    assert count[20]["none"] > 1.8 * count[10]["none"]
    assert count[20]["multigrid"] < 1.5 * count[10]["multigrid"]
    assert count[20]["ILU"] < 1.5 * count[10]["ILU"]
    assert abs(count[20]["Jacobi"] - count[20]["none"]) <= 3  # a constant diagonal
    assert residuals(PLATE, 10, 1e-5)["none"][0][-1] < 10  # W is nearly the identity
    for counts, sizes in residuals(HEAT, 10, 1e-2).values():
        assert np.all(np.diff(counts) >= 0) and np.all(np.diff(sizes) <= 0)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"pattern": False, "solver": "band"}, "treated as a full matrix"),
        ({"pattern": False, "solver": "GMRES", "precondition": "ILU"}, "ILU is left out"),
        ({"solver": "GMRES", "matrix_free": True, "precondition": "ILU"}, "GMRES goes without"),
        ({"solver": "band", "order": "minimum degree"}, "makes no band"),
        ({"colours": "star"}, "Star colours are for symmetric matrices"),
    ],
)
def test_stages_that_exclude_each_other_are_told(choice, words):
    explorer = PipelineExplorer(PLATE, n=6).set(**choice)
    assert words in explorer.words and explorer.error is None


def test_controls_without_effect_are_greyed_out():
    explorer = PipelineExplorer(PLATE, n=6)
    off = lambda: {name for name, c in explorer.controls.items() if not c.enabled}  # noqa: E731
    assert off() == {"matrix_free", "precondition"}
    explorer.set(pattern=False)
    assert off() == {"matrix_free", "precondition", "order", "colours"}
    explorer.set(pattern=True, solver="GMRES")
    assert off() == {"order"}
    explorer.set(matrix_free=True)
    assert off() == {"order", "precondition", "pattern", "colours"}


def test_a_stagnating_iteration_is_told():
    explorer = PipelineExplorer(LINE, "GMRES", n=20).set(gamma_h=1.0)
    assert "stagnates" in explorer.words and "fails" in explorer.words


def test_large_matrices_are_drawn_on_fewer_pixels():
    n = 3 * PIXELS
    picture = raster((n, n), (np.arange(n), np.arange(n), np.zeros(3)))
    assert picture.shape == (PIXELS, PIXELS, 3)
    assert np.array_equal(picture[:, :, 0] == 0, np.eye(PIXELS, dtype=bool))
