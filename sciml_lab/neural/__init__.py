"""Neural differential equations: how to train one so that it does not get stuck.

A neural ODE is ``u' = f(u, p, t)`` with a network in f. What makes training work or fail is which
loss is minimised, and in which order; each file here is one such idea:

- `predict`: the solution at the data's times, by fixed steps, differentiable
- `loss`: how far trajectories are from data, readable when called, compiled when trained
- `trajectory`: compare one long trajectory with all the data
- `horizon`: the same, over a horizon that grows
- `shooting`: many short trajectories, each from a data point, as one batch
- `collocation`: compare slopes instead of trajectories; no solve at all
- `stages`: train through a sequence of losses
- `units`: standardise what the network sees
- `judge`: how far, how late, and how far off the invariant
"""

from sciml_lab.neural.collocation import collocation_loss, smooth
from sciml_lab.neural.horizon import growing_horizon
from sciml_lab.neural.judge import drift, phase_error, relative_error
from sciml_lab.neural.loss import SolveLoss
from sciml_lab.neural.predict import predict
from sciml_lab.neural.shooting import multiple_shooting_loss, segments
from sciml_lab.neural.stages import Stage, train_stages
from sciml_lab.neural.trajectory import trajectory_loss
from sciml_lab.neural.units import standardised

__all__ = [
    "SolveLoss",
    "Stage",
    "collocation_loss",
    "drift",
    "growing_horizon",
    "multiple_shooting_loss",
    "phase_error",
    "predict",
    "relative_error",
    "segments",
    "smooth",
    "standardised",
    "train_stages",
    "trajectory_loss",
]
