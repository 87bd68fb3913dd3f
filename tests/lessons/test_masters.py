"""Every lesson's master runs from top to bottom, and its own solutions satisfy its own checks."""

import re
import shutil
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="lessons are notebooks: install nbformat")
nbclient = pytest.importorskip("nbclient", reason="lessons run in a kernel: install nbclient")

LESSONS = Path(__file__).parents[2] / "lessons"
SLUGS = sorted(path.parent.name for path in LESSONS.glob("source/*/lesson.ipynb"))


def run(slug, folder):
    """Execute a master in a copy of the folder that its students see."""
    place = shutil.copytree(LESSONS / slug, folder / slug)
    notebook = nbformat.read(LESSONS / "source" / slug / "lesson.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    ).execute()
    return notebook


def printed(notebook):
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    )


@pytest.mark.slow
@pytest.mark.parametrize("slug", SLUGS)
def test_the_solutions_of_a_lesson_satisfy_its_checks(slug, tmp_path):
    notebook = run(slug, tmp_path)
    text = printed(notebook)
    asked = {
        number
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for number in re.findall(r"^#+ Exercise (\d+\.\d+)", cell.source, re.MULTILINE)
    }
    answered = dict(re.findall(r"^Exercise (\d+\.\d+): (missing|not yet|correct)\.", text, re.M))
    assert asked, "a lesson has at least one exercise"
    assert answered == dict.fromkeys(asked, "correct")
    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "data" in output and "image/png" in output.data
    ]
    assert len(pictures) >= 3
    assert f"lesson {slug[:2]}: all numbers as expected" in text
