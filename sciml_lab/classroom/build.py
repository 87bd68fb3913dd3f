"""One master notebook -> the student's release and the instructor's version.

| kind       | master                                | student's form                          |
|------------|---------------------------------------|-----------------------------------------|
| lesson     | lessons/source/NN_slug/lesson.ipynb   | lessons/NN_slug/lesson.ipynb            |
| assignment | lessons/assignments/source/psN/*.ipynb| lessons/assignments/release/psN/*.ipynb |

A lesson's solutions become ``...  # your code here`` and the page still runs to its end. An
assignment's become nbgrader's stub, its hidden tests go, its checks are locked. The instructor's
version (``lessons/instructor/...``, ``lessons/assignments/instructor/...``) is executed with the
solutions shown; it is never committed. The same master always gives the same bytes.
"""

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sciml_lab._optional import need
from sciml_lab.classroom import master as rules
from sciml_lab.classroom import notebook as nb
from sciml_lab.classroom import regions

LESSON_STUB = "...  # your code here"
CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
TEXT_STUB = "YOUR ANSWER HERE"


@dataclass(frozen=True)
class Target:
    """One master and where its two versions go."""

    kind: str
    master: Path
    release: Path
    instructor: Path


def targets(root, kind: str, names=()) -> list[Target]:
    """The masters of `kind` under the lessons folder `root`, or those of `names` alone.

    Parameters
    ----------
    root : path
        The folder ``lessons/``.
    kind : {"lesson", "assignment"}
        Which masters.
    names : sequence of str
        Folder names, such as ``"06_solvers"``, ``"06"`` or ``"ps1"``; all if empty.

    Raises
    ------
    NotebookError
        If a name fits no master.
    """
    base = Path(root) if kind == rules.LESSON else Path(root) / "assignments"
    found = []
    for master in sorted((base / "source").glob("*/*.ipynb")):
        folder = master.parent.name
        release = base / folder if kind == rules.LESSON else base / "release" / folder
        instructor = base / "instructor" / folder / master.name
        found.append(Target(kind, master, release / master.name, instructor))
    for name in names:
        if not any(_called(target, name) for target in found):
            there = ", ".join(target.master.parent.name for target in found) or "none"
            raise nb.NotebookError(f"No {kind} is called {name!r}; there are: {there}.")
    return [t for t in found if not names or any(_called(t, name) for name in names)]


def student_form(notebook: dict, kind: str) -> dict:
    r"""The student's form of a master: no solutions, no hidden tests, no outputs.

    Parameters
    ----------
    notebook : dict
        The master, as `notebook.read` gives it.
    kind : {"lesson", "assignment"}
        Which stub replaces a solution.

    Raises
    ------
    NotebookError
        If the master breaks a rule; the message lists all that it breaks.

    Examples
    --------
    >>> master = nb.new([nb.cell("code", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION")])
    >>> student_form(master, "lesson")["cells"][0]["source"]
    '...  # your code here'
    """
    broken = rules.faults(notebook, kind)
    if broken:
        raise nb.NotebookError(" ".join(broken))
    make = _lesson_cell if kind == rules.LESSON else _assignment_cell
    return nb.new([make(_clean(cell)) for cell in notebook["cells"]])


def instructor_form(notebook: dict) -> dict:
    """The master with its markers removed: what the instructor reads, before it is executed."""
    cells = []
    for cell in map(_clean, notebook["cells"]):
        cell["source"] = regions.without_markers(cell["source"])
        cells.append(cell)
    return nb.new(cells)


def execute(notebook: dict, folder, cell_timeout: float = 120) -> dict:
    """`notebook` run top to bottom in `folder`, with its outputs. A failing cell is an error."""
    nbformat = need("nbformat", extra="classroom", what="The instructor's version")
    nbclient = need("nbclient", extra="classroom", what="The instructor's version")
    node = nbformat.reads(nb.dumps(notebook), as_version=4)
    client = nbclient.NotebookClient(
        node,
        timeout=cell_timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
    )
    try:
        client.execute()
    except nbclient.exceptions.CellControlSignal as error:
        last = str(error).strip().splitlines()[-1]
        raise nb.NotebookError(f"The master doesn't run to its end: {last}") from None
    done = nb.parse(nbformat.writes(node))
    for cell in done["cells"]:
        cell["metadata"].pop("execution", None)  # clock times
    return done


def build(target: Target, *, check: bool = False, instructor: bool = False) -> str:
    """Make the release of one master, or with `check` only look whether it is up to date.

    Parameters
    ----------
    target : Target
        One of `targets`.
    check : bool
        Write nothing.
    instructor : bool
        Also execute the instructor's version.

    Returns
    -------
    str
        "up to date", "out of date" (only with `check`) or "written".
    """
    notebook = nb.read(target.master)
    try:
        text = nb.dumps(student_form(notebook, target.kind))
    except nb.NotebookError as error:
        raise nb.NotebookError(f"{target.master.parent.name}: {error}") from None
    current = target.release.is_file() and target.release.read_bytes() == text.encode()
    if not current and not check:
        target.release.parent.mkdir(parents=True, exist_ok=True)
        target.release.write_bytes(text.encode())
    if instructor and not check:
        run_in = target.release.parent if target.kind == rules.LESSON else target.master.parent
        done = execute(instructor_form(notebook), run_in)
        target.instructor.parent.mkdir(parents=True, exist_ok=True)
        target.instructor.write_bytes(nb.dumps(done).encode())
    return "up to date" if current else "out of date" if check else "written"


def checksum(cell: dict) -> str:
    """The digest nbgrader makes of a cell: its text, its type and what it is for."""
    meta = nb.grading(cell)
    parts = [
        cell["source"],
        cell["cell_type"],
        *(str(bool(meta.get(flag))) for flag in ("grade", "solution", "locked")),
        meta["grade_id"],
    ]
    if meta.get("grade"):
        parts.append(str(float(meta["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def _clean(cell: dict) -> dict:
    """A copy without outputs, and with metadata that mean something to a reader."""
    cell = copy.deepcopy(cell)
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None
    keep = ("nbgrader", "tags", "jupyter", "slideshow")
    cell["metadata"] = {key: cell["metadata"][key] for key in keep if key in cell["metadata"]}
    return cell


def _lesson_cell(cell: dict) -> dict:
    stub = TEXT_STUB if cell["cell_type"] == "markdown" else LESSON_STUB
    cell["source"] = regions.replace(cell["source"], regions.SOLUTION, lambda i: [i + stub])
    return cell


def _assignment_cell(cell: dict) -> dict:
    """What ``nbgrader generate_assignment`` makes of a cell."""
    if not nb.grading(cell):
        return cell
    is_code = cell["cell_type"] == "code"
    stub = CODE_STUB if is_code else (TEXT_STUB,)
    if rules.is_solution(cell):
        if regions.has(cell["source"], regions.SOLUTION):
            cell["source"] = regions.replace(
                cell["source"], regions.SOLUTION, lambda i: [i + line for line in stub]
            )
        else:
            cell["source"] = "\n".join(stub)
        cell["metadata"]["deletable"] = False
    elif rules.is_graded(cell) or nb.grading(cell).get("locked"):
        cell["metadata"] |= {"deletable": False, "editable": False}
    cell["source"] = regions.replace(cell["source"], regions.HIDDEN, lambda _: [])
    meta = json.loads(json.dumps(nb.grading(cell)))
    cell["metadata"]["nbgrader"] = {**meta, "checksum": checksum(cell)}
    return cell


def _called(target: Target, name: str) -> bool:
    folder = target.master.parent.name
    return name in (folder, folder.partition("_")[0], folder.partition("_")[2])
