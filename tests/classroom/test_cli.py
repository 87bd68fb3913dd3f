"""The command answers in sentences, and its exit code says how it went."""

import subprocess
import sys
from pathlib import Path

import pytest

from sciml_lab.classroom import cli, doctor, feedback, grade
from sciml_lab.classroom import notebook as nb

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lessons(tmp_path):
    for name in ("00_welcome", "06_solvers"):
        (tmp_path / "lessons" / name).mkdir(parents=True)
        (tmp_path / "lessons" / name / "lesson.ipynb").write_text(nb.dumps(nb.new([])))
    return tmp_path / "lessons"


@pytest.mark.parametrize(
    ("wish", "opened"),
    [((), "00_welcome"), (("06",), "06_solvers"), (("solvers",), "06_solvers")],
)
def test_open_finds_the_lesson(lessons, capsys, wish, opened):
    assert cli.main(["open", *wish, "--dry-run", "--lessons", str(lessons)]) == 0
    assert f"{opened}{'/' if sys.platform != 'win32' else chr(92)}lesson.ipynb" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["open", "42"], "No lesson is called '42'; there are: 00_welcome, 06_solvers."),
        (["lesson", "build"], "There is no master of any lesson to build."),
        (["assignment", "build", "ps9"], "No assignment is called 'ps9'; there are: none."),
    ],
)
def test_mistakes_are_answered_in_a_sentence(lessons, capsys, arguments, says):
    assert cli.main([*arguments, "--lessons", str(lessons)]) == 1
    assert capsys.readouterr().err == f"sciml-lab: {says}\n"


def test_a_missing_folder_is_named(tmp_path, capsys):
    assert cli.main(["open", "--lessons", str(tmp_path / "nowhere")]) == 1
    assert "give --lessons the lessons' folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "says"),
    [("master", "can't be read: No such file"), ("submission", "There is no submission")],
)
def test_grade_names_what_is_missing(tmp_path, capsys, missing, says):
    pytest.importorskip("nbval", reason="grading runs notebooks with nbval")
    submission, master = tmp_path / "a.ipynb", tmp_path / "m.ipynb"
    if missing == "master":
        submission.write_text("{}")
    arguments = [str(submission), "--master", str(master), "--out", str(tmp_path / "out")]
    assert cli.main(["assignment", "grade", *arguments]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["assignment"], ["assignment", "grade"]])
def test_wrong_words_give_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: sciml-lab" in capsys.readouterr().err


def test_python_m_sciml_lab_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "sciml_lab", "assignment", "build", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ps1: up to date\n", "")


def test_doctor_names_what_works_and_the_remedy(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", doctor.CHECKS[:3])
    monkeypatch.setattr(
        doctor, "PACKAGES", (*doctor.PACKAGES[:1], ("nothing", "no_such_module", "lab", "a test"))
    )
    text = doctor.report()
    assert "solving: error " in text
    assert "derivatives: the derivative of x^3 at 2 is 12" in text
    assert "not installed   a test" in text
    assert "For nothing: python -m pip install 'sciml-lab[lab]'" in text


def test_doctor_reports_a_failure_instead_of_failing():
    def broken():
        raise ArithmeticError("2 + 2 is 5\nand more")

    assert doctor._sentence(("sums", broken)) == "sums: does not work. 2 + 2 is 5"


def test_submissions_are_found_however_they_are_handed_in(tmp_path):
    for path in ("class/ada/ps1.ipynb", "class/ada/old.ipynb", "class/bob/final.ipynb",
                 "class/eve/notes.txt", "flat/carl.ipynb", "flat/dora.ipynb",
                 "one/ps1.ipynb"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    given = [tmp_path / "class", tmp_path / "flat", tmp_path / "one" / "ps1.ipynb",
             tmp_path / "class" / "ada"]  # fmt: skip
    found = {name: path and path.name for path, name in grade.find(given, "ps1.ipynb")}
    assert found == {
        "ada": "ps1.ipynb",
        "bob": "final.ipynb",
        "eve": None,
        "carl": "carl.ipynb",
        "dora": "dora.ipynb",
        "one": "ps1.ipynb",
        "ada-2": "ps1.ipynb",
    }


def test_feedback_keeps_its_form_whatever_was_printed():
    score = grade.Score(
        "eve",
        tasks=[grade.Task("t", 0, 1, "a | b\n# `title`\x1b[31m" + "x" * 999)],
        by_hand=[{"grade_id": "w", "out_of": 1.0, "answer": "line\n# no title"}],
        protection="limits",
    )
    lines = feedback.markdown(score).splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# eve"]
    (row,) = (line for line in lines if line.startswith("| t |"))
    assert row.replace("\\|", "").count("|") == 4
    assert len(row) < 300
    assert "\x1b" not in row
