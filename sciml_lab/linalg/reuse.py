"""The one place that decides when J is evaluated and W factorised again.

An implicit step needs ``W = M - gamma h J`` only as the engine of an iteration, so an old one may
do: the result is as accurate, after some more corrections.

- J is kept while the iteration converges fast: its rate says when J has become too old.
- The factors of W are kept while h stays within a fifth of what they were made for. The
  corrections are then multiplied by ``2/(1 + h/h_W)``, halfway between what the stiff and what the
  slow components need.
- If the iteration fails, whatever is old is made anew and the same step tried again; only then
  must the step shrink.
"""

SLOW = 5e-2  # an iteration that converges at a worse rate asks for a new J
WINDOW = 0.2  # relative change of h that the factors of W survive
FASTEST_RATE = 1e-9  # change of h that cannot be seen in a rate
TELLING = 0.3  # a rate that is not the fault of factors for another h within the window
NO_FACTORS = 0.0  # in the place of the h that they are for


class Reuse:
    """J and the factors of W, kept as long as they serve.

    Parameters
    ----------
    linear : Linearisation
        What evaluates and factorises.
    gammas : tuple of float or complex
        The step needs ``W = M - gamma h J`` for each of them.
    slow : float
        An iteration that converges at a worse rate asks for a new J.

    Attributes
    ----------
    solves : dict
        ``solves[gamma](b)`` solves with the factors of W.
    eta : float
        What the last iteration with these factors left behind, see `SimplifiedNewton.solve`.

    Examples
    --------
    >>> import numpy as np
    >>> from sciml_lab.linalg.linearisation import Linearisation
    >>> linear = Linearisation(lambda u, p, t: -u, 1)
    >>> reuse, u = Reuse(linear, (0.5,)), np.ones(1)
    >>> for h in (0.1, 0.11, 0.2):
    ...     reuse.ready(u, None, 0.0, h)
    >>> linear.njac, linear.nlu
    (1, 2)
    """

    def __init__(self, linear, gammas, slow=SLOW):
        self.linear, self.gammas, self.limit = linear, gammas, slow
        linear.inexact = True
        self.solves, self.h, self.slow, self.eta = {}, NO_FACTORS, True, 1.0
        self._of = None  # (u, t) where J is from

    def ready(self, u, p, t, h):
        """Have factors that serve a step of size h from (t, u)."""
        if self.slow and not self._here(u, t):
            self._evaluate(u, p, t)
        if self.h == NO_FACTORS or abs(h / self.h - 1) > WINDOW:
            self._factor(h)
        self.eta = max(self.eta, self._lag(h))

    def renew(self, u, p, t, h):
        """After a failure: make anew what is old, and return whether there was anything.

        First the factors alone, if they are of another h; if that does not help, J as well.
        """
        if self._matches(h):
            if self._here(u, t):
                return False
            self._evaluate(u, p, t)
        self._factor(h)
        return True

    def note(self, rate, h):
        """Remember how fast the iterations of this step converged."""
        if self._matches(h) or rate > TELLING:
            self.slow = rate > self.limit

    def relaxation(self, h):
        """The factor of corrections by factors that were made for another h."""
        return 2 / (1 + h / self.h)

    def _lag(self, h):
        """What factors for another h leave at least of a stiff component, as an eta."""
        ratio = h / self.h
        return abs(1 - ratio) / (2 * min(ratio, 1.0))

    def _here(self, u, t):
        return self._of is not None and self._of[0] is u and self._of[1] == t

    def _matches(self, h):
        return self.h != NO_FACTORS and abs(h / self.h - 1) < FASTEST_RATE

    def _evaluate(self, u, p, t):
        self.linear.update(u, p, t)
        self._of = (u, t)
        self.slow, self.h = False, NO_FACTORS

    def _factor(self, h):
        self.h = NO_FACTORS  # if W is singular, there are none
        self.solves = {gamma: self.linear.factor(gamma * h) for gamma in self.gammas}
        self.h, self.eta = h, 1.0
