"""What compiled text does with lanes besides arithmetic: single lanes, memory, calls, bits.

These are the few places where the text of an ensemble's kernel knows that there are several lanes.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sciml_lab.backends.numba.lanes_types import Lanes, machine_type
from sciml_lab.backends.numba.pointers import Memory

# One lane, and all of them ----------------------------------------------------------------------


@intrinsic
def some(typingctx, question):
    """Whether the answer is yes in any lane."""

    def build(context, builder, sig, args):
        whole = _bits(builder, args[0])
        return builder.icmp_unsigned("!=", whole, whole.type(0))

    return types.boolean(question), build


@intrinsic
def answers(typingctx, question):
    """The answers as the bits of a whole number: bit i is that of lane i."""

    def build(context, builder, sig, args):
        return builder.zext(_bits(builder, args[0]), ir.IntType(64))

    return types.intp(question), build


def _bits(builder, question):
    if isinstance(question.type, ir.VectorType):
        return builder.bitcast(question, ir.IntType(question.type.count))
    return question


@intrinsic
def lane(typingctx, x, i):
    """The number of lane i."""

    def build(context, builder, sig, args):
        return builder.extract_element(*args) if sig.args[0].width > 1 else args[0]

    return types.float64(x, types.intp), build


@intrinsic(prefer_literal=True)
def everywhere(typingctx, x, width):
    """The same number, or answer, in every lane."""
    result = Lanes(width.literal_value, isinstance(x, types.Boolean))

    def build(context, builder, sig, args):
        return context.cast(builder, args[0], sig.args[0], sig.return_type)

    return result(x, width), build


@intrinsic(prefer_literal=True)
def numbering(typingctx, width):
    """The number of every lane: 0, 1, 2, ..."""
    result = Lanes(width.literal_value)

    def build(context, builder, sig, args):
        kind = machine_type(sig.return_type)
        several = result.width > 1
        return ir.Constant(kind, list(map(float, range(result.width)))) if several else kind(0.0)

    return result(width), build


# Memory and functions ---------------------------------------------------------------------------


@intrinsic(prefer_literal=True)
def memory(typingctx, address, region, width):
    """Memory of lanes at an address, in a region."""
    result = Memory(Lanes(width.literal_value), region.literal_value)

    def build(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(result))

    return result(types.intp, region, width), build


@intrinsic
def call(typingctx, address, du, u, p, t, work):
    """Call the C function ``f(du, u, p, t, work)``; lanes of times go through memory."""
    lanes = t if isinstance(t, Lanes) else u.dtype
    several = lanes.width > 1

    def build(context, builder, sig, args):
        address, du, u, p, t, work = args
        if several:
            place = cgutils.alloca_once(builder, t.type)
            place.align = 64
            builder.store(t, place)
            t = place
        arguments = [du, u, p, t, work]
        kind = ir.FunctionType(ir.VoidType(), [x.type for x in arguments])
        builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)
        return context.get_dummy_value()

    return types.none(types.intp, du, u, p, lanes, work), build


@intrinsic
def take(typingctx, counter, place, count):
    """Add to a counter that all threads share, and return what it was."""

    def build(context, builder, sig, args):
        counter, place, count = args
        return builder.atomic_rmw("add", builder.gep(counter, [place]), count, "monotonic")

    return types.intp(counter, types.intp, types.intp), build


# The bits of numbers ----------------------------------------------------------------------------


@intrinsic
def power_of_two(typingctx, k):
    """``2**k`` for whole numbers k given as ``k + ROUNDER`` (see `functions_math`)."""

    def build(context, builder, sig, args):
        whole = _integers(builder, args[0])
        moved = builder.shl(whole, _integer(whole.type, 52))
        return builder.bitcast(builder.add(moved, _integer(whole.type, 1023 << 52)), args[0].type)

    return k(k), build


@intrinsic
def exponent(typingctx, x):
    """The whole number k of ``x = m * 2**k`` with m between sqrt(0.5) and sqrt(2), for x > 0."""

    def build(context, builder, sig, args):
        whole = _integers(builder, args[0])
        whole = builder.sub(whole, _integer(whole.type, 0x3FE6A09E667F3BCD))
        return builder.sitofp(builder.ashr(whole, _integer(whole.type, 52)), args[0].type)

    return x(x), build


@intrinsic
def spacing(typingctx, x):
    """Distance from positive numbers to the next larger ones."""

    def build(context, builder, sig, args):
        whole = _integers(builder, args[0])
        following = builder.add(whole, _integer(whole.type, 1))
        return builder.fsub(builder.bitcast(following, args[0].type), args[0])

    return x(x), build


def _integers(builder, x):
    """The bits of numbers."""
    whole = ir.IntType(64)
    if isinstance(x.type, ir.VectorType):
        whole = ir.VectorType(whole, x.type.count)
    return builder.bitcast(x, whole)


def _integer(kind, value):
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [value] * kind.count)
    return kind(value)
