"""Derivatives of f as text that is written once: a Jacobian like one written by hand.

Such a text costs about as much as f itself, where dual numbers cost thirty times as much and
differences n + 1 calls. It pays where f is a list of formulas. A loop over numbers is slow in plain
Python, so an f with loops (any whole-array operation is one) is left to dual numbers.
"""

import ast
from functools import cached_property
from threading import Lock

import numpy as np

from sciml_lab._optional import need

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
    flat : bool
        Whether f is a list of formulas, short enough to write down their derivatives.
    pattern : scipy.sparse.csc_array
        Where the Jacobian may be nonzero.
    found : tuple or None
        What `sciml_lab.linalg.colored.find_pattern` has found out.
    """

    def __init__(self, lowered):
        from sciml_lab.transform.jacobian import jacobian
        from sciml_lab.transform.python import compile as compiled

        state, *rest = lowered.inputs  # p = None is not among them
        time = rest[-1]
        self.lowered, self.flat, self._compressed, self.found = lowered, False, {}, None
        body = lowered.tree.body
        self.autonomous = not any(
            isinstance(node, ast.Name) and node.id == time for s in body for node in ast.walk(s)
        )
        self.jacobian = self.by_time = None
        kinds = {type(node) for s in body for node in ast.walk(s)}
        most = BRANCHED if ast.If in kinds else LARGEST
        flat = not kinds & {ast.For, ast.While} and not lowered.primitives
        self.flat = bool(flat and np.prod(lowered.shapes[state]) <= most)
        if self.flat:
            self.jacobian = _of_three(compiled(jacobian(lowered, wrt=state)), len(rest))
            if not self.autonomous:
                self.by_time = _of_three(compiled(jacobian(lowered, wrt=time)), len(rest))

    @cached_property
    def pattern(self):
        """Where the Jacobian may be nonzero."""
        return entries(self.lowered, self.lowered.inputs[0])

    def compressed(self, colors):
        """The function that computes the columns of J of each colour together."""
        from sciml_lab.transform.jacobian import compressed
        from sciml_lab.transform.python import compile as compiled

        key = tuple(colors)
        if key not in self._compressed:
            state, *rest = self.lowered.inputs
            text = compressed(self.lowered, colors, wrt=state)
            self._compressed = {key: _of_three(compiled(text), len(rest))}
        return self._compressed[key]


def entries(lowered, wrt):
    """The pattern of a Jacobian, as `sciml_lab.transform.sparsity.pattern` finds it, but sparse."""
    from sciml_lab.transform.sparsity import Walk
    from sciml_lab.transform.tree import size

    sparse = need("scipy.sparse", extra="lab", what="sparse matrices")
    walk, n = Walk(lowered), size(lowered.shapes[wrt])
    walk.arrays[wrt] = [1 << k for k in range(n)]
    found = walk.run().arrays[lowered.outputs[0]]
    rows, columns = [], []
    for i, members in enumerate(found):
        while members:
            lowest = members & -members
            rows.append(i)
            columns.append(lowest.bit_length() - 1)
            members ^= lowest
    ones = np.ones(len(rows), bool)
    return sparse.coo_array((ones, (rows, columns)), shape=(len(found), n)).tocsc()


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
    f = getattr(f, "as_written", f)  # of a compiled f
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
