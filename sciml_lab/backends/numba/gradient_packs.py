"""Parameters of networks in an order that the machine likes, copied once for a gradient.

Behind the parameters p of a loss there is room for a copy of those that networks take, in the order
of `sciml_lab.transform.tree.PackedPrimitive`. A gradient begins with `pack` and ends with `unpack`;
in between f and its pullback call the networks in their packed form, with pieces of that room in
the place of pieces of p. The cotangents have a room of their own behind p_bar.
"""

import ast
from dataclasses import replace

from sciml_lab.backends.numba.functions import compile_tree

LINE = 8  # numbers in a line of the cache: pieces begin with one


def lines(size) -> int:
    """The multiple of a line from a number of numbers on."""
    return -(-size // LINE) * LINE


def part(name, start, size):
    """The syntax tree of a piece of memory."""
    return ast.parse(f"{name}[{start}:{start + size}]", mode="eval").body


class Packs:
    """Which pieces of p are packed, and where.

    Parameters
    ----------
    count : int
        Number of parameters.
    p, p_bar : str
        What f and its pullback call them.

    Attributes
    ----------
    places : dict
        ``(name of the network, its place in p): (network, its place in the room)``.
    size : int
        Of the room.
    """

    def __init__(self, count, p, p_bar):
        self.p, self.p_bar, self.first = p, p_bar, lines(count)
        self.places, self.size = {}, 0

    def use(self, one, call, pull):
        """Let the call of a network and its pullback use packed parameters, if they take a piece
        of p.

        Parameters
        ----------
        one : PackedPrimitive
        call, pull : ast.Call
            ``call(out, x, p, work)`` and ``back(x_bar, p_bar, out_bar, x, p, work)``.
        """
        place = place_in(call.args[2], self.p)
        others = place_in(pull.args[4], self.p), place_in(pull.args[1], self.p_bar)
        if place is None or others != (place, place):
            return
        if (one.name, place) not in self.places:
            self.places[one.name, place] = one, self.size
            self.size += lines(one.size)
        start = self.first + self.places[one.name, place][1]
        call.func.id, pull.func.id = one.name, f"{one.name}_back"
        call.args[2] = pull.args[4] = part(self.p, start, one.size)
        pull.args[1] = part(self.p_bar, start, one.size)

    def primitives(self) -> dict:
        """The packed networks by name, with `back` where a compiler looks for a VJP."""
        return {one.name: replace(one, vjp=one.back, jvp=one.pack) for one, _ in self.all()}

    def complete(self, made):
        """The same `Taped`, with `pack` and `unpack`."""
        pack, unpack = self.compiled("pack"), self.compiled("unpack")
        return replace(
            made, machines=(*made.machines, pack, unpack), pack=pack.address,
            unpack=unpack.address, packed=self.size,
        )  # fmt: skip

    def compiled(self, which):
        """``pack(packed, p)`` or ``unpack(p_bar, packed_bar)``, for all networks.

        Parameters
        ----------
        which : {"pack", "unpack"}
            What each of them does is in its own text.
        """
        tree = ast.parse(f"def {which}(a, b): pass").body[0]
        tree.body = []
        for (name, place), (one, own) in self.places.items():
            first, second = (own, place) if which == "pack" else (place, own)
            memory = part("a", first, one.size), part("b", second, one.size)
            call = ast.Call(ast.Name(f"{name}_{which}", ast.Load()), [*memory], [])
            tree.body.append(ast.Expr(call))
        networks = {one.name: replace(one, vjp=one.pack, jvp=one.unpack) for one, _ in self.all()}
        return compile_tree(ast.fix_missing_locations(tree), "mm", {}, networks)

    def all(self):
        """The networks with their places in the room."""
        return self.places.values()


def place_in(argument, name):
    """Where in a memory an argument begins that is all of it, or a piece; None for another one."""
    if isinstance(argument, ast.Subscript):
        argument, place = argument.value, argument.slice.lower.value
    else:
        place = 0
    return place if getattr(argument, "id", "") == name else None
