"""Training in compiled code: many steps of Adam in one call, and the log is told afterwards.

A loss can offer this by a method ``loss.compiled(p)`` (see `sciml_lab/neural/loss.py`). The steps
are those of `Adam.update`, from which the compiled loop is generated; the numbers are the same to
rounding.
"""

import numpy as np

from sciml_lab.nn.optimisers import Adam, Evaluation


def compiled_training(loss, optimizer, now, steps, smallest):
    """A compiled training that begins at the evaluation `now`, or None where there is none.

    Parameters
    ----------
    loss : callable
        The loss.
    optimizer : object
        Its own class must be `Adam`, without a schedule.
    now : Evaluation
        Where to begin.
    steps : int
        Number of the last step.
    smallest : float
        The smallest loss so far.
    """
    if type(optimizer) is not Adam or optimizer.schedule is not None:
        return None
    training = loss.compiled(now.p) if hasattr(loss, "compiled") else None
    if training is not None:
        training.begin(optimizer, now, steps, smallest)
    return training


def run_compiled(training, log):
    """Go on, some milliseconds at a time, until the last step or a loss that is not finite."""
    more, told = True, log.now.step
    while more:
        more = training.train()
        if training.step > told or not more:
            tell(training, log, told)
            told = training.step


def tell(training, log, told):
    """Report the steps since step number `told`."""
    step, failed = training.step, training.failed
    finite = step - failed
    if finite > told:
        p, loss = training.point()
        state = {"m": training.mean.copy(), "v": training.square.copy()}
        now = Evaluation(finite, p, loss, training.gradient.copy(), state)
        losses = training.history[told:finite].copy()
        log.take_many(losses, now, training.best.copy(), training.best_step)
    if failed:
        nothing = np.full(training.p.shape, np.nan)
        log.take(Evaluation(step, training.p.copy(), training.history[step - 1], nothing, {}))
