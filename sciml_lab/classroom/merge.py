"""A submission with the master's checks put back: what the grader runs.

Students' cells stay where they are and as they are. Every cell that was not theirs to change is
the master's again; what is missing returns to its place, a deleted answer as the empty stub. In
the checks, a line ``SEED = 1`` gets a number that nobody knew before, and `check.show` a mark drawn
for this cell alone.
"""

import re
from dataclasses import dataclass, field

import numpy as np

from sciml_lab.classroom import build, regions
from sciml_lab.classroom import master as rules
from sciml_lab.classroom import notebook as nb

_SEED = re.compile(r"^SEED = \d+.*$", re.MULTILINE)
_STUDENT = re.compile(r"""^student = (["'])([^"'\\\n]{0,64})\1 *$""", re.MULTILINE)


@dataclass(frozen=True)
class Merged:
    """A notebook to run: where its checks are, how their values are marked, what was repaired."""

    notebook: dict
    places: dict[str, int]
    marks: dict[str, str]
    notes: list[str] = field(default_factory=list)


def merge(master: dict, submission: dict, seed: int, secret: str) -> Merged:
    """The submission with the master's checks put back.

    Parameters
    ----------
    master, submission : dict
        Notebooks, as `notebook.read` gives them.
    seed : int
        Draws the inputs of the checks; the reference is run with the same.
    secret : str
        Part of the mark of every value; another one for every run.

    Returns
    -------
    Merged
        With ``places`` from the grade_id of a check to its number among the code cells.
    """
    by_name = _by_name(master)
    names = list(by_name)
    stubs = _by_name(build.student_form(master, "assignment"))
    student = student_of(submission) or student_of(master)
    draw = np.random.default_rng(seed)
    seeds = {name: int(draw.integers(1, 2**31)) for name in names}
    marks = {name: f"value {secret}-{number}> " for number, name in enumerate(names)}

    def restored(name: str) -> dict:
        cell = by_name[name]
        if rules.is_test(cell):
            source = _check_source(cell["source"], marks[name], seeds[name])
        else:
            source = stubs[name]["source"]
        if student is not None and cell["cell_type"] == "code" and not rules.is_solution(cell):
            source = f"student = {student!r}\n{source}"
        return nb.cell(cell["cell_type"], source)

    cells: list[tuple[str | None, dict]] = []  # with the grade_id of those that have one
    placed: set[str | None] = set()
    notes = []
    if student is not None and student_of(submission) is None:
        notes.append("No line  student = '...'  could be read; the released one was put back.")
    for cell in submission["cells"]:
        name = _name(cell, by_name)
        theirs = name is None or rules.is_solution(by_name[name])
        if theirs:
            own = nb.cell(cell["cell_type"], cell["source"])
            cells.append((None if name in placed else name, own))
            if name and cell["cell_type"] != by_name[name]["cell_type"]:
                notes.append(f"The cell {name} was turned into a {cell['cell_type']} cell.")
        elif name not in placed:
            cells.append((name, restored(name)))
        placed.add(name)
    for number, name in enumerate(names):
        placed_names = [name for name, _ in cells]
        if name not in placed_names:
            what = "empty" if rules.is_solution(by_name[name]) else "unchanged"
            notes.append(f"The cell {name} was missing and was put back {what}.")
            before = [placed_names.index(n) for n in names[:number] if n in placed_names]
            after = [placed_names.index(n) for n in names[number:] if n in placed_names]
            at = max(before) + 1 if before else min(after, default=len(cells))
            cells.insert(at, (name, restored(name)))
    code = [name for name, cell in cells if cell["cell_type"] == "code"]
    places = {name: code.index(name) for name in names if rules.is_test(by_name[name])}
    return Merged(nb.new([cell for _, cell in cells]), places, marks, notes)


def solved(master: dict, student: str | None) -> dict:
    """The master as a submission: what the reference values come from."""
    cells = []
    for cell in master["cells"]:
        source = regions.without_markers(cell["source"])
        if student is not None and _student(cell) is not None:
            source = _STUDENT.sub(lambda _: f"student = {student!r}", source)
        cells.append({**cell, "source": source})
    return {**master, "cells": cells}


def student_of(submission: dict) -> str | None:
    """The text that a cell gives as ``student = "..."``; None if there is none.

    It is read, not executed.
    """
    return next((s for cell in submission["cells"] if (s := _student(cell)) is not None), None)


def _student(cell: dict) -> str | None:
    """The text of a line ``student = "..."`` in `cell`."""
    found = _STUDENT.search(cell["source"]) if cell["cell_type"] == "code" else None
    return found[2] if found else None


def written_answers(master: dict, submission: dict) -> dict[str, str]:
    """The text of every written answer by grade_id; empty where nothing was written."""
    by_name = _by_name(master)
    wanted = [n for n, c in by_name.items() if rules.is_graded(c) and not rules.is_test(c)]
    answers = dict.fromkeys(wanted, "")
    for cell in reversed(submission["cells"]):
        name = _name(cell, by_name)
        if name in answers:
            text = cell["source"].strip()
            answers[name] = "" if text in ("", build.TEXT_STUB) else text
    return answers


def recognised(master: dict, submission: dict) -> bool:
    """Whether any cell of the submission is one of this assignment."""
    by_name = _by_name(master)
    return any(_name(cell, by_name) for cell in submission["cells"])


def _check_source(source: str, mark: str, seed: int) -> str:
    """A check as it is run: its seed drawn, its values marked."""
    source = _SEED.sub(f"SEED = {seed}", regions.without_markers(source))
    return f"from sciml_lab.classroom import check\n\ncheck.MARK = {mark!r}\n{source}"


def _name(cell: dict, by_name: dict) -> str | None:
    """The grade_id of a cell, or its id, which is the same in a release (some editors drop one)."""
    for name in (nb.grade_id(cell), cell.get("id")):
        if isinstance(name, str) and name in by_name:
            return name
    return None


def _by_name(notebook: dict) -> dict[str, dict]:
    """The cells of a master or release by grade_id, in their order."""
    return {name: cell for cell in notebook["cells"] if (name := nb.grade_id(cell))}
