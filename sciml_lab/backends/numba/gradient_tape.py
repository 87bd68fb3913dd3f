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
from sciml_lab.transform.inplace import inplace
from sciml_lab.transform.vjp import vjp

LINE = 8  # numbers in a line of the cache: pieces begin with one
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
    machine : object
        Keeps the machine code in memory.
    """

    f: int
    f_vjp: int
    tape: int
    work: int
    machine: object

    def memory(self, method, steps):
        """Memory for the stages of so many steps, or None if that is too much.

        It begins with a line of the cache: f runs over its piece eight numbers at a time.
        """
        tableau = method.tableau
        stages = (steps + 1) * (tableau.stages - tableau.fsal) + len(tableau.A_dense)
        size = stages * self.tape + self.work + LINE
        if self.tape and size > MOST:
            return None
        memory = np.empty(size)
        return memory[-(address(memory) // 8) % LINE :]


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
    forth = inplace(replace(f.lowered, reads=[]))
    back = inplace(vjp(*by_u_and_p(f, p)), accumulate=True)
    networks = [forth.primitives[call.func.id] for call in calls(forth)]
    pulled = [c for c in calls(back) if c.func.id.endswith("_vjp")]
    if not can_be_taped(forth, back, networks, pulled):
        return without_tape(f, u0, p)
    rooms = [-(-one.work // LINE) * LINE for one in networks]
    places = [sum(rooms[:i]) for i in range(len(rooms))]
    tape, behind = places[-1] + -(-networks[-1].tape // LINE) * LINE, sum(rooms)
    forth, back = shifted(forth, behind), shifted(back, behind)
    pulled = [c for c in calls(back) if c.func.id.endswith("_vjp")]
    for call, place, one in zip(calls(forth), places, networks, strict=True):
        give(call, place, one)
    for call, place, one in zip(reversed(pulled), places, networks, strict=True):
        give(call, place, one)
        call.func.id = call.func.id.removesuffix("_vjp") + "_back"
    recalled = {k: replace(v, vjp=v.back) for k, v in back.primitives.items()}
    machine = compile_tree(standard(forth, u0, p), ARGUMENTS, forth.constants, forth.primitives)
    derivative = compile_derivative(
        f, replace(back, primitives=recalled), "mmmmnmm", u0, p, outputs=2, states=(0, 3)
    )
    work = behind + max(forth.work, back.work) + 1
    return Taped(machine.address, derivative.address, tape, work, (machine, derivative))


def can_be_taped(forth, back, networks, pulled) -> bool:
    """Whether all networks are called outside of loops, once forth and once back, in mirror order.

    Parameters
    ----------
    forth, back : InPlace
    networks : list of Primitive
        Those that f calls.
    pulled : list of ast.Call
        The calls of their VJPs.
    """
    names = [one.name for one in networks]
    return (
        bool(networks)
        and all(one.back for one in networks)
        and [c.func.id.removesuffix("_vjp") for c in reversed(pulled)] == names
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


def give(call, place, one):
    """Let the call of a network begin its scratch memory at a place."""
    call.args[-1] = ast.parse(f"work[{place}:{place + one.work}]", mode="eval").body


def shifted(form, by):
    """The same function, which leaves the first numbers of its scratch memory alone."""
    tree = copy.deepcopy(form.tree)
    for node in ast.walk(tree):
        piece = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
        if piece and getattr(node.value, "id", "") == "work":
            node.slice.lower.value += by
            node.slice.upper.value += by
    return replace(form, tree=tree)
