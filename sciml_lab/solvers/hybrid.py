"""A solve with events: a chain of smooth solves, each from one event to the next.

Where an event moves the state, the loop ends and a new one begins from there, with everything that
belongs to a beginning: a new first slope, no memory of earlier steps, perhaps another length of u.
What only corrects the state after a step (`Project`, `Positive`) goes back into the running loop.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.ad import is_traced, primal
from sciml_lab.solvers.case import Diagnosis
from sciml_lab.solvers.dense import DenseStep, Recorder
from sciml_lab.solvers.events import Callback, Failure, Stop, returned_none
from sciml_lab.solvers.initialise import settled
from sciml_lab.solvers.locate import changes, crossing
from sciml_lab.solvers.recurring import MANY, pattern
from sciml_lab.solvers.stepping import EPS, attempts

ROUND = 2.0**-46  # of a step: within that of an event its condition is zero up to rounding
TINY_PART = 2.0**-40  # of a condition's size in a step: what an affect may leave of it by rounding


def check(problem):
    """Refuse what events can't be combined with yet, with a sentence."""
    if problem.batch:
        raise ValueError(
            "events and batch=True do not go together: each trajectory has events of its own, so "
            "solve them one by one, for example with sl.Ensemble."
        )
    if any(is_traced(x) for x in (problem.u0, problem.p, *problem.tspan)):
        raise TypeError(
            "a solve with events can't be differentiated through yet: take "
            "mode='finite_difference'."
        )


class Happening(NamedTuple):
    """One entry of ``sol.events``.

    Attributes
    ----------
    t : float
        When.
    event : Callback
        Which one.
    before, after : ndarray
        The state on both sides.
    """

    t: float
    event: Any
    before: Any
    after: Any


class Chain:
    """The state of a solve with events.

    Parameters
    ----------
    run : Run
        The whole solve, as it would be without events; it counts the steps of all pieces.
    problem : Problem
    events : sequence of Callback
    times : list or None
        Output times.
    keep : bool
        Keep the steps for dense output.
    """

    def __init__(self, run, problem, events, times, keep):
        self.run, self.problem, self.events, self.keep = run, problem, events, keep
        self.times = times
        self.located = [e for e in events if e.samples]
        self.start, self.end = (float(primal(s)) for s in run.tspan)
        self.direction = 1.0 if self.end > self.start else -1.0
        self.due_at = {self.end: []}  # preset time -> what happens then
        for e in events:
            for s in e.times(self.start, self.end).tolist():
                self.due_at.setdefault(s, []).extend([e] if e.affect is not None else [])
        self.stops = sorted(self.due_at, key=lambda s: -s * self.direction)
        self.now, self.u, self.p, self.h = self.start, run.u0, run.p, run.dt
        self.grid = run.dt
        self.new = True  # whether the state is another one than at the end of the last piece
        self.happened, self.parts, self.stopped, self.failure = [], [], "", None
        self.recent = defaultdict(lambda: deque(maxlen=MANY))  # by id of event: its last times
        self.zeros = {}  # by id of event: how its condition begins, and what is still zero
        if any(type(e).longest is not Callback.longest for e in events):
            run.longest = lambda u, p, t: min(e.longest(u, p, t) for e in events)
        for e in events:
            e.begin(run)

    # One smooth piece after the other -----------------------------------------------------

    def pieces(self) -> Generator:
        """Run to the end, yielding every accepted record."""
        while True:
            goal = self.stops[-1]
            run = self._piece(goal)
            recorder = self._recorder(self._due(goal), run)
            if self.times is None and not self.new:
                recorder.drop_start()
            self.new = False
            self.parts.append((run, recorder))
            try:
                moved = yield from self._smooth(run, recorder)
            finally:
                self._count(run)
            if self.failure:
                self._give_up(*self.failure)
            if run.trouble or self.stopped:
                return
            if not moved or self.now == goal:  # an event may have ended the piece right there
                self.stops.pop()
                self._happen(self.due_at[goal], goal, self.u)
            if self.failure:
                self._give_up(*self.failure)
            if self.stopped or self.now == self.end or self._recurs() or self._spent():
                return

    def _recorder(self, due, run):
        """What takes the outputs of a piece."""
        return Recorder(due, run, self.keep)

    def _count(self, piece):
        """Add what a piece counted to the whole."""
        run = self.run
        run.naccept += piece.naccept
        run.nreject += piece.nreject
        run.now, run.p = piece.now, piece.p
        run.failed, run.trouble, run.last = piece.failed, piece.trouble, {**piece.last}
        run.last_trouble = piece.last_trouble
        if piece.trouble:
            run.last["p"] = primal(piece.p)

    def _piece(self, goal):
        """A run from here to the goal."""
        run = self.run
        if np.shape(self.u) != run.f.shape:
            self._resize(np.shape(self.u))
        h = self.h if run.adaptive else self.grid
        h = None if h is None else min(abs(h), abs(goal - self.now))
        left = run.max_steps - run.naccept - run.nreject
        return replace(
            run, u0=self.u, p=self.p, tspan=(self.now, goal), dt=h, naccept=0, nreject=0,
            failed=False, trouble="", max_steps=max(left, 1), last={},
        )  # fmt: skip

    def _resize(self, shape):
        """Go on with a state of another shape."""
        old, new = self.run.f, self.run.method.side(self.problem, shape)
        new.count = old.count
        for name in ("njac", "nlu", "nkrylov"):
            if hasattr(old, "linear"):
                setattr(new.linear, name, getattr(old.linear, name))
        if np.ndim(self.run.rtol) or np.ndim(self.run.atol):
            raise ValueError(
                f"an affect changed the shape of u to {shape}, and rtol or atol has one entry for "
                "each entry of u: give one number for all."
            )
        self.run.f = new

    def _due(self, goal):
        """Output times of this piece; a time on an event belongs to the state before it."""
        if self.times is None:
            return None
        sign, first = self.direction, bisect_right if self.parts else bisect_left
        low = first(self.times, sign * self.now, key=lambda s: sign * s)
        return self.times[low : bisect_right(self.times, sign * goal, key=lambda s: sign * s)]

    def _smooth(self, run, recorder):
        """Drive the loop of one piece; return whether an event has ended it."""
        loop, answer, self.u = attempts(run), None, run.u0
        while True:
            try:
                record = loop.send(answer)
            except StopIteration:
                return False
            answer = None
            if not record.accepted:
                continue
            self._note_step(record.h_next, self.h or 0.0, record.t_new == run.tspan[1])
            step = DenseStep(record.t, record.h, record.u, record.stages)
            theta, events = self._located(record, step, run)
            if events:
                t = record.t + theta * record.h if theta < 1 else record.t_new
                record = replace(record, t_new=t, u_new=step.at(run.method, run.f, run.p, theta))
            recorder.take(record)
            yield record
            if events:
                _ended(run, record.t_new)
                self._happen(events, record.t_new, record.u_new)
                return True
            other = self._after(record, run)
            if self.stopped or self.now == record.t_new:
                _ended(run, record.t_new)
                return True
            self.u = record.u_new if other is None else other
            if other is not None:
                answer = other
                recorder.correct(other)

    def _note_step(self, h, before, cut):
        """Note the step size proposed for the next piece, and the one proposed a step before."""
        self.h = max(abs(h), abs(before) if cut else 0.0)  # a step made short says little

    # Events inside of a step --------------------------------------------------------------

    def _located(self, record, step, run):
        """The first crossing in this step: its place, and the events that happen there."""
        found, conditions = [], [(e, self._condition(e, record, step, run)) for e in self.located]
        for e, g in conditions:
            theta = crossing(g, e.direction, e.samples, self._begins(e, g))
            if theta is not None:
                found.append((theta, e))
        self.zeros = {}
        if not found:
            return 1.0, []
        first, far = min(theta for theta, _ in found), max(1.0, abs(record.t / record.h))
        events = [e for theta, e in found if theta <= first + 4 * EPS * far]
        for e, g in conditions:
            self._note_zero(e, g, first, min(ROUND * far, 1e-3), e in events)
        return first, events

    def _note_zero(self, e, g, place, near, happens):
        """Note that a condition is zero up to rounding at a place, if it is."""
        before, after = float(g(place - near)), float(g(place + near))
        if happens or changes(before, after):
            most = max(abs(before), abs(after), TINY_PART * abs(float(g(0.0))))
            self.zeros[id(e)] = "after" if happens else "beside", 8 * most

    def _begins(self, e, g):
        """How a condition begins in this step, see `crossing`; an affect may have moved it."""
        how, most = self.zeros.get(id(e), ("apart", 0.0))
        return how if abs(float(g(0.0))) <= most else "apart"

    def _condition(self, e, record, step, run):
        """The condition of an event as a function of the place in a step."""

        def g(theta):
            u = step.at(run.method, run.f, run.p, theta)
            return e.condition(u, run.p, record.t + theta * record.h)

        return g

    def _happen(self, events, t, u):
        """Let events happen at t, one after the other, in the order in which they were given."""
        self.now, self.u = t, u
        for e in events:
            before = self.u
            if e.affect is not None:
                answer = e.affect(np.array(self.u), self.p, t)
                if answer is None:
                    returned_none()
                self._take(answer)
            self.happened.append(Happening(t, e, before, self.u))
            self.recent[id(e)].append(t)
            if e.terminal:
                self.stopped = f"stopped by {e.label} at t = {t:.6g}"
        if self.new and np.shape(self.u) == self.run.f.shape:
            self._settle(t)

    def _settle(self, t):
        """Where there are constraints: let the algebraic part of u follow the affects."""
        try:
            self.u = settled(self.run.f, self.u, self.p, t)
        except ValueError as error:
            self.stopped, remedy = str(error), "Let the affect return a u that they allow."
            self.failure = ("no consistent state after an event", str(error), remedy)

    def _take(self, answer):
        """Take a new u, or a new u and a new p."""
        if isinstance(answer, tuple):
            if len(answer) != 2:
                raise TypeError(
                    f"an affect returned a tuple of {len(answer)}: return the new u as an array, "
                    "or the two of (new u, new p)."
                )
            answer, self.p = answer[0], np.array(answer[1], dtype=float)
        u, self.new = np.array(answer), True
        self.u = u.astype(np.result_type(u.dtype, np.float64), copy=False)
        if self.u.ndim == 0 and np.ndim(self.problem.u0):
            raise TypeError(
                "an affect returned a single number: it must return the whole new u as an array."
            )

    def _after(self, record, run):
        """Ask what looks at the end of every step; return the corrected state or None."""
        u, t, changed = record.u_new, record.t_new, None
        for e in self.events:
            answer = e.after_step(run.f, u, self.p, t)
            if isinstance(answer, Stop | Failure):
                self.u, self.stopped = u, str(answer)
                if isinstance(answer, Failure):
                    self.failure = answer.finding
                return None
            if answer is None:
                continue
            before, self.u = u, u
            self._take(answer)
            u = changed = self.u
            if isinstance(answer, tuple) or u.shape != before.shape:
                self.now = t  # another p, or another shape of u: this piece ends
            if e.condition is not None:
                self.happened.append(Happening(t, e, before, u))
        return changed

    # Too many events ----------------------------------------------------------------------

    def _recurs(self):
        """Whether the last event happens ever faster, or without end."""
        if not self.happened or not self.happened[-1].event.samples:
            return False
        event, step = self.happened[-1].event, abs(self.h or np.inf)
        times, span = self.recent[id(event)], (self.start, self.end)
        if len(times) < MANY:
            return False
        finding = pattern(event.label, times, span, step, self.run.max_steps)
        if finding:
            self._give_up(*finding)
        return finding is not None

    def _spent(self):
        """Whether no step is left, though the last piece needed no more than it had."""
        run, count = self.run, len(self.happened)
        if run.naccept + run.nreject < run.max_steps:
            return False
        self._give_up(
            "max_steps reached",
            f"{run.max_steps} steps reached t = {self.now:.6g}; {count} events happened on the "
            "way, and each begins a new step.",
            "Raise max_steps, or look at why there are so many events.",
        )
        return True

    def _give_up(self, verdict, evidence, remedy):
        run = self.run
        run.failed, run.trouble = True, verdict
        run.last = {"diagnosis": Diagnosis(verdict, evidence, remedy, {"time": self.now})}

    # What is left in the end --------------------------------------------------------------

    def output(self):
        """Times and states; the states as a list of arrays if they differ in shape."""
        outputs = [recorder.output() for _, recorder in self.parts]
        last, start = self.happened[-1:], self.parts[-1][0].tspan[0]
        if self.times is None and last and last[0].t == self.now != start:  # nothing came after
            outputs.append((np.array([self.now]), np.array([self.u])))
        t = np.concatenate([t for t, _ in outputs])
        if len({u.shape[1:] for _, u in outputs if len(u)}) > 1:
            return t, [row for _, u in outputs for row in u]
        rows = [u for _, u in outputs if len(u)]
        return t, np.concatenate(rows or [outputs[-1][1]])

    def dense(self):
        """The solution as a function of time."""
        return ChainOutput([(run.now, recorder.dense()) for run, recorder in self.parts])


class ChainOutput:
    """Dense output of a solve with events: that of the piece in which t lies.

    Parameters
    ----------
    pieces : list of (float, DenseOutput)
        The end of each, and its dense output, in order. At the time of an event the earlier one
        answers.
    """

    def __init__(self, pieces):
        self.pieces = [(end, dense) for end, dense in pieces if dense.steps] or pieces[:1]
        self.direction = pieces[0][1].direction

    def __call__(self, t):
        """State at time t, or at each of an array of times."""
        if np.ndim(t) == 0:
            return self._piece(t)(t)
        states = [self._piece(s)(s) for s in t]
        return np.array(states) if len({np.shape(u) for u in states}) < 2 else states

    def _piece(self, t):
        for end, dense in self.pieces:
            if (t - end) * self.direction <= 0:
                return dense
        return self.pieces[-1][1]


def _ended(run, t):
    """Count the step at whose end the loop was left."""
    run.naccept += 1
    run.now = t
