"""A right-hand side that keeps what its pullback will ask for, and the pullback that reads it.

The reverse sweep of a network needs the values of its layers, and most of its time would go into
computing them again. So a gradient's kernel gives every stage a piece of memory of its own, the
*tape*, as the front of `work`: the forward kernel calls f with it, the reverse sweep the pullback,
in which each network's `vjp` has become its `back` (see `sciml_lab.transform.tree.Primitive`).

Both also use the memory behind the stage's own piece, which holds later stages: in the forward
kernel these are still to come, and the reverse sweep is done with them. Inside of the piece each
network has room for its scratch memory too, for a stage that ends one step and begins the next one
is pulled back twice.
"""

import ast
import copy
from dataclasses import dataclass, replace

import numpy as np

from sciml_lab.backends.numba.drive import address
from sciml_lab.backends.numba.functions import ARGUMENTS, Function, compile_tree, standard
from sciml_lab.backends.numba.gradient_functions import by_u_and_p, compile_derivative, pullback
from sciml_lab.backends.numba.gradient_packs import LINE, Packs, lines, part
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.vjp import vjp

MOST = 2**25  # numbers on all tapes together


@dataclass(frozen=True)
class Taped:
    """A right-hand side and its pullback, for stages with a tape.

    Attributes
    ----------
    f, f_vjp : int
        Their addresses.
    tape : int
        Numbers that f keeps of one stage; zero where its pullback computes everything again.
    work : int
        Numbers of memory that they use, from the stage's tape on.
    machines : tuple
        Keep the machine code in memory.
    pack, unpack : int
        Addresses of ``pack(packed, p)`` and ``unpack(p_bar, packed_bar)``; zero if there are none.
    packed : int
        How many numbers they write and read. Their place is behind the parameters.
    """

    f: int
    f_vjp: int
    tape: int
    work: int
    machines: tuple
    pack: int = 0
    unpack: int = 0
    packed: int = 0

    def memory(self, method, steps):
        """Memory for the stages of so many steps, or None if that is too much."""
        tableau = method.tableau
        stages = (steps + 1) * (tableau.stages - tableau.fsal) + len(tableau.A_dense)
        size = stages * self.tape + self.work
        return None if self.tape and size > MOST else in_lines(size)


def in_lines(size):
    """Memory that begins with a line of the cache: loops run over it eight numbers at a time."""
    memory = np.empty(size + LINE)
    return memory[-(address(memory) // 8) % LINE :][:size]


def without_tape(f: Function, u0, p) -> Taped:
    """The plain f and its plain pullback, as a `Taped` with a tape of length zero."""
    back = pullback(f, u0, p)
    return Taped(f.address, back.address, 0, max(f.work, back.work) + 1, (f.machine, back))


def taped(f: Function, u0, p) -> Taped:
    """The two functions for stages with a tape.

    Parameters
    ----------
    f : Function
        From `right_hand_side`.
    u0, p : ndarray, ndarray or None
        Examples of its arguments.
    """
    if "taped" not in f.forms:
        f.forms["taped"] = _make_taped(f, u0, p)
    return f.forms["taped"]


def _make_taped(f, u0, p):
    """Make the two functions of `taped`."""
    forth = inplace(replace(f.lowered, reads=[]))
    back = inplace(vjp(*by_u_and_p(f, p)), accumulate=True)
    networks = [forth.primitives[call.func.id] for call in calls(forth)]
    if not can_be_taped(forth, back, networks):
        return without_tape(f, u0, p)
    rooms = [lines(one.work) for one in networks]
    places = [sum(rooms[:i]) for i in range(len(rooms))]
    forth, back = shifted(forth, sum(rooms)), shifted(back, sum(rooms))
    packs = Packs(np.size(p), forth.inputs[1], back.outputs[-1])
    pairs = zip(calls(forth), reversed(pulled(back)), strict=True)
    for (call, pull), place, one in zip(pairs, places, networks, strict=True):
        call.args[-1], pull.args[-1] = part("work", place, one.work), part("work", place, one.work)
        call.func.id, pull.func.id = one.name, f"{one.name}_back"
        if one.packed is not None and p is not None:
            packs.use(one.packed, call, pull)
    known = {**forth.primitives, **{k: replace(v, vjp=v.back) for k, v in back.primitives.items()}}
    known.update(packs.primitives())
    machine = compile_tree(standard(forth, u0, p), ARGUMENTS, forth.constants, known)
    derivative = compile_derivative(
        f, replace(back, primitives=known), "mmmmnmm", u0, p, outputs=2, states=(0, 3)
    )
    work, tape = sum(rooms) + max(forth.work, back.work) + 1, places[-1] + lines(networks[-1].tape)
    made = Taped(machine.address, derivative.address, tape, work, (machine, derivative))
    return packs.complete(made) if packs.places else made


def can_be_taped(forth, back, networks) -> bool:
    """Whether all networks are called outside of loops, once forth and once back, in mirror order.

    Parameters
    ----------
    forth, back : InPlace
    networks : list of Primitive
        Those that f calls.
    """
    names = [one.name for one in networks]
    return (
        bool(networks)
        and all(one.back for one in networks)
        and [call.func.id.removesuffix("_vjp") for call in reversed(pulled(back))] == names
        and not any(called_in_loops(form, names) for form in (forth, back))
    )


def called_in_loops(form, names) -> bool:
    """Whether a function calls one of the networks elsewhere than in a statement of its own."""
    inside = (ast.walk(s) for s in form.tree.body if not isinstance(s, ast.Expr))
    ids = {node.id for nodes in inside for node in nodes if isinstance(node, ast.Name)}
    return bool(ids & {name + end for name in names for end in ("", "_vjp")})


def calls(form) -> list:
    """The calls of networks that are statements of the function itself, not of a loop in it."""
    return [
        s.value for s in form.tree.body
        if isinstance(s, ast.Expr) and isinstance(s.value.func, ast.Name)
    ]  # fmt: skip


def pulled(form) -> list:
    """Those of their VJPs."""
    return [call for call in calls(form) if call.func.id.endswith("_vjp")]


def shifted(form, by):
    """The same function, which leaves the first numbers of its scratch memory alone."""
    tree = copy.deepcopy(form.tree)
    for node in ast.walk(tree):
        piece = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
        if piece and getattr(node.value, "id", "") == "work":
            node.slice.lower.value += by
            node.slice.upper.value += by
    return replace(form, tree=tree)
