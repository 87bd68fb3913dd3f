"""Problem set 1: the honest solution earns all points, known mistakes lose exactly theirs."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sciml_lab.classroom import build, grade, master, merge, sandbox
from sciml_lab.classroom import notebook as nb

for module in ("nbval", "ipykernel"):
    pytest.importorskip(module, reason=f"grading runs notebooks with {module}")

LESSONS = Path(__file__).parents[2] / "lessons"
MASTER = LESSONS / "assignments" / "source" / "ps1" / "ps1.ipynb"
LIMITS = sandbox.Limits(cell_seconds=30, total_seconds=150)

#: Two submissions with mistakes that the visible parts of the checks don't all show, and the points
#: that they must lose: (right text, wrong text) by grade_id.
MISTAKES = {
    # equal weights: consistent, but of order 2
    "weights": (
        {"ps1-rk4": ("h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)", "h / 4 * (k1 + k2 + k3 + k4)")},
        {"ps1-rk4-test": 3},
    ),
    # the factor h forgotten in p_bar; the quotient rule's two terms exchanged; no case for error 0
    "signs": (
        {
            "ps1-pullback": ("w + h * u_bar, h * p_bar", "w + h * u_bar, p_bar"),
            "ps1-dual": (
                "self.slope * other.value - self.value * other.slope",
                "self.value * other.slope - self.slope * other.value",
            ),
            "ps1-controller": ("5.0 if error == 0 else ", ""),
        },
        {"ps1-pullback-test": 3, "ps1-quotient-test": 2, "ps1-controller-test": 2},
    ),
}


def handed_in(student, mistakes=()):
    """The released notebook with the master's solutions written in, but for `mistakes`."""
    solutions = merge.solved(nb.read(MASTER), student)
    cells = []
    for cell in solutions["cells"]:
        right, wrong = dict(mistakes).get(nb.grade_id(cell), ("", ""))
        assert right in cell["source"]
        cells.append({**cell, "source": cell["source"].replace(right, wrong) if right else
                      cell["source"]})  # fmt: skip
    return nb.new(cells)


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ps1")
    notebooks = {"honest": handed_in("31415")}
    for name, (mistakes, _) in MISTAKES.items():
        notebooks[name] = handed_in("31415", mistakes)
    for name, notebook in notebooks.items():
        (folder / f"{name}.ipynb").write_text(nb.dumps(notebook), encoding="utf-8")
    found = grade.grade_all([folder], MASTER, folder / "out", jobs=3, limits=LIMITS)
    return {score.submission: score for score in found}


def test_release_is_up_to_date():
    (target,) = build.targets(LESSONS, "assignment", ["ps1"])
    assert build.build(target, check=True) == "up to date"


def test_it_has_four_to_ten_checks_and_a_written_answer():
    cells = list(filter(master.is_graded, nb.read(MASTER)["cells"]))
    by_hand = [cell for cell in cells if not master.is_test(cell)]
    assert 4 <= len(cells) - len(by_hand) <= 10
    assert len(by_hand) == 1
    assert sum(nb.grading(cell)["points"] for cell in cells) == 18


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_honest_solution_earns_all_points(scores):
    assert (scores["honest"].points, scores["honest"].out_of) == (16, 16)
    assert scores["honest"].student == "31415"
    assert scores["honest"].by_hand[0]["answer"]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MISTAKES)
def test_known_mistakes_lose_exactly_their_points(scores, name):
    lost = {t.grade_id: t.out_of - t.points for t in scores[name].tasks if t.points < t.out_of}
    assert lost == MISTAKES[name][1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_in_the_release_exactly_the_checks_fail():
    (target,) = build.targets(LESSONS, "assignment", ["ps1"])
    release = nb.read(target.release)
    code = [cell for cell in release["cells"] if cell["cell_type"] == "code"]
    run = sandbox.run_notebook(nb.dumps(release), limits=LIMITS)
    failing = {
        nb.grade_id(cell)
        for number, cell in enumerate(code)
        if run.error(number) and "raises-exception" not in cell["metadata"].get("tags", [])
    }
    assert failing == {nb.grade_id(cell) for cell in code if master.is_test(cell)}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_master_passes_nbval(tmp_path):
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-q", "-p", "no:cacheprovider",
               "-p", "nbval.plugin", "--nbval-lax", "--nbval-current-env",
               f"--junitxml={report}", str(MASTER)]  # fmt: skip
    root = str(LESSONS.parent)
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": root}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-2000:]
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    code = [cell for cell in nb.read(MASTER)["cells"] if cell["cell_type"] == "code"]
    assert int(suite.get("tests", 0)) == len(code)
