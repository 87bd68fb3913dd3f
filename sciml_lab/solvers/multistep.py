"""The step of a multistep method, and the memory that the loop does not keep.

With this module one can follow a BDF step from prediction to order selection. `Multistep` is what
`begin(run)` returns; the memory (`qndf.py`, `fbdf.py`) knows the past of the solution, and the
method says which order and which step size come next.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sciml_lab.linalg.jacobians import EPS
from sciml_lab.linalg.linearisation import SingularMatrix
from sciml_lab.linalg.newton import SimplifiedNewton, scaled_norm
from sciml_lab.linalg.reuse import Reuse
from sciml_lab.solvers.bdf import GAMMA, advance, combine
from sciml_lab.solvers.constraints import correction, full, require_consistent
from sciml_lab.solvers.control import Decision
from sciml_lab.solvers.dae import ResidualSide, require_slope
from sciml_lab.solvers.implicit import no_step
from sciml_lab.solvers.initialise import start_slope
from sciml_lab.solvers.method import Step

NEWTON = SimplifiedNewton(kappa=0.01, limit=4)
FIXED = SimplifiedNewton(kappa=0.01, limit=20)  # a fixed step has no shorter one to resort to
TIGHT = 1e-13  # relative accuracy of the equations of a fixed step
NOISY = 10.0  # corrections below that many rounding errors of f are noise
LOUDEST = 1024.0  # rounding errors that the sum of old states in d may hold


class Attempt(NamedTuple):
    """A step that was proposed to the loop, kept until it is known whether it stands.

    Attributes
    ----------
    u : array
        Proposed state.
    D : array
        Differences at its end, if it stands: of u, and up to the highest one, d.
    h : float
        Step size.
    norm : callable
        Size of an error in units of the tolerance.
    """

    u: Any
    D: Any
    h: float
    norm: Any


class Multistep:
    """Takes the steps of one solve with a multistep method.

    Parameters
    ----------
    method : BDFMethod
        It knows the formulas: `alpha`, `remember` for the memory, and the decisions `after` and
        `after_rejection` on order and step.
    run : Run
        The run that it belongs to.

    Attributes
    ----------
    order : int
        The order k at work.
    memory : object
        The past; with `differences`, `error_constant` and `accept`.
    equal : int
        Steps taken with this order and this step size.
    failures : int
        Attempts rejected since the last accepted step.
    wary : bool
        Whether a step was rejected since the last k + 1 equal steps.
    starting : bool
        Whether order and step still grow with every step.
    noise : float
        How many rounding errors d holds, see `_beyond_rounding`.
    index : array of int or None
        Index of each variable where one is above 1, see `seen`.
    strictness : float
        How much less error a step may have than the solution, see `error`.
    """

    why = "order and step"

    def __init__(self, method, run):
        self.method, self.run = method, run
        self.iteration = NEWTON if run.adaptive else FIXED
        self.reuse = Reuse(run.f.linear, (1.0,), **method.patience)
        begins = run.now == run.tspan[0]
        self.index = require_consistent(run, most=2) if begins else run.indices
        if isinstance(run.f, ResidualSide):
            require_slope(run.f, run.u0, run.p, float(run.tspan[0]))
        self.memory = self.attempt = self.u = None
        self.h, self.order, self.equal, self.failures = 0.0, 1, 0, 0
        self.starting, self.wary, self.noise = True, False, 0.0
        self.rejected = (1.0, math.inf)  # the last step that was, and the size of its error
        relative = float(np.min(run.rtol)) or 1e-6
        self.strictness = 2 * max(1.0, (0.1 / relative) ** (1 / (method.order + 1)))

    def step(self, f, u, p, t, h, k1=None):
        """Predict, correct, and estimate the error."""
        h = self._look_back(f, u, p, t, h, k1)
        k, memory = self.order, self.memory
        D = memory.differences(h, k)
        guess, slope = D.sum(axis=0), combine(GAMMA[: k + 1], D) / h
        norm = self._norm(u, guess)
        try:
            d = self._correct(f, guess, slope, h / self.method.alpha(k), p, t + h, norm)
        except SingularMatrix as error:
            d = str(error)
        if isinstance(d, str):
            self.attempt = None
            return no_step(u, d)
        D, u_new = advance(D, d), guess + d
        self.attempt = Attempt(u_new, D, h, norm)
        error = self.error(k, self._beyond_rounding(f, u, d, slope, p, t), h)
        return Step(u_new, error, k=list(D[:-1]), slopes=(None, None))

    def error(self, k, d, h):
        """The error of a step of order k in which d is the next difference.

        It is taken for larger than it is, by more the smaller the tolerance: the errors of N steps
        add up, and N grows like ``rtol**(-1/(k + 1))``. The factor 2 is measured: without it QNDF
        comes close to ten times the tolerance on the Oregonator.
        """
        return self.strictness * self.memory.error_constant(h, k) * self.seen(d)

    def _look_back(self, f, u, p, t, h, k1):
        """Find out what became of the last attempt: it stands, it does not, or u is another one.

        Returns h, or the last h where they differ by the rounding of t only: then the past need
        not be read anew.
        """
        if self.attempt is not None and u is self.attempt.u:
            self._accept()
            self.order = min(self.order + 1, self.method.max_order)  # steps of fixed size
        elif u is not self.u:
            slope = start_slope(f, u, p, t, h, k1)
            self.memory = self.method.remember(u, slope, h)
            self.order, self.equal, self.failures, self.u = 1, 0, 0, u
            self.starting, self.wary = True, False
        if abs(h - self.h) > 4 * math.ulp(t):
            self.h, self.equal = h, 0
        return self.h

    def _correct(self, f, guess, slope, gamma_h, p, t, norm):
        """The d for which u = guess + d satisfies the equations, or why there is none."""
        if isinstance(f, ResidualSide):
            f.linear.du = slope
        reuse = self.reuse

        def correction(d):
            defect = f.defect(guess + d, slope + d / gamma_h, p, t)
            return reuse.relaxation(gamma_h) * reuse.solves[1.0](gamma_h * defect)

        reuse.ready(guess, p, t, gamma_h)
        while True:
            found = self.iteration.solve(
                correction, np.zeros_like(guess), norm, reuse.eta, norm(4 * EPS * guess)
            )
            f.nnewton += found.count
            if found.trouble and found.size <= NOISY * norm(np.abs(self._rounding(f, guess))):
                return found.z  # more is not to be had
            if not found.trouble:
                reuse.eta = found.eta
                reuse.note(found.rate, gamma_h)
                return found.z
            if not reuse.renew(guess, p, t, gamma_h):
                return f"{found.trouble} at t = {t:.6g}"

    def _beyond_rounding(self, f, u, d, slope, p, t):
        """What a shorter step can make smaller in d.

        A constraint is satisfied as well as the rounding errors of its terms allow. That may exceed
        the tolerance of a component which passes through zero.
        """
        mass = f.linear.mass_matrix
        if mass is None or not mass.singular or (self.failures < 2 and self.noise < 1):
            return d
        rest = d - self._inherited(f, u, slope, p, t)
        noise = self.noise * np.abs(self._rounding(f, u))
        return np.sign(rest) * np.maximum(np.abs(rest) - noise, 0.0)

    def _listen(self, size):
        """Learn from a rejected step: an error that hardly falls with h is rounding.

        How many rounding errors d holds, a sum of old states, is found out: more with every such
        rejection, fewer with every step that stands.
        """
        if self.attempt is None:
            return
        h, before = self.rejected
        falls = (self.attempt.h / h) ** (self.method.part * (self.order + 1))
        if self.failures > 1 and size > falls * before:
            self.noise = min(max(4.0 * self.noise, 4.0), LOUDEST)
        self.rejected = (self.attempt.h, size)

    def _rounding(self, f, u):
        """What the rounding errors in the terms of f do to d."""
        terms = EPS * (abs(f.linear.J) @ np.abs(u).ravel()).reshape(np.shape(u))
        return self.reuse.solves[1.0](abs(self.reuse.h) * terms)

    def _inherited(self, f, u, slope, p, t):
        """The part of d that puts right what u itself leaves of the constraints.

        It is small, but does not shrink with h; and where a component passes through zero, it may
        exceed the tolerance there, that of the last step having been larger.
        """
        mass = f.linear.mass_matrix
        if mass is None or not mass.singular or self.index is not None:
            return 0.0
        w, v = full(mass.constraints), full(mass.algebraic)
        change = correction(w.T @ (f.linear.J @ v), w.T @ f.defect(u, slope, p, t).ravel())
        return 0.0 if change is None else (v @ change).reshape(u.shape)

    def _norm(self, u, guess):
        """What errors are measured by in this step."""
        size = np.maximum(np.abs(u), np.abs(guess))
        if self.run.adaptive:
            norm = scaled_norm(self.run.atol + self.run.rtol * size)
        else:
            norm = scaled_norm(TIGHT * np.maximum(size, 1e-3 * np.max(size) or 1.0))
        return norm if self.index is None else lambda x: norm(self.seen(x))

    def seen(self, x):
        """The part of an error that counts: variables of index 2 and 3 lose powers of h.

        They are derivatives of the others, and their errors do not shrink with h as those do.
        """
        if self.index is None:
            return x
        return x * min(abs(self.h), 1.0) ** (self.index - 1)

    def _accept(self):
        """Make the last attempt the present."""
        self.memory.accept(self.attempt, self.order)
        self.u, self.attempt = self.attempt.u, None
        self.equal, self.failures, self.noise = self.equal + 1, 0, 0.995 * self.noise
        self.wary = self.wary and self.equal <= self.order

    def decide(self, norm, k, memory) -> Decision:
        """Accept or reject; choose order and step size."""
        accept, before, attempt = bool(norm <= 1.0), self.order, self.attempt
        if accept:
            self._accept()
            self.order, factor = self.method.after(self, norm, attempt)
        else:
            self.failures, self.wary = self.failures + 1, True
            self._listen(norm)
            self.order, factor = self.method.after_rejection(self, norm, attempt)
        if self.order != before or factor != 1.0:
            self.equal = 0
        return Decision(accept, factor, memory)
