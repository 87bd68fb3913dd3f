"""The training loop: evaluate, step, remember; and whatever happens, the best so far is kept."""

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import primal, value_and_grad
from sciml_lab.nn import checkpoint as disk
from sciml_lab.nn.compiled import compiled_training, run_compiled
from sciml_lab.nn.optimisers import Adam, Evaluation
from sciml_lab.solvers.solution import SolveError


@dataclass(frozen=True)
class History:
    """What a training run leaves behind.

    Attributes
    ----------
    loss : ndarray, shape (steps + 1,)
        Loss after 0, 1, 2, ... steps.
    times : ndarray, shape (steps + 1,)
        Seconds since the start at each of them.
    p : ndarray
        The parameters with the smallest loss.
    p_last : ndarray
        The parameters of the last step.
    message : str
        How it ended, in words.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> run = sl.train(lambda p: (p * p).sum(), [1.0], steps=100, progress=False)
    >>> run.steps, run.best_loss < 1e-3
    (100, True)
    """

    loss: np.ndarray
    times: np.ndarray
    p: np.ndarray
    p_last: np.ndarray
    message: str

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.loss) - 1

    @property
    def best_step(self) -> int:
        """The step after which the loss was smallest."""
        return int(np.nanargmin(self.loss))

    @property
    def best_loss(self) -> float:
        """The smallest loss, the one of `p`."""
        return float(self.loss[self.best_step])

    def plot(self, **options):
        """Plot the loss against the step; returns a Matplotlib Figure."""
        from sciml_lab import plot

        return plot.history(self, **options)

    def __repr__(self) -> str:
        return (
            f"History({self.steps} steps in {self.times[-1]:.2f} s, loss {self.loss[0]:.3g} -> "
            f"{self.best_loss:.3g})\n{self.message}"
        )


def train(
    loss,
    p0,
    *,
    optimizer=None,
    steps=500,
    callback=None,
    progress=True,
    patience=None,
    checkpoint=None,
    checkpoint_every=50,
    resume=False,
    seed=None,
    grad="tape",
) -> History:
    """Minimise ``loss(p)``.

    Parameters
    ----------
    loss : callable
        ``loss(p) -> number``; with a `seed`, ``loss(p, rng)``. What it does in between, a `solve`
        for example, is differentiated by `sl.ad`.
    p0 : array_like
        Where to start.
    optimizer : Adam, LBFGS or any object with `minimise`
        By default ``Adam(0.05)``.
    steps : int
        Number of steps (of a resumed run: those before included).
    callback : callable, optional
        Called after every step as ``callback(step, loss, p)``; returning True ends the training.
    progress : bool
        Show a progress bar (where tqdm is installed).
    patience : int, optional
        Stop after this many steps without a new smallest loss.
    checkpoint : path, optional
        File (npz) that the run is saved to, every `checkpoint_every` steps and at the end.
    checkpoint_every : int
        See `checkpoint`.
    resume : bool
        Go on from the checkpoint if there is one. With `Adam` the numbers are those of a run that
        was never interrupted, to the last bit.
    seed : int or numpy.random.Generator, optional
        For a loss that draws samples: step k gets a generator of its own, made of the seed and k
        (`LBFGS` gets the same one in all steps, since it needs a loss that is a function).
    grad : str or callable
        A mode of `sl.ad.value_and_grad`, or your own ``p -> (loss, gradient)``.

    Returns
    -------
    History
        Of the best and the last parameters. A stop by Ctrl-C, by the notebook's stop button, by
        patience, or by a loss that is not finite (a solve that failed, too) ends the training, and
        `message` says which.

    Notes
    -----
    A loss that knows its gradient, by a method ``loss.value_and_grad(p)``, is asked for it. The
    losses of `sl.neural` with ``backend="numba"`` do, and with `Adam` and nobody who looks at every
    step (no callback, patience, checkpoint, schedule) the whole loop runs in compiled code; the
    numbers are those of the loop in Python, to rounding.

    Raises
    ------
    TypeError, ValueError
        For an argument that can't be right, or a loss that is not finite at `p0`.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> run = sl.train(lambda p: ((p - 1) ** 2).sum(), [0.0, 0.0], steps=300, progress=False)
    >>> bool(np.allclose(run.p, 1, atol=1e-2))
    True
    """
    optimizer = Adam(0.05) if optimizer is None else optimizer
    p0, path = _checked(loss, p0, optimizer, callback, checkpoint, resume, grad)
    for name, value in (("steps", steps), ("patience", patience),
                        ("checkpoint_every", checkpoint_every)):  # fmt: skip
        if value is not None and not (isinstance(value, int | np.integer) and value >= 1):
            raise ValueError(f"{name} must be a whole number from 1 up (got {value!r}).")
    log = _Log(repr(optimizer), p0, path, checkpoint_every, patience, callback, _whole(seed))
    now = log.restore() if resume and path is not None and path.exists() else None
    evaluate = _evaluator(loss, p0.shape, grad, log.seed)
    log.bar = _bar(progress, steps, log)
    words = ""
    try:
        if now is None:
            first, slope = evaluate(p0, 0)
            now = Evaluation(0, p0, first, slope, {})
            if not _finite(now):
                raise ValueError(
                    f"the loss at p0 is {now.loss:.6g} with a gradient that is "
                    f"{'finite' if np.all(np.isfinite(now.grad)) else 'not finite'}: start from "
                    "smaller parameters, or check that the loss can be computed there."
                )
            log.take(now)
        if now.step < steps and not log.stopped:
            training = None
            if grad == "tape" and log.hears_only_of_the_loss:
                training = compiled_training(loss, optimizer, now, int(steps), log.smallest)
            if training is None:
                words = optimizer.minimise(evaluate, now, steps, log.take)
            else:
                run_compiled(training, log)
    except KeyboardInterrupt:
        if log.now is None:
            raise
        words = "interrupted"
    finally:
        log.bar.close()
        log.write()
    return log.history(log.stopped or words)


class _Log:
    """Hears of every iterate: records it, keeps the best, writes checkpoints, says when to stop."""

    def __init__(self, optimizer, p0, path, every, patience, callback, seed):
        self.optimizer, self.path, self.every = optimizer, path, every
        self.patience, self.callback, self.seed = patience, callback, seed
        self.loss, self.times, self.best = [], [], p0
        self.now: Evaluation | None = None
        self.best_step, self.stopped, self.began = 0, "", time.perf_counter()
        self.bar: Any = _NoBar()

    def take(self, now) -> bool:
        """Take in one evaluation; returns whether to stop."""
        self.loss.append(float(now.loss))
        self.times.append(time.perf_counter() - self.began)
        if not _finite(now):
            what = "loss" if not np.isfinite(now.loss) else "gradient"
            self.stopped = (
                f"the {what} is not finite after step {now.step}: try a smaller learning rate"
            )
            return True
        self.now = now
        if now.loss < self.loss[self.best_step] or now.step == 0:
            self.best, self.best_step = now.p, now.step
        self.bar.set_postfix_str(f"loss {now.loss:.3g}", refresh=False)
        self.bar.update(now.step - self.bar.n)
        if now.step and now.step % self.every == 0:
            self.write()
        if self.callback is not None and self._calls_for_a_stop(now):
            self.stopped = "stopped by the callback"
        elif self.patience and now.step - self.best_step >= self.patience:
            self.stopped = f"no smaller loss in {self.patience} steps"
        return bool(self.stopped)

    @property
    def hears_only_of_the_loss(self) -> bool:
        """Whether nobody looks at the parameters of every step."""
        return self.callback is None and self.patience is None and self.path is None

    @property
    def smallest(self) -> float:
        """The smallest loss so far."""
        return self.loss[self.best_step]

    def take_many(self, losses, now, best, best_step):
        """Take in many steps at once: their losses, the last evaluation, the best parameters."""
        before, passed = self.times[-1], time.perf_counter() - self.began
        share = np.arange(1, len(losses) + 1) / max(len(losses), 1)
        self.loss += losses.tolist()
        self.times += (before + share * (passed - before)).tolist()
        if best_step > self.best_step:
            self.best, self.best_step = best, best_step
        self.now = now
        self.bar.set_postfix_str(f"loss {now.loss:.3g}", refresh=False)
        self.bar.update(now.step - self.bar.n)

    def _calls_for_a_stop(self, now):
        """Show the callback the parameters; what it writes into them is not ours."""
        return self.callback(now.step, float(now.loss), now.p.copy()) is True

    def write(self):
        """Write the checkpoint: the last finite iterate and all before it."""
        if self.path is None or self.now is None:
            return
        now = self.now
        n = now.step + 1
        memory = {f"state_{name}": value for name, value in now.state.items()}
        disk.save(
            self.path, p=now.p, value=now.loss, grad=now.grad, step=now.step, best=self.best,
            loss=np.array(self.loss[:n]), times=np.array(self.times[:n]), optimizer=self.optimizer,
            seed=-1 if self.seed is None else self.seed, **memory,
        )  # fmt: skip

    def restore(self):
        """Read the checkpoint back, after checking that it belongs to this run."""
        kept = disk.load(self.path)
        for name, mine in (("optimizer", self.optimizer),
                           ("seed", -1 if self.seed is None else self.seed)):  # fmt: skip
            if str(kept.get(name)) != str(mine):
                raise ValueError(
                    f"checkpoint {str(self.path)!r} was written with {name} {kept.get(name)!s}, "
                    f"and this run has {mine}: use the same one, or delete the file."
                )
        if kept["p"].shape != self.best.shape:
            raise ValueError(
                f"checkpoint {str(self.path)!r} holds parameters of shape {kept['p'].shape}, and "
                f"p0 has {self.best.shape}: use the same model, or delete the file."
            )
        self.loss, self.times = kept["loss"].tolist(), kept["times"].tolist()
        self.best, self.best_step = kept["best"], int(np.nanargmin(self.loss))
        self.began -= self.times[-1]
        state = {name[6:]: kept[name] for name in kept if name.startswith("state_")}
        self.now = Evaluation(
            int(kept["step"]), kept["p"], float(kept["value"]), kept["grad"], state
        )
        return self.now

    def history(self, words):
        steps = len(self.loss) - 1
        end = f"{words}; " if words else ""
        message = (
            f"{end}{steps} steps done, smallest loss {self.loss[self.best_step]:.6g} after step "
            f"{self.best_step}"
        )
        last = self.best if self.now is None else self.now.p
        return History(np.array(self.loss), np.array(self.times), self.best, last, message)


def _evaluator(loss, shape, grad, seed):
    """``(p, step) -> (loss, gradient)`` as plain numbers."""

    def one_number(p, *rng):
        y = loss(p, *rng)
        plain = np.asarray(primal(y))
        if plain.ndim or plain.dtype.kind not in "biufc":
            raise TypeError(
                f"loss must return one number (got shape {plain.shape}, {plain.dtype}): sum or "
                "average what it returns."
            )
        return y

    def both(p, rng) -> Any:
        if callable(grad):
            return grad(p, *rng)
        if grad == "tape" and not rng and hasattr(loss, "value_and_grad"):
            return loss.value_and_grad(p)
        return value_and_grad(lambda q: one_number(q, *rng), p, mode=grad)

    def evaluate(p, step):
        rng = () if seed is None else (np.random.default_rng((seed, step)),)
        try:
            value, slope = both(p, rng)
        except SolveError:  # a trajectory that blew up: no number, and no reason to lose the run
            return np.nan, np.full(shape, np.nan)
        slope = np.asarray(slope)
        if slope.shape != shape:
            raise ValueError(f"grad returned a gradient of shape {slope.shape}; p has {shape}.")
        return float(value), slope

    return evaluate


def _finite(now):
    return bool(np.isfinite(now.loss) and np.all(np.isfinite(now.grad)))


def _whole(seed):
    """A seed as a whole number; a generator is asked for one."""
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**31))
    if seed is not None and not (isinstance(seed, int | np.integer) and seed >= 0):
        raise TypeError(f"seed must be a whole number or a numpy Generator (got {seed!r}).")
    return seed


class _NoBar:
    """Stands for the progress bar where none is shown."""

    n = 0

    def set_postfix_str(self, *_, **__):
        """Do nothing."""

    update = close = set_postfix_str


def _bar(wanted, steps, log):
    if not wanted or importlib.util.find_spec("tqdm") is None:
        return _NoBar()
    tqdm = need("tqdm.auto", extra="lab", what="progress=True").tqdm
    return tqdm(total=int(steps), initial=max(len(log.loss) - 1, 0), desc="train", unit="step")


def _checked(loss, p0, optimizer, callback, checkpoint, resume, grad):
    """Check the arguments; returns p0 as an array and the checkpoint's path."""
    if not callable(loss):
        raise TypeError(f"loss must be a function of p (got {type(loss).__name__}).")
    if callback is not None and not callable(callback):
        raise TypeError("callback must be a function callback(step, loss, p).")
    if isinstance(optimizer, type) or not hasattr(optimizer, "minimise"):
        shown = optimizer.__name__ if isinstance(optimizer, type) else repr(optimizer)
        raise TypeError(f"optimizer must be an object such as Adam(0.05) or LBFGS() (got {shown}).")
    if not (callable(grad) or isinstance(grad, str)):
        raise TypeError("grad must be a mode such as 'tape', or a function p -> (loss, gradient).")
    try:
        p0 = np.array(p0, dtype=float)
    except (TypeError, ValueError):
        raise TypeError("p0 must be an array of numbers, for example net.init(seed).") from None
    if p0.size == 0 or not np.all(np.isfinite(p0)):
        raise ValueError(
            "p0 must hold at least one number, and all must be finite: start from net.init(seed)."
        )
    path = None if checkpoint is None else Path(checkpoint)
    if resume and path is None:
        raise ValueError("resume=True needs a checkpoint: give the file's path.")
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"checkpoint lies in {str(path.parent)!r}, which is no folder: create it.")
    return p0, path
