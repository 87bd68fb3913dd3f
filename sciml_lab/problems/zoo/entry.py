"""What the zoo knows about a model: how to call it, and what to hold a solver against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sciml_lab.problems.ode import ODEProblem

#: How end values without a published source were computed, outside of this package.
GBS = (
    "Gragg-Bulirsch-Stoer extrapolation in 40-digit arithmetic from the same floating-point data; "
    "two tolerances agree to 20 digits"
)
#: The same for stiff ones.
RADAU = (
    "Radau IIA of order 13 in 34-digit arithmetic from the same floating-point data; two "
    "tolerances agree to 18 digits"
)


@dataclass(frozen=True, eq=False)
class Reference:
    """A trusted value of the solution at one time.

    Attributes
    ----------
    t : float
        The time; it is the end of the model's `tspan`.
    u : ndarray (n,)
        The state then, for the default parameters and the default initial state.
    accuracy : float
        An independent integration in double precision agrees with the value to this `error`.
    how : str
        Where the value comes from.
    floor : float
        Below this size errors are absolute; above it, relative.
    index : ndarray or None
        The components of the state that `u` holds, for large problems; None for all of them.

    Examples
    --------
    >>> Reference(1.0, np.array([2.0]), 1e-12, "by hand").error([3.0])
    0.5
    """

    t: float
    u: np.ndarray
    accuracy: float
    how: str
    floor: float = 0.0
    index: np.ndarray | None = None

    def error(self, u) -> float:
        """Return the largest ``|u_i - ref_i| / max(|ref_i|, floor)``."""
        u = np.asarray(u) if self.index is None else np.asarray(u)[self.index]
        scale = np.maximum(np.abs(self.u), self.floor)
        return float(np.max(np.abs(u - self.u) / scale))


@dataclass(frozen=True, eq=False, repr=False)
class Entry:
    """A named model. Call it to get an `ODEProblem`; print it to read about it.

    Attributes
    ----------
    name, title, equation : str
        ``sl.zoo.<name>``, a line about it, and its equations in plain text.
    f : callable
        ``f(u, p, t)``, for one state ``(n,)`` and for many ``(n, B)``.
    u0, tspan : ndarray, (float, float)
        Default initial state and time interval.
    parameters : mapping of str to float
        Names and default values, in the order of the vector p.
    states : tuple of str
        Names of the components of u.
    units : mapping of str to str
        Units of t, the states and the parameters; "1" means dimensionless.
    source : str
        Where the model comes from.
    reference : Reference or None
        A trusted end value.
    exact : callable or None
        ``exact(t, u0, p)``: the solution in closed form, ``(n,)`` for a number t and ``(T, n)``
        for times ``(T,)``; without u0 and p, for the default ones.
    invariants : mapping of str to callable
        ``I(u, p)`` that stays constant along every solution.
    facts : mapping of str to float
        Numbers worth knowing, such as a period; for the default parameters.
    stiff : bool
        Whether explicit methods need very many steps for it.
    mass_matrix : ndarray (n, n) or None
        M, where the equation is ``M u' = f(u, p, t)``.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> prob = sl.zoo.lotka_volterra(a=2.0, tspan=(0.0, 5.0))
    >>> prob.p
    array([2., 1., 3., 1.])
    >>> sl.zoo.lotka_volterra.facts["period"]
    3.317457068499642
    """

    name: str
    title: str
    equation: str
    f: Callable
    u0: Any
    tspan: tuple[float, float]
    parameters: Mapping[str, float]
    states: tuple[str, ...]
    source: str
    units: Mapping[str, str] = field(default_factory=dict)
    reference: Reference | None = None
    solution: Callable | None = None
    invariants: Mapping[str, Callable] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)
    stiff: bool = False
    mass_matrix: np.ndarray | None = None

    def __call__(self, u0=None, tspan=None, **parameters) -> ODEProblem:
        """Return the problem, with some initial values, times or parameters replaced.

        Parameters
        ----------
        u0 : array (n,) or (n, B), optional
            Initial state, or one column for each of B trajectories.
        tspan : (float, float), optional
            Time interval.
        **parameters : float or array (B,)
            By name, for example ``a=2.0``; the rest keep their defaults. An array makes a batch.
        """
        for name in parameters:
            if name not in self.parameters:
                raise TypeError(
                    f"{self.name}() does not know the parameter {name!r}: it has u0, tspan, "
                    f"{', '.join(self.parameters)}."
                )
        u0 = self.u0 if u0 is None else u0
        if (n := _length(u0)) != len(self.states):
            raise ValueError(
                f"u0 of {self.name} must have {len(self.states)} entries, "
                f"{_few(self.states)} (got {n})."
            )
        p = list({**self.parameters, **parameters}.values())
        lanes = max((x.size for x in p if isinstance(x, np.ndarray)), default=0)
        if lanes:  # one column a trajectory
            p = np.stack(np.broadcast_arrays(*p))
            u0 = np.repeat(np.asarray(u0)[:, None], lanes, axis=1) if np.ndim(u0) == 1 else u0
        batch = bool(lanes) or (isinstance(u0, np.ndarray) and u0.ndim > 1)
        tspan = self.tspan if tspan is None else tspan
        return ODEProblem(self.f, u0, tspan, p, mass_matrix=self.mass_matrix, batch=batch)

    @property
    def p(self) -> np.ndarray:
        """Default parameters as the vector that f gets."""
        return np.array(list(self.parameters.values()), dtype=float)

    @property
    def exact(self):
        """The solution in closed form, or None: see the attributes of the class."""
        if self.solution is None:
            return None
        formula = self.solution

        def exact(t, u0=None, p=None):
            u0 = np.asarray(self.u0 if u0 is None else u0, dtype=float)
            p = np.asarray(self.p if p is None else p, dtype=float)
            return np.stack(formula(np.asarray(t, dtype=float), u0, p), axis=-1)

        return exact

    def __repr__(self) -> str:
        return f"<sl.zoo.{self.name}: {self.title}>"

    def __str__(self) -> str:
        return "\n".join(
            " ".join(line) if isinstance(line, tuple) else line for line in self._page()
        )

    def _repr_markdown_(self) -> str:
        """The page that a notebook shows."""
        title, *rest = self._page()
        lines = [f"**{title}**", "", "```", *self.equation.splitlines(), "```", ""]
        for line in rest:
            if isinstance(line, tuple):
                lines.append(f"- *{line[0].strip()}* {line[1]}")
        return "\n".join(lines)

    def _page(self):
        """Title, equations, and one (heading, text) pair a fact."""
        unit = self.units.get
        page: list[Any] = [f"{self.title} (sl.zoo.{self.name})"]
        page += [f"    {line}" for line in self.equation.splitlines()]
        values = [
            f"{s} = {x:g} {_unit(unit(s))}" for s, x in zip(self.states, self.u0, strict=True)
        ]
        page.append(("start:     ", _few(values)))
        time = unit("t")
        page.append(("time:      ", f"{self.tspan[0]:g} to {self.tspan[1]:.12g} {_unit(time)}"))
        values = [f"{name} = {x:g} {_unit(unit(name))}" for name, x in self.parameters.items()]
        page.append(("parameters:", _few(values)))
        if self.invariants:
            page.append(("conserved: ", ", ".join(self.invariants)))
        if self.facts:
            page.append(
                ("facts:     ", ", ".join(f"{k} = {v:.10g}" for k, v in self.facts.items()))
            )
        if self.solution:
            page.append(("exact:     ", f"sl.zoo.{self.name}.exact(t)"))
        if self.reference:
            end = (
                f"u({self.reference.t:.6g}) to {self.reference.accuracy:.0e}; {self.reference.how}"
            )
            page.append(("reference: ", end))
        if self.mass_matrix is not None:
            rank = np.linalg.matrix_rank(self.mass_matrix)
            page.append(("mass:      ", f"M u' = f with M of rank {rank} of {len(self.states)}"))
        if self.stiff:
            page.append(("stiff:     ", "yes: explicit methods need very many steps"))
        page.append(("source:    ", self.source))
        return page


def _length(u0):
    """Number of components of u0, whatever it holds."""
    try:
        return len(u0)
    except TypeError:
        return 0


def _unit(unit):
    return "" if unit in (None, "1") else unit


def _few(parts, most=9):
    """Join, and leave out the middle of a long list."""
    parts = [part.strip() for part in parts]
    return ", ".join(parts if len(parts) <= most else [*parts[: most - 2], "...", parts[-1]])
