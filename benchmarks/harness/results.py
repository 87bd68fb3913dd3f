"""Results as files: a page in Markdown, the numbers in JSON, and the table of README.md.

A `Verdict` is one line of the table: what was measured, against whom, and how far it got.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "results"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True)
class Verdict:
    """One line of the summary.

    Attributes
    ----------
    what, against : str
        The task, and the rival (or "" for an absolute aim).
    value, low, high : float
        Our time over theirs, and the range of the rounds; for ``unit="s"`` our seconds.
    aim : float
        Where `value` shall be at most.
    ours, theirs : float or None
        Seconds, where the line is about one task.
    unit : str
        "" for a ratio of times, else the unit of `value`.
    """

    what: str
    against: str
    value: float
    low: float
    high: float
    aim: float
    ours: float | None = None
    theirs: float | None = None
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether the aim is reached."""
        return self.value <= self.aim

    def row(self) -> list:
        """Cells of the summary table."""
        return [
            self.what, self.against or "-", duration(self.ours), duration(self.theirs),
            amount(self.value, self.unit), self.range(), amount(self.aim, self.unit),
            "yes" if self.reached else "**no**",
        ]  # fmt: skip

    def range(self) -> str:
        """The error bar in words; empty where there is none."""
        if self.low == self.high:
            return ""
        return f"{amount(self.low, self.unit)} to {amount(self.high, self.unit)}"


SUMMARY = ["what", "against", "ours", "theirs", "ours / theirs", "range", "aim", "reached"]


def compared(what, against, ours, theirs, aim) -> Verdict:
    """Verdict on two timings of the same rounds."""
    from harness.timing import ratio

    r = ratio(ours, theirs)
    return Verdict(what, against, r.value, r.low, r.high, aim, ours.best, theirs.best)


def amount(value, unit) -> str:
    """A ratio or a number of seconds in two digits.

    Examples
    --------
    >>> amount(0.0123, ""), amount(0.0625, ""), amount(3.14159, "s"), amount(0.83, "")
    ('1/81', '1/16', '3.1 s', '0.83')
    """
    if value is None or math.isnan(value):
        return "not measured"
    if unit == "" and 0 < value < 0.095:
        return f"1/{1 / value:.0f}"
    return f"{value:.2g} {unit}".strip() if value < 100 else f"{value:.0f} {unit}".strip()


def duration(seconds) -> str:
    """Seconds in a unit that keeps the number short.

    Examples
    --------
    >>> duration(1.234e-5), duration(0.0056), duration(7.0), duration(None)
    ('12.3 us', '5.60 ms', '7.00 s', '')
    """
    if seconds is None:
        return ""
    for unit, scale in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.3g} {unit}" if seconds * scale >= 100 else (
                f"{seconds * scale:#.3g} {unit}")  # fmt: skip
    return f"{seconds:#.3g} s"


def table(header, rows) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(table(["a", "b"], [[1, 2]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    text = ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
    return "\n".join([text[0], text[1].replace(" ", ""), *text[2:]])


def write(name, *, title, about, environment, verdicts, tables=(), absent=(), data=None) -> None:
    """Write results/<name>.md and results/<name>.json, and print the page.

    Parameters
    ----------
    name : str
        Of the benchmark's file, without .py.
    title, about : str
        Heading, and how it was measured.
    environment : str
        See `machine.environment`.
    verdicts : list of Verdict
    tables : list of (heading, header, rows)
        What stands below the summary.
    absent : list of str
        Sentences about peers that were not measured.
    data : object, optional
        Raw numbers for the JSON file.
    """
    parts = [f"# {title}", about.strip(), f"{environment}.",
             f"Run it again: `python benchmarks/{name}.py`."]  # fmt: skip
    if absent:
        parts.append("\n".join(f"- {sentence}" for sentence in absent))
    if verdicts:
        parts.append(table(SUMMARY, [verdict.row() for verdict in verdicts]))
    for heading, header, rows in tables:
        parts += [f"## {heading}", table(header, rows)]
    page = "\n\n".join(parts) + "\n"
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.md").write_text(page, "utf-8")
    numbers = {
        "title": title, "environment": environment, "absent": list(absent),
        "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts], "data": data,
    }  # fmt: skip
    (FOLDER / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    print(page, flush=True)


def about(docstring) -> str:
    r"""What a benchmark's docstring says on how it measures: the part after the command.

    Examples
    --------
    >>> about("Title.\n\n    python x.py\n\nHow it\nis done.\n\nWrites x.md.\n")
    'How it\nis done.'
    """
    return docstring.split("\n\n")[2].strip()


def read(name):
    """The numbers of a benchmark, or None where it has not run."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def verdicts(name) -> list:
    """The verdicts of a benchmark that has run."""
    numbers = read(name)
    return [Verdict(**v) for v in numbers["verdicts"]] if numbers else []


def between(text, middle) -> str:
    r"""Put new lines between the two markers of a page.

    Raises
    ------
    ValueError
        If the page lacks a marker.

    Examples
    --------
    >>> print(between("a\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nz", "new"))
    a
    <!-- measured: begin -->
    new
    <!-- measured: end -->
    z
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the page must hold each of the lines {BEGIN} and {END} once.")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{middle}\n{END}{rest.partition(END)[2]}"
