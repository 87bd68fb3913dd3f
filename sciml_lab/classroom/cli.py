"""The command ``sciml-lab``: open lessons, look at the installation, build and grade.

    sciml-lab open [lesson]                        JupyterLab on a lesson
    sciml-lab doctor [--warm]                      what is installed, what works; compile kernels
    sciml-lab lesson build [names] [--check]       masters -> lessons
    sciml-lab assignment build [names] [--check]   masters -> releases
    sciml-lab assignment grade FILES --master M    submissions -> points and feedback

What goes wrong is said in one sentence; the exit code is 1 for a finding and 2 for a mistake in
the command.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from sciml_lab.classroom.notebook import NotebookError


def main(argv=None) -> int:
    """Run the command; returns its exit code.

    Parameters
    ----------
    argv : list of str, optional
        The words after ``sciml-lab``; by default those of this process.
    """
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except (NotebookError, ImportError, OSError) as error:
        print(f"sciml-lab: {error}", file=sys.stderr)
        return 1


def lessons_folder(given=None) -> Path:
    """The folder ``lessons/``: `given`, or the one here, above here, or beside the package."""
    if given is not None:
        if not Path(given).is_dir():
            raise NotebookError(f"There is no folder {given}: give --lessons the lessons' folder.")
        return Path(given)
    here = Path.cwd()
    beside = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, beside):
        if (folder / "lessons" / "source").is_dir() or (folder / "lessons" / "README.md").is_file():
            return folder / "lessons"
    raise NotebookError(
        "There is no folder lessons/ here or above: change into the checkout or give --lessons."
    )


def _open(options) -> int:
    """JupyterLab on a lesson; without one, on the first."""
    lessons = lessons_folder(options.lessons)
    there = sorted(path.parent.name for path in lessons.glob("[0-9]*/lesson.ipynb"))
    wish = options.lesson or (there[0] if there else "")
    fitting = [name for name in there if name == wish or name.startswith(wish + "_")
               or name.partition("_")[2] == wish]  # fmt: skip
    if not fitting:
        raise NotebookError(
            f"No lesson is called {wish!r}; there are: {', '.join(there) or 'none yet'}."
        )
    command = [sys.executable, "-m", "jupyterlab", str(lessons / fitting[0] / "lesson.ipynb")]
    command += ["--no-browser"] if options.no_browser else []
    if options.dry_run:
        print(" ".join(command))
        return 0
    from sciml_lab._optional import need

    need("jupyterlab", extra="lab", what="Opening a lesson")
    return subprocess.call(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def _doctor(options) -> int:
    from sciml_lab.classroom.doctor import report

    if options.warm:
        from sciml_lab._optional import need

        need("numba", extra="accel", what="doctor --warm")
        from sciml_lab.backends.numba.warm import warm

        print("Compiling the solvers' kernels:")
        warm()
        return 0
    print(report())
    return 0


def _build(options) -> int:
    """Build or check the masters of one kind, all of them even if one is broken."""
    from sciml_lab.classroom.build import build, targets

    failed = 0
    chosen = targets(lessons_folder(options.lessons), options.kind, options.names)
    if not chosen:
        raise NotebookError(f"There is no master of any {options.kind} to build.")
    for target in chosen:
        name = target.master.parent.name
        try:
            state = build(target, check=options.check, instructor=options.instructor)
        except NotebookError as error:
            print(f"{error}", file=sys.stderr)
            failed += 1
            continue
        remedy = f": run  sciml-lab {options.kind} build {name}" if state == "out of date" else ""
        print(f"{name}: {state}{remedy}")
        failed += state == "out of date"
    return int(failed > 0)


def _grade(options) -> int:
    from sciml_lab.classroom.grade import grade_all
    from sciml_lab.classroom.sandbox import Limits

    limits = Limits(
        cell_seconds=options.cell_timeout,
        total_seconds=options.timeout,
        memory_mb=options.memory,
    )
    scores = grade_all(
        options.submissions,
        options.master,
        options.out,
        seed=options.seed,
        jobs=options.jobs,
        limits=limits,
        report=print,
    )
    return 0 if scores else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sciml-lab", description="The lab's command line.")
    commands = parser.add_subparsers(required=True, metavar="command")

    opened = commands.add_parser("open", help="open a lesson in JupyterLab")
    opened.add_argument("lesson", nargs="?", help="number or name, such as 06 or solvers")
    opened.add_argument("--no-browser", action="store_true", help="start the server only")
    opened.add_argument("--dry-run", action="store_true", help="print the command only")
    opened.add_argument("--lessons", help="the folder lessons/")
    opened.set_defaults(run=_open)

    doctor = commands.add_parser("doctor", help="what is installed and what works")
    doctor.add_argument("--warm", action="store_true", help="compile the solvers' kernels now")
    doctor.set_defaults(run=_doctor)

    for kind, plural in (("lesson", "lessons"), ("assignment", "assignments")):
        group = commands.add_parser(kind, help=f"build {plural}").add_subparsers(
            required=True, metavar="action"
        )
        build = group.add_parser("build", help="masters -> what students get")
        build.add_argument("names", nargs="*", help=f"which {plural}; all by default")
        build.add_argument("--check", action="store_true", help="write nothing, say what is stale")
        build.add_argument(
            "--instructor", action="store_true", help="also execute the version with solutions"
        )
        build.add_argument("--lessons", help="the folder lessons/")
        build.set_defaults(run=_build, kind=kind)
        if kind == "assignment":
            _add_grade(group)
    return parser


def _add_grade(group) -> None:
    grade = group.add_parser("grade", help="submissions -> points, feedback and a class table")
    grade.add_argument("submissions", nargs="+", help="notebooks, or folders with one notebook")
    grade.add_argument("--master", required=True, help="the master notebook, with solutions")
    grade.add_argument("--out", default="grades", help="where the results go (default: grades)")
    grade.add_argument("--jobs", type=int, default=1, help="submissions at a time (default: 1)")
    grade.add_argument("--seed", type=int, help="repeats an earlier run's random inputs")
    grade.add_argument(
        "--cell-timeout", type=float, default=30, help="seconds a cell (default: 30)"
    )
    grade.add_argument(
        "--timeout", type=float, default=240, help="seconds a submission (default: 240)"
    )
    grade.add_argument(
        "--memory", type=int, default=2048, help="MB of memory a process (default: 2048)"
    )
    grade.set_defaults(run=_grade)
