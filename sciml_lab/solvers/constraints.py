"""Does a differential-algebraic equation start where its constraints hold?

Where the mass matrix M of ``M u' = f`` is singular, some of the equations are constraints. A start
that violates them has no solution; a method would jump onto some point that satisfies them, in a
single step of whatever length, or fail without a word about the reason.
"""

import warnings

import numpy as np

from sciml_lab.linalg.jacobians import sizes
from sciml_lab.solvers.dae_index import LARGEST, variable_indices

NEGLIGIBLE = 1e-13  # of the largest singular value, after scaling


def require_consistent(run, most=1):
    """Raise if u0 violates the constraints by more than the tolerance; nothing for an ODE.

    Warns if the index is above that for which the method is made.

    Parameters
    ----------
    run : Run
        The solve about to begin; `run.f` is an `ImplicitSide` or a `ResidualSide`.
    most : int
        Highest index that the method is made for.

    Returns
    -------
    ndarray of int or None
        The index of each variable, in the shape of u, where one of them is above 1; kept as
        `run.indices`.

    Raises
    ------
    ValueError
        With the equation, its residual, and what to do.
    """
    linear = run.f.linear
    if not linear.singular_mass:
        return None
    u, t = run.u0, float(run.tspan[0])
    mass = linear.mass_matrix
    slope = getattr(run.f, "du0", np.zeros_like(u))
    residual = mass.constraints.T @ run.f.defect(u, slope, run.p, t).ravel()
    linear.update(u, run.p, t)
    across = full(mass.constraints.T @ (linear.J @ mass.algebraic))
    if not np.isfinite(across).all():
        return None  # the first step will say so
    change = correction(across, residual)
    if change is None:
        run.indices = _of_higher_index(run, most)
        return run.indices
    change = mass.algebraic @ change
    change = change / np.broadcast_to(run.atol + run.rtol * np.abs(u), u.shape).ravel()
    if np.sqrt(np.mean(np.abs(change) ** 2)) > 1:
        worst = int(np.argmax(np.abs(residual)))
        row = int(np.argmax(np.abs(full(mass.constraints)[:, worst])))
        raise ValueError(
            f"u0 is inconsistent: at t = {t:.6g} the constraint in equation [{row}] of "
            f"{run.f.form}, where u' does not occur, has the residual {residual[worst]:.3g} (u0"
            f"[{int(np.argmax(np.abs(change)))}] is off most): start from sl.consistent(problem)."
        )
    return None


def _of_higher_index(run, most):
    """The index of each variable; a warning where that is more than the method is made for."""
    found = indices_near(run)
    if found is None or found.max() > most:
        known = "index above 1" + (f": {found.max()}" if found is not None else "")
        remedy = ", or take RadauIIA5()." if found is not None else "."
        warnings.warn(
            f"at t = {float(run.tspan[0]):.6g} the constraints do not determine the algebraic "
            f"variables ({known}), so {run.method.name} may lose order or fail: differentiate the "
            f"constraints by t{remedy}",
            UserWarning,
            stacklevel=2,
        )
    if found is None:
        return 1 + (full(run.f.linear.mass_matrix.algebraic).any(axis=1)).reshape(run.u0.shape)
    return found


def indices_near(run):
    """The index of each variable, at a point beside u0 where no entry of J happens to be zero."""
    f, u, p, t = run.f, np.asarray(run.u0), run.p, float(run.tspan[0])
    if u.size > LARGEST:
        return None
    kick = np.random.default_rng(1).uniform(0.005, 0.01, u.size) * sizes(u)
    span = float(run.tspan[1]) - t
    found = None
    for there, time in ((u + kick.reshape(u.shape), t + 0.001 * span), (u, t)):
        f.linear.point = None
        f.linear.update(there, p, time)
        J, M = full(f.linear.J), full(f.linear.mass_matrix.matrix)
        if found is None and np.isfinite(J).all():
            found = variable_indices(M, J)
    return None if found is None else found.reshape(u.shape)


def correction(across, residual):
    """The change of the algebraic variables that makes the residual vanish (to first order).

    Parameters
    ----------
    across : array (r, r)
        Derivative of the constraints by the algebraic variables.
    residual : array (r,)

    Returns
    -------
    array or None
        None where the constraints do not determine them: the index is above 1.

    Examples
    --------
    >>> correction(np.array([[2.0]]), np.array([0.5]))
    array([-0.25])
    >>> correction(np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros(2)) is None
    True
    """
    rows = _largest(across, 1)
    scaled = across / rows[:, None]
    columns = _largest(scaled, 0)
    scaled = scaled / columns
    sizes = np.linalg.svd(scaled, compute_uv=False)
    if sizes[-1] <= NEGLIGIBLE * sizes[0]:
        return None
    return -np.linalg.solve(scaled, residual / rows) / columns


def _largest(matrix, axis):
    """Largest entry of each row or column; 1 where all are zero."""
    largest = np.max(np.abs(matrix), axis=axis)
    return np.where(largest == 0, 1.0, largest)


def full(matrix):
    """A matrix, sparse or not, as an array.

    Examples
    --------
    >>> full([[1.0, 0.0]])
    array([[1., 0.]])
    """
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
