"""Numbers of several trajectories side by side, as one number: the type `Lanes` for Numba.

A processor's vector registers hold 2 to 8 numbers, and work on all of them at once. Here a *type*
makes use of that: in the text of a step,

    v[i] = u[i] + h * (0.161 * k1[i])

every name may stand for `WIDTH` numbers, one for each trajectory (a *lane*), and the text stays as
it is. What changes is the meaning of a question: ``error <= 1.0`` has an answer for each lane, so
``a if error <= 1.0 else b`` has to be written ``where(error <= 1.0, a, b)``, which computes both
(`lanes_text.py` does the rewriting). With a width of one, `Lanes` is an ordinary number.
"""

import operator

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.datamodel.registry import register_default
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast

REAL, BIT = ir.DoubleType(), ir.IntType(1)


class Lanes(types.Type):
    """As many numbers, or answers to a question, as there are lanes."""

    def __init__(self, width, question=False):
        self.width, self.question = width, question
        super().__init__(f"Lanes({width}{', question' if question else ''})")

    def can_convert_from(self, typingctx, other):
        """A number is the same number in every lane."""
        fits = types.Boolean if self.question else (types.Float, types.Integer)
        return Conversion.safe if isinstance(other, fits) else None

    def unify(self, typingctx, other):
        """A name that holds a number first, and lanes later, holds lanes."""
        return self if other == self or self.can_convert_from(typingctx, other) else None


@register_default(Lanes)
class _LanesModel(PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, machine_type(fe_type))


def machine_type(kind):
    """A vector, or for a width of one a plain number."""
    element = BIT if kind.question else REAL
    return element if kind.width == 1 else ir.VectorType(element, kind.width)


@lower_cast(types.Float, Lanes)
@lower_cast(types.Integer, Lanes)
@lower_cast(types.IntegerLiteral, Lanes)
@lower_cast(types.Boolean, Lanes)
def _everywhere(context, builder, fromty, toty, val):
    """The same number in every lane."""
    if isinstance(fromty, types.IntegerLiteral):
        val, fromty = context.get_constant(types.intp, fromty.literal_value), types.intp
    val = context.cast(builder, val, fromty, types.boolean if toty.question else types.float64)
    if val.type == ir.IntType(8):  # Numba's own way to keep a bool
        val = builder.trunc(val, BIT)
    if toty.width == 1:
        return val
    vector = machine_type(toty)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), val, ir.IntType(32)(0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), toty.width), None)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)


def _lanes(*kinds, question=False):
    """The lanes among some types, None without any, or if there is something foreign."""
    found = [kind for kind in kinds if isinstance(kind, Lanes)]
    fine = (Lanes, types.Boolean) if question else (Lanes, types.Float, types.Integer)
    if not found or not all(isinstance(kind, fine) for kind in kinds):
        return None
    return found[0] if found[0].question == question else None


# Arithmetic and questions ---------------------------------------------------------------------


def _elementwise(functions, count, build, question=False, answer=False):
    """Enter a function of lanes, under all its names, in Numba's tables."""
    for function in functions:

        class Template(AbstractTemplate):
            def generic(self, args, kws):
                lanes = _lanes(*args, question=question) if len(args) == count else None
                if lanes is None:
                    return None
                return signature(Lanes(lanes.width, answer), *[lanes] * count)

        infer_global(function)(Template)

        def lower(context, builder, sig, args):
            return build(builder, *args)

        lower_builtin(function, *[Lanes] * count)(lower)


def _llvm(name):
    """An operation that LLVM has for numbers and vectors alike."""

    def build(builder, *args):
        kind = args[0].type
        suffix = f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"
        function_type = ir.FunctionType(kind, [kind] * len(args))
        function = builder.module.globals.get(f"llvm.{name}.{suffix}") or ir.Function(
            builder.module, function_type, f"llvm.{name}.{suffix}"
        )
        return builder.call(function, args)

    return build


def _compare(sign):
    """Ordered: never true of NaN; but NaN differs from everything."""
    if sign == "!=":
        return lambda builder, a, b: builder.fcmp_unordered(sign, a, b)
    return lambda builder, a, b: builder.fcmp_ordered(sign, a, b)


def _smaller(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", b, a), b, a)


def _larger(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", b, a), b, a)


def _finite(builder, x):
    return builder.fcmp_ordered("<", _llvm("fabs")(builder, x), _constant(x.type, np.inf))


def _constant(kind, value):
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [kind.element(value)] * kind.count)
    return kind(value)


_elementwise([operator.add, operator.iadd], 2, lambda b, x, y: b.fadd(x, y))
_elementwise([operator.sub, operator.isub], 2, lambda b, x, y: b.fsub(x, y))
_elementwise([operator.mul, operator.imul], 2, lambda b, x, y: b.fmul(x, y))
_elementwise([operator.truediv, operator.itruediv], 2, lambda b, x, y: b.fdiv(x, y))
_elementwise([operator.neg], 1, lambda b, x: b.fneg(x))
_elementwise([operator.pos], 1, lambda b, x: x)
for _sign in ("lt <", "le <=", "gt >", "ge >=", "eq ==", "ne !="):
    _elementwise([getattr(operator, _sign[:2])], 2, _compare(_sign[3:]), answer=True)
_elementwise([operator.and_], 2, lambda b, x, y: b.and_(x, y), question=True, answer=True)
_elementwise([operator.or_], 2, lambda b, x, y: b.or_(x, y), question=True, answer=True)
_elementwise([operator.invert], 1, lambda b, x: b.not_(x), question=True, answer=True)
_elementwise([abs, np.abs, np.absolute, np.fabs], 1, _llvm("fabs"))
_elementwise([np.sqrt], 1, _llvm("sqrt"))
_elementwise([np.floor], 1, _llvm("floor"))
_elementwise([np.ceil], 1, _llvm("ceil"))
_elementwise([np.copysign], 2, _llvm("copysign"))
_elementwise([min, np.minimum], 2, _smaller)
_elementwise([max, np.maximum], 2, _larger)
_elementwise([np.isfinite], 1, _finite, answer=True)


def _one_by_one(function, count):
    """Enter a function that is computed for one lane after the other."""

    class Template(AbstractTemplate):
        def generic(self, args, kws):
            lanes = _lanes(*args) if len(args) == count else None
            return None if lanes is None else signature(lanes, *[lanes] * count)

    one = (lambda x: function(x)) if count == 1 else (lambda x, y: function(x, y))

    def lower(context, builder, sig, args):
        width, own = sig.return_type.width, signature(*[types.float64] * (count + 1))
        if width == 1:
            return context.compile_internal(builder, one, own, args)
        result = ir.Constant(args[0].type, ir.Undefined)
        for i in map(ir.IntType(32), range(width)):
            numbers = [builder.extract_element(x, i) for x in args]
            value = context.compile_internal(builder, one, own, numbers)
            result = builder.insert_element(result, value, i)
        return result

    infer_global(function)(Template)
    lower_builtin(function, *[Lanes] * count)(lower)


for _name in (
    *("sin", "cos", "tan", "sinh", "cosh", "arctan", "arcsin", "arccos", "arcsinh", "arccosh"),
    *("arctanh", "log", "log1p", "log2", "log10", "expm1", "cbrt", "sign"),
):
    _one_by_one(getattr(np, _name), 1)
for _function in (np.arctan2, np.hypot, operator.pow):
    _one_by_one(_function, 2)


@intrinsic(prefer_literal=True)
def whole_power(typingctx, x, exponent):
    """``x**n`` for a whole number n that is written in the text, by multiplications."""

    def build(context, builder, sig, args):
        n, result, square = exponent.literal_value, None, args[0]
        while n:
            if n & 1:
                result = square if result is None else builder.fmul(result, square)
            square, n = builder.fmul(square, square), n >> 1
        return _constant(args[0].type, 1.0) if result is None else result

    return x(x, exponent), build


@intrinsic
def where(typingctx, question, a, b):
    """The numbers of a where the answer is yes, those of b elsewhere."""
    kinds = [x for x in (question, a, b) if isinstance(x, Lanes)]
    if not kinds:
        result, asked = typingctx.unify_types(a, b), types.boolean
    else:
        yes_or_no = isinstance(a, Lanes | types.Boolean) and (
            a.question if isinstance(a, Lanes) else True
        )
        result, asked = Lanes(kinds[0].width, yes_or_no), Lanes(kinds[0].width, True)
        if isinstance(question, types.Boolean):
            asked = types.boolean

    def build(context, builder, sig, args):
        return builder.select(*args)

    return result(asked, result, result), build
