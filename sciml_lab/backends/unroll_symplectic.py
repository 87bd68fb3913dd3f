"""Freeze and unroll a splitting step: the readable drifts and kicks, with calls for the two halves.

`Splitting.step` finds in its `f` how fast positions and momenta move. Here that is the readable
`Partitioned` of a problem whose functions write their calls down, and the state is a pair of
symbols. Each drift and kick is written over the state before it, for example of the leapfrog

    def step(q, v, q_new, v_new, a, speed, p, t, h, work, n):
        force(a, q, v, p, t, work)
        for i in range(n):
            v_new[i] = v[i] + h * (0.5 * a[i])
        ...

A method needs only its list of flows, of your own too.
"""

import ast
from types import SimpleNamespace

import numpy as np

from sciml_lab.backends.unroll import _inputs, _with
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.symplectic import Partitioned
from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered

HALVES = "q", "v"


def step(method, hamiltonian=True) -> Lowered:
    """The step of a splitting method.

    Parameters
    ----------
    method : Splitting
    hamiltonian : bool
        Whether the velocity is a function ``dHdp(q, v, p, t)`` (of a `HamiltonianProblem`), or v.

    Returns
    -------
    Lowered
        ``step(q, v, q_new, v_new, a, speed, p, t, h, work, n)``: expects in `a` the force at the
        start, if the method begins with a kick, and leaves there the force at the end, if it ends
        with one. It returns how many forces it asked for. n is the number of positions.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(step(sl.VelocityVerlet(), False).tree))
    def step(q, v, q_new, v_new, a, speed, p, t, h, work, n):
        s1 = 0.5 * h
        for i in range(n):
            v_new[i] = v[i] + s1 * a[i]
            q_new[i] = q[i] + h * v_new[i]
        t1 = t + h
        force(a, q_new, v_new, p, t1, work)
        s3 = 0.5 * h
        for i in range(n):
            v_new[i] = v_new[i] + s3 * a[i]
        return 1
    """
    program = Moving()
    q, v, a, p = _inputs(q=True, v=True, a=True, p=True)
    t, h = _inputs(t=False, h=False)
    u, slope = Pair(q, v), Pair(None, a)
    side = Partitioned(program.problem(hamiltonian), (2,))  # halves of one symbol each
    pairs = _with(type(method).step, np=SimpleNamespace(concatenate=lambda x: Pair(*x)))
    taken = pairs(method, side, u, p, t, h, slope)
    program.settle(taken.u.first, taken.u.second)
    program.drop_last_call("speed")  # a slope for the next step, which takes the force of it only
    _, last = taken.slopes
    if last is not None and last.second.kind != "name":
        program.write("a", last.second)  # a Hamiltonian's force is minus what was computed
    program.say(f"return {side.count}")
    inputs = (*HALVES, "q_new", "v_new", "a", "speed", *"pth", "work", "n")
    return program.function("step", inputs)


class Pair:
    """A state or a slope: what its slices ``[:half]`` and ``[half:]`` are."""

    dtype = np.dtype(object)

    def __init__(self, first, second):
        self.first, self.second = first, second

    def __len__(self):
        return 2  # halves of one symbol each

    def __getitem__(self, piece):
        return self.first if piece.start is None else self.second


class Moving(Program):
    """A program whose state moves on in place: a later value is written over an earlier one."""

    def __init__(self):
        super().__init__()
        self._holds, self._last, self._times = {}, {}, 0

    def expression(self, x, inside=False):
        """As in `Program`; a value that was written is read from where it lies."""
        place = self._holds.get(id(x))
        if place == "":
            raise RuntimeError("the step reads a value that a later one was written over.")
        return (
            ast.parse(f"{place}[i]", mode="eval").body if place else super().expression(x, inside)
        )

    def keep(self, place, x):
        """From now on x lies in this place, and what was there before does not."""
        self._holds[id(self._last.get(place))] = ""
        self._holds[id(x)], self._last[place] = place, x
        self._kept.append(x)  # or its id might be given to another
        return x

    def settle(self, q, v):
        """Write positions and momenta down, where they are not yet; return where they lie."""
        news = [
            (f"{half}_new", x)
            for half, x in (("v", v), ("q", q))  # in this order: positions follow velocities
            if x.kind != "name" and id(x) not in self._holds
        ]
        self.name_repeated(*(x for _, x in news))
        lines = []
        for place, x in news:
            lines.append(f"{place}[i] = {self.text(x, inside=True)}")
            self.keep(place, x)
        if lines:
            self.say("for i in range(n):\n    " + "\n    ".join(lines))
        return [self._holds.get(id(x)) or x.parts[0] for x in (q, v)]

    def problem(self, hamiltonian):
        """A problem whose functions write down that they are called."""

        def called(name, result):
            def function(q, v, p, t):
                q, v = self.settle(q, v)
                self.say(f"{name}({result}, {q}, {v}, p, {self.time(t)}, work)")
                return self.keep(result, Symbol.named(result, True))

            return function

        force, velocity = called("force", "a"), called("velocity", "speed")
        if hamiltonian:
            return SimpleNamespace(f=None, dHdp=velocity, dHdq=force)
        return SimpleNamespace(f=None, acceleration=force)

    def time(self, t):
        """A time as text; one that was computed gets a name."""
        if t.kind != "name" and id(t) not in self._named:
            self._times += 1
            self.number(t, f"t{self._times}")
        return self.text(t)

    def drop_last_call(self, result):
        """Leave out a call whose result nobody has asked for."""
        last = self.body[-1]
        call = last.value if isinstance(last, ast.Expr) else None
        if isinstance(call, ast.Call) and getattr(call.args[0], "id", "") == result:
            self.body.pop()


def dense_stages(method: CubicDense) -> Lowered:
    """The slopes at both ends: ``dense_stages(k1, k2, k3, u, p, t, h, v, work, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(dense_stages(sl.KahanLi8()).tree).splitlines()[-1].strip())
    f(k3, k1, p, t + h, work)
    """
    program = Program()
    f = program.right_hand_side(["k2", "k3"])
    u, p, t, h, k1 = _inputs(u=True, p=True, t=False, h=False, k1=True)
    method.dense_stages(f, u, p, t, h, [k1])
    return program.function("dense_stages", ("k1", "k2", "k3", *"upth", "v", "work", "n"))


def interpolate(method: CubicDense) -> Lowered:
    """Dense output: ``interpolate(out, k1, k2, k3, u, h, theta, n)``."""
    program = Program()
    u, h, theta, *k = _inputs(u=True, h=False, theta=False, k1=True, k2=True, k3=True)
    x = method.interpolate(u, k, h, theta)
    program.name_repeated(x)
    program.write("out", x)
    return program.function("interpolate", ("out", "k1", "k2", "k3", "u", "h", "theta", "n"))
