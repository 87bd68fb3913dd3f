"""Bodies that move: the pendulum, the Kepler orbit, Arenstorf's orbit, seven stars."""

import numpy as np

from sciml_lab.problems.zoo import closed_forms
from sciml_lab.problems.zoo.entry import Entry, Reference


def pendulum_rhs(u, p, t):
    """Gravity pulls the angle theta back."""
    theta, omega = u
    g, l = p
    return np.array([omega, -g / l * np.sin(theta)])


def pendulum_energy(u, p):
    """Kinetic plus potential energy, for unit mass and length."""
    theta, omega = u
    g, l = p
    return omega**2 / 2 + g / l * (1 - np.cos(theta))


PENDULUM_START = np.array([np.pi / 2, 0.0])
PENDULUM_END = np.stack(closed_forms.pendulum(np.array(10.0), PENDULUM_START, (9.81, 1.0)))

pendulum = Entry(
    name="pendulum",
    title="Pendulum without friction, let go at a right angle",
    equation="theta' = omega\nomega' = -(g/l) sin(theta)",
    f=pendulum_rhs,
    u0=PENDULUM_START,
    tspan=(0.0, 10.0),
    parameters={"g": 9.81, "l": 1.0},
    states=("theta", "omega"),
    units={"t": "s", "theta": "rad", "omega": "rad/s", "g": "m/s^2", "l": "m"},
    source="C. Huygens, Horologium Oscillatorium (1673); Abramowitz and Stegun, chapter 16.",
    reference=Reference(10.0, PENDULUM_END, 1e-11, "exact solution by elliptic functions"),
    solution=closed_forms.pendulum,
    invariants={"energy": pendulum_energy},
    facts={"period": closed_forms.pendulum_period(np.pi / 2)},
)


def kepler_rhs(u, p, t):
    """Newton's law of gravitation in the plane."""
    x, y, vx, vy = u
    (mu,) = p
    r3 = (x * x + y * y) ** 1.5
    return np.array([vx, vy, -mu * x / r3, -mu * y / r3])


def kepler_energy(u, p):
    """Kinetic plus potential energy, for unit mass."""
    x, y, vx, vy = u
    return (vx**2 + vy**2) / 2 - p[0] / (x * x + y * y) ** 0.5


def angular_momentum(u, p):
    """Twice the area swept in a unit of time."""
    x, y, vx, vy = u
    return x * vy - y * vx


def runge_lenz_x(u, p):
    """First component of v x L - mu r/|r|, which points to the perihelion."""
    x, y, _, vy = u
    return vy * angular_momentum(u, p) - p[0] * x / (x * x + y * y) ** 0.5


def runge_lenz_y(u, p):
    """Second component of the Laplace-Runge-Lenz vector."""
    x, y, vx, _ = u
    return -vx * angular_momentum(u, p) - p[0] * y / (x * x + y * y) ** 0.5


KEPLER_START = np.array([0.5, 0.0, 0.0, np.sqrt(3.0)])  # eccentricity 0.5, semi-major axis 1
KEPLER_END = np.stack(closed_forms.kepler(np.array(20.0), KEPLER_START, (1.0,)))

kepler = Entry(
    name="kepler",
    title="Kepler: a planet of eccentricity 0.5, started at its perihelion",
    equation="x' = vx\ny' = vy\nvx' = -mu x / r^3\nvy' = -mu y / r^3,   r^2 = x^2 + y^2",
    f=kepler_rhs,
    u0=KEPLER_START,
    tspan=(0.0, 20.0),
    parameters={"mu": 1.0},
    states=("x", "y", "vx", "vy"),
    units={"t": "yr/(2 pi)", "x": "au", "y": "au", "mu": "au^3 (2 pi/yr)^2"},
    source="J. Kepler, Astronomia nova (1609); R. H. Battin, Mathematics and Methods of "
    "Astrodynamics (1999), chapter 4.",
    reference=Reference(20.0, KEPLER_END, 1e-10, "exact solution by Kepler's equation", floor=0.1),
    solution=closed_forms.kepler,
    invariants={
        "energy": kepler_energy,
        "angular momentum": angular_momentum,
        "Laplace-Runge-Lenz x": runge_lenz_x,
        "Laplace-Runge-Lenz y": runge_lenz_y,
    },
    facts={"period": 2 * np.pi},
)


def arenstorf_rhs(u, p, t):
    """Restricted three-body problem, in axes that turn with Earth and Moon."""
    x, y, vx, vy = u
    (mu,) = p
    earth = ((x + mu) ** 2 + y**2) ** 1.5
    moon = ((x - (1 - mu)) ** 2 + y**2) ** 1.5
    ax = x + 2 * vy - (1 - mu) * (x + mu) / earth - mu * (x - (1 - mu)) / moon
    ay = y - 2 * vx - (1 - mu) * y / earth - mu * y / moon
    return np.array([vx, vy, ax, ay])


def jacobi_constant(u, p):
    """The only quantity that the restricted three-body problem conserves."""
    x, y, vx, vy = u
    (mu,) = p
    earth, moon = ((x + mu) ** 2 + y**2) ** 0.5, ((x - (1 - mu)) ** 2 + y**2) ** 0.5
    return x**2 + y**2 + 2 * (1 - mu) / earth + 2 * mu / moon - vx**2 - vy**2


ARENSTORF_PERIOD = 17.0652165601579625588917206249
ARENSTORF_START = np.array([0.994, 0.0, 0.0, -2.00158510637908252240537862224])

arenstorf = Entry(
    name="arenstorf",
    title="Arenstorf orbit: a spacecraft that returns to where it was, round Earth and Moon",
    equation="x'' = x + 2 y' - (1-mu)(x+mu)/E - mu (x-1+mu)/M\n"
    "y'' = y - 2 x' - (1-mu) y/E - mu y/M\n"
    "E = ((x+mu)^2 + y^2)^(3/2),   M = ((x-1+mu)^2 + y^2)^(3/2)",
    f=arenstorf_rhs,
    u0=ARENSTORF_START,
    tspan=(0.0, ARENSTORF_PERIOD),
    parameters={"mu": 0.012277471},
    states=("x", "y", "vx", "vy"),
    units={"t": "month/(2 pi)", "x": "Earth-Moon distance", "y": "Earth-Moon distance"},
    source="R. F. Arenstorf, Amer. J. Math. 85 (1963) 27; Hairer, Norsett and Wanner, Solving "
    "Ordinary Differential Equations I (1993), section II.0.",
    reference=Reference(ARENSTORF_PERIOD, ARENSTORF_START, 2e-9, "the orbit is closed", floor=1.0),
    invariants={"Jacobi constant": jacobi_constant},
    facts={"period": ARENSTORF_PERIOD},
)

BODIES = 7


def _distances(u):
    """Differences ``x_j - x_i, y_j - y_i`` and squared distances, each ``(7, 7, ...)``."""
    x, y = u[:BODIES], u[BODIES : 2 * BODIES]
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    return dx, dy, dx * dx + dy * dy


def _per_body(m, u):
    """The masses with an axis for the batch, where u has one."""
    return m if len(m.shape) == len(u.shape) else m[:, None]


def _itself(u):
    """Ones where a body meets itself: there 0/1 stands for the force instead of 0/0."""
    return np.eye(BODIES).reshape((BODIES, BODIES) + (1,) * (len(u.shape) - 1))


def pleiades_rhs(u, p, t):
    """Each star falls towards the six others."""
    dx, dy, r2 = _distances(u)
    pull = (r2 + _itself(u)) ** -1.5  # 1/r^3
    m = _per_body(p, u)[None]
    ax, ay = np.sum(m * pull * dx, axis=1), np.sum(m * pull * dy, axis=1)
    return np.concatenate([u[2 * BODIES :], ax, ay])


def pleiades_energy(u, p):
    """Kinetic plus potential energy of the seven stars."""
    _, _, r2 = _distances(u)
    m, v = _per_body(p, u), u[2 * BODIES :]
    pairs = m[None] * m[:, None] * (1 - _itself(u)) / (r2 + _itself(u)) ** 0.5
    return np.sum(np.concatenate([m, m]) * v * v, axis=0) / 2 - np.sum(pairs, axis=(0, 1)) / 2


def pleiades_momentum_x(u, p):
    """Total momentum along x."""
    return np.sum(_per_body(p, u) * u[2 * BODIES : 3 * BODIES], axis=0)


def pleiades_momentum_y(u, p):
    """Total momentum along y."""
    return np.sum(_per_body(p, u) * u[3 * BODIES :], axis=0)


def pleiades_angular_momentum(u, p):
    """Total angular momentum about the origin."""
    x, y, vx, vy = (u[k * BODIES : (k + 1) * BODIES] for k in range(4))
    return np.sum(_per_body(p, u) * (x * vy - y * vx), axis=0)


PLEIADES_START = np.array([
    3, 3, -1, -3, 2, -2, 2, 3, -3, 2, 0, 0, -4, 4,
    0, 0, 0, 0, 0, 1.75, -1.5, 0, 0, 0, -1.25, 1, 0, 0,
])  # fmt: skip
PLEIADES_END = np.array([
    0.3706139143970502, 3.237284092057233, -3.222559032418324, 0.6597091455775310,
    0.3425581707156584, 1.562172101400631, -0.7003092922212495, -3.943437585517392,
    -3.271380973972550, 5.225081843456543, -2.590612434977470, 1.198213693392275,
    -0.2429682344935824, 1.091449240428980, 3.417003806314313, 1.354584501625501,
    -2.590065597810775, 2.025053734714242, -1.155815100160448, -0.8072988170223021,
    0.5952396354208710, -3.741244961234010, 0.3773459685750630, 0.9386858869551073,
    0.3667922227200571, -0.3474046353808490, 2.344915448180937, -1.947020434263292,
])  # fmt: skip

pleiades = Entry(
    name="pleiades",
    title="Pleiades: seven stars in the plane, with close encounters",
    equation="x_i'' = sum_j m_j (x_j - x_i) / r_ij^3\ny_i'' = sum_j m_j (y_j - y_i) / r_ij^3",
    f=pleiades_rhs,
    u0=PLEIADES_START,
    tspan=(0.0, 3.0),
    parameters={f"m{i}": float(i) for i in range(1, BODIES + 1)},
    states=tuple(f"{name}{i}" for name in ("x", "y", "vx", "vy") for i in range(1, BODIES + 1)),
    source="Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), section "
    "II.10; Test Set for IVP Solvers, University of Bari.",
    reference=Reference(
        3.0, PLEIADES_END, 2e-11, "Test Set for IVP Solvers, University of Bari", floor=1.0
    ),
    invariants={
        "energy": pleiades_energy,
        "momentum x": pleiades_momentum_x,
        "momentum y": pleiades_momentum_y,
        "angular momentum": pleiades_angular_momentum,
    },
)
