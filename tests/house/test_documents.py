"""README and its neighbours say what is so; the notebooks are clean; no file names a machine."""

import contextlib
import io
import json
import linecache
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
DOCUMENTS += [ROOT / "lessons" / "README.md"]
LESSONS = sorted(ROOT.glob("lessons/[0-9]*/lesson.ipynb"))
NOTEBOOKS = sorted(ROOT.glob("lessons/**/*.ipynb"))


def _tracked():
    """Files under version control; in an unpacked archive there is no list."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listing.returncode != 0:
        pytest.skip("this is no git checkout")
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix != ".png"]


def _cells(path, kind="code"):
    notebook = json.loads(path.read_text("utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def _rows(text):
    """The lessons of a table: folder -> minutes, from lines such as ``| [00](lessons/00_x/...``."""
    row = re.compile(r"^\|.*\]\((?:lessons/)?(\d\d_\w+)/lesson\.ipynb\).*\| *(\d+) min", re.M)
    return {name: int(minutes) for name, minutes in row.findall(text)}


EXAMPLES = re.findall(r"```python\n(.*?)```\s*```text\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code, output", EXAMPLES)
def test_the_readme_prints_what_it_says(code, output):
    printed, file = io.StringIO(), f"<README {len(code)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)  # as a notebook does
    with contextlib.redirect_stdout(printed):
        exec(compile(code, file, "exec"), {})
    assert printed.getvalue().strip() == output.strip()


def test_every_example_in_the_readme_is_tested():
    assert len(EXAMPLES) == README.count("```python") == 4


@pytest.mark.parametrize("document", ["README.md", "lessons/README.md"])
def test_the_lesson_table_is_complete_and_keeps_time(document):
    rows = _rows((ROOT / document).read_text("utf-8"))
    there = {path.parent.name for path in LESSONS}
    assert set(rows) == there
    for path in LESSONS:
        stated = re.search(r"Time:\D*(\d+)", "\n".join(_cells(path, "markdown")))
        assert stated, f"{path.parent.name} does not state its time"
        assert int(stated[1]) == rows[path.parent.name]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text("utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


def test_every_lesson_has_a_master():
    masters = {path.parent.name for path in ROOT.glob("lessons/source/*/lesson.ipynb")}
    assert {path.parent.name for path in LESSONS} == masters


def test_notebooks_are_clean():
    """No outputs, no counts, no widget state; one kernel name that every machine has."""
    dirty = []
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text("utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        clean = (
            not any(cell["outputs"] or cell["execution_count"] for cell in code)
            and "widgets" not in notebook["metadata"]
            and notebook["metadata"]["kernelspec"]["name"] == "python3"
        )
        dirty += [] if clean else [str(path.relative_to(ROOT))]
    assert not dirty


def test_students_see_no_solutions():
    marks = re.compile(r"###\s*(BEGIN|END) (SOLUTION|HIDDEN TESTS)")
    for path in [*LESSONS, *ROOT.glob("lessons/assignments/release/**/*.ipynb")]:
        assert not marks.search("\n".join(_cells(path) + _cells(path, "markdown"))), path


def test_no_file_names_a_machine_or_a_registry():
    # Put together from parts, so that this file does not name them.
    folders = "|".join(("ho" + "me", "ro" + "ot", "wo" + "rk", "Us" + "ers"))
    hosts = "|".join(
        (r"py" + r"pi\.org", r"python" + r"hosted\.org", r"npm" + r"js\.org", r"deb\.deb" + r"ian")
    )
    machine = re.compile(rf"(?<![\w.~/])/({folders})/\w|[A-Z]:\\Users|{hosts}")
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _tracked()
        if (match := machine.search(path.read_text("utf-8")))
    }
    assert not found
