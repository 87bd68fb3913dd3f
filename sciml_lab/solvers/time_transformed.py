r"""Variable steps without drift: Verlet in a transformed time.

An error estimate looks at the step behind, so a step that was chosen by it is another one on the
way back, and with reversibility the energy is lost. Let instead a *monitor* sigma(q, v) say how
long a step should be along the orbit, and follow the step density 1/h like one more unknown of the
motion: where h is proportional to sigma, it obeys

.. math:: \frac{1}{h_{n+1/2}} = \frac{1}{h_{n-1/2}} - \frac{d}{dt} \log \sigma (y_n).

Read backwards that is the same formula with the other sign of time. So is Verlet; together they
are a reversible map of (y, h), explicit, one force a step, and the energy error of a reversible
orbit stays bounded for long times though the steps vary a hundredfold.

In a fictive time tau with ``dt = sigma dtau`` the step is fixed, hence the name.

References
----------
W. Huang, B. Leimkuhler, SIAM J. Sci. Comput. 18 (1997) 239-256. E. Hairer, G. Soderlind,
"Explicit, time reversible, adaptive step size control", SIAM J. Sci. Comput. 26 (2005) 1838-1851.
"""

import numpy as np

from sciml_lab.ad import Dual, primal
from sciml_lab.solvers.control import Decision
from sciml_lab.solvers.implicit import no_step
from sciml_lab.solvers.symplectic import Splitting
from sciml_lab.solvers.tableaus import splitting as tables


class AdaptiveVerlet(Splitting):
    """Verlet with steps proportional to a monitor of the state; reversible.

    Parameters
    ----------
    monitor : callable
        ``monitor(q, v, p, t)``, a positive number: how long the steps should be, up to a factor.
        For a fall towards the origin r^(3/2) makes all steps alike in units of the time of fall.
    rate : callable, optional
        ``rate(q, v, p, t)``, the derivative of log(monitor) along the motion. Without it dual
        numbers are sent through the monitor; a formula is quicker. It must change sign with v.

    Raises
    ------
    TypeError
        If monitor or rate are not functions.

    Notes
    -----
    `dt` is the first step; no tolerance enters. Going back from the last state with the last step
    as `dt` retraces every step. With ``adaptive=False`` this is `VelocityVerlet`.

    The confusion to avoid: it is reversible, not symplectic. Bounded energy errors are proved for
    reversible systems that are integrable, or nearly so, such as Kepler's.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> comet = sl.zoo.kepler_second_order(0.9, tspan=(0.0, 60.0))
    >>> method = AdaptiveVerlet(lambda q, v, p, t: np.sum(q * q) ** 0.75)
    >>> sol = sl.solve(comet, method, dt=0.002)
    >>> h = np.diff(sol.t)
    >>> bool(max(h) > 50 * min(h[:-1]))
    True
    """

    adaptive = True
    monitor = None
    rate = None

    def __init__(self, monitor, rate=None):
        for name, function in (("monitor", monitor), ("rate", rate)):
            if not callable(function) and (name == "monitor" or function is not None):
                raise TypeError(
                    f"{name} must be a function of (q, v, p, t) (got {type(function).__name__}), "
                    "for example monitor=lambda q, v, p, t: np.sum(q * q) ** 0.75."
                )
        source = "E. Hairer, G. Soderlind, SIAM J. Sci. Comput. 26 (2005) 1838"
        super().__init__("AdaptiveVerlet", tables.VERLET, source=source)
        object.__setattr__(self, "monitor", monitor)
        object.__setattr__(self, "rate", rate)

    def begin(self, run):
        """Check the equations and the monitor; what remembers the last step."""
        super().begin(run)
        if not run.adaptive:
            return self
        if run.dt is None:
            raise ValueError(
                "dt is required: it is the first step of AdaptiveVerlet, and the monitor makes "
                "the later ones from it."
            )
        q, v = run.u0[: run.f.half], run.u0[run.f.half :]
        value = self.monitor(q, v, run.p, float(primal(run.tspan[0])))
        if np.shape(value) != () or not (np.isfinite(value) and value > 0):
            raise ValueError(
                f"monitor must return one positive number (got {value!r} at the start): how long "
                "the steps should be there, up to a factor."
            )
        return Pace(self)

    def rate_at(self, u, slope, p, t):
        """Derivative of log(monitor) at a state that moves with `slope`."""
        n = len(u) // 2
        if self.rate is not None:
            return float(self.rate(u[:n], u[n:], p, t))
        sigma = self.monitor(Dual(u[:n], slope[:n]), Dual(u[n:], slope[n:]), p, Dual(t, 1.0))
        return float(sigma.tangent / sigma.value) if isinstance(sigma, Dual) else 0.0

    def __repr__(self) -> str:
        return "AdaptiveVerlet(monitor)" if self.rate is None else "AdaptiveVerlet(monitor, rate)"

    def __str__(self) -> str:
        return f"AdaptiveVerlet: Verlet with steps by a monitor, reversible, order 2; {self.source}"

    def __eq__(self, other):
        same = type(self) is type(other)
        return same and (self.monitor, self.rate) == (other.monitor, other.rate)

    def __hash__(self):
        return hash((self.monitor, self.rate))


class Pace:
    """Takes the steps of one solve and changes the density 1/h after each.

    Parameters
    ----------
    method : AdaptiveVerlet
    """

    why = "by the monitor"

    def __init__(self, method):
        self.method, self.shrink = method, 1.0

    def step(self, f, u, p, t, h, k1=None):
        """Take one step of Verlet's method, and see how the next one has to change."""
        step = self.method.step(f, u, p, t, h, k1)
        self.shrink = 1 - h * self.method.rate_at(step.u, step.slopes[1], p, t + h)
        if self.shrink <= 0:
            return no_step(u, f"the monitor grows faster than a step of {abs(h):.3g} can follow")
        return step

    def decide(self, norm, k, memory) -> Decision:
        """Go on with ``1/h - rate``; stop where the state is lost."""
        good = norm < 1
        return Decision(good, 1 / self.shrink if good else 0.0, memory)
