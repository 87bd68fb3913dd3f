"""Train through a sequence of losses, each beginning where the last one ended."""

from typing import NamedTuple

from sciml_lab.nn.train import train


class Stage(NamedTuple):
    """One stage of a training: which loss, with which optimiser, for how long.

    Attributes
    ----------
    loss : callable
        ``loss(p)``
    optimizer : object
        As for `train`.
    steps : int
        As for `train`.
    """

    loss: object
    optimizer: object
    steps: int


def train_stages(stages, p0, **options) -> list:
    """Minimise one loss after the other, each from the best parameters of the one before.

    Parameters
    ----------
    stages : sequence of Stage, or of (loss, optimizer, steps)
        What to do.
    p0 : array
        Where to start.
    **options
        Of `train`, for every stage: callback, progress, ...

    Returns
    -------
    list of History
        One for each stage; the result is ``[-1].p``. A stage that the callback or Ctrl-C stops
        is the last.

    Raises
    ------
    ValueError
        If there is no stage.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> near, far = lambda p: ((p - 1) ** 2).sum(), lambda p: ((p - 2) ** 2).sum()
    >>> plan = [(near, sl.Adam(0.1), 50), (far, sl.LBFGS(), 20)]
    >>> runs = train_stages(plan, [0.0], progress=False)
    >>> len(runs), round(float(runs[-1].p[0]), 4)
    (2, 2.0)
    """
    stages = [Stage(*stage) for stage in stages]
    if not stages:
        raise ValueError("stages is empty: give at least one (loss, optimizer, steps).")
    runs, p = [], p0
    for stage in stages:
        run = train(stage.loss, p, optimizer=stage.optimizer, steps=stage.steps, **options)
        runs.append(run)
        p = run.p
        if run.message.startswith(("stopped by the callback", "interrupted")):
            break
    return runs
