"""The right-hand side as the solvers see it: counted, checked, and always one array.

The checks run on the first call (did f write into u? is the result an array?) and, being cheap,
on every call (shape), because a silent broadcast is the hardest error to find.
"""

import numpy as np

from sciml_lab.ad import collect, is_traced, primal

_WROTE = (
    "f wrote into its argument u: f(u, p, t) must leave u (and p) as it is and return the "
    "derivative as a new array, for example np.array([...])."
)


class RightHandSide:
    """Wrap ``f(u, p, t)``: count calls, gather ``np.array([...])`` of traced scalars, check shape.

    Parameters
    ----------
    f : callable
        The user's ``f(u, p, t)``.
    shape : tuple of int
        Shape that the result must have: that of u.

    Attributes
    ----------
    count : int
        Calls so far.

    Raises
    ------
    TypeError
        If f returns a list, None, or something else that is no array, or has another signature.
    ValueError
        If f returns the wrong shape, writes into its argument u, or mixes the trajectories of a
        batch.

    Examples
    --------
    >>> import numpy as np
    >>> rhs = RightHandSide(lambda u, p, t: -u, (2,))
    >>> rhs.first(np.ones(2), np.zeros(0), 0.0)
    array([-1., -1.])
    >>> rhs.count
    1
    """

    __slots__ = ("_reused", "count", "f", "shape")

    def __init__(self, f, shape):
        self.f = f
        self.shape = tuple(shape)
        self.count = 0
        self._reused = None  # the first result, until it is known not to be written into again

    def __call__(self, u, p, t):
        """Call f, with the checks that are cheap enough for every call."""
        self.count += 1
        if type(u) is np.ndarray:
            u.setflags(write=False)  # `if u[0] < 0: u[0] = 0` would change the solution
        try:
            k = self.f(u, p, t)
        except ValueError as error:
            if "destination is read-only" in str(error) or "output array is read-only" in str(
                error
            ):
                raise ValueError(f"at t = {np.min(primal(t)):.6g} {_WROTE}") from error
            raise
        if type(k) is not np.ndarray or k.dtype.hasobject:
            k = collect(k)
        if self._reused is not None:
            k = self._own(k)
        if k.shape != self.shape:
            self._wrong_shape(k.shape)
        return k

    def _own(self, k):
        """Copy the result of an f that returns the same memory every time (stages are kept)."""
        if isinstance(k, np.ndarray) and np.may_share_memory(k, self._reused):
            return k.copy()
        self._reused = None
        return k

    def first(self, u, p, t):
        """Call f for the first time, with every check."""
        before = np.array(primal(u), copy=True)
        given = u.copy() if isinstance(u, np.ndarray) else u
        k = self.f(given, p, t)
        self.count += 1
        self._check_result(k)
        if isinstance(given, np.ndarray) and not np.array_equal(
            primal(given), before, equal_nan=True
        ):
            raise ValueError(_WROTE)
        k = collect(k)
        if k.shape != self.shape:
            self._wrong_shape(k.shape)
        if isinstance(k, np.ndarray):
            self._reused, k = k, k.copy()
        return k

    def check_lanes(self, u, p, t, k):
        """Move the first trajectory of a batch: it alone may answer, and as it would on its own.

        An f that was written for one trajectory may mix all of them, by ``np.sum(u)`` for example,
        and the numbers would be wrong without a sign of it. `k` is f at u.
        """
        u, p, k = (None if x is None else np.array(primal(x)) for x in (u, p, k))
        u[..., 0] += 1e-3 * (u[..., 0] if np.any(u[..., 0]) else 1.0)
        moved = self._try(u, p, t)
        one = self._try(u[..., :1], p[..., :1] if p is not None and p.ndim == 2 else p, t[:1])
        size = np.max(np.abs(moved))  # NaN if f refused: then no comparison holds
        apart = [moved[..., 1:] - k[..., 1:]] if moved.shape == k.shape else []
        apart += [moved[..., :1] - one] if one.shape == moved[..., :1].shape else []
        if any(np.max(np.abs(a)) > 1e-6 * size for a in apart):
            raise ValueError(
                "f mixes the trajectories of the batch: what it gives for one depends on the "
                "others. Let sums and the like run over the components (axis=0) and leave the "
                "last axis alone, or leave batch=True out."
            )

    def _try(self, u, p, t):
        """The value of f as a plain array, or NaN if f does not take this state."""
        self.count += 1
        try:
            return np.asarray(primal(collect(self.f(u, p, t))), dtype=complex)
        except Exception:  # for a test only: the solve itself will not come here
            return np.full(1, np.nan)

    def _check_result(self, k):
        if k is None:
            raise TypeError(
                "f returned None: f(u, p, t) must return the derivative as an array "
                "(did you forget `return`?)."
            )
        if isinstance(k, list | tuple):
            raise TypeError(
                f"f returned a {type(k).__name__}: f(u, p, t) must return an array, "
                "write  return np.array([...])."
            )
        if is_traced(k) or isinstance(k, np.ndarray | np.generic | float | int | complex):
            if isinstance(k, np.ndarray) and k.dtype.kind not in "fiucbO":
                raise TypeError(
                    f"f returned an array of dtype {k.dtype}: the derivative must be numbers."
                )
            return
        raise TypeError(
            f"f returned {type(k).__name__}: f(u, p, t) must return an array of shape {self.shape}."
        )

    def _wrong_shape(self, shape):
        raise ValueError(
            f"f returned an array of shape {tuple(shape)}, but u has shape {self.shape}: "
            "f(u, p, t) must return one derivative for each entry of u."
        )
