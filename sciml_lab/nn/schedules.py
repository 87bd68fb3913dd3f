"""Learning rates that change while training: a factor for the rate as a function of the step."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class cosine:
    """Half a cosine from 1 down to `floor` over `steps` steps, constant afterwards.

    Parameters
    ----------
    steps : int
        Length of the descent.
    floor : float
        Factor at its end.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> rate = cosine(100)
    >>> rate(0), round(rate(50), 3), rate(100), rate(500)
    (1.0, 0.5, 0.0, 0.0)
    """

    steps: int
    floor: float = 0.0

    def __call__(self, step: int) -> float:
        """Factor for the learning rate after so many steps."""
        place = min(step / self.steps, 1.0)
        return float(self.floor + (1 - self.floor) * 0.5 * (1 + np.cos(np.pi * place)))


@dataclass(frozen=True)
class exponential:
    """The factor falls to a tenth every `steps` steps.

    Parameters
    ----------
    steps : float
        Steps for one power of ten.

    Examples
    --------
    >>> round(exponential(100)(200), 6)
    0.01
    """

    steps: float

    def __call__(self, step: int) -> float:
        """Factor for the learning rate after so many steps."""
        return float(10.0 ** (-step / self.steps))
