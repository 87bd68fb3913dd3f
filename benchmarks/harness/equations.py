"""Lotka-Volterra, Lorenz and the Pleiades as the users of each peer write them.

Ours and SciPy's right-hand sides are the zoo's. Those for numbalsoda are loops over scalars that
Numba compiles to C functions; those for JAX are the zoo's array expressions in `jax.numpy`.
"""

import numpy as np

import sciml_lab as sl
from harness import peers

NAMES = ("lotka_volterra", "lorenz", "pleiades")
TITLES = {"lotka_volterra": "Lotka-Volterra", "lorenz": "Lorenz", "pleiades": "Pleiades"}


def problem_of(name):
    """The zoo's problem of this name."""
    return sl.zoo.get(name)()


def error_of(name, u) -> float:
    """Largest relative error of an end state, against the zoo's reference value."""
    return sl.zoo.get(name).reference.error(np.asarray(u))


def numbalsoda_rhs(name) -> int:
    """Address of the compiled right-hand side."""
    numba, numbalsoda = peers.load("numba"), peers.load("numbalsoda")
    return numba.cfunc(numbalsoda.lsoda_sig)(_LOOPS[name]).address


def _lotka_volterra_loops(t, u, du, p):
    x, y = u[0], u[1]
    du[0] = p[0] * x - p[1] * x * y
    du[1] = -p[2] * y + p[3] * x * y


def _lorenz_loops(t, u, du, p):
    x, y, z = u[0], u[1], u[2]
    du[0] = p[0] * (y - x)
    du[1] = x * (p[1] - z) - y
    du[2] = x * y - p[2] * z


def _pleiades_loops(t, u, du, p):
    for i in range(7):
        ax, ay = 0.0, 0.0
        for j in range(7):
            if j != i:
                dx, dy = u[j] - u[i], u[7 + j] - u[7 + i]
                r2 = dx * dx + dy * dy
                pull = p[j] / (r2 * np.sqrt(r2))
                ax += pull * dx
                ay += pull * dy
        du[i], du[7 + i] = u[14 + i], u[21 + i]
        du[14 + i], du[21 + i] = ax, ay


def _pleiades_pairs(t, u, du, p):
    """Each pair of stars once: what somebody writes who counts square roots."""
    for i in range(14):
        du[i] = u[14 + i]
        du[14 + i] = 0.0
    for i in range(7):
        for j in range(i):
            dx, dy = u[j] - u[i], u[7 + j] - u[7 + i]
            r2 = dx * dx + dy * dy
            pull = 1.0 / (r2 * np.sqrt(r2))
            du[14 + i] += p[j] * pull * dx
            du[21 + i] += p[j] * pull * dy
            du[14 + j] -= p[i] * pull * dx
            du[21 + j] -= p[i] * pull * dy


_LOOPS = {
    "lotka_volterra": _lotka_volterra_loops,
    "lorenz": _lorenz_loops,
    "pleiades": _pleiades_loops,
    "pleiades, each pair once": _pleiades_pairs,
}


def jax_rhs(name):
    """``f(t, u, p)`` as diffrax calls it."""
    _, jnp = peers.jax_modules()

    def lotka_volterra(t, u, p):
        x, y = u
        a, b, c, d = p
        return jnp.array([a * x - b * x * y, -c * y + d * x * y])

    def lorenz(t, u, p):
        x, y, z = u
        sigma, rho, beta = p
        return jnp.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    def pleiades(t, u, p):
        x, y = u[:7], u[7:14]
        dx, dy = x[None] - x[:, None], y[None] - y[:, None]
        r2 = dx * dx + dy * dy + jnp.eye(7)
        pull = p[None] / (r2 * jnp.sqrt(r2))
        return jnp.concatenate([u[14:], jnp.sum(pull * dx, axis=1), jnp.sum(pull * dy, axis=1)])

    return {"lotka_volterra": lotka_volterra, "lorenz": lorenz, "pleiades": pleiades}[name]
