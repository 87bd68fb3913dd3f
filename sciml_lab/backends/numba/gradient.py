"""`DiscreteAdjoint` on the compiled backend: a compiled solve, and a compiled way back.

The kernel of the solve keeps every accepted step with its stages. From cotangents of the outputs
the kernel of `gradient_loop.py` goes back through them.
"""

from functools import cached_property

import numpy as np

from sciml_lab.ad import is_traced
from sciml_lab.backends.numba import gradient_layout as back
from sciml_lab.backends.numba.drive import PATIENCE, address
from sciml_lab.backends.numba.gradient_functions import pullback
from sciml_lab.backends.numba.gradient_kernels import kernel
from sciml_lab.backends.numba.solve import reason_for_python
from sciml_lab.sensitivity.discrete import NO_DENSE


def reason_for_numpy(adjoint, inputs, settings) -> str:
    """Why an adjoint is taken step by step in Python; empty if it need not be."""
    if adjoint.checkpoints is not None:
        return "checkpoints are kept by the readable sweep"
    if not set(inputs.names) <= {"u0", "p"}:
        return "times are differentiated"
    values = (inputs.lower.u0, inputs.lower.p)
    if any(x is not None and np.asarray(x).dtype.kind == "c" for x in values):
        return "the numbers are complex"
    return reason_for_python(inputs.lower, settings)


class CompiledAdjoint:
    """A finished compiled solve that can be pulled back.

    Parameters
    ----------
    inputs : Inputs
        What is differentiated.
    solution : Solution
        Of the compiled solve, with all steps and stages.
    readable : callable
        Makes the `Adjoint` of the readable sweep, for what this one does not do.
    """

    def __init__(self, inputs, solution, readable):
        self.inputs, self.solution, self.make_readable = inputs, solution, readable
        self.compiled, self.plain_dense = solution.record, solution._dense
        self.run = self.compiled.run

    @cached_property
    def readable(self):
        """The same solve for the readable sweep (it is solved again)."""
        return self.make_readable()

    def u(self):
        """The outputs as one traced array."""

        def pull(g):
            if is_traced(g):  # a derivative around this one
                return self.readable.sweep(g)
            return self.pull(g, self.output_times)

        return self.inputs.enter(self.solution.u, pull)

    def output_times(self, lane):
        """Output times of a trajectory, in the direction of integration."""
        if self.compiled.times is not None:
            return np.array(self.compiled.times, dtype=float)
        one = self.compiled.outcomes[lane]
        return np.append(one.steps[0], one.now)

    def dense(self, t):
        """The solution at time t as a traced value."""
        if is_traced(t):
            return self.readable.dense(t)
        if self.plain_dense is None:
            raise ValueError(NO_DENSE)
        t = np.asarray(t, dtype=float)
        answer = self.plain_dense(t)
        forward = 1.0 if self.run.tspan[1] > self.run.tspan[0] else -1.0
        order = np.argsort(forward * t.reshape(-1), kind="stable")

        def pull(g):
            if is_traced(g):
                return self.readable.pull_dense(t, g, self.inputs.names)
            times = t.reshape(-1)[order]
            return self.pull(
                np.reshape(g, (t.size, *np.shape(self.run.u0)))[order], lambda _: times
            )

        return self.inputs.enter(answer, pull)

    def pull(self, g, times):
        """Cotangents of u0 and p from those of outputs.

        Parameters
        ----------
        g : ndarray, shape (T, *u0.shape)
        times : callable
            ``times(lane) -> ndarray, shape (T,)``, in the direction of integration.
        """
        run, compiled = self.run, self.compiled
        u0_bar = np.zeros(np.shape(run.u0))
        p_bar = None if run.p is None else np.zeros(np.shape(run.p))
        for lane in range(len(compiled.outcomes)):
            mine = g[..., lane] if run.lanes else g
            lam, p_lane = self._pull_lane(lane, mine, times(lane))
            if run.lanes:
                u0_bar[..., lane] = lam.reshape(u0_bar.shape[:-1])
            else:
                u0_bar[...] = lam.reshape(u0_bar.shape)
            if p_bar is not None and run.lanes and np.ndim(run.p) == 2:
                p_bar[:, lane] = p_lane
            elif p_bar is not None:
                p_bar += p_lane.reshape(p_bar.shape)
        return {"u0": u0_bar, "p": p_bar}

    def _pull_lane(self, lane, g, times):
        """The sweep of one trajectory."""
        run, compiled, one = self.run, self.compiled, self.compiled.outcomes[lane]
        u0, p = compiled.lane(np.asarray(run.u0), lane), compiled.lane(run.p, lane)
        f = compiled.drive.f
        free = f.drives.setdefault(("back", run.method, u0.size, np.size(p)), [])
        way = free.pop() if free else WayBack(
            run.method, f, pullback(f, u0, p), u0.size, np.size(p)
        )  # fmt: skip
        way.p[:] = 0.0 if p is None else np.ravel(p)
        way.direction(*run.tspan)
        t, h, u, k = one.steps
        g = np.ascontiguousarray(g, dtype=float).reshape(len(times), -1)
        way.set(back.T, (t, h, u, k, np.ascontiguousarray(times), g))
        way.start(len(t), len(times), one.now)
        while way.go():
            pass  # a moment for Ctrl-C
        found = way.lam.copy(), way.p_bar.copy()
        way.set(back.T, ())
        free.append(way)  # for the next sweep; an interrupted one is left to the collector
        return found


class WayBack:
    """Memory for reverse sweeps, one after the other.

    Parameters
    ----------
    method : ExplicitRK
    f : Function
    f_vjp : Derivative
    n, m : int
        Length of the state, number of parameters.

    Attributes
    ----------
    p, lam, p_bar : ndarray
        Parameters; cotangents of the state and of the parameters.
    """

    def __init__(self, method, f, f_vjp, n, m):
        every, extra = len(method.tableau.P), len(method.tableau.A_dense)
        self.kernel, self.memory, self.kept = kernel(method, n), [f, f_vjp], {}
        self.integers = r = np.zeros(back.INTEGERS_BACK, dtype=np.int64)
        r[back.LENGTH_OF_U], r[back.F_BACK], r[back.F_VJP] = n, f.address, f_vjp.address
        self.address, self.goal = address(r), np.zeros(1)
        self.p, self.lam, self.p_bar = np.zeros(max(m, 1)), np.zeros(n), np.zeros(max(m, 1))
        self.set(back.P_BACK, (self.p,))
        self.set(back.GOAL, (self.goal, self.lam, self.p_bar))
        lengths = [n, n * every, n * every, n, n * extra, n, max(f.work, f_vjp.work) + 1]
        scratch = np.zeros(sum(lengths))
        starts = np.cumsum([0, *lengths[:-1]])
        r[back.K_BAR : back.WORK_BACK + 1] = address(scratch) + 8 * starts
        self.memory.append(scratch)
        one = method.tableau.stages * (3 * f.seconds + 2e-8 * n)
        r[back.BUDGET_BACK] = max(1, int(PATIENCE / one))

    def set(self, first, arrays):
        """Enter the addresses of arrays, which are kept alive until others take their places."""
        self.kept[first] = arrays
        for entry, array in enumerate(arrays, start=first):
            self.integers[entry] = address(array)

    def direction(self, start, end):
        """Set the direction of time."""
        self.integers[back.DIRECTION] = 1 if end > start else -1

    def start(self, steps, outputs, end):
        """Put a sweep at its beginning, the end of the trajectory."""
        r = self.integers
        r[back.STEPS], r[back.OUTPUTS_LEFT], r[back.AT_END] = steps, outputs, 1
        self.goal[0], self.lam[:], self.p_bar[:] = end, 0.0, 0.0

    def go(self) -> int:
        """Call the kernel once; returns how many steps are left."""
        return self.kernel(self.address)
