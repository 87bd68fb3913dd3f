"""Derivatives of f as text that is written once: a Jacobian like one written by hand.

Such a text costs about as much as f itself, where dual numbers cost thirty times as much and
differences n + 1 calls. It pays where f is a list of formulas. A loop over numbers is slow in plain
Python, so an f with loops (any whole-array operation is one) is left to dual numbers.
"""

import ast
from threading import Lock

import numpy as np

LARGEST, BRANCHED = 100, 16
"""Most unknowns. The text of a Jacobian takes a while to write: a millisecond for a few formulas,
a tenth of a second for those of POLLU. One of an f with branches goes through them n times."""

KEPT = 64
"""How many functions are remembered: what is known of f holds f, so no more than that may live."""

_known: dict = {}  # (f, shapes) -> Generated, the oldest first
_lock = Lock()


class Generated:
    """What the source of ``f(u, p, t)`` says about its derivatives.

    Attributes
    ----------
    autonomous : bool
        Whether f does not read t.
    jacobian : callable or None
        ``jacobian(u, p, t) -> (n, n)``; None where dual numbers are quicker.
    by_time : callable or None
        ``by_time(u, p, t) -> (n, 1)``, the derivative by t.
    """

    def __init__(self, lowered):
        from sciml_lab.transform.jacobian import jacobian
        from sciml_lab.transform.python import compile as compiled

        state, *rest = lowered.inputs  # p = None is not among them
        time = rest[-1]
        self.lowered = lowered
        body = lowered.tree.body
        self.autonomous = not any(
            isinstance(node, ast.Name) and node.id == time for s in body for node in ast.walk(s)
        )
        self.jacobian = self.by_time = None
        kinds = {type(node) for s in body for node in ast.walk(s)}
        most = BRANCHED if ast.If in kinds else LARGEST
        flat = not kinds & {ast.For, ast.While} and not lowered.primitives
        if flat and np.prod(lowered.shapes[state]) <= most:
            self.jacobian = _of_three(compiled(jacobian(lowered, wrt=state)), len(rest))
            if not self.autonomous:
                self.by_time = _of_three(compiled(jacobian(lowered, wrt=time)), len(rest))


def _of_three(function, others):
    """A function of (u, t) as one of (u, p, t); one of all three as it is."""
    return function if others == 2 else lambda u, p, t: function(u, t)


def generated(f, u, p, t):
    """Return the `Generated` of f for arguments of these shapes, or None if f can't be read.

    Examples
    --------
    >>> def f(u, p, t):
    ...     x, y = u
    ...     return np.array([y, np.sin(t) - x**3])
    >>> found = generated(f, np.ones(2), None, 0.0)
    >>> found.jacobian(np.ones(2), None, 0.0)
    array([[ 0.,  1.],
           [-3.,  0.]])
    >>> found.autonomous
    False
    """
    key = f, np.shape(u), None if p is None else np.shape(p)
    try:
        found = _known.get(key, "unknown")
    except TypeError:  # an object that can't be a key starts anew
        return _read(f, u, p, t)
    if found == "unknown" or (found is not None and not found.lowered.is_current()):
        found = _read(f, u, p, t)
        with _lock:
            _known.pop(key, None)
            _known[key] = found
            if len(_known) > KEPT:
                del _known[next(iter(_known))]
    return found


def _read(f, u, p, t):
    """Lower f and write its derivatives; None if the subset does not cover it."""
    from sciml_lab.transform import TransformError, lower

    try:
        return Generated(lower(f, u, p, t))
    except TransformError:
        return None
