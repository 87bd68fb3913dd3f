"""The zoo: named models with parameters, units, sources, and values to hold a solver against.

``sl.zoo.lotka_volterra()`` is an `ODEProblem`; ``print(sl.zoo.lotka_volterra)`` is a page about it;
`NAMES` lists the models and `all` returns them; `hudson_bay` returns data. Beside these there are

- functions of the number of points: `brusselator_1d`, `brusselator_2d`, `medical_akzo_nobel`;
- spectral methods, in two forms: `kuramoto_sivashinsky`, `allen_cahn`, `burgers`;
- functions that return a problem with structure: `kepler_hamiltonian`, `kepler_second_order`,
  and so on with `pendulum`, `henon_heiles` and `outer_solar_system`; and `slow_fast.split`;
- the pendulum with its rod as a constraint, of index 0 to 3: `pendulum_dae`, `pendulum_motion`.

Examples
--------
>>> import sciml_lab as sl
>>> sl.zoo.get("pendulum")().tspan
(0.0, 10.0)
"""

from sciml_lab.problems.zoo.akzo_nobel import chemical_akzo_nobel
from sciml_lab.problems.zoo.circuits import ring_modulator, transistor_amplifier
from sciml_lab.problems.zoo.closed_forms import pendulum_period
from sciml_lab.problems.zoo.constrained import pendulum_dae, pendulum_motion
from sciml_lab.problems.zoo.entry import Entry, Reference
from sciml_lab.problems.zoo.grids import brusselator_1d, brusselator_2d, medical_akzo_nobel
from sciml_lab.problems.zoo.hamiltonian import (
    henon_heiles,
    henon_heiles_hamiltonian,
    henon_heiles_second_order,
    kepler_hamiltonian,
    kepler_second_order,
    pendulum_hamiltonian,
    pendulum_second_order,
)
from sciml_lab.problems.zoo.mechanics import arenstorf, kepler, pendulum, pleiades
from sciml_lab.problems.zoo.mechanisms import andrews_squeezer, car_axis
from sciml_lab.problems.zoo.oscillators import (
    brusselator,
    cubic_spiral,
    fitzhugh_nagumo,
    lorenz,
    van_der_pol,
)
from sciml_lab.problems.zoo.planets import (
    outer_solar_system,
    outer_solar_system_hamiltonian,
    outer_solar_system_second_order,
)
from sciml_lab.problems.zoo.populations import (
    HudsonBay,
    exponential,
    hudson_bay,
    lotka_volterra,
)
from sciml_lab.problems.zoo.relaxation import oregonator, van_der_pol_scaled, van_der_pol_stiff
from sciml_lab.problems.zoo.spectral import allen_cahn, burgers, kuramoto_sivashinsky
from sciml_lab.problems.zoo.stiff import e5, hires, pollu, rober, rober_dae
from sciml_lab.problems.zoo.two_speeds import prothero_robinson, slow_fast

_ENTRIES = {
    entry.name: entry
    for entry in (
        exponential, lotka_volterra, lorenz, pendulum, kepler, arenstorf, pleiades, van_der_pol,
        brusselator, fitzhugh_nagumo, cubic_spiral, rober, hires, pollu,
        van_der_pol_stiff, van_der_pol_scaled, oregonator, chemical_akzo_nobel,
        rober_dae, transistor_amplifier, e5, henon_heiles, slow_fast, prothero_robinson,
        outer_solar_system, ring_modulator, car_axis, andrews_squeezer,
    )
}  # fmt: skip

NAMES: tuple[str, ...] = tuple(_ENTRIES)


def all() -> list[Entry]:
    """Return every model.

    Examples
    --------
    >>> [entry.name for entry in all() if entry.stiff][:3]
    ['rober', 'hires', 'pollu']
    """
    return list(_ENTRIES.values())


def get(name: str) -> Entry:
    """Return the model of that name.

    Examples
    --------
    >>> get("lorenz").parameters["rho"]
    28.0
    """
    if name not in _ENTRIES:
        raise ValueError(f"name: the zoo has no {name!r}; it has {', '.join(NAMES)}.")
    return _ENTRIES[name]


__all__ = [
    "NAMES",
    "Entry",
    "HudsonBay",
    "Reference",
    "all",
    "allen_cahn",
    "andrews_squeezer",
    "arenstorf",
    "brusselator",
    "brusselator_1d",
    "brusselator_2d",
    "burgers",
    "car_axis",
    "chemical_akzo_nobel",
    "cubic_spiral",
    "e5",
    "exponential",
    "fitzhugh_nagumo",
    "get",
    "henon_heiles",
    "henon_heiles_hamiltonian",
    "henon_heiles_second_order",
    "hires",
    "hudson_bay",
    "kepler",
    "kepler_hamiltonian",
    "kepler_second_order",
    "kuramoto_sivashinsky",
    "lorenz",
    "lotka_volterra",
    "medical_akzo_nobel",
    "oregonator",
    "outer_solar_system",
    "outer_solar_system_hamiltonian",
    "outer_solar_system_second_order",
    "pendulum",
    "pendulum_dae",
    "pendulum_hamiltonian",
    "pendulum_motion",
    "pendulum_period",
    "pendulum_second_order",
    "pleiades",
    "pollu",
    "prothero_robinson",
    "ring_modulator",
    "rober",
    "rober_dae",
    "slow_fast",
    "transistor_amplifier",
    "van_der_pol",
    "van_der_pol_scaled",
    "van_der_pol_stiff",
]
