r"""Symplectic methods for Hamilton's and Newton's equations: drift and kick in turn.

With H = T(p) + V(q) each half of the equations can be solved exactly while the other half stands
still,

    drift:  q <- q + a h dT/dp(p)          kick:  p <- p - b h dV/dq(q),

and a method is a list of numbers a, b. Each half step is a shear, which keeps areas in phase space,
and so does the whole: the energy error does not grow with time, it oscillates. That holds for a
*fixed* step; choosing each step by an error estimate destroys it, so these methods have none
(`AdaptiveVerlet` in `time_transformed.py` chooses its steps so that it does not).

A method of one's own is ``Splitting(name, flows)``; its order is computed from the numbers.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sciml_lab.problems import HamiltonianProblem, SecondOrderProblem
from sciml_lab.solvers.cubic import CubicDense
from sciml_lab.solvers.method import Step
from sciml_lab.solvers.rhs import RightHandSide
from sciml_lab.solvers.tableaus import splitting as tables
from sciml_lab.solvers.words import order_of


class Partitioned(RightHandSide):
    """The two halves of the equations: `velocity` moves positions, `force` moves momenta.

    Calling it gives ``[velocity, force]`` as for any other method; `count` counts forces.

    Parameters
    ----------
    problem : HamiltonianProblem or SecondOrderProblem
    shape : tuple of int
    """

    __slots__ = ("_dHdp", "_dHdq", "acceleration", "half")

    def __init__(self, problem, shape):
        super().__init__(problem.f, shape)
        self.half = shape[0] // 2
        self.acceleration = getattr(problem, "acceleration", None)
        self._dHdp, self._dHdq = (getattr(problem, name, None) for name in ("dHdp", "dHdq"))

    def velocity(self, q, v, p, t):
        """How fast the positions move."""
        return v if self._dHdp is None else _vector(self._dHdp(q, v, p, t))

    def force(self, q, v, p, t):
        """How fast the momenta (velocities) change."""
        self.count += 1
        if self._dHdq is None:
            return _vector(self.acceleration(q, v, p, t))
        return -_vector(self._dHdq(q, v, p, t))


def _vector(x):
    """What a user's function returned; a list can't be multiplied by a step."""
    return np.array(x) if isinstance(x, list | tuple) else x


@dataclass(frozen=True, repr=False)
class Splitting(CubicDense):
    """A symplectic method: drifts and kicks in turn.

    Parameters
    ----------
    name : str
    flows : sequence of (str, float)
        "A" (drift) or "B" (kick) and how far, in the order of acting.
    quadratic : bool
        Made for a kinetic energy that is quadratic in the momenta (``x'' = a(x)``); the order is
        counted for such.
    source : str
        Where the coefficients were published.

    Raises
    ------
    ValueError
        If the drifts or the kicks do not add up to one step.

    Notes
    -----
    The equations have to be separable: velocities that depend on momenta only, forces that depend
    on positions only (and on t). It is checked where a solve begins. For others take
    ``Gauss(s)`` or ``ImplicitMidpoint()``, which are symplectic for every Hamiltonian.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> Splitting("leapfrog", (("A", 0.5), ("B", 1.0), ("A", 0.5))).order
    2
    """

    name: str = field()  # without the default of the base class
    flows: Any = field()
    quadratic: bool = False
    source: str = ""
    problems = (HamiltonianProblem, SecondOrderProblem)

    def __post_init__(self):
        flows = tuple((str(x), float(c)) for x, c in self.flows)
        object.__setattr__(self, "flows", flows)
        for letter, what in (("A", "drifts"), ("B", "kicks")):
            total = sum(c for x, c in flows if x == letter)
            if {x for x, _ in flows} - {"A", "B"} or abs(total - 1) > 1e-12:
                raise ValueError(
                    f'flows must be pairs of "A" or "B" and a number, and the {what} "{letter}" '
                    f"must add up to 1 (they give {total:.6g})."
                )

    @cached_property
    def order(self) -> int:
        """Order of convergence, computed from the coefficients."""
        return order_of(self.flows, self.quadratic)

    @property
    def stages(self) -> int:
        """Forces per step; a kick at the end of a step shares its force with the next."""
        kicks = sum(letter == "B" for letter, _ in self.flows)
        return kicks - (self.flows[0][0] == self.flows[-1][0] == "B")

    def side(self, problem, shape):
        """The two halves of the equations."""
        return Partitioned(problem, shape)

    def begin(self, run):
        """Check that the equations are separable."""
        f, n, t = run.f, run.f.half, run.tspan[0]
        q, v = run.u0[:n], run.u0[n:]
        other_q, other_v = q + 0.1 * (1 + np.abs(q)), v + 0.1 * (1 + np.abs(v))
        mixed = [
            what
            for what, one, two in (
                ("velocity depends on the positions", f.velocity(q, v, run.p, t),
                 f.velocity(other_q, v, run.p, t)),
                ("force depends on the momenta", f.force(q, v, run.p, t),
                 f.force(q, other_v, run.p, t)),
            )
            if not np.array_equal(one, two, equal_nan=True)
        ]  # fmt: skip
        if mixed:
            raise ValueError(
                f"{self.name} is for separable equations only, and here the {mixed[0]}: take "
                "Gauss(2) or ImplicitMidpoint(), which are for every Hamiltonian."
            )
        return self

    def step(self, f, u, p, t, h, k1=None):
        """Drift and kick; time goes on with the drifts, and a force holds until the next drift."""
        q, v = u[: f.half], u[f.half :]
        now, force = t, None if k1 is None else k1[f.half :]
        for letter, c in self.flows:
            if letter == "A":
                q = q + c * h * f.velocity(q, v, p, now)
                now, force = now + c * h, None
            else:
                force = f.force(q, v, p, now) if force is None else force
                v = v + c * h * force
        u_new = np.concatenate((q, v))
        last = None if force is None else np.concatenate((f.velocity(q, v, p, now), force))
        return Step(u_new, None, k=[u_new], slopes=(k1, last))

    def __str__(self) -> str:
        kind = ", for x'' = a(x)" if self.quadratic else ""
        lines = [f"{self.name}: splitting method of order {self.order}{kind}; {self.source}"]
        return "\n".join(lines + [f"  {'drift' if x == 'A' else 'kick '} {c: .17g}"
                                  for x, c in self.flows])  # fmt: skip

    def __repr__(self) -> str:
        return f"{self.name}()" if METHODS.get(self.name) is type(self) else f"{self.name!r}"


def _method(name, flows, about, source, quadratic=False):
    """A class for a built-in method."""

    def __init__(self):
        Splitting.__init__(self, name, flows, quadratic, source)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{name}: {about}\n\nReferences\n----------\n{source}.\n\nExamples\n--------\n"
        f">>> import sciml_lab as sl\n>>> sl.{name}().name\n'{name}'\n",
        "__module__": __name__,
        "__repr__": Splitting.__repr__,
        "__eq__": lambda self, other: type(self) is type(other),
        "__hash__": lambda self: hash(name),
    }
    return type(name, (Splitting,), namespace)


EULER_SOURCE = "R. de Vogelaere, University of Notre Dame report 4 (1956)"
SymplecticEuler = _method(
    "SymplecticEuler", tables.SYMPLECTIC_EULER, "one kick, one drift; order 1.", EULER_SOURCE
)
VelocityVerlet = _method(
    "VelocityVerlet", tables.VERLET, "half a kick, a drift, half a kick; order 2.",
    "L. Verlet, Phys. Rev. 159 (1967) 98",
)  # fmt: skip
Ruth3 = _method("Ruth3", tables.RUTH3, "three drifts and kicks; order 3.", tables.R3)
McAte4 = _method(
    "McAte4", tables.MCATE4, "order 4 for x'' = a(x), small error constant.", tables.MA, True
)
McAte5 = _method("McAte5", tables.MCATE5, "order 5 for x'' = a(x).", tables.MA, True)
Yoshida6 = _method("Yoshida6", tables.YOSHIDA6, "seven Verlet steps; order 6.", tables.Y6)
KahanLi6 = _method("KahanLi6", tables.KAHANLI6, "nine Verlet steps; order 6.", tables.KL)
KahanLi8 = _method("KahanLi8", tables.KAHANLI8, "seventeen Verlet steps; order 8.", tables.KL)

METHODS = {
    cls.__name__: cls
    for cls in (
        SymplecticEuler, VelocityVerlet, Ruth3, McAte4, McAte5, Yoshida6, KahanLi6, KahanLi8,
    )
}  # fmt: skip
