"""The initial-value problem ``u' = f(u, p, t)``, checked once and then never changed.

Numbers become float arrays here. A value that carries a derivative (`Dual`, `Var`, an autograd
box) passes through as it is, for a derivative with respect to `u0`, `p` or `tspan` starts here.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from sciml_lab.problems import checks


class Problem:
    """What every kind of problem has in common: `replace`, and a line that describes it.

    Attributes
    ----------
    f, u0, tspan, p
        As in `ODEProblem`: every problem is an initial-value problem too.
    """

    f: Any
    u0: Any
    tspan: Any
    p: Any
    mass_matrix: Any = None
    jac: Any = None
    sparsity: Any = None
    batch: Any = False

    def replace(self, **changes) -> Any:
        """Return a new problem in which some fields are different.

        Parameters
        ----------
        **changes
            Fields by name, for example ``p=..., tspan=...``.

        Examples
        --------
        >>> prob = ODEProblem(lambda u, p, t: p * u, 1.0, (0.0, 1.0), 2.0)
        >>> float(prob.replace(p=3.0).p)
        3.0
        """
        names = [one.name for one in dataclasses.fields(cast(Any, self))]
        for name in changes:
            if name not in names:
                raise TypeError(
                    f"replace() does not know {name!r}: {_article(type(self).__name__)} has "
                    f"{', '.join(names)}."
                )
        return dataclasses.replace(cast(Any, self), **changes)

    def __repr__(self) -> str:
        shown = []
        for one in dataclasses.fields(cast(Any, self)):
            value = getattr(self, one.name)
            if callable(value):
                name = getattr(value, "__name__", type(value).__name__)
                shown.append(name if one.name == "f" else f"{one.name}={name}")
            elif one.name == "tspan":
                shown.append(f"tspan={value}")
            elif value is not None and one.name != "batch":
                shown.append(f"{one.name}={checks.brief(value)}")
        return f"{type(self).__name__}({', '.join(shown)}{', batch=True' if self.batch else ''})"


def _article(name):
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


@dataclass(frozen=True, eq=False, repr=False)
class ODEProblem(Problem):
    r"""An initial-value problem :math:`u' = f(u, p, t),\; u(t_0) = u_0`.

    Parameters
    ----------
    f : callable
        ``f(u, p, t) -> array`` of the shape of u. It must leave u as it is.
    u0 : array
        Initial state of any shape, component first. In a batch its last axis counts the
        trajectories: ``(n, B)``.
    tspan : (float, float)
        Start and end; the end may lie before the start (integration backward in time).
    p : array, optional
        Parameters: a number, a flat vector ``(m,)``, or ``(m, B)`` beside a state ``(n, B)``.
        Without it f gets ``None``.
    mass_matrix : array (n, n), optional
        M of ``M u' = f(u, p, t)``, for methods that can use it.
    jac : callable, optional
        ``jac(u, p, t) -> (n, n)``, the derivative of f with respect to u.
    sparsity : array or sparse matrix (n, n), optional
        Nonzero where the Jacobian may be nonzero.
    batch : bool
        Whether the last axis of u0 counts trajectories that shall have their own step sizes.

    Raises
    ------
    TypeError, ValueError
        For an argument that cannot be right; the message names it and says what to do.

    Notes
    -----
    Integers become float64, complex numbers stay complex, lists of traced scalars are gathered
    into one traced array. Plain arrays are copied and made read-only: to change a problem, make
    a new one with `replace`.

    Examples
    --------
    >>> import numpy as np
    >>> prob = ODEProblem(lambda u, p, t: -p[0] * u, u0=[1, 2], tspan=(0, 10), p=[0.5])
    >>> prob.u0
    array([1., 2.])
    >>> prob.replace(tspan=(0.0, 5.0)).tspan
    (0.0, 5.0)
    """

    f: Callable
    u0: Any
    tspan: Any
    p: Any = None
    mass_matrix: Any = field(default=None, kw_only=True)
    jac: Callable | None = field(default=None, kw_only=True)
    sparsity: Any = field(default=None, kw_only=True)
    batch: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        checks.function(self.f)
        u0, p = checks.state(self.u0, self.batch), checks.parameters(self.p)
        shape = checks.shape_of(u0)
        if p is not None:
            checks.parameter_shape(checks.shape_of(p), shape, self.batch)
        checks.jacobian(self.jac)
        n = int(np.prod(shape[:-1] if self.batch else shape, dtype=int))
        new = {
            "u0": u0,
            "tspan": checks.time_span(self.tspan),
            "p": p,
            "mass_matrix": checks.square("mass_matrix", self.mass_matrix, n),
            "sparsity": checks.square("sparsity", self.sparsity, n),
        }
        for name, value in new.items():
            object.__setattr__(self, name, value)
