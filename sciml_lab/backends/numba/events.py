"""Solves with events whose smooth pieces run in a kernel.

The kernel stops behind a step in which a condition may cross zero, and only then Python looks where
it does and lets happen what is to happen, by the readable `Chain`. So f and the conditions are
compiled, and an affect may be any Python.
"""

from functools import cached_property
from types import SimpleNamespace

import numpy as np

from sciml_lab.backends.numba import layout as at
from sciml_lab.backends.numba import watch_layout as seen
from sciml_lab.backends.numba.dense import CompiledDense
from sciml_lab.backends.numba.families import family
from sciml_lab.backends.numba.functions import right_hand_side
from sciml_lab.backends.numba.implicit import begin
from sciml_lab.backends.numba.solve import CompiledRun, give_back, note_failure, real
from sciml_lab.backends.numba.watching import take_drive
from sciml_lab.solvers import solve as front
from sciml_lab.solvers.case import Track
from sciml_lab.solvers.dense import DenseStep, Recorder
from sciml_lab.solvers.events import Callback, Event, Periodic, Preset
from sciml_lab.solvers.hybrid import Chain
from sciml_lab.transform.tree import TransformError

COMPILED = Event, Preset, Periodic


def reason_for_python(method, settings) -> str:
    """Why a solve with events needs a loop in Python, in a few words; empty if it does not."""
    for c in settings["callbacks"]:
        if type(c) not in COMPILED:
            kind = type(c).__name__ if isinstance(c, Callback) else "a callback"
            return f"{kind} looks at every step"
    if family(method) is not None:
        return f"{method.name} has no compiled kernel for events"
    return ""


def solve_with_events(problem, method, settings):
    """The solution, by kernels; or None, and why the loop has to run in Python."""
    reason = reason_for_python(method, settings)
    if reason:
        return None, reason
    try:
        located = [e for e in settings["callbacks"] if e.samples]
        conditions_of(as_vectors(located), problem.u0, problem.p, float(problem.tspan[0]))
        right_hand_side(problem.f, problem.u0, problem.p, float(problem.tspan[0]))
    except TransformError as failure:
        return None, str(failure)
    options = {**settings, "backend": "numpy", "chain": CompiledChain}
    return front.solve_plain(problem, method, options), ""


def conditions_of(vectors, u0, p, t0) -> list:
    """The compiled conditions, functions ``g(out, u, p, t, work)``.

    Raises
    ------
    TransformError
        If one is not in the subset of Python that can be transformed.
    """
    return [right_hand_side(g, u0, p, t0) for g in vectors]


def as_vectors(events) -> list:
    """The conditions as functions that return an array of one number."""

    def vector(condition):
        return lambda u, p, t: np.array([condition(u, p, t)])

    return [vector(e.condition) for e in events]


class CompiledChain(Chain):
    """A `Chain` whose pieces run in a kernel, where they compile."""

    @cached_property
    def vectors(self):
        """The conditions as functions that are compiled; the same ones for every piece."""
        return as_vectors(self.located)

    def _recorder(self, due, run):
        try:
            return CompiledPiece(run, due, self.keep, self.located, self.vectors)
        except TransformError:  # after an event, of another shape
            return Recorder(due, run, self.keep)

    def _smooth(self, run, recorder):
        """Drive one piece; return whether an event has ended it."""
        if isinstance(recorder, Recorder):
            return (yield from super()._smooth(run, recorder))
        self.piece = piece = recorder
        self.u = run.u0
        piece.start(self.h or 0.0, bool(self.zeros))
        try:
            while not piece.drive.done:
                shown = piece.drive.now
                piece.drive.go(piece.track)
                yield from piece.latest(shown)
                if piece.drive.status == at.EVENT and (yield from self._look(run, piece)):
                    return True
        finally:
            piece.end()
        self._note_step(*piece.proposed(), not run.failed)
        self.u = piece.state()
        return False

    def _condition(self, e, record, step, run):
        """The compiled condition, if the piece has it."""
        if isinstance(record, SimpleNamespace):
            return self.piece.condition(self.located.index(e))
        return super()._condition(e, record, step, run)

    def _look(self, run, piece):
        """Look at the last step of a piece, which is under suspicion."""
        record, step = piece.last_step()
        count = run.f.count
        theta, events = self._located(record, step, run)
        run.f.count = count  # the kernel has counted what dense output needs
        if not events:
            piece.go_on()
            return False
        t = record.t + theta * record.h if theta < 1 else record.t_new
        u = step.at(run.method, run.f, run.p, theta)
        run.f.count = count
        self._note_step(*piece.proposed(), record.t_new == run.tspan[1])
        piece.cut(t, u)
        yield SimpleNamespace(t_new=t, u_new=u)
        self._happen(events, t, u)
        return True


class CompiledPiece(CompiledRun):
    """One smooth piece of a solve with events.

    Parameters
    ----------
    run : Run
        Of the piece.
    times : list or None
        Output times in it.
    keep : bool
        Keep the steps for dense output.
    located : list of Event
        Those with a condition.
    vectors : list of callable
        Their conditions, as in `as_vectors`.

    Raises
    ------
    TransformError
        If f or a condition does not compile.
    """

    def __init__(self, run, times, keep, located, vectors):
        self.run, self.times, self.keep = run, times, keep
        self.outcomes, self.first, self.track = [], 0, Track()
        real(run.u0, run.p)
        given = run.u0, run.p, float(run.tspan[0])
        self.f = right_hand_side(run.f.f, *given, check=self._check)
        if run.method.implicit:
            begin(run)
        self.drive = take_drive(self.f, run, times is None or keep, True, "events")
        self.drive.watch(located, conditions_of(vectors, *given))
        self.drive.configure(run)
        self.drive.outputs(np.array([] if times is None else times, dtype=float))

    def drop_start(self):
        """Forget the output at the start: it is the last one of an earlier piece."""
        self.first = 1

    def start(self, proposed, sure):
        """Begin; `proposed` is the step size that the piece before has proposed.

        With `sure` the first step is looked at whatever the conditions are.
        """
        run, drive = self.run, self.drive
        drive.start(np.ravel(run.u0), None if run.p is None else np.ravel(run.p))
        drive.watched[seen.SURE] = sure
        drive.ends[[seen.PROPOSED, seen.EARLIER]] = proposed

    def latest(self, since):
        """What is to be shown of the last call: its end, or every step if it has failed."""
        drive = self.drive
        if drive.status in at.EXPLAINED:
            t, _, u, _ = drive.steps()
            ends = np.append(t[1:], drive.now)[: len(t)]
            for end, state in zip(ends.tolist(), u[1:], strict=True):
                if abs(end - self.run.tspan[0]) > abs(since - self.run.tspan[0]):
                    yield SimpleNamespace(t_new=end, u_new=state.reshape(drive.shape).copy())
        else:
            yield SimpleNamespace(t_new=drive.now, u_new=self.state())

    def last_step(self):
        """The step at whose end the kernel stands, as the readable loop would give it."""
        drive, run = self.drive, self.run
        store, row = drive.store, int(drive.integers[at.ROW]) - 1
        shape, t, h = drive.shape, float(store.t[row]), float(store.h[row])
        u = store.u[row].reshape(shape).copy()
        k = store.k[row].reshape(-1, *shape).copy()
        end = run.tspan[1] if drive.now == float(run.tspan[1]) else drive.now
        return SimpleNamespace(t=t, h=h, t_new=end), DenseStep(t, h, u, list(k))

    def condition(self, j):
        """Condition j as a function of the place in the last step."""
        look, block = self.drive.condition_at, self.drive.block
        return lambda theta: look(block, j, theta)

    def go_on(self):
        """Nothing has happened in the last step."""
        drive = self.drive
        drive.status = drive.integers[at.STATUS] = int(drive.watched[seen.AFTER])

    def cut(self, t, u):
        """End the piece inside of the last step, at t."""
        drive, c = self.drive, self.drive.integers
        direction = 1.0 if float(self.run.tspan[1]) > float(self.run.tspan[0]) else -1.0
        if self.times is not None:
            c[at.NEXT] = np.searchsorted(direction * np.array(self.times), direction * t, "right")
        drive.numbers[at.NOW], drive.store.u[int(c[at.ROW])] = t, np.ravel(u)
        drive.status = c[at.STATUS] = at.DONE

    def proposed(self):
        """The step sizes that the last accepted step has proposed, and the one before."""
        return self.drive.ends[[seen.PROPOSED, seen.EARLIER]].tolist()

    def state(self):
        """A copy of the state that is reached."""
        return self.drive.u.reshape(self.drive.shape).copy()

    def end(self):
        """Take over what the kernel has done."""
        run, drive = self.run, self.drive
        if self.outcomes:
            return
        if drive.status in at.EXPLAINED:
            note_failure(run, drive, run.p)
        self.outcomes.append(drive.finish())
        self.report()
        give_back(drive)

    def output(self):
        """Times and states, as a recorder gives them."""
        self.end()
        t, u = super().output()
        return t[self.first :], u[self.first :]

    def dense(self):
        """The solution inside of the piece as a function of time."""
        return CompiledDense(self.run, self.outcomes, self.f).lanes[0]
