"""How a traced value passes for a NumPy array: operators, indexing, methods, both protocols.

With this module one can: write ``f`` with plain NumPy and pass a traced value in. NumPy hands
its functions over (`__array_ufunc__`, `__array_function__`), and what has no rule here is refused
by name: no value ever leaves its derivative behind in silence.
"""

from typing import NoReturn

import numpy as np

from . import numpy_functions, numpy_shapes, rules, rules_arrays, rules_linear
from .entry import entries
from .primitive import DISPATCH, Primitive
from .values import Traced, primal

_REDUCTIONS = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}


class LostDerivative(TypeError):
    """A derivative would be lost on the way: the operation is refused."""


def _refuse(what) -> NoReturn:
    raise TypeError(
        f"{what} has no derivative rule for traced values: write it with functions that have one, "
        "or add a rule with  sl.ad.primitive(function, jvp=..., vjp=...)."
    )


def no_writing(what) -> NoReturn:
    """Refuse to write into an array."""
    raise LostDerivative(
        f"{what} writes into an array during differentiation, and its derivative would be lost: "
        "make a new array instead, for example  x = x + y,  np.array([...])  or  np.where(...)."
    )


def _no_number(kind) -> NoReturn:
    raise LostDerivative(
        f"{kind} was asked of a traced value, and its derivative would be lost: keep the value as "
        "it is and use np.sin and the like instead of math.sin, or take sl.ad.primal(x) where no "
        "derivative is wanted."
    )


class ArrayLike(Traced):
    """A traced value with the face of a NumPy array. `Dual` and `Var` are its two kinds."""

    __slots__ = ()
    __array_priority__ = 1000.0

    # -- the two protocols of NumPy ----------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        """Take over a ufunc such as np.sin."""
        if out is not None or method == "at":
            no_writing(f"np.{ufunc.__name__} with out=... (or x += y on a plain array)")
        if method == "reduce" and ufunc in _REDUCTIONS:
            return DISPATCH[_REDUCTIONS[ufunc]](*inputs, **{"axis": 0, **settings})
        if method == "accumulate" and ufunc is np.add:
            return numpy_functions.cumsum(*inputs, **{"axis": 0, **settings})
        if method == "outer":
            x, y = inputs
            return ufunc(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)
        rule = DISPATCH.get(ufunc)
        name = f"np.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else ufunc.__name__
        if rule is None or method != "__call__":
            _refuse(name + ("" if method == "__call__" else f".{method}"))
        if settings:
            _refuse(f"{name} with {', '.join(f'{k}=...' for k in settings)}")
        return rule(*inputs)

    def __array_function__(self, function, types, args, kwargs):
        """Take over a function such as np.sum."""
        rule = DISPATCH.get(function)
        if rule is None:
            module = (function.__module__ or "numpy").replace("numpy", "np", 1)
            _refuse(f"{module}.{function.__name__}")
        if kwargs.get("out") is not None:
            no_writing(f"np.{function.__name__} with out=...")
        return rule(*args, **{k: v for k, v in kwargs.items() if k != "out"})

    def __array__(self, dtype=None, copy=None):
        """Give an object array that holds the traced entries; any other dtype is refused."""
        if dtype is not None and np.dtype(dtype) != np.dtype(object):
            raise LostDerivative(
                f"a plain array of {np.dtype(dtype)} was asked of a traced value, and its "
                "derivative would be lost: leave the dtype out, and gather several values by "
                "sl.ad.collect([...]) before a function such as np.mean."
            )
        if self.ndim:
            return entries(self)
        alone = np.empty((), dtype=object)
        alone[()] = self
        return alone

    # -- operators: one primitive each -------------------------------------------------------

    def __add__(self, other):
        return rules.add(self, other)

    def __radd__(self, other):
        return rules.add(other, self)

    def __sub__(self, other):
        return rules.subtract(self, other)

    def __rsub__(self, other):
        return rules.subtract(other, self)

    def __mul__(self, other):
        return rules.multiply(self, other)

    def __rmul__(self, other):
        return rules.multiply(other, self)

    def __truediv__(self, other):
        return rules.divide(self, other)

    def __rtruediv__(self, other):
        return rules.divide(other, self)

    def __pow__(self, other):
        if type(other) is int and other == 2:
            return rules.square(self)
        return rules.power(self, other)

    def __rpow__(self, other):
        return rules.power(other, self)

    def __mod__(self, other):
        return rules.remainder(self, other)

    def __rmod__(self, other):
        return rules.remainder(other, self)

    def __floordiv__(self, other):
        return primal(self) // primal(other)

    def __rfloordiv__(self, other):
        return primal(other) // primal(self)

    def __matmul__(self, other):
        return rules_linear.matmul(self, other)

    def __rmatmul__(self, other):
        return rules_linear.matmul(other, self)

    def __neg__(self):
        return rules.negative(self)

    def __pos__(self):
        return self

    def __abs__(self):
        return rules.absolute(self)

    # -- in place: an array can't, a scalar is a new number anyway ---------------------------

    def __iadd__(self, other):
        return self + other if self.ndim == 0 else no_writing("x += y")

    def __isub__(self, other):
        return self - other if self.ndim == 0 else no_writing("x -= y")

    def __imul__(self, other):
        return self * other if self.ndim == 0 else no_writing("x *= y")

    def __itruediv__(self, other):
        return self / other if self.ndim == 0 else no_writing("x /= y")

    def __ipow__(self, other):
        return self**other if self.ndim == 0 else no_writing("x **= y")

    def __imatmul__(self, other):
        no_writing("x @= y")

    def __setitem__(self, index, value):
        no_writing("x[...] = ...")

    # -- comparisons look at the plain numbers -----------------------------------------------

    def __lt__(self, other):
        return primal(self) < primal(other)

    def __le__(self, other):
        return primal(self) <= primal(other)

    def __gt__(self, other):
        return primal(self) > primal(other)

    def __ge__(self, other):
        return primal(self) >= primal(other)

    def __eq__(self, other):
        return primal(self) == primal(other)

    def __ne__(self, other):
        return primal(self) != primal(other)

    def __bool__(self):
        return bool(primal(self))

    # -- a derivative can't live in a Python number ------------------------------------------

    def __float__(self):
        _no_number("a float")

    def __int__(self):
        _no_number("an int")

    def __index__(self):
        _no_number("an index")

    def __complex__(self):
        _no_number("a complex number")

    def item(self):
        """Refuse to give a Python number."""
        _no_number("a Python number (.item())")

    def tolist(self):
        """Refuse to give a list of Python numbers."""
        _no_number("a list of numbers (.tolist())")

    # -- pieces ------------------------------------------------------------------------------

    def __getitem__(self, index):
        return rules_arrays.getitem(self, index=rules_arrays.fixed(index))

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a traced scalar: it has no entries.")
        return self.shape[0]

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("a traced scalar can't be iterated over: it has no entries.")
        return (self[i] for i in range(self.shape[0]))

    # -- attributes and methods of an array --------------------------------------------------

    @property
    def shape(self):
        """Lengths of the axes."""
        return self.value.shape

    @property
    def ndim(self):
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self):
        """Number of entries."""
        return self.value.size

    @property
    def dtype(self):
        """Kind of the plain numbers."""
        return self.value.dtype

    @property
    def T(self):
        """Transpose."""
        return numpy_shapes.transpose(self)

    @property
    def real(self):
        """Real part."""
        return rules.real(self)

    @property
    def imag(self):
        """Imaginary part."""
        return rules.imag(self)

    @property
    def flat(self):
        """The entries one by one."""
        return iter(numpy_shapes.ravel(self))

    def reshape(self, *shape, order="C"):
        """Same entries, other shape."""
        return numpy_shapes.reshape(self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes):
        """Reorder the axes."""
        axes = axes[0] if len(axes) == 1 else axes
        return numpy_shapes.transpose(self, axes or None)

    def astype(self, dtype, copy=True):
        """Stay as it is for a float type; other types are refused."""
        dtype = np.dtype(dtype)
        if dtype in (self.dtype, np.dtype(object)):
            return self
        if dtype.kind == "c":
            return self + np.zeros((), dtype)
        _no_number(f"the type {dtype} (.astype)")

    def flatten(self):
        """One axis."""
        return numpy_shapes.ravel(self)

    def conj(self):
        """Complex conjugate."""
        return rules.conjugate(self)

    conjugate = conj

    def copy(self, order="C"):
        """Give itself: a traced value is never written into."""
        return self

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __format__(self, spec):
        return format(primal(self), spec)

    def __getattr__(self, name):
        """Find np.sin(x) under x.sin() too: NumPy asks so for the entries of an object array."""
        if name.startswith("__"):
            raise AttributeError(name)  # NumPy asks for several of these, and often
        rule = getattr(rules, name, None)
        if isinstance(rule, Primitive):
            return lambda *others: rule(self, *others)
        raise AttributeError(
            f"a traced value has no attribute {name!r}: use what NumPy arrays have and can be "
            "differentiated, or sl.ad.primal(x) for its plain numbers."
        )


def _as_method(function):
    def method(self, *args, **kwargs):
        return DISPATCH[function](self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"Apply np.{function.__name__}."
    return method


for _function in (
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.cumsum, np.dot, np.clip,
    np.ravel, np.squeeze, np.swapaxes, np.take, np.repeat, np.any, np.all, np.argmax, np.argmin,
    np.argsort, np.nonzero, np.round, np.trace,
):  # fmt: skip
    setattr(ArrayLike, _function.__name__, _as_method(_function))
