"""Dual numbers: forward differentiation by carrying tangents along.

With this module one can: compute with ``a + b e``, where ``e*e = 0``. Every operation applies the
chain rule to b, so at the end ``f(a + e) = f(a) + f'(a) e``. An array carries a tangent for each of
many directions at once.

Examples
--------
>>> x = Dual(3.0, 1.0)
>>> x * x
Dual(9.0, 6.0)
"""

import math

import numpy as np

from .arraylike import ArrayLike
from .primitive import as_value
from .values import Traced


class Dual(ArrayLike):
    """A number or array together with its tangents.

    Parameters
    ----------
    value : float or array
        The number a; it may be traced itself, for a derivative of a derivative.
    tangent : float or array
        The part b: of the shape of `value`, or with one more axis at the end for many directions.
    level : float, optional
        Which derivative it belongs to; duals that you make yourself share one level.

    Attributes
    ----------
    value, tangent
        As given.
    partials : array
        The tangents, always with the axis of directions at the end.

    Examples
    --------
    >>> x, y = Dual(2.0, [1.0, 0.0]), Dual(5.0, [0.0, 1.0])
    >>> (x * y).tangent
    array([5., 2.])
    >>> np.sin(Dual(0.0, 1.0))
    Dual(0.0, 1.0)
    """

    __slots__ = ("level", "partials", "value")

    def __init__(self, value, tangent, level=None):
        value, tangent = as_value(value, "value"), as_value(tangent, "tangent")
        if tangent.shape == value.shape:
            tangent = tangent[..., None]
        if tangent.shape[:-1] != value.shape or tangent.ndim == 0:
            raise ValueError(
                f"tangent has shape {tangent.shape}, value has shape {value.shape}: give it the "
                "same shape, or one more axis at the end, one entry for each direction."
            )
        self.value, self.partials = value, tangent
        self.level = _own_level(value, tangent) if level is None else level

    @property
    def tangent(self):
        """The tangent; without the last axis if there is one direction only."""
        t = self.partials
        if t.shape[-1] != 1:
            return t
        return t[0] if t.ndim == 1 else t[..., 0]

    def apply(self, rule, args, kwargs):
        """Apply a primitive: its value from the values, its tangents by the JVP rule."""
        level = self.level
        values, tangents, count, traced = [], [], None, False
        for x in args:
            if type(x) is Dual and x.level == level:
                values.append(x.value)
                tangents.append(x.partials)
                k = x.partials.shape[-1]
                if count is not None and k != count:
                    raise ValueError(
                        f"duals with {count} and with {k} directions meet in {rule.name}: "
                        "give all of them tangents for the same directions."
                    )
                count = k
                traced = traced or isinstance(x.value, Traced)
            else:
                values.append(x)
                tangents.append(None)
                traced = traced or isinstance(x, Traced)
        answer = rule(*values, **kwargs) if traced else rule.fun(*values, **kwargs)
        return make_dual(answer, rule.push(tangents, answer, values, kwargs), level)

    def __repr__(self):
        return f"Dual({short(self.value)}, {short(self.tangent)})"


def make_dual(value, partials, level) -> Dual:
    """Put a dual together from parts that are known to fit."""
    dual = object.__new__(Dual)
    dual.value, dual.partials, dual.level = value, partials, level
    return dual


def _own_level(*parts):
    """Level of a dual made by hand: just inside the level of its parts, else the outermost, 0."""
    inside = max((x.level for x in parts if isinstance(x, Traced)), default=None)
    return 0 if inside is None else (inside + math.floor(inside) + 1) / 2


def short(x) -> str:
    """Write a value as one would type it."""
    return repr(x.item()) if isinstance(x, np.generic) else repr(x)
