"""One network of the largest width for all widths: its further units say nothing.

Compiled code knows its sizes, and moving the slider of the width shall not wait for a compiler.
"""

import importlib.util

import numpy as np

import sciml_lab as sl

WIDEST = sl.nn.MLP([2, 48, 2])


def places_of_units(net) -> np.ndarray:
    """Where the parameters of a network stand among those of the widest one.

    Examples
    --------
    >>> net, u = sl.nn.MLP([2, 5, 2]), np.array([0.3, -0.7])
    >>> p, wide = net.init(0), np.zeros(WIDEST.size)
    >>> wide[places_of_units(net)] = p
    >>> bool(np.allclose(WIDEST(u, wide), net(u, p)))
    True
    """
    numbers = np.arange(WIDEST.size)
    (W1, b1), (W2, b2) = WIDEST.unpack(numbers)
    n = net.sizes[1]
    return np.concatenate([np.ravel(part) for part in (W1[:n], b1[:n], W2[:, :n], b2)])


def resized(old, new, p, seed) -> np.ndarray:
    """Parameters for a wider or narrower hidden layer that says what the old one said.

    New units start with a weight of zero on what they say; of too many units those go whose
    weights say least.

    Examples
    --------
    >>> small, large = sl.nn.MLP([2, 3, 2]), sl.nn.MLP([2, 5, 2])
    >>> p, u = small.init(0), np.array([0.3, -0.7])
    >>> bool(np.allclose(large(u, resized(small, large, p, seed=1)), small(u, p)))
    True
    """
    (W1, b1), (W2, b2) = old.unpack(p)
    (V1, c1), (V2, c2) = new.unpack(new.init(seed))
    strongest = np.sort(np.argsort(-np.linalg.norm(W2, axis=0), kind="stable")[: len(c1)])
    kept = len(strongest)
    V1[:kept], c1[:kept], c2[:] = W1[strongest], b1[strongest], b2
    V2[:, :kept], V2[:, kept:] = W2[:, strongest], 0.0
    return np.concatenate([np.ravel(part) for part in (V1, c1, V2, c2)])


def backend() -> str:
    """Compiled where Numba is installed."""
    return "numba" if importlib.util.find_spec("numba") else "numpy"
