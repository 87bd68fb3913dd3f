"""Right-hand sides whose vector-Jacobian products are timed, ours and JAX's in one spelling."""

import types

import numpy as np

import sciml_lab as sl
from harness import peers

NAMES = ("Lotka-Volterra", "POLLU", "Lorenz-96, N = 40", "MLP 2-50-2")


def lorenz96(u, p, t):
    """A ring of 40 places: each is blown along by its neighbours, damped and driven."""
    return (np.roll(u, -1) - np.roll(u, 2)) * np.roll(u, 1) - u + p[0]


def case(name):
    """Return ``f, u, p`` of this name."""
    if name == "MLP 2-50-2":
        net = sl.nn.MLP([2, 50, 2])
        return net, np.array([1.0, 0.5]), net.init(0)
    if name == "Lorenz-96, N = 40":
        return lorenz96, np.sin(np.arange(40.0)), np.array([8.0])
    entry = {"Lotka-Volterra": sl.zoo.lotka_volterra, "POLLU": sl.zoo.pollu}[name]
    return entry.f, np.asarray(entry.u0) + 0.1, entry.p


def in_jax(f):
    """The same Python function with ``jax.numpy`` where it says ``np``; a network written out."""
    _, jnp = peers.jax_modules()
    if isinstance(f, sl.nn.MLP):
        from harness.neural import unpack

        def network(u, p, t):
            W1, b1, W2, b2 = unpack(p)
            return W2 @ jnp.tanh(W1 @ u + b1) + b2

        return network
    return types.FunctionType(f.__code__, {**f.__globals__, "np": jnp}, f.__name__)


def jax_loop(f, count):
    """``loop(u, p, eps) -> (u, p)``: `count` VJPs of f, one after the other, in one program.

    Each starts where the one before has moved u and p to, so none can be left out or moved ahead.
    """
    jax, jnp = peers.jax_modules()
    g = in_jax(f)

    @jax.jit
    def loop(u, p, eps):
        def body(_, carry):
            u, p = carry
            _, pull = jax.vjp(lambda u, p: g(u, p, 0.0), u, p)
            u_bar, p_bar = pull(jnp.ones_like(u))
            return u + eps * u_bar, p + eps * p_bar

        return jax.lax.fori_loop(0, count, body, (u, p))

    return lambda u, p, eps: jax.block_until_ready(loop(u, p, eps))


def our_function(f, u, p, wrt=None):
    """The compiled ``f(du, u, p, t, work)`` or, with names in `wrt`, its VJP: address and work."""
    from sciml_lab.backends.numba.functions import compile_tree
    from sciml_lab.transform.inplace import inplace
    from sciml_lab.transform.vjp import vjp

    lowered = sl.transform.lower(f, u, p, 0.0)
    ready = inplace(vjp(lowered, wrt), accumulate=True) if wrt else inplace(lowered)
    kinds = "mmmmnmm" if wrt else "mmmnm"
    return compile_tree(ready.tree, kinds, ready.constants, ready.primitives), ready.work


def our_loop(f, u, p, count):
    """The same loop of our generated and compiled VJP, called through its address."""
    numba = peers.load("numba")
    from sciml_lab.backends.numba.pointers import function, numbers

    machine, size = our_function(f, u, p, ("u", "p"))
    work, ones = np.empty(size + 1), np.ones_like(u)

    @numba.njit
    def loop(address, u, p, ones, work, eps):
        pull = function(address, "mmmmnmm")
        u, p = u.copy(), p.copy()
        u_bar, p_bar = np.zeros_like(u), np.zeros_like(p)
        for _ in range(count):
            pull(
                memory(u_bar), memory(p_bar), memory(u), memory(p), 0.0, memory(ones), memory(work)
            )
            for i in range(u.size):
                u[i], u_bar[i] = u[i] + eps * u_bar[i], 0.0
            for i in range(p.size):
                p[i], p_bar[i] = p[i] + eps * p_bar[i], 0.0
        return u, p

    @numba.njit(inline="always")
    def memory(x):
        return numbers(x.ctypes.data, "any")

    return lambda u, p, eps, keep=machine: loop(keep.address, u, p, ones, work, eps)


def one_pullback():
    """``call(address, u, p, cotangent, work) -> (u_bar, p_bar)``, compiled for any VJP."""
    numba = peers.load("numba")
    from sciml_lab.backends.numba.pointers import function, numbers

    @numba.njit
    def pull(address, u, p, g, size):
        call = function(address, "mmmmnmm")
        u_bar, p_bar, work = np.zeros(u.size), np.zeros(p.size), np.empty(size + 1)
        bars, point = (memory(u_bar), memory(p_bar)), (memory(u), memory(p))
        call(*bars, *point, 0.0, memory(g), memory(work))
        return u_bar, p_bar

    @numba.njit(inline="always")
    def memory(x):
        return numbers(x.ctypes.data, "any")

    pull.compile("(int64, float64[::1], float64[::1], float64[::1], int64)")
    return lambda address, u, p, g, size: pull(address, u.ravel(), p, g, size)


def our_primal_loop(f, u, p, count):
    """The same loop of the compiled f itself: ``u = u + eps*f(u)``."""
    numba = peers.load("numba")
    from sciml_lab.backends.numba.pointers import function, numbers

    machine, size = our_function(f, u, p)
    work = np.empty(size + 1)

    @numba.njit
    def loop(address, u, p, work, eps):
        call = function(address, "mmmnm")
        u = u.copy()
        du = np.zeros_like(u)
        for _ in range(count):
            call(memory(du), memory(u), memory(p), 0.0, memory(work))
            for i in range(u.size):
                u[i] += eps * du[i]
        return u

    @numba.njit(inline="always")
    def memory(x):
        return numbers(x.ctypes.data, "any")

    return lambda u, p, eps, keep=machine: loop(keep.address, u, p, work, eps)
