"""The derivative u' of the solution of ``M u' = f(u, p, t)`` where M is singular."""

import numpy as np


def slope_at(linear, u, p, t, h, f0):
    """The derivative u' at a consistent state u.

    ``M u' = f`` leaves the part of u' open that M does not see. The constraints ``w f(u, t) = 0``
    hold all along the solution, though, so that ``w (J u' + f_t) = 0`` too, and this determines
    the rest exactly if the index is at most 1.

    Parameters
    ----------
    linear : Linearisation
        With the mass matrix.
    u, p, t : array, array, float
        A consistent state.
    h : float
        Step that f_t is to serve.
    f0 : array
        ``f(u, p, t)``.

    Returns
    -------
    array or None
        None if the equations do not determine u' (index above 1).

    Examples
    --------
    >>> from sciml_lab.linalg.linearisation import Linearisation
    >>> f = lambda u, p, t: np.array([-u[1], u[1] - u[0] - t])  # u1' = -u2, u2 = u1 + t
    >>> linear = Linearisation(f, 2, mass=np.diag([1.0, 0.0]))
    >>> u = np.array([1.0, 1.0])
    >>> slope_at(linear, u, None, 0.0, 0.1, f(u, None, 0.0)).round(6)
    array([-1.,  0.])
    """
    mass = linear.mass_matrix
    if mass is None:
        return f0
    known = mass.slope(f0)
    if not mass.singular:
        return known
    linear.update(u, p, t)
    moves = linear.time_slope(u, p, t, h, f0)
    across = _full(mass.constraints.T @ (linear.J @ mass.algebraic))
    wanted = -mass.constraints.T @ (moves.ravel() + linear.J @ known.ravel())
    if not np.isfinite(across).all() or np.linalg.cond(across) > 1e14:
        return None
    return known + (mass.algebraic @ np.linalg.solve(across, wanted)).reshape(known.shape)


def _full(matrix):
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
