"""Optimisers: small frozen objects that hold the settings; the state travels as an argument.

An optimiser has one method,

    minimise(evaluate, p, steps, report, state, first) -> sentence or "",

where ``evaluate(p, step) -> (loss, gradient)`` computes and ``report(Evaluation) -> bool`` hears of
every iterate and says whether to stop. Anything with this method can be given to `train`.
"""

import contextlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sciml_lab._optional import need


class Evaluation(NamedTuple):
    """One iterate: what is reported, and what a later run needs to go on from here.

    Attributes
    ----------
    step : int
        Steps taken so far.
    p, loss, grad : ndarray, float, ndarray
        Parameters, and the loss and its gradient there.
    state : dict of ndarray
        The optimiser's memory.
    """

    step: int
    p: np.ndarray
    loss: float
    grad: np.ndarray
    state: dict


@dataclass(frozen=True)
class Adam:
    r"""Adam: gradient descent with momentum, each parameter in units of its own gradient.

    .. math::
        m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2,
        \quad p \leftarrow p - \eta\, \frac{m/(1-\beta_1^n)}{\sqrt{v/(1-\beta_2^n)} + \epsilon}

    Parameters
    ----------
    lr : float
        Learning rate: about the size of one step of each parameter, whatever the loss's units.
    beta1, beta2 : float
        Memory of the gradient and of its square, in [0, 1).
    eps : float
        Keeps the division finite.
    schedule : callable, optional
        ``schedule(step) -> factor`` for the learning rate, for example `sl.nn.cosine(500)`.

    Notes
    -----
    The divisions by ``1 - beta**n`` undo the bias of averages that began at zero. In the first
    step every parameter therefore moves by the full `lr`, however small its gradient.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> run = sl.train(lambda p: ((p - 3) ** 2).sum(), [0.0], optimizer=Adam(0.1), progress=False)
    >>> bool(abs(run.p[0] - 3) < 1e-3)
    True
    """

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    schedule: Callable[[int], float] | None = field(default=None, repr=False)

    def __post_init__(self):
        _positive("lr", self.lr)
        _positive("eps", self.eps)
        for name in ("beta1", "beta2"):
            beta = getattr(self, name)
            if not (isinstance(beta, int | float) and 0 <= beta < 1):
                raise ValueError(f"{name} must lie in [0, 1) (got {beta!r}).")
        if self.schedule is not None and not callable(self.schedule):
            raise TypeError(
                "schedule must be a function step -> factor, for example nn.cosine(500)."
            )

    def update(self, p, grad, state, step):
        """Take one step, number `step` (the first is 1); returns new parameters and new state.

        Examples
        --------
        >>> p, state = Adam(0.1).update(np.array([1.0]), np.array([5.0]), {}, 1)
        >>> p.round(6)
        array([0.9])
        """
        m, v = state.get("m", 0.0), state.get("v", 0.0)
        m = self.beta1 * m + (1 - self.beta1) * grad
        v = self.beta2 * v + (1 - self.beta2) * grad**2
        m_hat, v_hat = m / (1 - self.beta1**step), v / (1 - self.beta2**step)
        lr = self.lr * (1.0 if self.schedule is None else self.schedule(step - 1))
        return p - lr * m_hat / (np.sqrt(v_hat) + self.eps), {"m": m, "v": v}

    def minimise(self, evaluate, now, steps, report):
        """Go on from the evaluation `now` to step number `steps`, or until `report` says stop."""
        while now.step < steps:
            step = now.step + 1
            p, state = self.update(now.p, now.grad, now.state, step)
            loss, grad = evaluate(p, step)
            now = Evaluation(step, p, loss, grad, state)
            if report(now):
                break
        return ""


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS: a quasi-Newton method that learns curvature from past gradients.

    It is SciPy's L-BFGS-B. Use it to finish what Adam began: near a minimum it gains digits where
    Adam walks in circles; far from one, or with a noisy loss, it gets stuck.

    Parameters
    ----------
    memory : int
        Pairs of steps and gradient changes that are remembered.
    gtol : float
        Stop when the largest component of the gradient is below this.
    ftol : float
        Stop when the loss falls by less than this relative amount in one step.
    first_step : float
        Length of the first trial step, in the norm of p.

    Notes
    -----
    Where a trial point gives a loss that is not finite (a trajectory that blows up), the search
    starts again from the last good point with a tenth of `first_step`. A resumed run starts with
    an empty memory.

    References
    ----------
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization",
    Math. Programming 45 (1989) 503-528.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> def rosenbrock(p):
    ...     return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    >>> run = sl.train(rosenbrock, [-1.0, 1.0], optimizer=LBFGS(), steps=100, progress=False)
    >>> bool(np.allclose(run.p, 1, atol=1e-5))
    True
    """

    memory: int = 20
    gtol: float = 1e-10
    ftol: float = 0.0
    first_step: float = 1.0

    def __post_init__(self):
        if not (isinstance(self.memory, int | np.integer) and self.memory >= 1):
            raise ValueError(f"memory must be a whole number from 1 up (got {self.memory!r}).")
        _positive("first_step", self.first_step)
        for name in ("gtol", "ftol"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative (got {getattr(self, name)!r}).")

    def minimise(self, evaluate, now, steps, report):
        """Go on from the evaluation `now` to step number `steps`, or until `report` says stop."""
        scale, words = self.first_step, ""
        for _ in range(6):
            search = _Search(evaluate, now, report, scale)
            try:
                words = search.run(self, steps - now.step)
            except _NotFinite as trouble:
                if search.keep_best_trial():
                    break
                now, scale, words = search.now, scale / 10, str(trouble)
            else:
                break
        return words


class _NotFinite(ArithmeticError):
    """A trial point of the line search gave a loss or gradient that is not finite."""


class _Search:
    """One call of SciPy's minimiser, in the variable q with p = p_start + scale*q.

    SciPy's first trial step has length one in q; the scale makes it as long as is wanted in p.
    """

    def __init__(self, evaluate, now, report, scale):
        self.evaluate, self.now, self.report, self.scale = evaluate, now, report, scale
        self.origin = now.p
        self.trials = {}  # what was computed since the last iterate: q as bytes -> loss, gradient

    def run(self, settings, steps):
        """Search for at most `steps` steps; returns why it ended, or "" if it need not be told."""
        optimize = need("scipy.optimize", extra="lab", what="LBFGS")
        if steps <= 0:
            return ""
        self.trials[np.zeros(self.origin.size).tobytes()] = (self.now.loss, self.now.grad)
        with _one_thread(self.origin.size):
            result = optimize.minimize(
                self.objective, np.zeros(self.origin.size), jac=True, method="L-BFGS-B",
                callback=self.iterate,
                options={"maxiter": steps, "maxfun": 50 * steps, "maxcor": settings.memory,
                         "ftol": settings.ftol, "gtol": settings.gtol * self.scale, "maxls": 50},
            )  # fmt: skip
        return "" if result.nit >= steps or result.status == 99 else _reason(result.message)

    def objective(self, q):
        key = q.tobytes()
        if key not in self.trials:
            p = self.origin + self.scale * q.reshape(self.origin.shape)
            loss, grad = self.evaluate(p, 0)
            if not (np.isfinite(loss) and np.all(np.isfinite(grad))):
                raise _NotFinite("every step tried from here leads to a loss that is not finite")
            self.trials[key] = (loss, grad)
        loss, grad = self.trials[key]
        return loss, self.scale * grad.ravel()

    def iterate(self, q):
        if self.accept(q):
            raise StopIteration

    def accept(self, q):
        """Make a point that was tried the present one and report it; returns whether to stop."""
        loss, grad = self.trials[q.tobytes()]
        p = self.origin + self.scale * q.reshape(self.origin.shape)
        self.now = Evaluation(self.now.step + 1, p, loss, grad, {})
        self.trials = {q.tobytes(): (loss, grad)}
        return self.report(self.now)

    def keep_best_trial(self):
        """After a broken line search: go to the best point it tried; returns whether to stop."""
        best = min(self.trials, key=lambda key: self.trials[key][0])
        return self.trials[best][0] < self.now.loss and self.accept(np.frombuffer(best))


def _one_thread(size):
    """Keep linear algebra on one core while a small problem is solved (with threadpoolctl).

    SciPy solves systems of twice `memory` unknowns in each step. Spread over threads that wait
    for each other, 300 steps for 1218 parameters took 1.5 s of processor time instead of 0.04 s
    (two busy cores, SciPy 1.17).
    """
    if size > 20_000 or importlib.util.find_spec("threadpoolctl") is None:
        return contextlib.nullcontext()
    threads = need("threadpoolctl", extra="lab", what="LBFGS")
    return threads.threadpool_limits(limits=1, user_api="blas")


def _reason(message) -> str:
    """SciPy's capitals as the end of a sentence."""
    text = message.decode() if isinstance(message, bytes) else str(message)
    if "PGTOL" in text.upper() or "GRADIENT" in text.upper():
        return "the gradient is as small as gtol asks"
    if "REL_REDUCTION" in text.upper() or "RELATIVE" in text.upper():
        return "the loss falls no further than ftol asks"
    return f"the line search ended: {text.strip().lower()}"


def _positive(name, value):
    if not (isinstance(value, int | float | np.number) and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number (got {value!r}).")
