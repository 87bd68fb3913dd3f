"""A rule of one's own: `primitive` turns any function into one that can be differentiated.

With this module one can: give a function that NumPy code can't see through (a table, a root
finder, compiled code) a derivative, for dual numbers, the tape and the autograd package alike.
Where function and rule are formulas of numbers, the rule also stands in what `sciml_lab.ad.source`
writes.
"""

import functools
from typing import Any

import numpy as np

from sciml_lab._optional import need

from .primitive import Primitive, as_value, collect
from .values import is_box, is_traced


class Custom(Primitive):
    """A primitive made by `primitive`."""

    def __init__(self, fun, jvp, vjp, name):
        super().__init__(self._value_of, jvp, vjp, name)
        self.__wrapped__ = fun
        self._on_boxes = None

    def _value_of(self, *args, **settings):
        return as_value(collect(self.__wrapped__(*args, **settings)), f"the result of {self.name}")

    def __call__(self, *args, **settings) -> Any:
        """Apply it, on autograd values too."""
        for key, setting in settings.items():
            if is_traced(setting):
                raise TypeError(
                    f"{self.name} got a traced value as the setting {key}=...: give it by "
                    "position, since only positional arguments are differentiated."
                )
        if any(is_box(x) for x in args):
            if self._on_boxes is None:
                self._on_boxes = _for_autograd(self)
            return self._on_boxes(*args, **settings)
        return super().__call__(*args, **settings)

    def push(self, tangents, answer, values, kwargs):
        """Compute J V, one direction after the other, by the user's JVP."""
        self._need(self.jvps, "jvp", "forward", "tape")
        count = next(t for t in tangents if t is not None).shape[-1]
        columns = []
        for d in range(count):
            ts = [None if t is None else t[..., d] for t in tangents]
            column = collect(self._push_one(ts, answer, values, kwargs))
            self._same_shape("jvp", column, answer)
            columns.append(column)
        return np.stack(columns, axis=-1) if columns else np.zeros((*answer.shape, 0))

    def _push_one(self, ts, answer, values, kwargs):
        if callable(self.jvps):
            ts = [
                np.zeros(np.shape(x)) if t is None else t for t, x in zip(ts, values, strict=True)
            ]
            return self.jvps(ts[0] if len(ts) == 1 else tuple(ts), answer, *values, **kwargs)
        terms = [
            self.jvps[k](t, answer, *values, **kwargs) for k, t in enumerate(ts) if t is not None
        ]
        return functools.reduce(lambda a, b: a + b, terms)

    def pull(self, wanted, g, answer, values, kwargs):
        """Compute J^T g by the user's VJP."""
        self._need(self.vjps, "vjp", "reverse", "dual")
        if callable(self.vjps):
            found = self.vjps(g, answer, *values, **kwargs)
            if not isinstance(found, tuple):
                found = (found,)
            if len(found) != len(values):
                raise ValueError(
                    f"the vjp of {self.name} returned {len(found)} cotangents for {len(values)} "
                    "arguments: return a tuple with one for each, or None for a constant."
                )
            found = [found[k] for k in wanted]
        else:
            found = [self.vjps[k](g, answer, *values, **kwargs) for k in wanted]
        found = [None if part is None else collect(part) for part in found]
        for k, part in zip(wanted, found, strict=True):
            if part is not None:
                self._same_shape("vjp", part, values[k])
        return found

    def as_formulas(self, count):
        """Hand its value and rules to the program transformation, for `count` numbers.

        Returns
        -------
        tuple
            The function, and for each argument ``rule(g, y, *args)``.
        """
        rules = self.jvps if self.vjps is None else self.vjps
        if not callable(rules):
            return self.__wrapped__, tuple(rules)
        if count == 1:
            return self.__wrapped__, (rules,)
        if self.vjps is None:
            return self.__wrapped__, (
                lambda g, y, a, b: rules((g, 0.0), y, a, b),
                lambda g, y, a, b: rules((0.0, g), y, a, b),
            )
        return self.__wrapped__, (
            lambda g, y, a, b: rules(g, y, a, b)[0],
            lambda g, y, a, b: rules(g, y, a, b)[1],
        )

    def _need(self, rule, kind, direction, other):
        if rule is None:
            raise TypeError(
                f"{self.name} has no {kind} rule, which {direction} differentiation needs: give "
                f"primitive(...) a {kind}, or use mode={other!r}."
            )

    def _same_shape(self, kind, found, wanted):
        if np.shape(found) != np.shape(wanted):
            raise ValueError(
                f"the {kind} of {self.name} returned shape {np.shape(found)}, but it must have "
                f"shape {np.shape(wanted)}."
            )


def primitive(fun=None, *, jvp=None, vjp=None, name=None):
    """Give a function its own derivative rule.

    Parameters
    ----------
    fun : callable
        ``fun(*arrays, **settings) -> array``. It is always called with plain numbers; what is to
        be differentiated is positional.
    jvp : callable or sequence of callables, optional
        ``jvp(t, y, *arrays, **settings)`` returns ``J t``, of the shape of y. With several
        arguments: one function for each, or one function that gets a tuple of all tangents.
    vjp : callable or sequence of callables, optional
        ``vjp(g, y, *arrays, **settings)`` returns ``J^T g``. With several arguments: one function
        for each, or one function that returns a tuple with a cotangent (or None) for each.
    name : str, optional
        Name in error messages and on the tape.

    Returns
    -------
    callable
        Works on numbers, `Dual`, `Var` and autograd boxes. Without `fun`: a decorator. Rules
        that use NumPy calls can be differentiated again. The program transformation takes the VJP
        for both directions (the JVP where there is no VJP).

    Raises
    ------
    TypeError
        If neither rule is given, or later if the rule for the direction asked for is missing.

    Examples
    --------
    >>> @primitive(jvp=lambda t, y, x: 3 * x**2 * t, vjp=lambda g, y, x: 3 * x**2 * g)
    ... def cube(x):
    ...     return x**3
    >>> from sciml_lab.ad import derivative, grad
    >>> float(derivative(cube, 2.0)), float(grad(cube, 2.0)), float(derivative(grad(cube), 2.0))
    (12.0, 12.0, 12.0)
    """
    if fun is None:
        return functools.partial(primitive, jvp=jvp, vjp=vjp, name=name)
    if not callable(fun):
        raise TypeError(f"fun must be a function (got {type(fun).__name__}).")
    if jvp is None and vjp is None:
        raise TypeError("primitive(fun, jvp=..., vjp=...) needs at least one of the two rules.")
    return Custom(fun, jvp, vjp, name or getattr(fun, "__name__", "function"))


def _for_autograd(rule):
    """Make the same primitive for the autograd package."""
    extend = need("autograd.extend", extra="lab", what="a primitive on autograd values")
    boxed = extend.primitive(rule.fun)

    def pull(argnums, answer, args, kwargs):
        return lambda g: rule.pull(argnums, g, answer, args, kwargs)

    def push(argnums, tangents, answer, args, kwargs):
        given = dict(zip(argnums, tangents, strict=True))
        ts = [given[k][..., None] if k in given else None for k in range(len(args))]
        return rule.push(ts, answer, args, kwargs)[..., 0]

    extend.defvjp_argnums(boxed, pull)
    extend.defjvp_argnums(boxed, push)
    return boxed
