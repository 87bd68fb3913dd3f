"""Anderson acceleration: the memory that makes a fixed-point iteration a quasi-Newton one."""

import numpy as np


class Mixer:
    r"""Combines the last corrections so that a linear model of their sum vanishes.

    With the differences dz of the last iterates and dr of their corrections, the weights w
    minimise ``|r - dr w|``, and the next iterate is ``z + r - (dz + dr) w``. On a linear
    problem this is GMRES in disguise.

    Parameters
    ----------
    depth : int
        How many earlier corrections take part.

    References
    ----------
    H. F. Walker, P. Ni, "Anderson acceleration for fixed-point iterations", SIAM J. Numer. Anal.
    49 (2011) 1715-1735.

    Examples
    --------
    >>> mixer, z = Mixer(2), np.zeros(2)
    >>> for _ in range(4):  # z = B z + 1: two unknowns, so three corrections are exact
    ...     z = mixer.next(z, np.array([[0.5, 0.2], [0.1, -3.0]]) @ z + 1 - z)
    >>> np.allclose(z, np.linalg.solve([[0.5, -0.2], [-0.1, 4.0]], [1, 1]))
    True
    """

    def __init__(self, depth):
        self.depth = depth
        self.steps, self.changes, self.last = [], [], None

    def next(self, z, r):
        """The next iterate from z and its correction r."""
        if self.last is not None:
            self.steps.append(np.ravel(z - self.last[0]))
            self.changes.append(np.ravel(r - self.last[1]))
            del self.steps[: -self.depth], self.changes[: -self.depth]
        self.last = z, r
        if not self.depth or not self.steps:
            return z + r
        dz, dr = np.stack(self.steps, axis=1), np.stack(self.changes, axis=1)
        w = np.linalg.lstsq(dr, np.ravel(r), rcond=1e-14)[0]
        return z + r - ((dz + dr) @ w).reshape(np.shape(z))
