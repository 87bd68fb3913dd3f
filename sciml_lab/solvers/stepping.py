"""The loop: attempt a step, ask the controller, accept or try again.

One loop serves one trajectory and a batch. In a batch every quantity of time (`t`, `h`, error
norm, acceptance) is a vector with one entry per trajectory ("lane"), each lane advances with its
own step size, and a lane that has arrived or failed takes steps of length zero.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab.ad import primal
from sciml_lab.linalg.jacobians import WrongJacobian
from sciml_lab.solvers.explicit import error_norm, mean_square
from sciml_lab.solvers.initial_step import initial_step
from sciml_lab.solvers.strictness import of_step

EPS = float(np.finfo(float).eps)


@dataclass(slots=True, eq=False, repr=False)
class StepRecord:
    """Everything about one attempted step.

    Attributes
    ----------
    index : int
        Number of the attempt, from 0.
    t, h : float
        Start and signed length of the step.
    u, u_new : array
        State at the start, and proposed state at the end.
    stages : list of array
        Stage derivatives k_i.
    stage_points : list of array
        Points v_i where the stages evaluated f.
    error : array or None
        Estimated error of the step.
    error_norm : float
        Its norm in units of the tolerance: accepted when at most 1 (NaN for a fixed step).
    accepted : bool
        Whether the step stands.
    h_next : float
        Size of the next attempt.
    trouble : str
        Why the attempt has no result (an iteration that did not converge), or empty.
    """

    index: int
    t: Any
    h: Any
    t_new: Any
    u: Any
    u_new: Any
    stages: list
    stage_points: list
    error: Any
    error_norm: Any
    accepted: Any
    h_next: Any
    method: Any
    why: str
    _f: Any
    _p: Any
    trouble: str = ""

    @property
    def stage_times(self) -> list:
        """Times ``t + c_i h`` of the stages."""
        return [self.t + c * self.h for c in self.method.nodes]

    @property
    def reason(self) -> str:
        """The controller's decision in words."""
        if self.why == "fixed":
            return "accepted: fixed step" if np.all(self.accepted) else "failed: not finite"
        if np.ndim(self.accepted):
            n, total = int(np.sum(self.accepted)), np.size(self.accepted)
            return f"{n} of {total} trajectories accepted this step"
        change = self.h_next / self.h if self.h else 1.0
        if self.trouble:
            return f"rejected: {self.trouble}; trying {change:.2g} of this step"
        if self.error is None:
            longer = f"accepted: the next step is {change:.3g} times as long ({self.why})"
            return longer if self.accepted else "rejected: not finite"
        size = f"error {self.error_norm:.3g} times the tolerance"
        if not self.accepted:
            return f"rejected: {size}; trying {change:.2g} of this step ({self.why} control)"
        if abs(change - 1) < 0.005:
            return f"accepted: {size}; the next step stays as it is ({self.why} control)"
        verb = "grows" if change > 1 else "shrinks"
        return f"accepted: {size}; the next step {verb} by {change:.3g} ({self.why} control)"

    def __call__(self, t):
        """Interpolate inside the step with the method's dense output."""
        k = self.method.dense_stages(self._f, self.u, self._p, self.t, self.h, self.stages)
        return self.method.interpolate(self.u, k, self.h, (t - self.t) / self.h)

    def __repr__(self) -> str:
        t, h = primal(self.t), primal(self.h)
        if np.ndim(h):
            t, h = f"{np.min(t):.6g} to {np.max(t):.6g}", f"{np.min(h):.3g} to {np.max(h):.3g}"
        else:
            t, h = f"{t:.6g}", f"{h:.3g}"
        return f"StepRecord({self.index}: t={t}, h={h}, {self.reason})"


@dataclass
class Run:
    """What the loop needs and what it leaves behind.

    Attributes
    ----------
    rtol, atol : float or array
        Tolerances of a step: those that it is made with, divided by `Method.strictness`.
    trouble : str
        Empty after success, else "nan", "newton", "min_step", "max_steps", "roundoff" or
        "jacobian".
    now : float or ndarray
        Time reached (by each lane).
    failed : bool or ndarray
        Whether the trajectory (each lane) gave up.
    naccept, nreject, nsteps : int or ndarray
        Accepted, rejected and attempted steps (per lane in a batch).
    """

    f: object
    u0: object
    p: object
    tspan: tuple
    method: object
    rtol: object
    atol: object
    dt: float | None
    adaptive: bool
    controller: object
    max_steps: int
    lanes: bool
    trouble: str = ""
    now: object = 0.0
    failed: object = False
    naccept: object = 0
    nreject: object = 0
    longest: Any = None  # a function (u, p, t): how long the next step may be
    indices: Any = None  # of the variables of a DAE of index 2 or 3
    switches: list = field(default_factory=list)  # changes of method (`AutoSwitch`)
    strictness: Any = None  # of the method, by which the tolerances of a step have been divided
    last_trouble: str = ""  # what the last rejected step said of itself
    last: dict = field(default_factory=dict)  # where the first failure happened, for the doctor

    def __post_init__(self):
        if self.strictness is None:
            self.strictness = of_step(self.method, self.rtol) if self.adaptive else 1.0
            if self.strictness != 1.0:
                self.rtol, self.atol = self.rtol / self.strictness, self.atol / self.strictness


def attempts(run: Run) -> Generator[StepRecord, Any, None]:
    """Attempt steps from one end of the time interval to the other.

    Yields a `StepRecord` for every attempt, accepted or not; afterwards `run` knows how it ended.
    Who drives the generator by `send` may answer an accepted step with another state to go on
    from.

    The ends of the steps are plain numbers, so derivatives with respect to `tspan` enter where
    they belong: through the length of the first and of the last step.

    To be called with NumPy's warnings off: overflow and NaN show in the error norm, and get a
    diagnosis at the end.
    """
    f, p, method, controller = run.f, run.p, run.method, run.controller
    start, end = float(primal(run.tspan[0])), float(primal(run.tspan[1]))
    direction, slack = (1.0 if end > start else -1.0), 4 * math.ulp(abs(end))
    u, t, now = run.u0, run.tspan[0], start  # t may carry derivatives, now never does
    run.now = start
    if run.lanes:
        t, now = t + np.zeros(u.shape[-1]), np.full(u.shape[-1], start)
        run.naccept, run.nreject = np.zeros_like(now, dtype=int), np.zeros_like(now, dtype=int)
        run.failed = np.zeros_like(now, dtype=bool)
    k1 = f.first(u, p, t)
    if run.lanes and u.shape[-1] > 1:
        f.check_lanes(u, p, primal(t), k1)
    h, memory = _first_h(run, u, t, k1, end - start), controller.start()
    if _give_up(run, _not(_finite(k1, run.lanes)), "nan", u, now, h):
        return

    finest = float(np.min(run.rtol)) if run.adaptive else 1.0
    stepper = method.begin(run)
    decide = getattr(stepper, "decide", controller.decide)
    why = getattr(stepper, "why", controller.name) if run.adaptive else "fixed"
    fsal = method.fsal
    for index in range(run.max_steps):
        if finest < EPS and _give_up(run, _below_roundoff(run, u), "roundoff", u, now, h):
            return
        if run.longest is not None:
            h = math.copysign(min(abs(h), run.longest(u, p, now)), h)
        aim = now + h if run.adaptive else start + h * (index + 1)
        arrives = (aim - end) * direction >= -slack
        goal, goal_t = _choose(arrives, end, aim), _choose(arrives, run.tspan[1], aim)
        if run.lanes:  # a lane that has arrived or failed takes a step of length zero
            goal, goal_t = _choose(run.failed, now, goal), _choose(run.failed, t, goal_t)
        lost = (goal == now) & (now != end) & _not(run.failed)  # h is below the spacing of numbers
        if _give_up(run, lost, "min_step", u, now, h):
            return
        try:
            step = stepper.step(f, u, p, t, goal_t - t, k1)
        except WrongJacobian as error:
            if index == 0 and not np.any(run.naccept):
                raise
            run.last_trouble = str(error)
            _give_up(run, True, "jacobian", u, now, h)
            return
        norm, accepted, factor, memory = _judge(run, step, u, memory, decide)
        h_next = (goal - now) * factor if run.adaptive else h
        other_u = yield StepRecord(
            index, t, goal_t - t, goal_t, u, step.u, step.k, step.v, step.error, norm, accepted,
            h_next, method, why, f, p, step.trouble,
        )  # fmt: skip
        moved = goal != now
        run.naccept = run.naccept + (accepted & moved)
        run.nreject = run.nreject + (_not(accepted) & moved)
        first, last = step.slopes or (step.k[0], step.k[-1] if fsal else None)
        if last is not None:
            k1 = _choose(accepted, last, first)
        else:
            k1 = None if some(accepted) else first
        u, h = _choose(accepted, step.u, u), h_next
        now, t = _choose(accepted, goal, now), _choose(accepted, goal_t, t)
        run.now = now
        if other_u is not None:
            u, k1, stepper = other_u, None, method.begin(run)
            decide = getattr(stepper, "decide", controller.decide)
        open_lanes = (now != end) & _not(run.failed)
        if not some(open_lanes):
            return
        rejected = _not(accepted) & open_lanes
        if some(rejected):
            stuck = rejected & (_too_small(h, now, end - start) | (not run.adaptive))
            finite = run.adaptive and np.all(np.isfinite(norm))
            trouble = "newton" if step.trouble else "min_step" if finite else "nan"
            run.last_trouble = step.trouble
            if _give_up(run, stuck, trouble, u, now, h):
                return
    _give_up(run, (now != end) & _not(run.failed), "max_steps", u, now, h)


def _first_h(run, u, t, k1, span):
    """The signed first step: the user's dt, or a guess from the problem."""
    if run.dt is not None:
        h = math.copysign(run.dt, span)
        return np.full(u.shape[-1], h) if run.lanes else h
    f = run.f
    linear = getattr(f, "linear", None)
    if linear is not None and linear.mass is not None:  # f is M u', not u'
        f, k1 = f.slope, linear.slope(k1)
    return initial_step(
        f, u, run.p, primal(t), k1, span, run.method.start_order, run.rtol, run.atol, run.lanes
    )


def _judge(run, step, u, memory, decide):
    """Error norm, acceptance and factor for the next step size."""
    good = _finite(step.u, run.lanes)
    if not run.adaptive:
        return np.nan, good, 1.0, memory
    if step.error is None:  # a method that sets its steps without an error estimate
        return np.nan, *decide(_choose(good, 0.0, np.inf), run.method.error_order, memory)
    norm = _choose(good, error_norm(step, u, run.rtol, run.atol, run.lanes), np.inf)
    return norm, *decide(norm, run.method.error_order, memory)


def _below_roundoff(run, u):
    """Whether the tolerance is finer than the spacing of the numbers in u."""
    u = primal(u)
    return mean_square(EPS * u / (run.atol + run.rtol * abs(u)), run.lanes) > 1


def _too_small(h, now, span):
    """Whether a step hardly changes the time any more."""
    if isinstance(now, np.ndarray):
        return np.abs(h) < 10 * np.spacing(np.maximum(np.abs(now), 1e-12 * abs(span)))
    return abs(h) < 10 * math.ulp(max(abs(now), 1e-12 * abs(span)))


def _finite(u, lanes):
    """Whether all entries are finite (of each lane)."""
    finite = np.isfinite(primal(u))
    if lanes:
        return finite.all(axis=tuple(range(finite.ndim - 1)))
    return bool(np.count_nonzero(finite) == finite.size)  # quicker than all() where u is short


def _choose(mask, a, b):
    """``a`` where the mask holds, else ``b``: an `if` for one trajectory, a `where` for lanes."""
    return np.where(mask, a, b) if isinstance(mask, np.ndarray) else (a if mask else b)


def _not(mask):
    """Negation for a bool or an array of them (``~True`` is -2)."""
    return ~mask if isinstance(mask, np.ndarray) else not mask


def some(mask) -> bool:
    """Whether a bool, or any of an array of them, is true.

    Examples
    --------
    >>> some(True), some(np.array([False, False]))
    (True, False)
    """
    return bool(mask.any()) if isinstance(mask, np.ndarray) else mask


def _give_up(run, stuck, trouble, u, now, h):
    """Mark the stuck trajectory or lanes; return whether nothing is left to do."""
    if not some(stuck):
        return False
    run.failed = stuck | run.failed
    if not run.trouble:  # the first failure is the one that gets explained
        lane = int(np.argmax(stuck)) if run.lanes else None
        run.trouble = trouble
        run.last = {"lane": lane, "u": u, "t": now, "h": h}
    return bool(np.all(run.failed))
