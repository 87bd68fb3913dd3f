"""The user's f as a compiled C function, made once for each f and kept."""

import ast
import contextlib
import copy
import ctypes
import time
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from types import FunctionType

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.compiler_lock import global_compiler_lock

from sciml_lab.backends.numba import functions_math, machine_code
from sciml_lab.backends.numba.outside import Outside
from sciml_lab.backends.numba.pointers import Memory, in_any_order
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.lower import lower
from sciml_lab.transform.tree import Lowered
from sciml_lab.transform.vectors import vectors

CAREFUL = {"contract"}  # whoever wrote f may have meant a sum in just this order
BOLD = {"contract", "reassoc", "nsz", "arcp"}  # a network's sums may be taken in any order
LARGEST_POWER = 16.0  # that is written as a product
FOREIGN_CALL = 1e-6  # seconds that a call from Python takes besides
ARGUMENTS = "mmmnm"  # of f(du, u, p, t, work)


@dataclass
class Function:
    """A compiled right-hand side.

    Attributes
    ----------
    address : int
        Of ``f(du, u, p, t, work)``.
    work : int
        Numbers of scratch memory that it needs.
    seconds : float
        Time of one call, roughly.
    lowered : Lowered
        What it was compiled from.
    function : callable
        The function as its author wrote it.
    machine : object
        Keeps the machine code in memory.
    drives : dict
        Memory that earlier solves have left, see `sciml_lab.backends.numba.solve`.
    forms : dict
        What has been made of it for other purposes, by name.
    """

    address: int
    work: int
    seconds: float
    lowered: Lowered
    machine: object
    function: object = None
    drives: dict = field(default_factory=dict)
    forms: dict = field(default_factory=dict)

    @cached_property
    def outside(self):
        """What it has read from outside: ``outside.is_current()``."""
        return Outside(self.lowered)


class Recent(dict):
    """A dictionary that forgets its oldest entries."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def add(self, key, value):
        """Set an entry."""
        self[key] = value
        while len(self) > self.most:
            oldest, *_ = self  # in one go, whatever other threads do
            self.pop(oldest, None)


_known = Recent(256)  # (f, shapes): Function
_by_code = Recent(256)  # (code of f, shapes): Function
_machines = Recent(512)  # text and more: machine code


def right_hand_side(f, u0, p, t0, check=None) -> Function:
    """The compiled form of ``f(u, p, t)`` for arguments of these shapes, from memory if known.

    Parameters
    ----------
    f : callable
        The user's function.
    u0, p, t0 : ndarray, ndarray or None, float
        Examples of its arguments.
    check : callable, optional
        Called before an f is compiled, for the sentences about an f that can't be right.

    Raises
    ------
    TransformError
        If f is not in the subset of Python that can be transformed.
    """
    found = known(f, u0, p)
    if found is not None:
        return found
    if check is not None:
        check()
    key = f, *_shapes(u0, p)
    found = _twin(f, key) or _compile(f, u0, p, t0)
    with contextlib.suppress(TypeError):  # an object that is no key of a dictionary
        _known.add(key, found)
    if type(f) is FunctionType:
        _by_code.add((f.__code__, *key[1:]), found)
    return found


def known(f, u0, p):
    """The compiled form of f for arguments of these shapes if there is one, else None."""
    try:
        found = _known.get((f, *_shapes(u0, p)))
    except TypeError:
        return None
    return found if found is not None and found.outside.is_current() else None


def _shapes(u0, p):
    return np.shape(u0), None if p is None else np.shape(p)


def _twin(f, key):
    """The compiled form of another function of the same text that takes the same from outside.

    A lambda in a loop is a new function every time.
    """
    plain = type(f) is FunctionType  # a method depends on its object too
    found = _by_code.get((f.__code__, *key[1:])) if plain else None
    if found is None or f.__defaults__ or f.__kwdefaults__:
        return None
    reads = [(_rebound(look, found.function, f), value) for look, value in found.lowered.reads]
    lowered = replace(found.lowered, reads=reads)
    return replace(found, lowered=lowered, function=f) if lowered.is_current() else None


def _rebound(look, old, new):
    """The same look at the surroundings, of another function."""
    if isinstance(look, partial) and look.args and look.args[0] is old:
        return partial(look.func, new, *look.args[1:])
    return look


def _compile(f, u0, p, t0):
    lowered = lower(f, u0, p, t0)
    form = inplace(replace(lowered, reads=[]))
    tree = standard(form, u0, p)
    machine = compile_tree(tree, ARGUMENTS, form.constants, form.primitives)
    seconds = _seconds(machine, u0, p, t0, form.work)
    return Function(machine.address, form.work, seconds, lowered, machine, f)


def standard(form, *arguments):
    """Give f the arguments ``(du, u, p, t, work)``, also where p is None or u one number."""
    tree = copy.deepcopy(form.tree)
    du, inputs = form.outputs[0], list(form.inputs)
    for i, x in enumerate(arguments):
        if x is None:
            inputs.insert(i, "no_parameters")
        elif np.shape(x) == ():
            name, inputs[i] = inputs[i], f"{inputs[i]}_memory"
            tree.body.insert(0, ast.parse(f"{name} = {inputs[i]}[0]").body[0])
    tree.args = ast.arguments(
        [], [ast.arg(x) for x in (du, *inputs, "work")], None, [], [], None, []
    )
    return ast.fix_missing_locations(tree)


def compile_tree(tree, kinds, constants=None, primitives=None):
    """Compile a function in the in-place form; returns a `CFunction`.

    Parameters
    ----------
    tree : ast.FunctionDef
        The function.
    kinds : str
        For each argument "m" (memory) or "n" (a number).
    constants : dict
        Arrays that the text reads, by name.
    primitives : dict
        What it calls, by name.
    """
    constants, primitives = constants or {}, primitives or {}
    text = ast.unparse(vectors(tree))
    arrays = tuple(
        (k, np.asarray(v).dtype.str, np.asarray(v).tobytes()) for k, v in constants.items()
    )
    networks = tuple((k, v.call, v.vjp, v.jvp) for k, v in primitives.items())
    key = (text, kinds, arrays, networks)
    if key not in _machines:
        path = machine_code.place(tree.name, key)
        kept = machine_code.load(path)
        if kept is not None:
            _machines[key] = KeptFunction(*kept)
        else:
            _machines[key] = made = _compiled(tree.name, text, kinds, constants, primitives)
            made.save(path)
    return _machines[key]


def _compiled(name, text, kinds, constants, primitives):
    """Compile a text and what it calls."""
    functions = dict(constants)
    for one in primitives.values():
        for source in (one.call, one.vjp, one.jvp):
            functions.update(_defined(source, functions, primitive))
    signature = types.void(*(memory_of(kind, i) for i, kind in enumerate(kinds)))
    flags = BOLD if primitives else CAREFUL
    return _defined(text, functions, partial(CFunction, signature, flags))[name]


def memory_of(kind, i):
    """Type of argument number i: a number, or memory that no other argument overlaps with."""
    return types.float64 if kind == "n" else Memory(types.float64, f"a{i}")


class CFunction:
    """A compiled function with the calling convention of C.

    Numba's own `cfunc` is a function that calls another; in a right-hand side of ten
    instructions that is a fifth of the time. Here the one is put into the other.

    Parameters
    ----------
    signature : numba signature
    flags : set of str
        What the compiler may do to floating-point arithmetic.
    function : callable

    Attributes
    ----------
    address : int
    """

    def __init__(self, signature, flags, function):
        inner = njit(
            signature, error_model="numpy", fastmath=flags, forceinline=True,
            no_cpython_wrapper=True, no_cfunc_wrapper=True,
        )(function)  # fmt: skip
        result = inner.overloads[signature.args]
        context, name = result.target_context, f"c_{result.fndesc.unique_name}"
        library = context.codegen().create_library(name)
        library.enable_object_caching()
        library.add_linking_library(result.library)
        module = library.create_ir_module(name)
        kinds = [context.get_value_type(x) for x in signature.args]
        outer = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        builder = ir.IRBuilder(outer.append_basic_block())
        called = context.declare_function(module, result.fndesc)
        arguments = (signature.return_type, signature.args, outer.args)
        context.call_conv.call_function(builder, called, *arguments)
        builder.ret_void()
        with global_compiler_lock:
            library.add_ir_module(module)
            library.finalize()
        self.address = library.get_pointer_to_function(name)
        self.name, self._alive = name, (inner, library)

    def save(self, path):
        """Keep the machine code on disk."""
        machine_code.save(path, self.name, self._alive[1])


class KeptFunction:
    """A compiled function from disk; see `CFunction`."""

    def __init__(self, address, alive):
        self.address, self._alive = address, alive


def primitive(function):
    """Compile a network's function, to be called by others."""
    return njit(error_model="numpy", fastmath=BOLD)(function)


def _defined(text, names, compiler):
    """Run a text that defines functions, and compile them."""
    quicker = _Functions()
    tree = quicker.visit(ast.parse(text))
    powers = {name: _power(exponent) for name, exponent in quicker.powers.items()}
    several = {name: functions_math.several(*one) for name, one in quicker.several.items()}
    surroundings = {
        "np": np, "in_any_order": in_any_order, **_elementary(), **powers, **several, **names
    }  # fmt: skip
    exec(compile(ast.fix_missing_locations(tree), f"<{tree.body[0].name}>", "exec"), surroundings)
    return {one.name: compiler(surroundings[one.name]) for one in tree.body}


class _Functions(ast.NodeTransformer):
    """What is quicker in another form, and the same to rounding.

    ``np.tanh(x)`` becomes ``tanh_(x)``, the form without a branch, and so does exp; x**1.5 becomes
    x*sqrt(x), and a whole exponent a product. ``a, b = np.tanh(x), np.tanh(y)`` becomes one call of
    a function of both numbers.
    """

    def __init__(self):
        self.powers, self.several = {}, {}

    def visit_Assign(self, node):
        self.generic_visit(node)
        calls = node.value.elts if isinstance(node.value, ast.Tuple) else []
        names = {getattr(getattr(call, "func", None), "id", "") for call in calls}
        if len(names) == 1 and names <= set(_elementary()):
            function = names.pop()
            name = f"{function}{len(calls)}"
            self.several[name] = function.removesuffix("_"), len(calls)
            arguments = [call.args[0] for call in calls]
            node.value = ast.Call(ast.Name(name, ast.Load()), arguments, [])
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        exponent = _number(node.right)
        if not isinstance(node.op, ast.Pow) or exponent is None or (2 * exponent) % 1 != 0:
            return node
        if abs(exponent) > LARGEST_POWER:
            return node
        name = f"power_{2 * exponent:.0f}_halves".replace("-", "minus_")
        self.powers[name] = exponent
        return ast.Call(ast.Name(name, ast.Load()), [node.left], [])

    def visit_Attribute(self, node):
        if getattr(node.value, "id", "") == "np" and f"{node.attr}_" in _elementary():
            return ast.Name(f"{node.attr}_", ast.Load())
        return node


def _number(node):
    """The value of a number in the text, if it is one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if type(value) is float else None


@cache
def _power(exponent):
    """``x ** exponent`` for half of a whole number, as products and a root."""
    whole, half = divmod(abs(exponent), 1.0)
    root = " * np.sqrt(x)" if half else ""
    value = f"x ** {int(whole)}{root}"
    text = f"def power(x):\n    return {f'1.0 / ({value})' if exponent < 0 else value}"
    names = {"np": np}
    exec(text, names)
    return njit(error_model="numpy", fastmath=CAREFUL, forceinline=True)(names["power"])


def _elementary():
    quick = functions_math.compiled()
    return {f"{name}_": quick[name] for name in ("exp", "tanh")}


def _seconds(machine, u0, p, t0, work):
    """How long one call takes: a kernel shall come back within milliseconds."""
    u, p = (np.array(np.zeros(1) if x is None else x, dtype=float).ravel() for x in (u0, p))
    du, scratch = np.empty(u.size), np.empty(work + 1)
    pointer, number = ctypes.c_void_p, ctypes.c_double
    call = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, number, pointer)(machine.address)
    arguments = (*(x.ctypes.data for x in (du, u, p)), float(t0), scratch.ctypes.data)
    call(*arguments)
    began = time.perf_counter()
    call(*arguments)
    return max(time.perf_counter() - began - FOREIGN_CALL, 1e-9)
