"""Growth and predation: the exponential, Lotka-Volterra, and a century-old record of both."""

from typing import NamedTuple

import numpy as np

from sciml_lab.problems.zoo.entry import GBS, Entry, Reference


def exponential_rhs(u, p, t):
    """Growth in proportion to what is there."""
    return p[0] * u


exponential = Entry(
    name="exponential",
    title="Exponential growth or decay",
    equation="u' = rate u",
    f=exponential_rhs,
    u0=np.array([1.0]),
    tspan=(0.0, 2.0),
    parameters={"rate": -1.0},
    states=("u",),
    units={"t": "s", "u": "1", "rate": "1/s"},
    source="The test equation of all of numerical analysis (Dahlquist, 1963).",
    reference=Reference(2.0, np.array([np.exp(-2.0)]), 1e-13, "exact solution"),
    solution=lambda t, u0, p: [x * np.exp(p[0] * t) for x in u0],
)


def lotka_volterra_rhs(u, p, t):
    """Prey grow and are eaten; predators starve and eat."""
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def lotka_volterra_invariant(u, p):
    """Constant along each orbit: orbits are closed curves."""
    x, y = u
    a, b, c, d = p
    return d * x - c * np.log(x) + b * y - a * np.log(y)


lotka_volterra = Entry(
    name="lotka_volterra",
    title="Lotka-Volterra: prey x and predators y",
    equation="x' = a x - b x y\ny' = -c y + d x y",
    f=lotka_volterra_rhs,
    u0=np.array([1.0, 1.0]),
    tspan=(0.0, 10.0),
    parameters={"a": 1.5, "b": 1.0, "c": 3.0, "d": 1.0},
    states=("x", "y"),
    units={
        "t": "yr", "x": "prey", "y": "predators", "a": "1/yr", "b": "1/(predators yr)",
        "c": "1/yr", "d": "1/(prey yr)",
    },
    source="A. J. Lotka, Elements of Physical Biology (1925); V. Volterra, Nature 118 (1926) 558.",
    reference=Reference(
        10.0, np.array([1.0263447675750893, 0.90969107813604162]), 1e-12, GBS, floor=1.0
    ),
    invariants={"V = d x - c ln x + b y - a ln y": lotka_volterra_invariant},
    facts={"period": 3.3174570684996422},
)  # fmt: skip


class HudsonBay(NamedTuple):
    """Years, and the pelts of hares and lynx that were sold in them, in thousands."""

    year: np.ndarray
    hare: np.ndarray
    lynx: np.ndarray


def hudson_bay() -> HudsonBay:
    """Return the fur returns of the Hudson's Bay Company, 1900 to 1920.

    Pelts of snowshoe hare and Canada lynx that trappers sold to the company, in thousands a
    year. They measure trapping as well as animals.

    Returns
    -------
    HudsonBay
        Arrays ``year (21,)``, ``hare (21,)`` and ``lynx (21,)``, also by position.

    References
    ----------
    C. Elton and M. Nicholson, J. Anim. Ecol. 11 (1942) 215, describe the records. The table is
    the one in P. Howard, Modeling Basics (2009), and B. Carpenter, Predator-Prey Population
    Dynamics: the Lotka-Volterra model in Stan (2018).

    Examples
    --------
    >>> year, hare, lynx = hudson_bay()
    >>> float(year[np.argmax(hare)]), float(year[np.argmax(lynx)])  # the predators come later
    (1903.0, 1904.0)
    """
    hare = [
        30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1,
        40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7,
    ]  # fmt: skip
    lynx = [
        4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4,
        8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6,
    ]  # fmt: skip
    return HudsonBay(np.arange(1900.0, 1921.0), np.array(hare), np.array(lynx))
