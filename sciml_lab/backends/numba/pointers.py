"""Raw memory and raw functions for compiled kernels: two small Numba types.

A kernel is compiled once and serves every f. It therefore gets f as the address of a C function,
and arrays as addresses too, which cost nothing to pass on. In the text of a kernel

    u = numbers(address, "u")       memory of float64: u[i], u[i] = x, part(u, offset)
    c = integers(address)           memory of int64
    f = function(address, "mmmnm")  a C function: f(k, v, p, t, work)

where "m" stands for memory, "i" for memory of int64 and "n" for a number. The word beside an
address names a *region*: two different regions never overlap, and LLVM is told so, or it would
have to assume that writing a stage point changes the stages.
"""

import operator

from llvmlite import ir
from numba.core import types
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model

SHARED = "any"  # the region of memory that may overlap with everything


class Memory(types.Type):
    """Memory that holds numbers of one kind, in a region."""

    def __init__(self, dtype, region):
        self.dtype, self.region = dtype, region
        super().__init__(f"Memory({dtype}, {region})")

    def can_convert_to(self, typingctx, other):
        """Memory of a region is memory."""
        if isinstance(other, Memory) and other.region == SHARED and other.dtype == self.dtype:
            return Conversion.safe
        return None


@register_model(Memory)
class _MemoryModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        element = dmm.lookup(fe_type.dtype).get_data_type()
        super().__init__(dmm, fe_type, element.as_pointer())


@lower_cast(Memory, Memory)
def _same_pointer(context, builder, fromty, toty, val):
    return val


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args, kws):
        memory, index = args
        if isinstance(memory, Memory) and isinstance(index, types.Integer):
            return signature(memory.dtype, memory, types.intp)
        if isinstance(memory, Memory) and isinstance(index, types.SliceType):
            return signature(memory, memory, types.slice2_type)
        return None


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args, kws):
        memory, index, _ = args
        if isinstance(memory, Memory) and isinstance(index, types.Integer):
            return signature(types.none, memory, types.intp, memory.dtype)
        return None


@lower_builtin(operator.getitem, Memory, types.intp)
def _load(context, builder, sig, args):
    memory, index = args
    loaded = builder.load(builder.gep(memory, [index], inbounds=True))
    _mark(builder.module, loaded, sig.args[0].region)
    return loaded


@lower_builtin(operator.getitem, Memory, types.slice2_type)
def _piece(context, builder, sig, args):
    """``memory[start:stop]`` is the memory from start on; nobody asks for its length."""
    piece = context.make_helper(builder, types.slice2_type, args[1])
    return builder.gep(args[0], [piece.start], inbounds=True)


@lower_builtin(operator.setitem, Memory, types.intp, types.Any)
def _store(context, builder, sig, args):
    memory, index, value = args
    value = context.cast(builder, value, sig.args[2], sig.args[0].dtype)
    stored = builder.store(value, builder.gep(memory, [index], inbounds=True))
    _mark(builder.module, stored, sig.args[0].region)
    return context.get_dummy_value()


#: Of kernels, and of the arguments of a compiled function.
REGIONS = ("k", "u", "v", "w", "x", "y", "error", "error2", "out", *(f"a{i}" for i in range(10)))


def _mark(module, instruction, region):
    """Tell LLVM which region is touched, and that the others are not."""
    if region not in REGIONS:
        return
    domain = module.add_metadata(["sciml_lab"])
    scopes = {name: module.add_metadata([name, domain]) for name in REGIONS}
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[region]]))
    others = [scopes[name] for name in REGIONS if name != region]
    instruction.set_metadata("noalias", module.add_metadata(others))


@intrinsic(prefer_literal=True)
def numbers(typingctx, address, region):
    """Memory of float64 at an address, in a region."""
    memory = Memory(types.float64, region.literal_value)

    def build(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(memory))

    return memory(types.intp, region), build


@intrinsic
def integers(typingctx, address):
    """Memory of int64 at an address."""
    memory = Memory(types.int64, SHARED)

    def build(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(memory))

    return memory(types.intp), build


@intrinsic
def part(typingctx, memory, offset):
    """The memory from an entry on."""

    def build(context, builder, sig, args):
        return builder.gep(args[0], [args[1]], inbounds=True)

    return memory(memory, types.intp), build


@intrinsic(prefer_literal=True)
def function(typingctx, address, kinds):
    """The C function at an address; "m", "i" or "n" for each argument."""
    kind = {"m": Memory(types.float64, SHARED), "n": types.float64}
    kind["i"] = Memory(types.int64, SHARED)
    sig = types.void(*(kind[letter] for letter in kinds.literal_value))
    pointer = types.ExternalFunctionPointer(sig, _no_pointer)

    def build(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.intp, kinds), build


def _no_pointer(value):
    raise TypeError("a compiled function is passed by its address, not as a Python object.")


@intrinsic
def ulp(typingctx, x):
    """Distance from a positive number to the next larger one (`math.ulp`)."""

    def build(context, builder, sig, args):
        bits = builder.bitcast(args[0], ir.IntType(64))
        following = builder.bitcast(builder.add(bits, bits.type(1)), ir.DoubleType())
        return builder.fsub(following, args[0])

    return types.float64(types.float64), build


@intrinsic
def in_any_order(typingctx, total, x):
    """The sum ``total + x`` of numbers whose order does not matter."""

    def build(context, builder, sig, args):
        return builder.fadd(*args, flags=("reassoc", "contract", "nsz"))

    return types.float64(types.float64, types.float64), build
