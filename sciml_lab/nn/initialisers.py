"""Where training starts: random weights whose size keeps signals at their size.

A layer ``y_i = sum_j W_ij x_j`` with independent entries of variance ``s`` multiplies the variance
of its input by ``fan_in * s``, and a cotangent on its way back by ``fan_out * s``. Each scheme
below is one choice of ``s``. Biases start at zero.
"""

from itertools import pairwise

import numpy as np


def glorot(rng, fan_out, fan_in):
    """Uniform, variance ``2/(fan_in + fan_out)``: between the forward and the backward balance.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> glorot(np.random.default_rng(0), 3, 2).shape
    (3, 2)
    """
    bound = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_out, fan_in))


def he(rng, fan_out, fan_in):
    """Normal, variance ``2/fan_in``: relu sets half of the signal to zero, this doubles the rest.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> he(np.random.default_rng(0), 3, 2).shape
    (3, 2)
    """
    return rng.normal(0, np.sqrt(2 / fan_in), (fan_out, fan_in))


def lecun(rng, fan_out, fan_in):
    """Normal, variance ``1/fan_in``: the forward balance alone.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", in: Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> lecun(np.random.default_rng(0), 3, 2).shape
    (3, 2)
    """
    return rng.normal(0, np.sqrt(1 / fan_in), (fan_out, fan_in))


#: Name of a scheme -> (initialiser, whether the last layer starts at zero instead). A network that
#: starts at zero adds nothing to a known equation until training asks for it.
SCHEMES = {
    "glorot": (glorot, False),
    "he": (he, False),
    "lecun": (lecun, False),
    "zeros-last": (glorot, True),
}


def initial_parameters(sizes, seed, scheme) -> np.ndarray:
    """Flat parameter vector of a network with these layer sizes: for each layer W by rows, then b.

    Examples
    --------
    >>> initial_parameters([2, 3, 1], 0, "glorot").shape
    (13,)
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme {scheme!r} is unknown: choose one of {', '.join(SCHEMES)}.")
    draw, zeros_last = SCHEMES[scheme]
    rng = np.random.default_rng(seed)
    parts = []
    for k, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        W = draw(rng, fan_out, fan_in)
        parts += [np.zeros_like(W) if zeros_last and k == len(sizes) - 2 else W, np.zeros(fan_out)]
    return np.concatenate([part.ravel() for part in parts])
