"""What a student and a teacher read after grading: score.json, feedback.md, one line."""

import json
from dataclasses import asdict
from pathlib import Path

from sciml_lab.classroom import sandbox

_MOST = 200


def write(score, folder: Path) -> None:
    """Write ``score.json`` and ``feedback.md`` of one submission into `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps(asdict(score), indent=1, ensure_ascii=False) + "\n"
    (folder / "score.json").write_text(text, encoding="utf-8", errors="replace")
    (folder / "feedback.md").write_text(markdown(score), encoding="utf-8", errors="replace")


def summary(score) -> str:
    """The result in one line."""
    line = f"{score.submission}: {score.points:g} of {score.out_of:g} points"
    if score.problem:
        return f"{line}. {score.problem}"
    lost = [task.grade_id for task in score.tasks if task.points < task.out_of]
    return f"{line}{'; lost at ' + ', '.join(lost) if lost else ''}"


def markdown(score) -> str:
    """The feedback: each task in a sentence, what is read by a person, what was repaired."""
    lines = [f"# {score.submission}", "", f"**{score.points:g} of {score.out_of:g} points**", ""]
    if score.problem:
        lines += [f"Nothing could be graded. {one_line(score.problem)}", ""]
    else:
        lines += ["| task | points | |", "|---|---|---|"]
        for task in score.tasks:
            said = one_line(task.reason).replace("|", "\\|").replace("`", "'") or "all right"
            lines.append(f"| {task.grade_id} | {task.points:g} of {task.out_of:g} | {said} |")
        lines.append("")
    for entry in score.by_hand:
        answer = entry["answer"] or "(nothing was written)"
        lines += [
            f"**{entry['grade_id']}**: read by a person, up to {entry['out_of']:g} points.",
            "",
        ]
        lines += [f"> {line}" for line in answer[:5_000].splitlines()] + [""]
    lines += [f"- {one_line(note)}" for note in score.notes] + [""] * bool(score.notes)
    return "\n".join([*lines, sandbox.SENTENCES[score.protection], ""])


def one_line(text: str) -> str:
    r"""`text` on one line, without control characters, cut where it is long.

    Examples
    --------
    >>> one_line("two\nlines")
    'two lines'
    """
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= _MOST else clean[: _MOST - 1] + "…"


def no_formula(text: str) -> str:
    """`text` as a table cell that no spreadsheet takes for a formula.

    Examples
    --------
    >>> no_formula("=1+1"), no_formula("Ada")
    ("'=1+1", 'Ada')
    """
    clean = one_line(str(text))
    return "'" + clean if clean[:1] in ("=", "+", "-", "@") else clean
