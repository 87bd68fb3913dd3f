r"""exp, tanh, sigmoid and gelu without a branch, so that a loop over them runs eight at a time.

The functions of the C library take 15 to 20 ns a number, one number after the other. A loop whose
body is nothing but ``+ * /`` and choices between two numbers is turned into vector instructions by
the compiler, at about 1 ns a number. All four functions rest on one idea:

.. math:: e^x = 2^k e^r, \qquad k = \mathrm{round}(x / \ln 2), \qquad
    r = x - k \ln 2, \quad |r| \le \tfrac12 \ln 2 .

* k: adding :math:`1.5 \cdot 2^{52}` to a number rounds it to a whole one, because above that no
  others can be stored, and leaves k in the lowest bits of the sum.
* r: :math:`\ln 2` is the sum of two numbers, the first so short that its product with k is exact.
* :math:`e^r = 1 + r + r^2 Q(r)`: Q is the polynomial of degree 9 whose largest relative error in
  :math:`e^r` is smallest, 3.6e-18 (found by the exchange algorithm of Remez, in 60 digits).
* :math:`2^k`: k moved into the bits of the exponent.

Every function takes one number and is right to 2 units in the last place for any double: tiny and
huge, plus and minus zero, subnormal numbers, infinities, NaN. They are plain Python, with NumPy's
floats; compiled, they run inside the loop that calls them.

References
----------
J.-M. Muller, *Elementary Functions: Algorithms and Implementation*, 3rd ed., Birkhauser 2016,
chapters 3 (Remez) and 11 (range reduction).
"""

import ast
import copy
import inspect
from functools import lru_cache
from types import FunctionType

import numpy as np

from sciml_lab._optional import need

ROUNDER = 6755399441055744.0  # 1.5 * 2**52
ONE = np.int64(0x3FF0000000000000)  # the bits of 1.0
PER_LN2 = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471805598903, 5.497923018708371e-14  # 42 bits, and the rest
HALF_LN2 = 0.34657359027997264

# gelu(x) = x/(1 + exp(-z)) with z = LINEAR*x + CUBIC*x**3, each as a number of 15 bits and a rest.
LINEAR, LINEAR_HIGH, LINEAR_LOW = 1.5957691216057308, 1.59576416015625, 4.961449480811453e-06
CUBIC, CUBIC_HIGH, CUBIC_LOW = 0.07135481627260025, 0.07135391235351562, 9.039190846247298e-07


def power_of_two(k):
    """Return ``2**k`` for a whole number k from -1022 to 1023, given as ``k + ROUNDER``."""
    exponent = np.float64(k).view(np.int64) << np.int64(52)
    return np.int64(exponent + ONE).view(np.float64)


def in_halves(k):
    """Return two powers of two with the product ``2**k``, for k from -2000 to 2000.

    A number near 1 that is multiplied by one after the other never overflows on the way, and is
    rounded once if it ends as a subnormal one.
    """
    half = 0.5 * k + ROUNDER
    return power_of_two(half), power_of_two((k - (half - ROUNDER)) + ROUNDER)


def exp_minus_one(r):
    """Return ``exp(r) - 1 - r`` for ``|r| <= ln(2)/2``: the polynomial ``r**2 Q(r)``."""
    q = 2.5000060913375838e-08
    q = q * r + 2.763024836611497e-07
    q = q * r + 2.7557586375990773e-06
    q = q * r + 2.4801493098947543e-05
    q = q * r + 0.00019841269506576398
    q = q * r + 0.001388888894363007
    q = q * r + 0.008333333333494463
    q = q * r + 0.041666666666530155
    q = q * r + 0.16666666666666413
    q = q * r + 0.5000000000000011
    return r * r * q


def reduced_exp(high, low):
    """Return m and k with ``exp(high + low) = (1 + m) * 2**k``, m between -0.3 and 0.42.

    `high` has at most 43 bits after the point where it is above 1, so that the first difference
    is exact; `lost` is what the second one loses.
    """
    k = ((high + low) * PER_LN2 + ROUNDER) - ROUNDER
    top, less = high - k * LN2_HIGH, k * LN2_LOW - low
    r = top - less
    lost = (top - r) - less
    return r + (exp_minus_one(r) + lost), k


def exp(x):
    """Return the exponential of x.

    Examples
    --------
    >>> float(exp(0.0)), round(float(exp(1.0)), 12), float(exp(-1000.0))
    (1.0, 2.718281828459, 0.0)
    """
    x = -750.0 if x < -750.0 else x
    x = 750.0 if x > 750.0 else x
    m, k = reduced_exp(x, 0.0)
    s, t = in_halves(k)
    return (1.0 + m) * s * t


def tanh(x):
    r"""Return the hyperbolic tangent of x, from that of a small number and the addition theorem.

    With :math:`|x| = \tfrac12 k \ln 2 + r`, :math:`s = 2^k` and :math:`\tanh r = o/a`,

    .. math:: \tanh |x| = \frac{(s-1) a + (s+1) o}{(s+1) a + (s-1) o}
        = 1 + \frac{2 (o - a)}{s (o + a) - (o - a)} .

    Here a is a polynomial of degree 3 in :math:`z = r^2`, and o is ``r*a + bend`` with a `bend` of
    r z times degree 2: together they are off by 1e-17 at most. Below 0.7, k is zero and the
    quotient is taken of the bend alone, ``r + bend/a``. So in both cases the quotient corrects a
    number that is exact, and its own rounding counts half at most.

    Examples
    --------
    >>> round(float(tanh(0.5)), 15), float(tanh(-1e-300)), float(tanh(100.0))
    (0.46211715726001, -1e-300, 1.0)
    """
    size = abs(x)
    size = 25.0 if size > 25.0 else size
    small = size < 0.7
    whole = ROUNDER if small else size * (2.0 * PER_LN2) + ROUNDER
    k = whole - ROUNDER
    r = size - k * HALF_LN2
    z = r * r
    a = 1.0 + z * (0.46148568660258626 + z * (0.023286572463946293 + z * 0.00020636437984939814))
    bend = -0.02049522886753235 + z * -0.00019901990913769401
    bend = (r * z) * (-0.3333333333333333 + z * bend)
    over = r * a + bend
    s = power_of_two(whole)
    less = over - a
    q = (r if small else 1.0) + 2.0 * ((bend if small else less) / (s * (over + a) - less))
    return np.copysign(q, x)


def sigmoid(x):
    """Return ``1/(1 + exp(-x))``, which is ``2**-k/(2**-k + 1 + m)`` with |x| instead of x.

    Examples
    --------
    >>> float(sigmoid(0.0)), float(sigmoid(-800.0)), float(sigmoid(800.0))
    (0.5, 0.0, 1.0)
    """
    size = abs(x)
    m, k = reduced_exp(750.0 if size > 750.0 else size, 0.0)
    s, t = in_halves(-k)
    small = 1.0 / ((1.0 + s * t) + m) * s * t
    return 1.0 - small if x > 0.0 else small


def gelu(x):
    """Return ``0.5 x (1 + tanh(z/2)) = x/(1 + exp(-z))``, with ``z = LINEAR x + CUBIC x**3``.

    An error of z would be one of exp(-z), many units in the last place where z is large. So |x| is
    split into y, its nearest multiple of 1/256, and a rest d: the products of y, y**3 and numbers
    of 15 bits are exact, and what is left is small.

    Examples
    --------
    >>> round(float(gelu(1.0)), 15), float(gelu(-100.0)), float(gelu(100.0))
    (0.841191990608277, -0.0, 100.0)
    """
    size = abs(x)
    size = 22.5 if size > 22.5 else size
    y = (size + ROUNDER / 256.0) - ROUNDER / 256.0
    d = size - y
    slope = LINEAR + CUBIC * (3.0 * (y * y) + d * (3.0 * y + d))
    rest = CUBIC_LOW * (y * y * y) + LINEAR_LOW * y + d * slope
    m, k = reduced_exp(CUBIC_HIGH * (y * y * y) + LINEAR_HIGH * y, rest)
    s, t = in_halves(-k)
    small = size / ((1.0 + s * t) + m) * s * t
    return x - small if x > 0.0 else np.copysign(small, x)


CORE = ("power_of_two", "in_halves", "exp_minus_one", "reduced_exp")
OPTIONS = {"forceinline": True, "error_model": "numpy", "fastmath": {"contract"}}
NAMES = (*CORE, "exp", "tanh", "sigmoid", "gelu")


@lru_cache(maxsize=16)
def several(name, count):
    """One of the functions, compiled for several numbers at once, as in ``a, b = tanh2(x, y)``.

    A processor begins an operation before the last one has ended if it does not need its result.
    In one chain of operations each needs the one before; so several chains are interleaved.

    Parameters
    ----------
    name : str
        Of a function whose statements are plain assignments and a `return`.
    count : int
        Of how many numbers.

    Examples
    --------
    >>> a, b = several("tanh", 2)(0.5, -100.0)
    >>> round(a, 15), b
    (0.46211715726001, -1.0)
    """
    numba = need("numba", extra="accel", what='backend="numba"')
    tree = ast.parse(inspect.getsource(globals()[name])).body[0]
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {tree.args.args[0].arg}
    lines = [
        [_renamed(line, own, i) for i in range(count)]
        for line in tree.body if not isinstance(line, ast.Expr)
    ]  # fmt: skip
    answer = ast.Tuple([line.value for line in lines.pop()], ast.Load())
    tree.body = [one for line in lines for one in line] + [ast.Return(answer)]
    tree.args.args = [ast.arg(f"{tree.args.args[0].arg}_{i}") for i in range(count)]
    names = {**globals(), **compiled()}
    exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), f"<{name}>", "exec"), names)
    return numba.njit(**OPTIONS)(names[name])


def _renamed(statement, names, i):
    """A copy of a statement in which these names end in the number i."""
    statement = copy.deepcopy(statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in names:
            node.id = f"{node.id}_{i}"
    return statement


@lru_cache(maxsize=1)
def compiled() -> dict:
    """Return all functions of this file compiled by Numba, by name, to be inlined where called.

    Of the freedoms that a compiler can be given, one is right here: to multiply and add in one
    instruction (`contract`). With leave to reorder sums it would cancel ROUNDER against itself.

    Examples
    --------
    >>> sorted(compiled())[:3]
    ['exp', 'exp_minus_one', 'gelu']
    """
    numba = need("numba", extra="accel", what='backend="numba"')

    def jit(function):
        try:
            return numba.njit(cache=True, **OPTIONS)(function)
        except RuntimeError:  # no folder can be written to: compiled in every process
            return numba.njit(**OPTIONS)(function)

    names = dict(globals())  # where each of them finds the others, compiled too
    for name in NAMES:
        names[name] = jit(FunctionType(globals()[name].__code__, names, name))
    return {name: names[name] for name in NAMES}
