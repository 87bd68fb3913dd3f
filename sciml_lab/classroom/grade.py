"""Submissions -> points, feedback and a class table.

The checks of an assignment print values; this process compares them with reference values, which
come from the master's solution, run on the same inputs in a sandbox of its own. Inputs are drawn
anew for every grading, so nothing that could be written down beforehand is right. Whatever a
submission does, it ends in a result with a sentence, and the next one is graded.
"""

import csv
import json
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue

from sciml_lab._optional import need
from sciml_lab.classroom import compare, feedback, merge, sandbox
from sciml_lab.classroom import master as rules
from sciml_lab.classroom import notebook as nb

#: A notebook with more cells is not run.
MAX_CELLS = 1000


@dataclass
class Task:
    """One check: its points, and why they were not all given."""

    grade_id: str
    points: float
    out_of: float
    reason: str = ""


@dataclass
class Score:
    """The result of one submission.

    ``points`` of ``out_of`` were given by the checks; ``by_hand`` are written answers, which a
    person reads. ``problem`` says why nothing could be graded, if so.
    """

    submission: str
    student: str = ""
    points: float = 0.0
    out_of: float = 0.0
    tasks: list[Task] = field(default_factory=list)
    by_hand: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    protection: str = ""


class Grading:
    """One grading run: the master, the seed, the limits, and the reference values.

    Parameters
    ----------
    master : path
        The notebook with the solutions.
    seed : int, optional
        Draws the inputs of the checks; by default a new one.
    limits : Limits
        What one submission may use.
    hidden : sequence of path
        Folders that submissions must not see, besides the master's.
    """

    def __init__(self, master, seed: int | None = None, limits=None, hidden=()):
        need("nbval", extra="classroom", what="Grading")
        self.master = nb.read(master)
        broken = rules.faults(self.master, rules.ASSIGNMENT)
        if broken:
            raise nb.NotebookError(f"The master {Path(master).name}: {' '.join(broken)}")
        self.seed = secrets.randbits(48) if seed is None else seed
        self.limits = limits or sandbox.Limits()
        self.hidden = [Path(master).resolve().parent, *hidden]
        self._references: dict[str | None, dict] = {}
        self._locks: dict[str | None, threading.Lock] = {}
        self._lock = threading.Lock()

    def grade(self, path: Path | None, name: str, slot: int = 0) -> Score:
        """The score of the submission in `path`, which goes by `name`."""
        score = self._empty(name)
        try:
            if path is None:
                raise nb.NotebookError("There is no notebook in this submission.")
            if path.is_symlink():
                raise nb.NotebookError(f"{path.name} is a link: hand in the notebook itself.")
            submission = nb.read(path)
            if len(submission["cells"]) > MAX_CELLS:
                raise nb.NotebookError(
                    f"{path.name} has {len(submission['cells'])} cells and at most {MAX_CELLS} are "
                    "run: delete those that are not needed."
                )
            if not merge.recognised(self.master, submission):
                raise nb.NotebookError(
                    f"{path.name} has no cell of this assignment: hand in the released notebook, "
                    "filled in."
                )
        except nb.NotebookError as error:
            score.problem = str(error)
            return self._summed(score)
        student = merge.student_of(submission)
        score.student = student or ""
        reference = self.reference(student, slot)
        merged, run = self._run(submission, slot)
        score.notes += merged.notes
        for task in score.tasks:
            place = merged.places[task.grade_id]
            got = compare.shown(run.text(place), merged.marks[task.grade_id])
            wrong = compare.difference(got, reference[task.grade_id])
            if wrong and run.error(place):
                wrong = feedback.one_line(run.error(place))
            task.reason, task.points = wrong, 0.0 if wrong else task.out_of
        answers = merge.written_answers(self.master, submission)
        for entry in score.by_hand:
            entry["answer"] = answers[entry["grade_id"]]
        return self._summed(score)

    def reference(self, student: str | None = None, slot: int = 0) -> dict[str, dict]:
        """The values that the master's solution prints, by grade_id of the check."""
        with self._lock:
            lock = self._locks.setdefault(student, threading.Lock())
        with lock:
            if student not in self._references:
                self._references[student] = self._run_reference(student, slot)
        return self._references[student]

    def _run_reference(self, student: str | None, slot: int) -> dict[str, dict]:
        merged, run = self._run(merge.solved(self.master, student), slot)
        values = {}
        for name, place in merged.places.items():
            values[name] = compare.shown(run.text(place), merged.marks[name])
            if run.error(place) or not values[name] or None in values[name].values():
                reason = run.error(place) or "it prints no value, or one name twice"
                raise nb.NotebookError(f"The master's own check {name} fails: {reason}.")
        return values

    def _run(self, submission: dict, slot: int):
        merged = merge.merge(self.master, submission, self.seed, secrets.token_hex(8))
        text = nb.dumps(merged.notebook)
        run = sandbox.run_notebook(text, limits=self.limits, hidden=self.hidden, slot=slot)
        return merged, run

    def _empty(self, name: str) -> Score:
        """A score with every task and no point."""
        score = Score(name, protection=sandbox.protection())
        for cell in filter(rules.is_graded, self.master["cells"]):
            points = float(nb.grading(cell)["points"])
            grade_id = nb.grade_id(cell) or ""
            if rules.is_test(cell):
                score.tasks.append(Task(grade_id, 0.0, points, "not graded"))
            else:
                score.by_hand.append({"grade_id": grade_id, "out_of": points, "answer": ""})
        return score

    @staticmethod
    def _summed(score: Score) -> Score:
        score.points = sum(task.points for task in score.tasks)
        score.out_of = sum(task.out_of for task in score.tasks)
        return score


def grade_all(
    submissions,
    master,
    out,
    *,
    seed: int | None = None,
    jobs: int = 1,
    limits=None,
    report: Callable[[str], None] = lambda line: None,
) -> list[Score]:
    """Grade every submission and write ``NAME/score.json``, ``NAME/feedback.md``, ``class.csv``.

    Parameters
    ----------
    submissions : sequence of path
        Notebooks; folders with one notebook; or folders of such folders (a class).
    master : path
        The notebook with the solutions.
    out : path
        The folder for the results; it is made readable for its owner alone.
    seed : int, optional
        Repeats the inputs of an earlier grading.
    jobs : int
        Submissions graded at a time.
    limits : Limits, optional
        What one submission may use.
    report : callable
        Is given one line after each submission.

    Returns
    -------
    list of Score
        In the order of the submissions.
    """
    found = find(submissions, Path(master).name)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    hidden = {path.resolve().parent for path, _ in found if path is not None}
    grading = Grading(master, seed, limits, [*sorted(hidden), out])
    grading.reference()  # a fault of the master is told before anybody is graded
    report(sandbox.SENTENCES[sandbox.protection()])
    slots: SimpleQueue[int] = SimpleQueue()
    jobs = max(1, min(jobs, 16))
    for slot in range(jobs):
        slots.put(slot)

    def one(path: Path | None, name: str) -> Score:
        slot = slots.get()
        try:
            score = grading.grade(path, name, slot)
        except Exception as error:  # the run goes on; a person looks at this one
            score = grading._summed(grading._empty(name))
            score.problem = f"The grader itself failed ({type(error).__name__}: {error})."
        finally:
            slots.put(slot)
        feedback.write(score, out / name)
        report(feedback.one_line(feedback.summary(score)))
        return score

    with ThreadPoolExecutor(jobs) as pool:
        scores = list(pool.map(lambda pair: one(*pair), found))
    _write_table(scores, out / "class.csv")
    (out / "grading.json").write_text(
        json.dumps({"seed": grading.seed, "limits": asdict(grading.limits)}, indent=1) + "\n",
        encoding="utf-8",
    )
    report(f"The table of the class is in {out / 'class.csv'}.")
    return scores


def find(submissions, usual: str) -> list[tuple[Path | None, str]]:
    """The notebook of every submission and the name it goes by; None where there is no notebook.

    Parameters
    ----------
    submissions : sequence of path
        As for `grade_all`.
    usual : str
        The file name of the release; it is preferred where a folder has several notebooks.
    """
    found: list[tuple[Path | None, str]] = []
    for path in map(Path, submissions):
        if not path.exists():
            raise nb.NotebookError(f"There is no submission {path}: check the path.")
        if not path.is_dir():
            name = path.resolve().parent.name if path.name == usual else path.stem
            found.append((path, name))
            continue
        folders = sorted(p for p in path.iterdir() if p.is_dir() and p.name[0] not in "._")
        loose = _notebooks(path)
        if not loose and folders:
            found += [(_chosen(folder, usual), folder.name) for folder in folders]
        elif len(loose) > 1 and usual not in (p.name for p in loose):
            found += [(each, each.stem) for each in loose]  # a folder of renamed files
        else:
            found.append((_chosen(path, usual), path.resolve().name))
    seen: dict[str, int] = {}
    unique = []
    for path, name in found:
        seen[name] = seen.get(name, 0) + 1
        unique.append((path, name if seen[name] == 1 else f"{name}-{seen[name]}"))
    return unique


def _notebooks(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.ipynb") if p.name[0] != ".")


def _chosen(folder: Path, usual: str) -> Path | None:
    """The notebook of one submission: by its usual name, else the newest, however it is called."""
    there = _notebooks(folder)
    if not there:
        return None
    return next((p for p in there if p.name == usual), max(there, key=lambda p: p.stat().st_mtime))


def _write_table(scores: list[Score], path: Path) -> None:
    """One row a submission, one column a task."""
    names = [task.grade_id for task in scores[0].tasks] if scores else []
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["submission", "student", "points", "out_of", *names, "problem"])
        for score in scores:
            points = [f"{task.points:g}" for task in score.tasks]
            row = [score.submission, score.student, f"{score.points:g}", f"{score.out_of:g}"]
            table.writerow(map(feedback.no_formula, [*row, *points, score.problem]))
