"""Consistent initial values: which u and u' a differential-algebraic problem can start from."""

from sciml_lab.linalg.slopes import slope_at


def start_slope(f, u, p, t, h, k1=None):
    """The derivative u' that a first step starts with.

    Parameters
    ----------
    f : ImplicitSide or ResidualSide
    u, p, t : array, array, float
        A consistent state.
    h : float
        The step to come.
    k1 : array, optional
        M u' at the start, if it is known: ``f(u, p, t)``.
    """
    k1 = f(u, p, t) if k1 is None else k1
    slope = slope_at(f.linear, u, p, t, h, k1)
    return f.linear.slope(k1) if slope is None else slope
