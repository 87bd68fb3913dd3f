"""Marked regions of a cell: solutions that students write, tests that they don't see.

    ### BEGIN SOLUTION          ### BEGIN HIDDEN TESTS
    ...                         ...
    ### END SOLUTION            ### END HIDDEN TESTS

These are nbgrader's own markers, so its tools read the same masters.
"""

import re
from collections.abc import Callable

SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"

_MARKER = re.compile(r"^(?P<indent>\s*)### (?P<end>BEGIN|END) (?P<kind>SOLUTION|HIDDEN TESTS)\s*$")
_ALMOST = re.compile(r"#\s*(BEGIN|END)\s+(SOLUTION|HIDDEN)", re.IGNORECASE)


def replace(source: str, kind: str, stub: Callable[[str], list[str]]) -> str:
    r"""`source` with every region of `kind` replaced by the lines ``stub(indent)``.

    Parameters
    ----------
    source : str
        A cell's text, whose regions are closed (see `faults`).
    kind : str
        `SOLUTION` or `HIDDEN`.
    stub : callable
        Given the indentation of the region's first marker, the lines put in its place.

    Examples
    --------
    >>> text = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    >>> print(replace(text, SOLUTION, lambda indent: [indent + "..."]))
    def f(x):
        ...
    """
    kept, inside = [], False
    for line in source.split("\n"):
        marker = _MARKER.match(line)
        if marker and marker["kind"] == kind:
            inside = marker["end"] == "BEGIN"
            if inside:
                kept += stub(marker["indent"])
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def without_markers(source: str) -> str:
    """`source` with its regions kept and their markers removed: how the instructor reads it."""
    return "\n".join(line for line in source.split("\n") if not _MARKER.match(line))


def has(source: str, kind: str) -> bool:
    """Whether `source` has a region of `kind`."""
    return any(m and m["kind"] == kind for m in map(_MARKER.match, source.split("\n")))


def faults(source: str) -> list[str]:
    """What is wrong with the regions of one cell, each as a phrase; empty if nothing is.

    Examples
    --------
    >>> faults("### BEGIN SOLUTION")
    ['the region SOLUTION that begins in line 1 is never closed']
    """
    found, open_kind, open_line = [], None, 0
    for number, line in enumerate(source.split("\n"), start=1):
        marker = _MARKER.match(line)
        if not marker:
            if _ALMOST.search(line):
                found.append(f"line {number} is almost a marker, write it as '### BEGIN SOLUTION'")
        elif marker["end"] == "BEGIN":
            if open_kind:
                found.append(f"a region begins in line {number} inside the one of line {open_line}")
            open_kind, open_line = marker["kind"], number
        elif open_kind != marker["kind"]:
            found.append(f"line {number} ends a region {marker['kind']} that never began")
        else:
            open_kind = None
    if open_kind:
        found.append(f"the region {open_kind} that begins in line {open_line} is never closed")
    return found
