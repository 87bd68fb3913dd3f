"""What errors are measured against."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sciml_lab.problems import DAEProblem, Problem
from sciml_lab.solvers.explicit import Vern9
from sciml_lab.solvers.fbdf import FBDF
from sciml_lab.solvers.radau import RadauIIA5
from sciml_lab.solvers.rosenbrock import Rodas5P
from sciml_lab.solvers.solve import solve


@dataclass(frozen=True)
class Reference:
    """A trusted state at the end, and how far to trust it.

    Attributes
    ----------
    u : ndarray
        The state.
    accuracy : float
        Estimated error of u, in the norm of `error`.
    how : str
        Where it comes from.

    Examples
    --------
    >>> Reference(np.array([2.0, 0.0]), 0.0, "by hand").error(np.array([2.0, 0.2])) > 0.09
    True
    """

    u: Any
    accuracy: float
    how: str

    def error(self, u) -> float:
        """Relative error in the norm ``|u - ref|/|ref|``, root mean square over the components.

        Every component is measured by its own size, at least a thousandth of the largest one.
        """
        ref, u = np.ravel(self.u), np.ravel(u)
        scale = np.maximum(np.abs(ref), 1e-3 * (np.max(np.abs(ref)) or 1.0))
        return float(np.sqrt(np.mean(np.abs((u - ref) / scale) ** 2)))


def reference(problem, u=None) -> Reference:
    """Return a reference for the state at the end of a problem.

    Parameters
    ----------
    problem : Problem
    u : array, optional
        The state, if it is known.

    Returns
    -------
    Reference
        Without `u`: of a solve at rtol = 1e-12, by Vern9 if that reaches the end in 200,000
        steps and by RadauIIA5 if not; its distance from another solve is its accuracy.

    Raises
    ------
    ValueError
        If no solve at tight tolerance reaches the end.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> ref = reference(sl.zoo.lotka_volterra())
    >>> ref.accuracy < 1e-9
    True
    """
    if u is not None:
        return Reference(np.asarray(u), 0.0, "given")
    pairs = [(Vern9(), Vern9()), (RadauIIA5(), Rodas5P())]
    pairs = [(FBDF(), FBDF())] if isinstance(problem, DAEProblem) else pairs
    pairs = pairs[1:] if problem.mass_matrix is not None else pairs
    message = ""
    for fine, coarse in pairs:
        limit = 200_000 if fine is pairs[0][0] and len(pairs) > 1 else 1_000_000
        sols = [
            solve(problem, method, rtol=rtol, atol=1e-2 * rtol, dense=False, max_steps=limit)
            for method, rtol in ((fine, 1e-12), (coarse, 1e-11))
        ]
        message = sols[0].message
        if all(sol.success for sol in sols):
            found = Reference(sols[0].u[-1], 0.0, f"{fine.name} at rtol = 1e-12")
            return replace(found, accuracy=found.error(sols[1].u[-1]))
    raise ValueError(
        "no solve at rtol = 1e-12 reached the end, so there is nothing to measure errors by: give "
        f"reference=..., a trusted final state ({message})."
    )


def problem_and_reference(problem, given):
    """Accept problems and models of the zoo, which know their own reference."""
    if isinstance(problem, Problem):
        return problem, reference(problem, given)
    if callable(problem) and hasattr(problem, "reference"):
        entry, problem = problem, problem()
        if given is None and entry.reference is not None:
            return problem, Reference(entry.reference.u, entry.reference.accuracy, "the zoo")
        return problem, reference(problem, given)
    raise TypeError(
        f"problem must be a problem or a model of the zoo (got {type(problem).__name__}): write "
        "for example sl.zoo.lotka_volterra."
    )


def listed(methods):
    """Make a list of one method or several."""
    return list(methods) if isinstance(methods, list | tuple) else [methods]
