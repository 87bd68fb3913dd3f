"""The eigenvalue of largest modulus of a Jacobian that nobody has written down."""

import numpy as np

EPS = np.finfo(float).eps


def dominant_eigenvalue(slope, u, t, sweeps=60):
    """Eigenvalue of largest modulus of ``df/du``: exact for small systems, else by iteration.

    Parameters
    ----------
    slope : callable
        ``slope(u, t)``.
    u, t : array, float
        Where.
    sweeps : int
        Iterations of the power method, which only sees products ``J v`` as differences of f.

    Returns
    -------
    complex or None
        None if f is not finite around u.

    Examples
    --------
    >>> A = np.diag([-1.0, -50.0])
    >>> round(dominant_eigenvalue(lambda u, t: A @ u, np.ones(2), 0.0).real, 3)
    -50.0
    """
    u = np.asarray(u)
    center = slope(u, t)
    delta = np.sqrt(EPS) * max(1e-8, float(np.linalg.norm(u)))

    def product(v):
        return ((slope(u + delta * v.reshape(u.shape), t) - center) / delta).ravel()

    if u.size <= 60:
        J = np.array([product(e) for e in np.eye(u.size)]).T
        if not np.all(np.isfinite(J)):
            return None
        values = np.linalg.eigvals(J)
        return complex(values[np.argmax(np.abs(values))])
    v = np.random.default_rng(0).standard_normal(u.size)
    value = 0.0
    for _ in range(sweeps):
        v = v / np.linalg.norm(v)
        w = product(v)
        if not np.all(np.isfinite(w)) or not np.any(w):
            return None
        value, v = np.vdot(v, w), w  # the Rayleigh quotient of this direction
    return complex(value)
