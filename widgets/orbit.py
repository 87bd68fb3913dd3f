"""Words for a plane: where an equation rests, how it behaves there, and when an orbit returns."""

from __future__ import annotations

import numpy as np

from sciml_lab import plot

GRID = 24  # starts of the search along each side of the window


def fixed_points(f, p, box, t: float = 0.0) -> list[np.ndarray]:
    """Isolated points in the window where ``f = 0``, by Newton's method from every likely cell.

    A cell is likely where both derivatives change sign (or vanish at a corner).

    Examples
    --------
    >>> [u.round(6).tolist() for u in fixed_points(lambda u, p, t: u - 1.0, None, (0, 3, 0, 3))]
    [[1.0, 1.0]]
    """
    x, y, dx, dy = plot.sample_field(f, p, box, GRID, t)
    likely = _changes_sign(dx) & _changes_sign(dy)
    low, high = np.reshape(box, (2, 2)).T
    found: list[np.ndarray] = []
    for j, i in np.argwhere(likely)[:60]:
        u = _newton(f, p, t, np.array([x[i : i + 2].mean(), y[j : j + 2].mean()]))
        near = 1e-6 * (high - low)
        inside = u is not None and np.all(u >= low - near) and np.all(u <= high + near)
        if inside and not any(np.all(np.abs(u - v) < 1e3 * near) for v in found):
            found.append(np.where(np.abs(u) < 1e-3 * near, 0.0, u))  # zero but for rounding
    return sorted(found, key=lambda u: -np.linalg.norm(u - low))


def _changes_sign(values):
    """Cells whose four corners do not all lie on one side of zero."""
    corners = np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]])
    return (corners.min(axis=0) <= 0) & (corners.max(axis=0) >= 0)


def _newton(f, p, t, u):
    """Ten Newton steps; None where they lead nowhere (a whole line of zeros, or no zero)."""
    for _ in range(10):
        J = jacobian(f, u, p, t)
        if not np.isfinite(J).all() or np.linalg.cond(J) > 1e10:
            return None
        step = np.linalg.solve(J, -np.asarray(f(u, p, t), dtype=float))
        u = u + step
        if np.linalg.norm(step) <= 1e-12 * (1 + np.linalg.norm(u)):
            return u
    return None


def jacobian(f, u, p, t):
    """``df/du`` at one point, by central differences (any f will do)."""
    h = 6e-6 * np.maximum(np.abs(u), 1.0)
    columns = [
        (np.asarray(f(u + e, p, t)) - np.asarray(f(u - e, p, t))) / (2 * e.sum())
        for e in np.diag(h)
    ]
    return np.array(columns, dtype=float).T


def classify(f, u, p, t: float = 0.0) -> str:
    """Name the behaviour near a fixed point from the eigenvalues of the Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> classify(lambda u, p, t: np.array([u[1], -u[0]]), np.zeros(2), None)
    'a centre, turning once in 6.28 time units'
    """
    values = np.linalg.eigvals(jacobian(f, u, p, t))
    real, turning = values.real, abs(values[0].imag)
    size = max(np.abs(values).max(), 1e-300)
    if turning > 1e-6 * size:
        turn = f"turning once in {2 * np.pi / turning:.3g} time units"
        if abs(real[0]) < 1e-6 * size:
            return f"a centre, {turn}"
        return f"{'a stable' if real[0] < 0 else 'an unstable'} spiral, {turn}"
    if real.min() * real.max() < 0:
        return "a saddle"
    return "a stable node" if real.max() < 0 else "an unstable node"


def first_return(f, p, sol) -> tuple[float | None, float]:
    """Time after which a trajectory comes back through its start, and by how much it misses it.

    It has come back when it crosses the line through the start across the first direction, in
    that direction and near the start. The miss is relative to the size of the orbit.

    Returns
    -------
    (float or None, float)
        Period and gap; ``(None, nan)`` if it does not come back.
    """
    u0 = sol.u[0]
    ahead = np.asarray(f(u0, p, sol.t[0]), dtype=float)
    if not np.linalg.norm(ahead) > 0:
        return None, np.nan
    size = np.ptp(sol.u, axis=0)  # both unknowns count alike, whatever their units
    size = np.where(size > 0, size, 1.0)
    away = ((sol.u - u0) / size) @ (ahead / size)
    distance = np.linalg.norm((sol.u - u0) / size, axis=1)
    left = np.flatnonzero(distance > 0.2)
    if not len(left):
        return None, np.nan
    for k in range(left[0], len(away) - 1):
        if away[k] < 0 <= away[k + 1]:
            t = _bisect(lambda t: ((sol(t) - u0) / size) @ (ahead / size), sol.t[k], sol.t[k + 1])
            gap = np.linalg.norm((sol(t) - u0) / size)
            if gap < 0.35:
                return float(t - sol.t[0]), float(gap)
    return None, np.nan


def _bisect(side, low, high):
    """Where `side` changes from negative to positive, by halving 22 times."""
    for _ in range(22):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if side(middle) < 0 else (low, middle)
    return 0.5 * (low + high)
