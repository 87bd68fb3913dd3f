"""Does a differential-algebraic equation start where its constraints hold?

Where the mass matrix M of ``M u' = f`` is singular, some of the equations are constraints. A start
that violates them has no solution; a method would jump onto some point that satisfies them, in a
single step of whatever length, or fail without a word about the reason.
"""

import warnings

import numpy as np

NEGLIGIBLE = 1e-13  # of the largest singular value, after scaling


def require_consistent(run) -> bool:
    """Raise if u0 violates the constraints by more than the tolerance; nothing for an ODE.

    Warns if the index is above 1.

    Parameters
    ----------
    run : Run
        The solve about to begin; `run.f` is an `ImplicitSide` or a `ResidualSide`.

    Returns
    -------
    bool
        Whether the index is above 1.

    Raises
    ------
    ValueError
        With the equation, its residual, and what to do.
    """
    linear = run.f.linear
    if not linear.singular_mass:
        return False
    u, t = run.u0, float(run.tspan[0])
    mass = linear.mass_matrix
    slope = getattr(run.f, "du0", np.zeros_like(u))
    residual = mass.constraints.T @ run.f.defect(u, slope, run.p, t).ravel()
    linear.update(u, run.p, t)
    across = full(mass.constraints.T @ (linear.J @ mass.algebraic))
    if not np.isfinite(across).all():
        return False  # the first step will say so
    change = correction(across, residual)
    if change is None:
        warnings.warn(
            f"at t = {t:.6g} the constraints do not determine the algebraic variables (index "
            "above 1), so the method may lose order or fail: differentiate the constraints by t, "
            "or take RadauIIA5().",
            UserWarning,
            stacklevel=2,
        )
        return True
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
    return False


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
