"""The rules that a master notebook keeps, checked before anything is made from it."""

from sciml_lab.classroom import notebook as nb
from sciml_lab.classroom import regions

ASSIGNMENT, LESSON = "assignment", "lesson"


def faults(notebook: dict, kind: str) -> list[str]:
    """Every rule that the master breaks, as sentences that name the cell; empty if none.

    Parameters
    ----------
    notebook : dict
        The master, as `notebook.read` gives it.
    kind : {"assignment", "lesson"}
        Assignments carry nbgrader metadata (schema 3); lessons need only solution regions.

    Examples
    --------
    >>> master = nb.new([nb.cell("code", "### BEGIN SOLUTION")])
    >>> faults(master, "lesson")
    ['Cell 0: the region SOLUTION that begins in line 1 is never closed.']
    """
    found = []
    if "widgets" in notebook["metadata"]:
        found.append("The notebook stores widget state: remove metadata.widgets.")
    for index, cell in enumerate(notebook["cells"]):
        name = nb.grade_id(cell) or f"Cell {index}"
        phrases = regions.faults(cell["source"]) + _leftovers(cell)
        if kind == ASSIGNMENT:
            phrases += _grading_faults(cell)
        elif regions.has(cell["source"], regions.HIDDEN):
            phrases.append("a lesson has no hidden tests")
        found += [f"{name}: {phrase}." for phrase in phrases]
    if kind == ASSIGNMENT:
        found += _whole_faults(notebook)
    return found


def is_graded(cell: dict) -> bool:
    """Whether points hang on `cell`."""
    return bool(nb.grading(cell).get("grade"))


def is_solution(cell: dict) -> bool:
    """Whether students write in `cell`."""
    return bool(nb.grading(cell).get("solution"))


def is_test(cell: dict) -> bool:
    """Whether `cell` is a check that earns points without being written by students."""
    return is_graded(cell) and not is_solution(cell) and cell["cell_type"] == "code"


def _leftovers(cell: dict) -> list[str]:
    """Outputs and counts don't belong into a committed notebook."""
    if cell.get("outputs") or cell.get("execution_count") is not None:
        return ["it stores outputs or an execution count: clear all outputs"]
    return []


def _grading_faults(cell: dict) -> list[str]:
    """What is wrong with the nbgrader metadata of one cell."""
    meta, source, found = nb.grading(cell), cell["source"], []
    if not meta:
        if regions.has(source, regions.SOLUTION) or regions.has(source, regions.HIDDEN):
            found.append("it has a region but no nbgrader metadata")
        return found
    if meta.get("schema_version") != 3:
        found.append("metadata.nbgrader.schema_version must be 3")
    if not nb.grade_id(cell):
        found.append("metadata.nbgrader.grade_id is missing")
    for flag in ("grade", "solution", "locked", "task"):
        if not isinstance(meta.get(flag), bool):
            found.append(f"metadata.nbgrader.{flag} must be true or false")
    points = meta.get("points")
    if is_graded(cell):
        if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
            found.append("a graded cell needs points, a number that is not negative")
        if "raises-exception" in cell["metadata"].get("tags", []):
            found.append("the tag raises-exception would let a graded cell pass whatever it does")
    elif points is not None:
        found.append("it has points, but metadata.nbgrader.grade is false")
    if regions.has(source, regions.HIDDEN) and not is_test(cell):
        found.append("hidden tests belong into a graded cell that students don't write")
    if regions.has(source, regions.SOLUTION) and not is_solution(cell):
        found.append("it has a solution region, but metadata.nbgrader.solution is false")
    if (
        is_solution(cell)
        and cell["cell_type"] == "code"
        and not regions.has(source, regions.SOLUTION)
    ):
        found.append("a cell for a solution needs a region, which the stub replaces")
    return found


def _whole_faults(notebook: dict) -> list[str]:
    names = [name for cell in notebook["cells"] if (name := nb.grade_id(cell))]
    twice = sorted({name for name in names if names.count(name) > 1})
    found = [f"The grade_id {name!r} names more than one cell." for name in twice]
    if not any(map(is_graded, notebook["cells"])):
        found.append("No cell is graded: set grade, points and grade_id on at least one.")
    return found
