"""The rule table, first part: functions that act on each entry by itself.

With this module one can: read the derivative of every elementwise function, one line for each.
A line gives the partial derivatives as functions of the answer and the arguments, and both the
JVP and the VJP follow from them (`primitive.elementwise`). Where a function has a kink, the
slope is the mean of its two sides, which is what a central difference shows.

Complex values: a rule is the complex derivative, and a VJP is the transpose without conjugation.
So the gradient of a real function of ``z = a + ib`` comes out as ``df/da - i df/db``.

Examples
--------
>>> from sciml_lab.ad import derivative
>>> float(derivative(np.arctan, 1.0))
0.5
"""

import operator

import numpy as np

from .primitive import define, elementwise, expand, stretch, unbroadcast
from .values import primal


def larger(x, y):
    """Where x > y: 1, where they are equal: 1/2."""
    x, y = primal(x), primal(y)
    return np.greater(x, y) + 0.5 * np.equal(x, y)


def nonzero(x):
    """Replace zeros by one, to divide by it where the numerator is zero too."""
    return np.where(primal(x) == 0, 1.0, x)


def unit(answer, x):
    """Slope of |x|: the sign of a real x, conj(x)/|x| of a complex one, and 0 at 0."""
    if np.iscomplexobj(primal(x)):
        return np.conj(x) / nonzero(answer)
    return np.sign(primal(x))


def as_numpy(operation):
    """Take Python's operator: for two scalars it needs a tenth of the time of NumPy's function."""

    def apply(x, y):
        if type(x) is complex:  # Python would answer with a number that has no shape
            x = np.complex128(x)
        return operation(x, y)

    return apply


# Arithmetic.
add = elementwise(as_numpy(operator.add), 1, 1, name="add", dispatch=(np.add,))
subtract = elementwise(as_numpy(operator.sub), 1, -1, name="subtract", dispatch=(np.subtract,))
multiply = elementwise(
    as_numpy(operator.mul),
    lambda ans, x, y: y,
    lambda ans, x, y: x,
    name="multiply",
    dispatch=(np.multiply,),
)
divide = elementwise(
    as_numpy(operator.truediv),
    lambda ans, x, y: 1 / y,
    lambda ans, x, y: -ans / y,
    name="divide",
    dispatch=(np.divide,),
)
negative = elementwise(operator.neg, -1, name="negative", dispatch=(np.negative,))
reciprocal = elementwise(np.reciprocal, lambda ans, x: -ans * ans)
square = elementwise(lambda x: x * x, lambda ans, x: 2 * x, name="square", dispatch=(np.square,))
sqrt = elementwise(np.sqrt, lambda ans, x: 0.5 / ans, singular=True)
cbrt = elementwise(np.cbrt, lambda ans, x: 1 / (3 * ans * ans), singular=True)
power = elementwise(
    as_numpy(operator.pow),
    lambda ans, x, y: y * np.power(np.where(primal(y) == 0, nonzero(x), x), y - 1),
    lambda ans, x, y: ans * np.log(nonzero(x)),
    name="power",
    dispatch=(np.power, np.float_power),
    singular=True,
)
remainder = elementwise(np.remainder, 1, lambda ans, x, y: -np.floor(primal(x) / primal(y)))
hypot = elementwise(
    np.hypot, lambda ans, x, y: x / nonzero(ans), lambda ans, x, y: y / nonzero(ans)
)

# Exponentials and logarithms.
exp = elementwise(np.exp, lambda ans, x: ans)
exp2 = elementwise(np.exp2, lambda ans, x: ans * np.log(2.0))
expm1 = elementwise(np.expm1, lambda ans, x: ans + 1)
log = elementwise(np.log, lambda ans, x: 1 / x, singular=True)
log2 = elementwise(np.log2, lambda ans, x: 1 / (x * np.log(2.0)), singular=True)
log10 = elementwise(np.log10, lambda ans, x: 1 / (x * np.log(10.0)), singular=True)
log1p = elementwise(np.log1p, lambda ans, x: 1 / (1 + x), singular=True)
logaddexp = elementwise(
    np.logaddexp, lambda ans, x, y: np.exp(x - ans), lambda ans, x, y: np.exp(y - ans)
)

# Angles.
sin = elementwise(np.sin, lambda ans, x: np.cos(x))
cos = elementwise(np.cos, lambda ans, x: -np.sin(x))
tan = elementwise(np.tan, lambda ans, x: 1 + ans * ans)
arcsin = elementwise(np.arcsin, lambda ans, x: 1 / np.sqrt(1 - x * x), singular=True)
arccos = elementwise(np.arccos, lambda ans, x: -1 / np.sqrt(1 - x * x), singular=True)
arctan = elementwise(np.arctan, lambda ans, x: 1 / (1 + x * x))
arctan2 = elementwise(
    np.arctan2, lambda ans, y, x: x / (x * x + y * y), lambda ans, y, x: -y / (x * x + y * y)
)
sinh = elementwise(np.sinh, lambda ans, x: np.cosh(x))
cosh = elementwise(np.cosh, lambda ans, x: np.sinh(x))
tanh = elementwise(np.tanh, lambda ans, x: 1 - ans * ans)
arcsinh = elementwise(np.arcsinh, lambda ans, x: 1 / np.sqrt(1 + x * x))
arccosh = elementwise(
    np.arccosh, lambda ans, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), singular=True
)
arctanh = elementwise(np.arctanh, lambda ans, x: 1 / (1 - x * x), singular=True)

# Choices.
maximum = elementwise(np.maximum, lambda ans, x, y: larger(x, y), lambda ans, x, y: larger(y, x))
minimum = elementwise(np.minimum, lambda ans, x, y: larger(y, x), lambda ans, x, y: larger(x, y))
where = define(
    np.where,
    (
        None,  # a condition has no derivative
        lambda t, ans, c, x, y: stretch(np.where(expand(c), t, 0.0), ans),
        lambda t, ans, c, x, y: stretch(np.where(expand(c), 0.0, t), ans),
    ),
    (
        None,
        lambda g, ans, c, x, y: unbroadcast(np.where(c, g, 0.0), x),
        lambda g, ans, c, x, y: unbroadcast(np.where(c, 0.0, g), y),
    ),
)

# Complex numbers: linear over the real numbers only, so JVP and VJP are given one by one.
absolute = define(
    np.absolute,
    lambda t, ans, x: np.real(t * expand(unit(ans, x))),
    lambda g, ans, x: g * unit(ans, x),
    dispatch=(np.absolute, np.fabs),
)
real = define(np.real, lambda t, ans, x: np.real(t), lambda g, ans, x: g, dispatch=(np.real,))
imag = define(np.imag, lambda t, ans, x: np.imag(t), lambda g, ans, x: g * -1j, dispatch=(np.imag,))
conjugate = define(
    np.conjugate,
    lambda t, ans, x: np.conjugate(t),
    lambda g, ans, x: np.conjugate(g),
    dispatch=(np.conjugate,),
)
