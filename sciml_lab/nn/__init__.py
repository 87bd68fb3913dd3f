"""Neural networks on a flat parameter vector, and the loop that trains them.

- `MLP`: a multilayer perceptron ``net(u, p)`` with its own tested derivative
- `initialisers`: Glorot, He, LeCun
- `Adam`, `LBFGS`, `schedules`: optimisers, small frozen objects
- `losses`: mean squared error, Huber
- `train`: the loop, with history, early stop, checkpoint and resume
"""

from sciml_lab.nn.activations import ACTIVATIONS, Activation
from sciml_lab.nn.initialisers import SCHEMES
from sciml_lab.nn.losses import huber, mae, mse
from sciml_lab.nn.mlp import MLP
from sciml_lab.nn.optimisers import LBFGS, Adam, Evaluation
from sciml_lab.nn.schedules import cosine, exponential
from sciml_lab.nn.train import History, train

__all__ = [
    "ACTIVATIONS",
    "LBFGS",
    "MLP",
    "SCHEMES",
    "Activation",
    "Adam",
    "Evaluation",
    "History",
    "cosine",
    "exponential",
    "huber",
    "mae",
    "mse",
    "train",
]
