"""One class of honest, careless and dishonest submissions, each with its fair result."""

import csv
import json
import sys
from pathlib import Path

import pytest

from sciml_lab.classroom import build, cli, grade, merge, sandbox
from sciml_lab.classroom import notebook as nb

for module in ("nbval", "ipykernel", "pytest"):
    pytest.importorskip(module, reason=f"grading runs notebooks with {module}")


def meta(grade_id, points=None, solution=False):
    given = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return given if points is None else {**given, "points": points}


def function(name, factor):
    return f"def {name}(x):\n    ### BEGIN SOLUTION\n    return {factor} * x\n    ### END SOLUTION"


def checks(name, factor):
    return (
        "import numpy as np\n\nSEED = 1\nrng = np.random.default_rng(SEED)\n"
        f"check.show('{name} of 3', {name}(3.0))  # {3 * factor}\n"
        "### BEGIN HIDDEN TESTS\n"
        f"check.show('{name} of some', {name}(rng.normal(size=4)))\n"
        "### END HIDDEN TESTS"
    )


MASTER = nb.new(
    [
        nb.cell("code", 'student = "0000"'),
        nb.cell(
            "code",
            "import numpy as np\nfrom sciml_lab.classroom import check\nmine = float(len(student))",
            nbgrader=meta("a-setup"),
        ),
        nb.cell("code", function("double", 2), nbgrader=meta("a-double", solution=True)),
        nb.cell("code", checks("double", 2), nbgrader=meta("a-double-test", 2)),
        nb.cell("code", function("triple", 3), nbgrader=meta("a-triple", solution=True)),
        nb.cell(
            "code",
            checks("triple", 3) + "\ncheck.show('own', triple(mine))",
            nbgrader=meta("a-triple-test", 1),
        ),
        nb.cell("markdown", "Because.", nbgrader=meta("a-why", 3, solution=True)),
    ]
)

HONEST = {
    "a-double": "def double(x):\n    return x + x",
    "a-triple": "def triple(x):\n    return x + x + x",
    "a-why": "I think so.",
}
WRONG = {
    "a-double": "def double(x):\n    return 0 * x",
    "a-triple": "def triple(x):\n    return 0 * x",
}


def submission(answers, first=(), student="1234567"):
    """The release filled in: `answers` by grade_id, None deletes; `first` are cells on top."""
    cells = [nb.cell("code", source) for source in first]
    for cell in build.student_form(MASTER, "assignment")["cells"]:
        source = answers.get(nb.grade_id(cell), cell["source"])
        if source is not None:
            cells.append({**cell, "source": source.replace("0000", student)})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


# What each submission does, and the points it must get: (double, triple).
SEARCH = Path(__file__).with_name("hostile").joinpath("search.txt").read_text("utf-8")
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
"""
TRANSFORMER = """
def rewrite(lines):
    if any("check.show" in line for line in lines):
        mark = next(line for line in lines if "check.MARK" in line)
        return [mark, "for n in ('double of 3', 'double of some', 'triple of 3', 'triple of some', "
                "'own'): check.show(n, 6.0)\\n"]
    return lines
get_ipython().input_transformers_cleanup.append(rewrite)
"""
PATCHED = """
import numpy as np, builtins, json
from sciml_lab.classroom import check
np.testing.assert_allclose = np.testing.assert_equal = lambda *a, **k: None
np.allclose = np.array_equal = lambda *a, **k: True
shown = check.show
check.show = lambda name, value, **k: shown(name, 6.0)
"""
PRINTED = """
def double(x):
    import sys
    for name, value in (("double of 3", 6.0), ("double of some", [1.0, 2.0, 3.0, 4.0])):
        sys.stdout.write('value> {"name": "%s", "value": %s}\\n' % (name, value))
    return 0 * x
"""
# It forges the log of the process that runs this very notebook, and writes nowhere else: as root
# without walls, anything wider would reach the pipes of strangers. As another user it can't even
# open the log; where it can, what it forges are no right values.
FORGED_LOG = """
import glob, json, os
runner = f"/proc/{os.getppid()}"
with open(f"{runner}/cmdline", "rb") as words:
    is_runner = b"sciml_lab.classroom.cell_log" in words.read()
for link in glob.glob(f"{runner}/fd/*") if is_runner else []:
    try:
        if os.readlink(link).startswith("pipe:"):
            with open(link, "wb", buffering=0) as pipe:
                for cell in range(20):
                    line = {"cell": cell, "outcome": "passed", "text": "value> 6", "error": ""}
                    pipe.write((json.dumps(line) + "\\n").encode())
    except OSError:
        pass
"""
EDITED = dict.fromkeys(("a-double-test", "a-triple-test"), "check.show('double of 3', 6.0)")
STUBBORN = """
def triple(x):
    while True:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            pass
"""

CLASS = {
    "honest": (submission(HONEST), (2, 1)),
    "half": (submission({**WRONG, "a-double": HONEST["a-double"]}), (2, 0)),
    "untouched": (submission({}), (0, 0)),
    "endless": (submission({**HONEST, "a-double": "def double(x):\n    while True: pass"}), (0, 1)),
    "stubborn": (submission({**HONEST, "a-triple": STUBBORN}), (2, 0)),
    "dead kernel": (
        submission({**HONEST, "a-triple": "def triple(x):\n    import os\n    os._exit(3)"}),
        (2, 0),
    ),
    "deleted checks": (submission({**HONEST, "a-double-test": None, "a-setup": None}), (2, 1)),
    "deleted answer": (submission({**HONEST, "a-triple": None}), (2, 0)),
    "edited checks": (submission({**WRONG, **EDITED}), (0, 0)),
    "printed": (submission({**WRONG, "a-double": PRINTED}), (0, 0)),
    "patched": (submission(WRONG, [PATCHED]), (0, 0)),
    "transformer": (submission(WRONG, [TRANSFORMER]), (0, 0)),
    "search": (submission({**WRONG, "a-triple": WRONG["a-triple"] + "\n" + SEARCH}), (0, 0)),
    "forged log": (submission(WRONG, [FORGED_LOG]), (0, 0)),
    "flood": (
        submission({**HONEST, "a-triple": "def triple(x):\n    while True: print('x' * 999)"}),
        (2, 0),
    ),
    "greedy": (
        submission({**HONEST, "a-triple": "def triple(x):\n    return np.ones(2 * 10**9)"}),
        (2, 0),
    ),
    "no student": (submission({**HONEST}, student='" + str(12) + "'), (2, 1)),
    "half a character": (submission(HONEST, ["# \ud800"]), (2, 1)),
    "daemon": (submission(HONEST, [DAEMON]), (2, 1)),
}
if sys.platform == "win32":  # no fork to call
    CLASS.pop("daemon")

#: Files that can't be graded, with the reason that must be given.
FILES = {
    "broken JSON": (b'{"cells": [', "is not valid JSON"),
    "100 MB": (None, "has 100 MB and at most 10 MB are read"),
    "no notebook": (b"", "There is no notebook"),
    "many cells": (
        nb.dumps(nb.new([*submission({})["cells"], *[nb.cell("code", "1")] * 1000])).encode(),
        "at most 1000 are run",
    ),
    "another": (nb.dumps(nb.new([nb.cell("code", "1")])).encode(), "no cell of this assignment"),
}

LIMITS = sandbox.Limits(cell_seconds=5, total_seconds=120, memory_mb=2048)


def hand_in(folder: Path) -> None:
    """Every submission in a folder of its own, one renamed, beside the files that are none."""
    for name, (notebook, _) in CLASS.items():
        path = folder / name / ("my solution (2).ipynb" if name == "half" else "a.ipynb")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")  # as ASCII, with escapes
    for name, (content, _) in FILES.items():
        path = folder / name / ("notes.txt" if name == "no notebook" else "a.ipynb")
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            if content is None:
                file.truncate(100_000_000)  # sparse: it takes no room
            else:
                file.write(content)
    (folder / "link").mkdir()
    (folder / "link" / "a.ipynb").symlink_to(folder.parent / "private" / "a.ipynb")
    stripped = json.loads(nb.dumps(submission(HONEST)))
    for cell in stripped["cells"]:
        cell["metadata"] = {}
    (folder / "stripped").mkdir()
    (folder / "stripped" / "a.ipynb").write_text(json.dumps(stripped), encoding="utf-8")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole class graded in one run: the scores by name, and the folder of results."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder / "submissions")
    master = folder / "private" / "a.ipynb"
    master.parent.mkdir()
    master.write_text(nb.dumps(MASTER), encoding="utf-8")
    scores = grade.grade_all(
        [folder / "submissions"], master, folder / "out", jobs=4, limits=LIMITS
    )
    return {score.submission: score for score in scores}, folder / "out"


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", CLASS)
def test_every_submission_gets_the_points_it_earned(graded, name):
    if name == "search" and sandbox.protection() in ("limits", "time"):
        pytest.skip("without walls the file system can be searched; the result says so")
    score = graded[0][name]
    assert (tuple(task.points for task in score.tasks), score.problem) == (CLASS[name][1], "")
    assert all(bool(task.reason) == (task.points == 0) for task in score.tasks)


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_submission_is_said_in_a_sentence(graded, name):
    score = graded[0][name]
    assert score.points == 0
    assert FILES[name][1] in score.problem
    assert score.out_of == 3


@pytest.mark.parametrize(
    ("name", "grade_id", "says"),
    [
        ("endless", "a-double-test", "ran longer than 5 seconds and was interrupted"),
        ("stubborn", "a-triple-test", "could not be interrupted after 5 seconds"),
        ("dead kernel", "a-triple-test", "the kernel died"),
        ("deleted answer", "a-triple-test", "NotImplementedError"),
        ("greedy", "a-triple-test", "Unable to allocate"),
        ("half", "a-triple-test", "the value 'triple of 3' is not right"),
        ("printed", "a-double-test", "is not right"),
    ],
)
def test_the_reason_is_named(graded, name, grade_id, says):
    reasons = {task.grade_id: task.reason for task in graded[0][name].tasks}
    assert says in reasons[grade_id]


def test_a_link_to_the_master_is_no_submission(graded):
    assert graded[0]["link"].points == 0
    assert "is a link: hand in the notebook itself" in graded[0]["link"].problem


def test_lost_metadata_cost_nothing(graded):
    assert [task.points for task in graded[0]["stripped"].tasks] == [2, 1]


def test_repairs_are_told(graded):
    notes = " ".join(graded[0]["deleted checks"].notes)
    assert "a-double-test was missing and was put back unchanged" in notes
    assert "a-triple was missing and was put back empty" in graded[0]["deleted answer"].notes[0]


def test_written_answers_are_left_to_a_person(graded):
    assert graded[0]["honest"].by_hand == [
        {"grade_id": "a-why", "out_of": 3.0, "answer": "I think so."}
    ]
    assert graded[0]["untouched"].by_hand[0]["answer"] == ""


def test_student_is_read_and_never_executed(graded):
    assert graded[0]["honest"].student == "1234567"
    assert graded[0]["no student"].student == ""


def test_results_are_written_for_all(graded):
    scores, out = graded
    with (out / "class.csv").open(encoding="utf-8") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(scores) == {*CLASS, *FILES, "stripped", "link"}
    assert rows["honest"]["points"] == "3"
    assert rows["half"]["a-double-test"] == "2"
    for name in scores:
        score = json.loads((out / name / "score.json").read_text(encoding="utf-8"))
        assert score["points"] == scores[name].points
        text = (out / name / "feedback.md").read_text(encoding="utf-8")
        assert f"{scores[name].points:g} of 3 points" in text
        assert sandbox.SENTENCES[scores[name].protection] in text


def test_a_master_that_fails_its_own_checks_stops_the_run(tmp_path, capsys):
    bad = json.loads(nb.dumps(MASTER))
    bad["cells"][2]["source"] = function("double", "1 / 0")
    master = tmp_path / "a.ipynb"
    master.write_text(json.dumps(bad), encoding="utf-8")
    alice = tmp_path / "alice.ipynb"
    alice.write_text(nb.dumps(submission(HONEST)), encoding="utf-8")
    arguments = [str(alice), "--master", str(master), "--out", str(tmp_path / "out")]
    assert cli.main(["assignment", "grade", *arguments]) == 1
    assert "own check a-double-test fails: ZeroDivisionError" in capsys.readouterr().err


def test_two_gradings_draw_different_inputs_and_marks():
    one = merge.merge(MASTER, submission(HONEST), 1, "aa")
    two = merge.merge(MASTER, submission(HONEST), 2, "bb")
    place = one.places["a-double-test"]
    sources = [
        [c["source"] for c in m.notebook["cells"] if c["cell_type"] == "code"][place]
        for m in (one, two)
    ]
    assert sources[0] != sources[1]
    assert "SEED = 1\n" not in sources[0]
    assert "check.MARK = 'value aa-" in sources[0]
    assert "2 * x" not in nb.dumps(one.notebook)
