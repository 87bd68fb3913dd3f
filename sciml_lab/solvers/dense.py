"""Dense output: the solution between the steps, and the values at the times asked for."""

from functools import cached_property

import numpy as np

from sciml_lab.ad import collect, is_traced, primal
from sciml_lab.ad.values import Traced
from sciml_lab.solvers.stepping import some


class DenseStep:
    """One accepted step, kept so that it can be interpolated or differentiated later.

    In a batch, `h` is zero for the lanes that stood still in this step.

    Attributes
    ----------
    t, h : float or ndarray
        Start and signed length.
    u : array
        State at the start.
    k : list of array
        Stage derivatives.
    """

    __slots__ = ("_all_k", "h", "k", "t", "u")

    def __init__(self, t, h, u, k):
        self.t, self.h, self.u, self.k = t, h, u, k
        self._all_k = None

    def at(self, method, f, p, theta):
        """State at ``t + theta*h``; the extra stages are evaluated at the first call only."""
        if self._all_k is None:
            self._all_k = method.dense_stages(f, self.u, p, self.t, self.h, self.k)
        return method.interpolate(self.u, self._all_k, self.h, theta)


class Save:
    """Where one output comes from: a step, and the place inside it.

    Attributes
    ----------
    row : int
        Row of the output.
    step : int
        Index of the accepted step; -1 stands for the initial state.
    theta : float, ndarray or None
        Position in the step; None means its end (no interpolation needed).
    mask : ndarray of bool or None
        Lanes that take this row from this step (None: there is one trajectory).
    """

    __slots__ = ("mask", "row", "step", "theta")

    def __init__(self, row, step, theta=None, mask=None):
        self.row, self.step, self.theta, self.mask = row, step, theta, mask


class Recorder:
    """Collects outputs while the loop runs, and remembers where each came from.

    Parameters
    ----------
    times : list or None
        Output times in the direction of integration; None saves every accepted step.
    run : Run
        The run that is recorded.
    keep : bool
        Keep the accepted steps (for dense output or a reverse sweep).
    """

    def __init__(self, times, run, keep):
        self.run, self.keep, self.times = run, keep, times
        self.float_times = None if times is None else np.array([float(primal(s)) for s in times])
        self.start, self.end = (float(primal(s)) for s in run.tspan)
        self.direction = 1.0 if self.end > self.start else -1.0
        self.rows, self.saves, self.steps, self.t, self.count = [], [], [], [], 0
        self._first_rows()

    def _first_rows(self):
        """The outputs at the initial time."""
        run = self.run
        if self.times is None:
            self._row(run.tspan[0], run.u0, Save(0, -1))
            return
        moves = is_traced(run.tspan[0]) or any(is_traced(s) for s in self.times)
        here = (self.float_times == self.start) & (not moves)  # a time that moves has a slope
        for row in range(int(np.argmin(here)) if not here.all() else len(here)):
            self._row(self.times[row], run.u0, Save(row, -1))
        if run.lanes:  # rows still to come, filled lane by lane
            self.next_row = np.full(run.u0.shape[-1], len(self.rows))
            for s in self.times[len(self.rows) :]:
                self.t.append(s)
                self.rows.append(np.full(run.u0.shape, np.nan))

    def _row(self, t, u, save):
        self.t.append(t)
        self.rows.append(u)
        self.saves.append(save)

    def follow(self, records):
        """Pass the accepted records on, after taking the outputs that lie in them."""
        for record in records:
            if some(record.accepted):
                self.take(record)
                yield record

    def take(self, record):
        """Take the outputs that lie in one accepted step."""
        run = self.run
        if run.lanes and is_traced(record.u_new) and not isinstance(record.u_new, Traced):
            raise TypeError(
                "autograd can't trace the single steps of a batch: leave sensitivity out and pass "
                "what is differentiated through p or u0, or take sl.ad.grad."
            )
        h = np.where(record.accepted, record.h, 0.0) if run.lanes else record.h
        step = DenseStep(record.t, h, record.u, record.stages)
        index, self.count = self.count, self.count + 1
        if self.keep:
            self.steps.append(step)
        if self.times is None:
            self._row(record.t_new, record.u_new, Save(len(self.rows), index))
        elif run.lanes:
            self._take_lanes(record, step, index)
        else:
            self._take_one(record, step, index)

    def _take_one(self, record, step, index):
        end = float(primal(record.t_new))
        while len(self.rows) < len(self.times):
            s = self.times[len(self.rows)]
            if (float(primal(s)) - end) * self.direction > 0:
                return
            moves = is_traced(s) or is_traced(record.t) or is_traced(record.t_new)
            theta = None if primal(s) == end and not moves else (s - record.t) / record.h
            u = record.u_new if theta is None else self._at(step, theta)
            self._row(s, u, Save(len(self.rows), index, theta))

    def drop_start(self):
        """Forget the row at the start: it is the last row of an earlier recorder."""
        del self.t[0], self.rows[0], self.saves[0]

    def correct(self, u):
        """Replace the state at the end of the last step, if it was an output."""
        if self.saves and self.saves[-1].step == self.count - 1 and self.saves[-1].theta is None:
            self.rows[-1] = u

    def _take_lanes(self, record, step, index):
        end = primal(record.t_new)
        while True:
            due = np.minimum(self.next_row, len(self.times) - 1)
            inside = (self.float_times[due] - end) * self.direction <= 0
            mask = record.accepted & inside & (self.next_row < len(self.times)) & (step.h != 0)
            if not mask.any():
                return
            row = int(self.next_row[mask].min())  # the rows are taken in order, lane by lane
            mask &= self.next_row == row
            theta = (self.times[row] - record.t) / np.where(step.h == 0, 1.0, record.h)
            u = self._at(step, theta)
            self.rows[row] = np.where(mask, u, self.rows[row])
            self.saves.append(Save(row, index, theta, mask))
            self.next_row = self.next_row + mask

    def _at(self, step, theta):
        return step.at(self.run.method, self.run.f, self.run.p, theta)

    def output(self):
        """Times and states as two arrays."""
        traced = any(is_traced(s) for s in self.t)
        t = collect(self.t) if traced else np.array([float(primal(s)) for s in self.t])
        traced = any(is_traced(u) for u in self.rows)
        return t, (collect(self.rows) if traced else np.array(self.rows))

    def dense(self):
        """The solution as a function of time, if the steps were kept."""
        return DenseOutput(self.steps, self.run)


class DenseOutput:
    """The solution as a function of time, from the steps that were kept.

    Parameters
    ----------
    steps : list of DenseStep
        Accepted steps in order.
    run : Run
        The run they come from.
    """

    def __init__(self, steps, run):
        self.steps, self.run = steps, run
        self.direction = 1.0 if float(primal(run.tspan[1])) > float(primal(run.tspan[0])) else -1.0

    @cached_property
    def starts(self):
        """Times where the steps start, in the direction of integration."""
        return np.array([primal(s.t) for s in self.steps]) * self.direction

    @cached_property
    def ends(self):
        """Times where the steps end, in the direction of integration."""
        return np.array([primal(s.t) + primal(s.h) for s in self.steps]) * self.direction

    def __call__(self, t):
        """State at time t, shape of u0; for an array of m times shape ``(m, *u0.shape)``."""
        shape = np.shape(primal(t))
        if not shape:
            return self._one(t)
        if len(shape) > 1:
            raise ValueError(
                f"t must be one time or a list of times (got an array of shape {shape}): pass "
                "t.ravel() and reshape what comes back."
            )
        times = [self._one(s) for s in t]
        if any(is_traced(u) for u in times):
            return collect(times)
        return np.array(times) if times else np.zeros((0, *np.shape(primal(self.run.u0))))

    def _one(self, t):
        run = self.run
        low = float(primal(run.tspan[0])) * self.direction
        place = float(primal(t)) * self.direction
        reached = self.ends.max(axis=0) if self.steps else np.asarray(low)
        slack = 1e-12 * max(abs(low), float(np.max(np.abs(reached))), 1e-300)
        if not (low - slack <= place <= np.max(reached) + slack):
            first, last = sorted((low * self.direction, float(np.max(reached)) * self.direction))
            raise ValueError(
                f"t = {float(primal(t)):.6g} lies outside the solution, which covers "
                f"{first:.6g} to {last:.6g}: solve over a longer tspan to go further."
            )
        if not self.steps:
            return run.u0
        if not run.lanes:
            step = self.steps[min(int(np.searchsorted(self.ends, place)), len(self.steps) - 1)]
            return step.at(run.method, run.f, run.p, (t - step.t) / step.h)
        return self._one_lanes(t, place, reached)

    def _one_lanes(self, t, place, reached):
        """Each lane from its own step; NaN where a lane never got so far."""
        run = self.run
        u = np.where(place <= reached + 1e-12 * np.abs(reached), run.u0, np.nan)
        inside = (self.ends >= place - 1e-12 * abs(place)) & (self.ends > self.starts)
        which = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
        for index in np.unique(which[which >= 0]):
            step = self.steps[index]
            theta = (t - step.t) / np.where(primal(step.h) == 0, 1.0, step.h)
            u = np.where(which == index, step.at(run.method, run.f, run.p, theta), u)
        return u
