"""Self-checks: every exercise answers with exactly one of three sentences.

    Exercise 1.1: missing. ...     nothing has been written yet
    Exercise 1.1: not yet. ...     one property fails; it is named, with a hint
    Exercise 1.1: correct. ...     all properties hold

Never a traceback, never a colour: the words alone carry the result. A check is a generator of
properties. It is given what the student made and yields ``(holds, sentence, hint)``; the first
property that does not hold ends it. `show` prints a value so that a grader can compare it.
"""

import functools
import inspect
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

MISSING, NOT_YET, CORRECT = "missing", "not yet", "correct"

#: What a line printed by `show` begins with.
MARK = "value> "


@dataclass(frozen=True)
class Verdict:
    """One of the three answers: its `status` and the `message` that is printed."""

    status: str
    message: str

    def __str__(self) -> str:
        return self.message


class _StillMissing(Exception):
    """Raised inside a check when the student's function is still the stub."""


def exercise(number: str, praise: str = "All properties hold."):
    """Turn a generator of properties into a self-check that prints one sentence.

    The decorated generator yields tuples ``(holds, sentence)`` or ``(holds, sentence, hint)``
    where `sentence` says which property fails. Whatever the student's code raises on the way
    becomes a "not yet" that names the exception. A function that still returns ``...`` or
    ``None``, or raises `NotImplementedError`, is "missing".

    Parameters
    ----------
    number : str
        The exercise's number in the lesson, for example ``"1.1"``.
    praise : str
        What follows "correct.": say what the student now has.

    Returns
    -------
    callable
        ``check(*made) -> None`` prints the sentence; ``check.verdict(*made)`` returns the
        `Verdict` without printing.

    Examples
    --------
    >>> @exercise("1.1", praise="You have written Euler's step.")
    ... def ex1_1(euler_step):
    ...     u = euler_step(lambda u, p, t: -u, 1.0, None, 0.0, 0.1)
    ...     yield close(u, 0.9), "one step for u' = -u from 1 misses 0.9", "u + h f(u, p, t)"
    >>> def euler_step(f, u, p, t, h):
    ...     return ...
    >>> ex1_1(euler_step)
    Exercise 1.1: missing. `euler_step` still returns `...`: write your lines and run it again.
    >>> ex1_1(lambda f, u, p, t, h: u - h * f(u, p, t))
    Exercise 1.1: not yet. One step for u' = -u from 1 misses 0.9. Hint: u + h f(u, p, t)
    >>> ex1_1(lambda f, u, p, t, h: u + h * f(u, p, t))
    Exercise 1.1: correct. You have written Euler's step.
    """

    def decorate(properties: Callable[..., Iterator[tuple]]):
        @functools.wraps(properties)
        def check(*made, **options) -> None:
            print(check.verdict(*made, **options))

        def verdict(*made, **options) -> Verdict:
            status, sentence = _judge(properties, made, options, praise)
            return Verdict(status, f"Exercise {number}: {status}. {sentence}")

        check.verdict = verdict
        return check

    return decorate


def close(got, want, rtol: float = 1e-8, atol: float = 1e-12) -> bool:
    """Whether `got` has the shape of `want` and its numbers, to ``atol + rtol |want|``.

    Unlike `numpy.allclose` it does not broadcast, and what is not a number is simply not close.

    Examples
    --------
    >>> close([1.0, 2.0], np.array([1.0, 2.0]))
    True
    >>> close(1.0, [1.0, 1.0]), close("1", 1.0), close(None, 0.0)
    (False, False, False)
    """
    try:
        got, want = np.asarray(got), np.asarray(want)
    except ValueError:  # a ragged list
        return False
    if got.shape != want.shape or got.dtype.kind not in "biufc":
        return False
    return bool(np.all(np.abs(got - want) <= atol + rtol * np.abs(want)))


def measured_order(steps, errors) -> float:
    """Slope of log(error) against log(step): the order that the errors show.

    Examples
    --------
    >>> h = np.array([0.1, 0.05, 0.025])
    >>> round(measured_order(h, 3 * h**2), 6)
    2.0
    """
    return float(np.polyfit(np.log(np.asarray(steps)), np.log(np.asarray(errors)), 1)[0])


def show(name: str, value, *, rtol: float | None = None, atol: float | None = None) -> None:
    """Print `value` on one line, with every digit, so that it can be compared elsewhere.

    The checks of an assignment show values; they do not decide. Whether a value is right is
    decided in the grader's own process, on inputs that nobody knew before.

    Parameters
    ----------
    name : str
        Which value this is.
    value : bool, int, float, complex, str or array of numbers
        What to show. Shapes are kept; complex numbers become ``{"re": ..., "im": ...}``.
    rtol, atol : float, optional
        Tolerances for the comparison, where the grader's usual ones don't fit the value.

    Raises
    ------
    TypeError
        If the value is neither text nor numbers.

    Examples
    --------
    >>> show("one step", np.array([0.1, 0.9]))
    value> {"name": "one step", "value": [0.1, 0.9]}
    """
    if not isinstance(value, str):
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise TypeError(
                f"show: the value {name!r} must be text, a number or an array of numbers, and is "
                f"a {type(value).__name__}; return numbers from your function."
            )
        if array.dtype.kind == "c":
            value = {"re": array.real.tolist(), "im": array.imag.tolist()}
        else:
            value = array.tolist()
    given = {"rtol": rtol, "atol": atol}
    line = {"name": name, "value": value} | {k: v for k, v in given.items() if v is not None}
    print(MARK + json.dumps(line))


def _judge(properties, made, options, praise) -> tuple[str, str]:
    """Run the properties one by one; the first that fails decides."""
    if not made or any(value is None or value is Ellipsis for value in made):
        return MISSING, "Nothing is there yet: put your answer in place of `...` and run it again."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for holds, sentence, *hint in properties(*map(_watched, made), **options):
                if not np.all(holds):
                    return NOT_YET, _sentence(sentence) + "".join(f" Hint: {h}" for h in hint)
        except (_StillMissing, NotImplementedError) as stub:
            return MISSING, f"{stub or 'The stub still raises'}: write your lines and run it again."
        except (Exception, SystemExit) as error:
            if "ellipsis" in str(error):  # arithmetic with the `...` of the stub
                return MISSING, "There is still a `...` in it: write your lines and run it again."
            return NOT_YET, f"Running it raised {_named(error)}"
    return CORRECT, praise


def _watched(made):
    """The student's function, made to say that it is missing instead of returning nothing."""
    if not (inspect.isfunction(made) or isinstance(made, functools.partial)):
        return made

    @functools.wraps(made)
    def function(*args, **kwargs):
        answer = made(*args, **kwargs)
        if _is_nothing(answer):
            what = "None" if answer is None else "`...`"
            name = getattr(made, "__name__", "the function")
            raise _StillMissing(f"`{name}` still returns {what}")
        return answer

    return function


def _is_nothing(answer) -> bool:
    """``None``, ``...`` or a container that still holds a ``...``."""
    if isinstance(answer, np.ndarray):
        return answer.dtype == object and any(part is Ellipsis for part in answer.flat)
    if isinstance(answer, tuple | list):
        return any(part is Ellipsis for part in answer)
    return answer is None or answer is Ellipsis


def _named(error: BaseException) -> str:
    """An exception as a sentence: its name and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}{': ' + said[0] if said else ''}".rstrip(".") + "."


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:].rstrip(".") + "."
