"""Values that checks printed, and whether they are those of the reference.

This runs in the grader's own process. What it reads was printed by somebody else's program: it may
be anything, and nothing of it is executed.
"""

import json
from dataclasses import dataclass

import numpy as np

RTOL, ATOL = 1e-6, 1e-10


@dataclass(frozen=True)
class Shown:
    """One printed value, with the tolerances that the check asked for."""

    value: object
    rtol: float = RTOL
    atol: float = ATOL


def shown(text: str, mark: str) -> dict[str, Shown | None]:
    """The values in a cell's printed text by name; None for a name that was printed twice.

    Parameters
    ----------
    text : str
        What the cell printed.
    mark : str
        What the line of a value begins with; drawn anew for every cell and run.

    Examples
    --------
    >>> shown('value 7> {"name": "a", "value": 1.5}', "value 7> ")["a"].value
    1.5
    """
    found: dict[str, Shown | None] = {}
    for line in text.splitlines():
        if not line.startswith(mark):
            continue
        try:
            entry = json.loads(line[len(mark) :])
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(name := entry.get("name"), str):
            tolerances = {
                key: float(entry[key])
                for key in ("rtol", "atol")
                if isinstance(entry.get(key), int | float)
            }
            found[name] = None if name in found else Shown(entry.get("value"), **tolerances)
    return found


def difference(got: dict, want: dict) -> str:
    """The first value of `want` that `got` does not show rightly, as a phrase; empty if none.

    Parameters
    ----------
    got, want : dict
        As `shown` gives them: the submission's and the reference's. The tolerances are the
        reference's.

    Examples
    --------
    >>> want = {"a": Shown(1.0), "b": Shown([1.0, 2.0])}
    >>> difference({"a": Shown(1.0), "b": Shown([1.0, 2.5])}, want)
    "the value 'b' is not right (relative difference 2.5e-01)"
    >>> difference({"a": Shown(1.0)}, want)
    "the value 'b' was not printed"
    """
    for name, reference in want.items():
        if name not in got:
            return f"the value {name!r} was not printed"
        if got[name] is None:
            return f"the value {name!r} was printed more than once"
        if reason := _unlike(got[name].value, reference):
            return f"the value {name!r} {reason}"
    return ""


def _unlike(got, reference: Shown) -> str:
    """Why `got` is not the reference's value; empty if it is."""
    want = reference.value
    if isinstance(want, str | bool) or isinstance(got, str | bool):
        return "" if type(got) is type(want) and got == want else "is not right"
    if isinstance(want, dict):
        if not isinstance(got, dict) or set(got) != set(want):
            return "is not a complex number or array"
        parts = (_unlike(got[k], Shown(want[k], reference.rtol, reference.atol)) for k in want)
        return next(filter(None, parts), "")
    try:
        numbers, wanted = np.asarray(got), np.asarray(want)
        if wanted.dtype == bool or numbers.dtype == bool:
            right = numbers.dtype == wanted.dtype and np.array_equal(numbers, wanted)
            return "" if right else "is not right"
        numbers, wanted = numbers.astype(float), wanted.astype(float)
    except (ValueError, TypeError, OverflowError):
        return "is not a number or an array of numbers"
    if numbers.shape != wanted.shape:
        return f"has the shape {numbers.shape} instead of {wanted.shape}"
    if not np.all(np.isfinite(numbers)):
        return "is not finite"
    scale = float(np.max(np.abs(wanted), initial=0.0))
    apart = float(np.max(np.abs(numbers - wanted), initial=0.0))
    if apart <= reference.atol + reference.rtol * scale:
        return ""
    return f"is not right (relative difference {apart / scale:.1e})" if scale else "is not right"
