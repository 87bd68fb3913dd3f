"""What the implicit Runge-Kutta methods share: a memory from step to step, and when to grow h."""

from dataclasses import replace
from typing import Any

import numpy as np

from sciml_lab.linalg.jacobians import EPS
from sciml_lab.linalg.linearisation import SingularMatrix
from sciml_lab.linalg.newton import FullNewton, scaled_norm
from sciml_lab.linalg.reuse import Reuse
from sciml_lab.linalg.slopes import slope_at
from sciml_lab.solvers.control import Decision
from sciml_lab.solvers.implicit import no_step
from sciml_lab.solvers.method import Step

TIGHT = 1e-13  # relative accuracy of the equations of a fixed step: no tolerance is asked for there
NOISY = 10.0  # corrections below that many rounding errors of f are noise
HALF = 1.8  # controllers multiply h by 0.9/1.8 if the error of order k is that times the k-th power
WORTH_IT = 1.2  # a longer step pays if it is that much longer, for it costs new factors of W


class Stepper:
    """Takes the steps of one solve with an iteration for its equations.

    A subclass has ``attempt(f, u, p, t, h, k1)``, which takes one step with the factors that are
    there and returns it, or a sentence about why the iteration failed.

    Parameters
    ----------
    method : ImplicitMethod
        With `iteration` and `gammas`.
    run : Run or None
        The solve; None for a single step, which is solved as accurately as a fixed one.
    """

    def __init__(self, method, run=None):
        self.method, self.iteration = method, method.iteration
        self.controller = None if run is None else run.controller
        self.given = (run.rtol, run.atol) if run is not None and run.adaptive else None
        if self.given is None:  # there is no shorter step to resort to
            self.iteration = replace(self.iteration, limit=5 * self.iteration.limit)
        self.reuse, self.known = None, []  # pairs (u, u'), of the start and the end of a step
        self.failed = self.rejected = False
        self.rate = 0.0  # at which the slowest iteration of this attempt converged

    def step(self, f, u, p, t, h, k1=None) -> Step:
        """Take one step; if the iteration fails with old factors, again with new ones."""
        if self.reuse is None:
            self.reuse = Reuse(f.linear, self.method.gammas)
        kept = self.iteration.linear != "none"
        try:
            slope = self.slope(f, u, p, t, h, k1)
            if kept:
                self.reuse.ready(u, p, t, h)
            found = self.once(f, u, p, t, h, slope)
            while isinstance(found, str) and kept and self.reuse.renew(u, p, t, h):
                found = self.once(f, u, p, t, h, slope)
            if isinstance(found, str) and kept and self.given is None:
                found = self.at_any_price(f, u, p, t, h, slope)
        except SingularMatrix as error:
            found = str(error)
        self.failed = isinstance(found, str)
        return no_step(u, found) if isinstance(found, str) else found

    def at_any_price(self, f, u, p, t, h, slope):
        """Take a fixed step, which can't be made shorter, with J anew in every iteration."""
        usual = self.iteration
        self.iteration = FullNewton(kappa=usual.kappa, limit=usual.limit)
        try:
            return self.once(f, u, p, t, h, slope)
        finally:
            self.iteration = usual

    def once(self, f, u, p, t, h, slope):
        """Attempt the step, and remember how fast its iterations converged."""
        self.rate = 0.0
        found = self.attempt(f, u, p, t, h, slope)
        if not isinstance(found, str):
            self.reuse.note(self.rate, h)
        return found

    def attempt(self, f, u, p, t, h, slope) -> Any:
        """Take one step with the present factors, or say why the iteration failed."""
        raise NotImplementedError

    def slope(self, f, u, p, t, h, k1):
        """Return u' at the start of the step: from the end of the last step, or from f."""
        for state, slope in self.known:
            if state is u:
                return slope
        k1 = f(u, p, t) if k1 is None else k1
        slope = slope_at(f.linear, u, p, t, h, k1)
        if slope is None:
            raise SingularMatrix(
                "the index is above 1 there, so M and J do not determine u'; take RadauIIA5()"
            )
        self.known = [(u, slope)]
        return slope

    def scale(self, u, h):
        """Size of the error that the equations may leave, for each component."""
        size = np.abs(u)
        if self.given is not None:
            rtol, atol = self.given
            return atol + rtol * size
        largest = np.max(size)
        return TIGHT * np.maximum(size, np.where(largest > 0, 1e-3 * largest, 1.0))

    def iterate(self, f, correction, z, u, scale):
        """Solve for z with the method's iteration; count, and remember how fast it was."""
        norm = scaled_norm(scale)
        floor = norm(self.least(u))
        outcome = self.iteration.solve(correction, z, norm, self.reuse.eta, floor)
        f.nnewton += outcome.count
        if self.iteration.linear == "kept":
            self.reuse.eta = outcome.eta
            if outcome.trouble and outcome.size <= NOISY * norm(self.rounding(f, u)):
                return outcome._replace(trouble="", rate=0.0)  # more is not to be had
        self.rate = max(self.rate, outcome.rate)
        return outcome

    def least(self, u):
        """The size of a correction that is lost in the rounding of ``u + z``."""
        return 4 * EPS * np.abs(u)

    def rounding(self, f, u):
        """What the rounding errors in the terms of f do to a stage: ``W^-1 gamma h eps |J| |u|``.

        It exceeds a fine tolerance where large terms of a constraint cancel.
        """
        gamma = self.method.gammas[0]
        in_stage = abs(gamma * self.reuse.h) * (EPS * f.linear.size_of_terms(u))
        return np.abs(self.reuse.solves[gamma](in_stage))

    def decide(self, norm, k, memory) -> Decision:
        """As the controller says, but a step that could grow by little only stays as it is."""
        if self.failed:
            norm = HALF**k  # the iteration failed, which says nothing of the error: half a step
        accept, factor, memory = self.controller.decide(norm, k, memory)
        accept = accept and not self.failed
        self.rejected = not accept
        if accept and 1 <= factor < WORTH_IT:
            factor = 1.0
        return Decision(accept, factor, memory)
