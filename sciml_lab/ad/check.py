"""Check derivatives: three ways to one number must agree, to first and to second order.

With this module one can: ask whether the derivative of f is right. For random v and w the number
``<w, J v>`` comes from a push (JVP), from a pull (VJP, as ``<J^T w, v>``) and from central
differences. If one is off, every operation of f is tested alone, and the first wrong rule is named.
"""

from dataclasses import dataclass, field

import numpy as np

from .api import derivative, grad
from .finite import central_difference
from .modes import MODES, PULL, PUSH, as_directions, call
from .primitive import as_value
from .tape import Tape
from .values import primal


class CheckError(AssertionError):
    """A derivative is wrong."""


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes
    ----------
    ok : bool
        All numbers agree.
    numbers : dict
        What each way gave: name -> number, for first and second order.
    message : str
        The finding in a sentence; ``print(report)`` shows it.

    Examples
    --------
    >>> report = check(np.sin, 1.0)
    >>> report.ok, sorted(report.numbers)
    (True, ['first order', 'second order'])
    """

    ok: bool
    message: str
    numbers: dict = field(repr=False, default_factory=dict)

    def __bool__(self):
        return self.ok

    def __str__(self):
        return self.message

    def assert_ok(self):
        """Raise `CheckError` with the message if something disagrees."""
        if not self.ok:
            raise CheckError(self.message)
        return self


def check(f, x, modes=("dual", "tape"), *, rtol=1e-6, second=True, seed=0) -> Report:
    """Compare the derivatives of f with each other and with central differences.

    Parameters
    ----------
    f : callable
        Takes an array, returns an array; or takes several, then x is a tuple of them.
    x : array or tuple of arrays
        Where; real, and at a point where f is smooth.
    modes : sequence of str
        Which ways to compare: "dual", "tape", "complex_step", "autograd".
    rtol : float
        Allowed relative difference to first order; to second order it is a hundred times that.
    second : bool
        Check second derivatives too (duals through duals, duals through a tape, tape through tape).
    seed : int or numpy.random.Generator
        Where the random vectors come from.

    Returns
    -------
    Report
        True or False in an `if`; ``print(report)`` says what was found.

    Raises
    ------
    ValueError
        If a mode is unknown.

    Examples
    --------
    >>> print(check(lambda x: np.sum(np.tanh(x) ** 3), [0.3, 0.7]))  # doctest: +ELLIPSIS
    Derivatives agree: dual, tape and central differences differ by ... to first order, ...
    """
    for mode in modes:
        if mode not in MODES:
            raise ValueError(f"modes must be among {', '.join(map(repr, MODES))} (got {mode!r}).")
    rng = np.random.default_rng(seed)
    xs = [as_value(part, "x") for part in (x if isinstance(x, tuple) else (x,))]
    y = call(f, xs)
    vs = [_random(rng, part) for part in xs]
    w = _random(rng, y)
    numbers = {"first order": _first(f, xs, vs, w, modes)}
    gaps = {"first order": _gaps(numbers["first order"], rtol)}
    if second:
        numbers["second order"] = _second(f, xs, vs, w)
        gaps["second order"] = _gaps(numbers["second order"], 100 * rtol)
    return Report(*_judge(numbers, gaps, f, xs, rng), numbers)


def _random(rng, like):
    return np.asarray(rng.standard_normal(like.shape))[()]


def _inner(a, b):
    return float(np.sum(np.real(a * b)))


def _first(f, xs, vs, w, modes):
    """Compute <w, J v> in every way; the size of its terms is the yardstick."""
    slope = central_difference(lambda s: call(f, _moved(xs, vs, s)), 0.0, richardson=True)
    found = {"central differences": _inner(w, slope)}
    found["(yardstick)"] = float(np.sum(np.abs(w * slope)))
    for mode in modes:
        if mode in PULL:
            _, pullback = PULL[mode](f, xs)
            found[mode] = sum(_inner(g, v) for g, v in zip(pullback(w), vs, strict=True))
        else:
            _, ts = PUSH[mode](f, xs, [as_directions(v) for v in vs])
            found[mode] = _inner(w, ts[..., 0])
    return found


def _second(f, xs, vs, w):
    """Compute v^T H v of <w, f> along the line x + s v in every way."""

    def line(s):
        return np.sum(np.real(w * call(f, _moved(xs, vs, s))))

    slope = derivative(line)
    steps = float(central_difference(slope, 0.0, richardson=True))
    return {
        "central differences": steps,
        "(yardstick)": abs(steps) + abs(float(slope(0.0))),
        "dual of dual": float(derivative(slope, 0.0)),
        "dual of tape": float(derivative(grad(line), 0.0)),
        "tape of tape": float(grad(grad(line), 0.0)),
    }


def _moved(xs, vs, s):
    return [x + s * v for x, v in zip(xs, vs, strict=True)]


def _gaps(found, rtol):
    """Relative differences from the central difference, and whether they are small enough."""
    size = max(found["(yardstick)"], 1e-30)
    right = found["central differences"]
    gaps = {
        name: abs(value - right) / size
        for name, value in found.items()
        if name not in ("central differences", "(yardstick)")
    }
    return gaps, {name for name, gap in gaps.items() if not gap <= rtol}


def _judge(numbers, gaps, f, xs, rng):
    wrong = [
        f"to {order}, {name} gives {numbers[order][name]:.10g} where central differences give "
        f"{numbers[order]['central differences']:.10g}"
        for order, (_, bad) in gaps.items()
        for name in sorted(bad)
    ]
    if not wrong:
        worst = {order: max(found.values(), default=0.0) for order, (found, _) in gaps.items()}
        names = ", ".join(gaps["first order"][0])
        said = ", ".join(f"{gap:.1e} to {order}" for order, gap in worst.items())
        return True, f"Derivatives agree: {names} and central differences differ by {said}."
    culprit = find_wrong_rule(f, xs, rng)
    return False, f"Derivatives disagree: {'; '.join(wrong)}.{culprit}"


def find_wrong_rule(f, xs, rng) -> str:
    """Test each operation of f alone, and name the first whose rule is wrong."""
    tape = Tape()
    call(f, [tape.input(x) for x in xs])
    for number, entry in enumerate(tape.entries):
        if entry.rule is None or np.iscomplexobj(primal(entry.value)):
            continue
        what = f" Entry {number} of the tape is the first wrong one: {entry.name} has a wrong "
        ts = {k: _random(rng, entry.values[k]) for k in entry.positions}
        g = _random(rng, entry.value)

        def moved(s, entry=entry, ts=ts):
            values = [x + s * ts[k] if k in ts else x for k, x in enumerate(entry.values)]
            return entry.rule(*values, **entry.kwargs)

        right = _inner(g, central_difference(moved, 0.0))
        size = 1e-5 * (abs(right) + 1)
        pulled = entry.rule.pull(entry.positions, g, entry.value, entry.values, entry.kwargs)
        terms = zip(entry.positions, pulled, strict=True)
        if abs(sum(_inner(p, ts[k]) for k, p in terms if p is not None) - right) > size:
            return what + "VJP."
        tangents = [as_directions(ts[k]) if k in ts else None for k in range(len(entry.values))]
        pushed = entry.rule.push(tangents, entry.value, entry.values, entry.kwargs)
        if abs(_inner(g, pushed[..., 0]) - right) > size:
            return what + "JVP."
    return ""
