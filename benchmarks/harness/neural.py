"""The neural differential equation that all gradient benchmarks share, in every peer's spelling.

A network of layers 2, 50, 2 is the right-hand side; the data are 16 points of Lotka-Volterra on
t = 0 to 5; the loss is the mean squared distance at the data. At random weights a solve takes few
steps; at weights fitted to the slopes of the data it takes about fifty, as when training ends.
"""

import functools

import numpy as np

import sciml_lab as sl
from harness import peers

RTOL = 1e-6
SIZES = (2, 50, 2)
U0 = np.array([1.0, 1.0])
TIMES = np.linspace(0.0, 5.0, 16)
TSPAN = (0.0, 5.0)


def network():
    """Return our network."""
    return sl.nn.MLP(list(SIZES))


@functools.cache
def data() -> np.ndarray:
    """The 16 points, shape (16, 2)."""
    problem = sl.zoo.lotka_volterra(u0=U0, tspan=TSPAN)
    return sl.solve(problem, sl.Vern9(), rtol=1e-12, atol=1e-12, saveat=TIMES, dense=False).u


@functools.cache
def weights() -> dict:
    """Random weights, and weights fitted to the slopes along the data and orbits close by."""
    net, lv = network(), sl.zoo.lotka_volterra
    optimize = peers.load("scipy.optimize")
    fine = np.linspace(*TSPAN, 201)
    orbits = [
        sl.solve(lv(u0=scale * U0, tspan=TSPAN), sl.Vern9(), rtol=1e-10, atol=1e-10, saveat=fine,
                 dense=False).u.T
        for scale in (0.9, 0.95, 1.0, 1.05, 1.1)
    ]  # fmt: skip
    u = np.concatenate(orbits, axis=1)
    slopes, start = lv.f(u, lv.p, 0.0), net.init(0)
    misfit = sl.ad.value_and_grad(lambda p: np.mean((net(u, p) - slopes) ** 2))
    fit = optimize.minimize(misfit, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return {"random": start, "trained": fit.x}


def starts(count=64) -> np.ndarray:
    """Initial states of a batch, shape (2, count): around `U0`."""
    return U0[:, None] * np.random.default_rng(0).uniform(0.95, 1.05, (2, count))


@functools.cache
def batch_data(count=64) -> np.ndarray:
    """The 16 points of each trajectory of the batch, shape (16, 2, count)."""
    columns = [
        sl.solve(sl.zoo.lotka_volterra(u0=u0, tspan=TSPAN), sl.Vern9(), rtol=1e-10, atol=1e-10,
                 saveat=TIMES, dense=False).u
        for u0 in starts(count).T
    ]  # fmt: skip
    return np.stack(columns, axis=-1)


def our_loss(method=None, rtol=RTOL, **options):
    """``loss(p)`` through `sl.solve`; the options are those of `sl.solve`."""
    problem = sl.ODEProblem(network(), U0, TSPAN, weights()["random"])
    method, points = method or sl.Tsit5(), data()

    def loss(p):
        sol = sl.solve(problem.replace(p=p), method, rtol=rtol, atol=rtol, saveat=TIMES,
                       dense=False, **options)  # fmt: skip
        return np.mean((sol.u - points) ** 2)

    return loss


def our_compiled_loss():
    """The same loss, told as what it is, so that solve, comparison and sweep are one program."""
    net = network()
    return sl.neural.trajectory_loss(
        lambda u, p, t: net(u, p), TIMES, data(), method=sl.Tsit5(), rtol=RTOL, atol=RTOL,
        backend="numba",
    )  # fmt: skip


@functools.cache
def reference(which):
    """Loss and gradient at these weights, at tight tolerance."""
    loss = our_loss(sl.Vern9(), 1e-12, sensitivity=sl.DiscreteAdjoint())
    return sl.ad.value_and_grad(loss)(weights()[which])


def error_of(which, gradient) -> float:
    """Relative error of a gradient, in the 2-norm."""
    exact = np.asarray(reference(which)[1])
    return float(np.linalg.norm(np.asarray(gradient) - exact) / np.linalg.norm(exact))


def unpack(p):
    """Weights and biases of the two layers, from our flat vector; any array type."""
    n, m, k = SIZES
    a, b, c = m * n, m * n + m, m * n + m + k * m
    return p[:a].reshape(m, n), p[a:b], p[b:c].reshape(k, m), p[c:]


#: Diffrax's ways to differentiate. The second is the first, told to keep every one of max_steps.
DIFFRAX = {
    "diffrax RecursiveCheckpoint": lambda package: package.RecursiveCheckpointAdjoint(),
    "diffrax RecursiveCheckpoint, 256 kept": lambda package: package.RecursiveCheckpointAdjoint(
        checkpoints=256
    ),
    "diffrax Direct": lambda package: package.DirectAdjoint(),
    "diffrax Backsolve": lambda package: package.BacksolveAdjoint(),
}


def diffrax_solve(adjoint, max_steps=256):
    """``solve(u0, p, ts) -> states at ts`` with diffrax's Tsit5."""
    (_, jnp), package = peers.jax_modules(), peers.load("diffrax")

    def f(t, u, p):
        W1, b1, W2, b2 = unpack(p)
        if u.ndim == 2:
            b1, b2 = b1[:, None], b2[:, None]
        return W2 @ jnp.tanh(W1 @ u + b1) + b2

    def solve(u0, p):
        return package.diffeqsolve(
            package.ODETerm(f), package.Tsit5(), *TSPAN, None, u0, p,
            saveat=package.SaveAt(ts=jnp.array(TIMES)), max_steps=max_steps,
            stepsize_controller=package.PIDController(rtol=RTOL, atol=RTOL),
            adjoint=DIFFRAX[adjoint](package),
        ).ys  # fmt: skip

    return solve


def diffrax_loss(adjoint, max_steps=256):
    """``loss(p)`` for JAX."""
    _, jnp = peers.jax_modules()
    solve, points = diffrax_solve(adjoint, max_steps), jnp.array(data())
    u0 = jnp.array(U0)
    return lambda p: jnp.mean((solve(u0, p) - points) ** 2)


def diffrax_gradients() -> dict:
    """``call(p) -> (loss, gradient)`` for each adjoint of diffrax, jitted; p a NumPy array."""
    jax, _ = peers.jax_modules()

    def side(adjoint):
        compiled = jax.jit(jax.value_and_grad(diffrax_loss(adjoint)))
        return lambda p: jax.block_until_ready(compiled(p))

    return {adjoint: side(adjoint) for adjoint in DIFFRAX}


def torch_loss(adjoint, u0=None, points=None):
    """``loss(p)`` for torch: dopri5, by the adjoint equation or by backpropagation."""
    torch, package = peers.torch_module(), peers.load("torchdiffeq")
    u0 = torch.tensor(U0 if u0 is None else u0)
    points = torch.tensor(data() if points is None else points)
    times = torch.tensor(TIMES)

    class Field(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.Parameter(torch.zeros(network().size))

        def forward(self, t, u):
            W1, b1, W2, b2 = unpack(self.p)
            return torch.tanh(u @ W1.T + b1) @ W2.T + b2

    field = Field()
    odeint = package.odeint_adjoint if adjoint else package.odeint

    def loss():
        return torch.mean((odeint(field, u0, times, rtol=RTOL, atol=RTOL) - points) ** 2)

    return field, loss


def torch_gradient(adjoint, u0=None, points=None):
    """``call(p) -> (loss, gradient)`` of torchdiffeq; a batch holds its trajectories as rows."""
    torch = peers.torch_module()
    field, loss = torch_loss(adjoint, u0, points)

    def call(p):
        with torch.no_grad():
            field.p.copy_(torch.as_tensor(p))
        field.p.grad = None
        value = loss()
        value.backward()
        return value.item(), field.p.grad.numpy()

    return call


def torch_gradients() -> dict:
    """One trajectory, by backpropagation and by the adjoint equation."""
    return {
        "torchdiffeq backprop": torch_gradient(False),
        "torchdiffeq adjoint": torch_gradient(True),
    }


def autograd_gradients() -> dict:
    """HIPS autograd through every operation of our plain solver."""
    autograd = peers.load("autograd")
    loss = our_loss(sensitivity=sl.ThroughSolver())
    call = autograd.value_and_grad(loss)
    return {"autograd through our NumPy loop": call}
