"""Activation functions, each with its slope.

With this module one can name the nonlinearity of a network. A slope is written with the function
value ``y = fun(x)`` at hand, for most of them the cheapest way: ``tanh' = 1 - y**2``.

Every formula takes the array module as a last argument (`numpy`, or `autograd.numpy` for boxes)
and uses only what numbers, complex numbers, duals and taped values all know.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy

from sciml_lab.ad import primal


@dataclass(frozen=True)
class Activation:
    """A nonlinearity ``y = fun(x, np)`` and its derivative ``slope(x, y, np)``.

    Parameters
    ----------
    name : str
        Name for messages and printing.
    fun : callable
        ``fun(x, np) -> y``, elementwise.
    slope : callable or None
        ``slope(x, y, np) -> dy/dx``. None: it is found by differentiating `fun`.

    Examples
    --------
    >>> import numpy as np
    >>> cube = Activation("cube", lambda x, np: x**3, lambda x, y, np: 3 * x**2)
    >>> float(cube(np.float64(2.0)))
    8.0
    """

    name: str
    fun: Callable
    slope: Callable | None = None

    def __call__(self, x, np=numpy):
        """Evaluate it, elementwise."""
        return self.fun(x, np)

    def __reduce__(self):
        """Pickle a built-in one by its name (its formulas are lambdas, which can't be pickled)."""
        if ACTIVATIONS.get(self.name) is self:
            return find_activation, (self.name,)
        return Activation, (self.name, self.fun, self.slope)


def _positive(x):
    """One where x > 0, else zero: a constant to every derivative."""
    return numpy.where(primal(x).real > 0, 1.0, 0.0)


def _sigmoid(x, np):
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # never overflows, unlike 1/(1 + exp(-x))


def _softplus(x, np):
    side = _positive(x)  # log(1 + e^x) = x + log(1 + e^-x) where x > 0
    return x * side + np.log1p(np.exp(x * (1 - 2 * side)))


_C = (2 / numpy.pi) ** 0.5  # gelu in its tanh form: x Phi(x) to an absolute error below 5e-4


def _gelu_inner(x, np):
    return np.tanh(_C * (x + 0.044715 * x * x * x))


def _gelu_slope(x, y, np):
    t = _gelu_inner(x, np)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * _C * (1 + 3 * 0.044715 * x * x)


def _swish_slope(x, y, np):
    s = _sigmoid(x, np)
    return s + y * (1 - s)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("tanh", lambda x, np: np.tanh(x), lambda x, y, np: 1 - y * y),
        Activation("relu", lambda x, np: x * _positive(x), lambda x, y, np: _positive(x)),
        Activation("gelu", lambda x, np: 0.5 * x * (1 + _gelu_inner(x, np)), _gelu_slope),
        Activation("sigmoid", _sigmoid, lambda x, y, np: y * (1 - y)),
        Activation("softplus", _softplus, lambda x, y, np: _sigmoid(x, np)),
        Activation("swish", lambda x, np: x * _sigmoid(x, np), _swish_slope),
        Activation("sin", lambda x, np: np.sin(x), lambda x, y, np: np.cos(x)),
        Activation("rbf", lambda x, np: np.exp(-x * x), lambda x, y, np: -2 * x * y),
    )
}


def find_activation(activation) -> Activation:
    """Return the `Activation` for a name, an `Activation`, or any function of one array.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor callable.

    Examples
    --------
    >>> find_activation("tanh").name
    'tanh'
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation {activation!r} is unknown: choose one of {', '.join(ACTIVATIONS)}, "
                "or give a function."
            )
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise TypeError(
            f"activation must be a name or a function (got {type(activation).__name__}): "
            "try 'tanh'."
        )
    name = getattr(activation, "__name__", "activation")
    return Activation(name, lambda x, np: activation(x))
