"""A loss of trajectories as an object: readable when it is called, compiled when it is trained."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import value_and_grad
from sciml_lab.neural.predict import predict, settings
from sciml_lab.nn.losses import mean_square, mse
from sciml_lab.problems import ODEProblem
from sciml_lab.solvers import solve as front


@dataclass(frozen=True, eq=False)
class SolveLoss:
    """The mean squared distance of trajectories from data, ``p -> mean |u(t_i; p) - data_i|^2``.

    Parameters
    ----------
    f : callable
        Right-hand side.
    starts : array, shape (n,) or (n, B)
        State, or B states, at ``t[0]``.
    t : array, shape (T,)
        Times.
    data : array, shape (T - skip, n) or (T - skip, n, B)
        Data at the times.
    options : dict
        Of `predict`.
    skip : int
        How many of the first times have no data.

    Notes
    -----
    With ``backend="numba"`` the loss and its gradient are one call of compiled code: solve,
    compare, sweep back. `sl.ad.value_and_grad`, `sl.ad.grad` and `sl.train` use it of themselves,
    and `sl.train` with `Adam` runs as a whole in compiled code. Its memory is used again by every
    call: each thread needs a loss of its own.

    Examples
    --------
    >>> t = np.linspace(0, 1, 6)
    >>> loss = SolveLoss(lambda u, p, t: p[0] * u, np.ones(1), t, np.exp(-t)[:, None])
    >>> value, slope = loss.value_and_grad(np.array([-1.0]))
    >>> bool(value < 1e-10)
    True
    """

    f: Any
    starts: np.ndarray
    t: np.ndarray
    data: np.ndarray
    options: dict = field(default_factory=dict)
    skip: int = 0
    _compiled: dict = field(default_factory=dict, repr=False)

    def __call__(self, p):
        """The loss, from an ordinary solve: p may be traced."""
        u = predict(self.f, p, self.starts, self.t, **self.options)
        return mse(u[self.skip :], self.data)

    def value_and_grad(self, p):
        """The loss and its gradient.

        Parameters
        ----------
        p : array, shape (m,)

        Returns
        -------
        (float, ndarray)
        """
        compiled = self.compiled(p)
        found = compiled and compiled.value_and_grad(p)
        if found:
            return found
        return value_and_grad(lambda p: self(p), p)  # which has the words for a failed solve

    def compiled(self, p):
        """The `CompiledLoss` for this number of parameters, or None if the backend is NumPy."""
        if self.options.get("backend", "numpy") != "numba" or np.ndim(p) != 1:
            return None
        found = self._compiled.get(np.size(p))
        if found is None or not found.is_current():
            found = self._compiled[np.size(p)] = self._compile(p)
        return found

    def _compile(self, p):
        need("numba", extra="accel", what="backend='numba'")
        from sciml_lab.backends.numba.gradient_loss import CompiledLoss

        how, starts = settings(self.t, **self.options), np.asarray(self.starts, dtype=float)
        times = np.array(self.t[self.skip :])
        # One trajectory after the other, unless they are to share their steps: with fixed steps
        # the numbers are the same, and nothing has to be compiled for another number of them.
        if starts.ndim == 2 and not self.options.get("shared_steps", False):
            starts, data, shape = starts.T, np.moveaxis(self.data, -1, 0), starts.shape[:1]
        else:
            starts, data, shape = starts.reshape(1, -1), self.data, starts.shape
        starts = np.ascontiguousarray(starts)
        data = np.ascontiguousarray(data).reshape(len(starts), len(times), -1)
        tspan = (float(self.t[0]), float(self.t[-1]))
        problem = ODEProblem(self.f, starts[0].reshape(shape), tspan, np.array(p, dtype=float))
        run = front._prepare(problem, how["method"], how["rtol"], how["atol"], how["dt"],
                             how["adaptive"], None, 1_000_000)  # fmt: skip
        return CompiledLoss(run, starts, times, data, mean_square)

    def __repr__(self) -> str:
        return f"SolveLoss({len(self.t)} times, starts {np.shape(self.starts)})"
