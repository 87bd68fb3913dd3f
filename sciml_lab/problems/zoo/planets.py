"""The outer solar system: Sun, Jupiter, Saturn, Uranus, Neptune and Pluto."""

import numpy as np

from sciml_lab.problems.structured import HamiltonianProblem, SecondOrderProblem
from sciml_lab.problems.zoo.entry import Entry, Reference

BODIES = ("Sun", "Jupiter", "Saturn", "Uranus", "Neptune", "Pluto")
N = len(BODIES)


def outer_solar_system_rhs(u, p, t):
    """Each body falls towards the five others."""
    return np.concatenate([u[3 * N :], gravity(u[: 3 * N], p)])


def gravity(positions, p):
    """Accelerations, in the order of the positions: x of all bodies, then y, then z."""
    ones = (1,) * (len(positions.shape) - 1)
    m, g = p[:N], p[N]
    m = m.reshape((1, N, *(m.shape[1:] or ones)))
    itself = np.eye(N).reshape((N, N, *ones))  # there 0/1 stands for the force instead of 0/0
    x, y, z = positions[:N], positions[N : 2 * N], positions[2 * N :]
    dx, dy, dz = x[None] - x[:, None], y[None] - y[:, None], z[None] - z[:, None]
    pull = (dx * dx + dy * dy + dz * dz + itself) ** -1.5  # 1/r^3
    return np.concatenate([g * np.sum(m * pull * d, axis=1) for d in (dx, dy, dz)])


def _each_axis(m):
    """The masses, once for each coordinate."""
    return np.concatenate([m, m, m])


def _by_axis(bodies):
    """From x, y, z of each body to x of all bodies, then y, then z."""
    return bodies.reshape(-1, N, 3).transpose(0, 2, 1).ravel()


def energy(u, p):
    """Kinetic plus potential energy."""
    m, g = p[:N], p[N]
    x, v = u[: 3 * N].reshape((3, N, *u.shape[1:])), u[3 * N :].reshape((3, N, *u.shape[1:]))
    total = 0.0
    for i in range(N):
        total = total + m[i] * np.sum(v[:, i] * v[:, i], axis=0) / 2
        for j in range(i):
            d = x[:, i] - x[:, j]
            total = total - g * m[i] * m[j] / np.sum(d * d, axis=0) ** 0.5
    return total


def momentum(axis):
    """Return the function that gives the total momentum along an axis."""
    return lambda u, p: sum(p[i] * u[(3 + axis) * N + i] for i in range(N))


def angular_momentum(u, p):
    """Its component across the plane x, y."""
    x, y, vx, vy = (u[k * N : (k + 1) * N] for k in (0, 1, 3, 4))
    return sum(p[i] * (x[i] * vy[i] - y[i] * vx[i]) for i in range(N))


POSITIONS = _by_axis(np.array([
    0.0, 0.0, 0.0, -3.5023653, -3.8169847, -1.5507963, 9.0755314, -3.0458353, -1.6483708,
    8.3101420, -16.2901086, -7.2521278, 11.4707666, -25.7294829, -10.8169456,
    -15.5387357, -25.2225594, -3.1902382,
]))  # fmt: skip
VELOCITIES = _by_axis(np.array([
    0.0, 0.0, 0.0, 0.00565429, -0.00412490, -0.00190589, 0.00168318, 0.00483525, 0.00192462,
    0.00354178, 0.00137102, 0.00055029, 0.00288930, 0.00114527, 0.00039677,
    0.00276725, -0.00170702, -0.00136504,
]))  # fmt: skip

END = _by_axis(np.array([
    1.233322124142268050e-1, -5.86168089873603355e-2, -2.87235382204362264e-2,
    -7.71778371878188548e-1, 4.610553890044758107, 1.994233730131660754, 3.905129228943561336,
    -8.56563198403304158, -3.70614133720034493, -1.74928344645339083e1, 4.343534522694276642,
    2.148260692500112535, 1.805146500280487427e1, 2.214602567686007908e1, 8.613482003039681262,
    3.728594944870570887e1, -1.07281386800062115e1, -1.45545838011184398e1,
    1.215360810896040089e-5, -2.03585198382167463e-6, -1.15962899255358058e-6,
    -7.52318712165866214e-3, -9.50471566677585872e-4, -2.24315281980974772e-4,
    4.869814448954695929e-3, 2.011447885244117345e-3, 6.211500161960829029e-4,
    -1.07744802867250385e-3, -3.64804736593850599e-3, -1.58256853729627002e-3,
    -2.51983698593146943e-3, 1.740845238354981729e-3, 7.751962528747769311e-4,
    1.439617242863600521e-3, 2.172144522421195748e-3, 2.455229146265928220e-4,
]))  # fmt: skip
HOW = "Radau IIA of order 13 in 19-digit arithmetic; two tolerances agree to 16 digits"

outer_solar_system = Entry(
    name="outer_solar_system",
    title="The outer solar system on 5 September 1994 and for fifty years",
    equation="x_i'' = G sum_j m_j (x_j - x_i) / |x_j - x_i|^3,   i = Sun, Jupiter, ..., Pluto",
    f=outer_solar_system_rhs,
    u0=np.concatenate([POSITIONS, VELOCITIES]),
    tspan=(0.0, 20000.0),
    parameters={
        "m0": 1.00000597682, "m1": 0.000954786104043, "m2": 0.000285583733151,
        "m3": 0.0000437273164546, "m4": 0.0000517759138449, "m5": 1 / 1.3e8,
        "G": 2.95912208286e-4,
    },
    states=tuple(f"{part}{axis}{i}" for part in ("", "v") for axis in "xyz" for i in range(N)),
    units={"t": "d", "G": "au^3/(solar mass d^2)"},
    source="E. Hairer, C. Lubich and G. Wanner, Geometric Numerical Integration (2006), section "
    "I.2.4, after the Ahnert calendar for 1994. The Sun's mass holds the inner planets.",
    reference=Reference(20000.0, END, 1e-10, HOW, floor=1e-3),
    invariants={
        "energy": energy,
        "momentum x": momentum(0),
        "momentum y": momentum(1),
        "momentum z": momentum(2),
        "angular momentum z": angular_momentum,
    },
)  # fmt: skip


def outer_solar_system_hamiltonian(tspan=(0.0, 20000.0)) -> HamiltonianProblem:
    """Return the outer solar system in positions and momenta m v.

    Parameters
    ----------
    tspan : (float, float)
        Time interval, in days.

    Examples
    --------
    >>> outer_solar_system_hamiltonian().q0.shape
    (18,)
    """
    p = outer_solar_system.p

    def velocity(q, momenta, params, t):
        return momenta / _each_axis(params[:N])

    def pull(q, momenta, params, t):
        return -_each_axis(params[:N]) * gravity(q, params)

    def total(q, momenta, params, t):
        return energy(np.concatenate([q, velocity(q, momenta, params, t)]), params)

    start = _each_axis(p[:N]) * VELOCITIES
    return HamiltonianProblem(velocity, pull, POSITIONS, start, tspan, p, H=total)


def outer_solar_system_second_order(tspan=(0.0, 20000.0)) -> SecondOrderProblem:
    """Return the outer solar system as ``x'' = a(x)``.

    Parameters
    ----------
    tspan : (float, float)
        Time interval, in days.

    Examples
    --------
    >>> outer_solar_system_second_order().v0.shape
    (18,)
    """
    return SecondOrderProblem(
        lambda x, v, p, t: gravity(x, p), POSITIONS, VELOCITIES, tspan, outer_solar_system.p
    )
