"""One master gives the student's form and the instructor's version, always the same bytes."""

import json

import pytest

from sciml_lab.classroom import build, cli, master, regions
from sciml_lab.classroom import notebook as nb


def graded(grade_id, source, points=None, *, solution=False, kind="code"):
    """A cell with nbgrader metadata: a check that earns `points`, or a place for a solution."""
    meta = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    if points is not None:
        meta["points"] = points
    return nb.cell(kind, source, nbgrader=meta)


SOLVED = """def double(x):
    '''Twice x.'''
    ### BEGIN SOLUTION
    y = 2 * x
    return y
    ### END SOLUTION"""

TEST = """show("three", double(3))
### BEGIN HIDDEN TESTS
show("seven", double(7))
### END HIDDEN TESTS"""


@pytest.fixture
def assignment():
    return nb.new(
        [
            nb.cell("markdown", "# Doubling"),
            graded("setup", "from sciml_lab.classroom.check import show"),
            graded("double", SOLVED, solution=True),
            graded("double-test", TEST, 2),
            graded("why", "Because.", 1, solution=True, kind="markdown"),
        ]
    )


@pytest.fixture
def lessons(tmp_path, assignment):
    """A folder lessons/ with one lesson and one assignment."""
    lesson = nb.new(
        [nb.cell("code", SOLVED, tags=["raises-exception"]), nb.cell("code", "print(double(3))")]
    )
    for folder, name, content in (
        ("source/03_doubling", "lesson.ipynb", lesson),
        ("assignments/source/ps1", "ps1.ipynb", assignment),
    ):
        path = tmp_path / "lessons" / folder
        path.mkdir(parents=True)
        (path / name).write_text(nb.dumps(content), encoding="utf-8")
    return tmp_path / "lessons"


def test_release_of_an_assignment_has_stub_and_locks(assignment):
    cells = {nb.grade_id(c): c for c in build.student_form(assignment, "assignment")["cells"]}
    assert cells["double"]["source"] == (
        "def double(x):\n    '''Twice x.'''\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    )
    assert cells["double-test"]["source"] == 'show("three", double(3))'
    assert cells["why"]["source"] == "YOUR ANSWER HERE"
    assert cells["double-test"]["metadata"]["editable"] is False
    assert cells["double"]["metadata"]["deletable"] is False
    assert "editable" not in cells["double"]["metadata"]
    assert cells["setup"]["metadata"]["editable"] is False
    assert {len(cells[name]["metadata"]["nbgrader"]["checksum"]) for name in cells if name} == {32}


def test_release_of_a_lesson_keeps_the_indentation():
    form = build.student_form(nb.new([nb.cell("code", SOLVED)]), "lesson")
    assert form["cells"][0]["source"].splitlines()[-1] == "    ...  # your code here"
    compile(form["cells"][0]["source"], "cell", "exec")


@pytest.mark.parametrize("kind", ["lesson", "assignment"])
def test_release_never_holds_markers_or_outputs(kind, assignment):
    if kind == "lesson":
        assignment = nb.new([nb.cell("code", SOLVED)])
    text = nb.dumps(build.student_form(assignment, kind))
    assert "BEGIN" not in text
    assert "2 * x" not in text
    assert all(c.get("outputs", []) == [] for c in json.loads(text)["cells"])


def test_same_master_gives_same_bytes_and_unique_ids(assignment):
    twin = nb.new([nb.cell("code", "x = 1"), nb.cell("code", "x = 1")])
    ids = [c["id"] for c in twin["cells"]]
    assert len(set(ids)) == 2
    once, again = (nb.dumps(build.student_form(assignment, "assignment")) for _ in range(2))
    assert once == again
    # and a release read again and written again does not change
    assert nb.dumps(nb.parse(once)) == once


def test_released_notebook_is_valid(assignment):
    nbformat = pytest.importorskip("nbformat", reason="nbformat checks the notebook's schema")
    nbformat.validate(
        nbformat.reads(nb.dumps(build.student_form(assignment, "assignment")), as_version=4)
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda n: n["cells"][2].update(source="### BEGIN SOLUTION"), "is never closed"),
        (lambda n: n["cells"][2].update(source="### END SOLUTION"), "that never began"),
        (lambda n: n["cells"][2].update(source="# begin solution"), "is almost a marker"),
        (lambda n: n["cells"][2].update(source="return 1"), "needs a region"),
        (lambda n: n["cells"][3].update(outputs=[{"output_type": "stream"}]), "clear all outputs"),
        (lambda n: n["cells"][3].update(execution_count=3), "clear all outputs"),
        (lambda n: n["metadata"].update(widgets={}), "remove metadata.widgets"),
        (lambda n: n["cells"][3]["metadata"].update(tags=["raises-exception"]), "whatever it does"),
        (lambda n: nb.grading(n["cells"][3]).update(points=-1), "not negative"),
        (lambda n: nb.grading(n["cells"][3]).pop("points"), "needs points"),
        (lambda n: nb.grading(n["cells"][3]).update(schema_version=2), "must be 3"),
        (lambda n: nb.grading(n["cells"][3]).update(grade="yes"), "must be true or false"),
        (lambda n: nb.grading(n["cells"][3]).update(grade_id="double"), "more than one cell"),
        (lambda n: nb.grading(n["cells"][2]).update(points=1), "has points, but"),
        (lambda n: n["cells"][1].update(source=TEST), "hidden tests belong into"),
        (lambda n: n["cells"][1].update(source=SOLVED), "solution is false"),
        (lambda n: n["cells"][2]["metadata"].pop("nbgrader"), "no nbgrader metadata"),
    ],
)
def test_a_broken_master_is_refused_with_its_fault(assignment, change, says):
    change(assignment)
    with pytest.raises(nb.NotebookError, match=says):
        build.student_form(assignment, "assignment")


def test_a_master_without_graded_cells_is_refused():
    with pytest.raises(nb.NotebookError, match="No cell is graded"):
        build.student_form(nb.new([nb.cell("code", "1")]), "assignment")


def test_a_lesson_has_no_hidden_tests():
    assert master.faults(nb.new([nb.cell("code", TEST)]), "lesson") == [
        "Cell 0: a lesson has no hidden tests."
    ]


def test_check_names_the_stale_release_and_writes_nothing(lessons, capsys):
    arguments = ["lesson", "build", "--check", "--lessons", str(lessons)]
    assert cli.main(arguments) == 1
    assert "03_doubling: out of date" in capsys.readouterr().out
    assert not (lessons / "03_doubling").exists()
    assert cli.main([*arguments[:2], "03", *arguments[3:]]) == 0
    assert cli.main(arguments) == 0
    release = lessons / "03_doubling" / "lesson.ipynb"
    release.write_text(release.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cli.main(arguments) == 1
    assert cli.main(["lesson", "build", "--lessons", str(lessons)]) == 0
    assert cli.main(arguments) == 0


def test_instructor_version_is_executed_with_solutions_shown(lessons):
    pytest.importorskip("nbclient", reason="nbclient executes the instructor's version")
    arguments = ["--instructor", "--lessons", str(lessons)]
    assert cli.main(["lesson", "build", *arguments]) == 0
    assert cli.main(["assignment", "build", *arguments]) == 0
    lesson = nb.read(lessons / "instructor" / "03_doubling" / "lesson.ipynb")
    assert lesson["cells"][0]["source"].endswith("    y = 2 * x\n    return y")
    assert lesson["cells"][1]["outputs"][0]["text"] == ["6\n"]
    solved = nb.read(lessons / "assignments" / "instructor" / "ps1" / "ps1.ipynb")
    text = nb.dumps(solved)
    assert "value> " in text
    assert "BEGIN" not in text


def test_a_failing_master_gives_one_sentence(lessons, capsys):
    pytest.importorskip("nbclient", reason="nbclient executes the instructor's version")
    bad = nb.new([nb.cell("code", "1 / 0")])
    (lessons / "source" / "03_doubling" / "lesson.ipynb").write_text(nb.dumps(bad))
    assert cli.main(["lesson", "build", "--instructor", "--lessons", str(lessons)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_unknown_names_are_answered_with_those_that_exist(lessons, capsys):
    assert cli.main(["assignment", "build", "ps9", "--lessons", str(lessons)]) == 1
    assert "No assignment is called 'ps9'; there are: ps1." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "is not valid JSON"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": [{"cell_type": "code"}]}', "no list of cells"),
        (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "no list of cells"),
        (b'{"cells": [], "metadata": 3}', "metadata that are no dictionary"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"cells": []}' + b" " * 2_000, "at most"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    limit = 1_000 if says == "at most" else nb.MAX_BYTES
    with pytest.raises(nb.NotebookError, match=says):
        nb.read(path, max_bytes=limit)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(nb.NotebookError, match=r"nothing\.ipynb can't be read: No such file"):
        nb.read(tmp_path / "nothing.ipynb")


def test_regions_replace_only_their_own_kind():
    source = "a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc"
    assert regions.replace(source, regions.SOLUTION, lambda i: ["x"]) == source
    assert regions.replace(source, regions.HIDDEN, lambda i: []) == "a\nc"
    assert regions.without_markers(source) == "a\nb\nc"
    nested = "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION"
    assert "inside the one of line 1" in regions.faults(nested)[0]


def test_nbgrader_makes_the_same_release(tmp_path, assignment):
    """nbgrader's own ``generate_assignment`` as the oracle, where it is installed."""
    reason = "nbgrader is optional: it is only the oracle here"
    apps = pytest.importorskip("nbgrader.apps", reason=reason)
    source = tmp_path / "source" / "ps1"
    source.mkdir(parents=True)
    (source / "ps1.ipynb").write_text(nb.dumps(assignment), encoding="utf-8")
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    api = __import__("nbgrader.apps.api", fromlist=["NbGraderAPI"]).NbGraderAPI(config=config)
    assert api.generate_assignment("ps1")["success"], apps
    theirs = nb.read(tmp_path / "release" / "ps1" / "ps1.ipynb")["cells"]
    ours = build.student_form(assignment, "assignment")["cells"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["source"] == other["source"]
        for key in ("deletable", "editable"):
            assert one["metadata"].get(key) == other["metadata"].get(key)
        assert nb.grading(one).get("checksum") == nb.grading(other).get("checksum")
