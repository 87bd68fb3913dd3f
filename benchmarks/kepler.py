"""Does the energy stay? A planet over 100,000 orbits, by symplectic methods and by others.

    python benchmarks/kepler.py [--quick] [--periods 100000]

Kepler's problem, eccentricity 0.6, compiled; every method may ask for about as many forces an
orbit. At 200,000 steps, spread evenly and not in step with the orbit, the error |H - H(0)| is
taken, and a line is fitted to it (`sl.measure.drift`): a slope beyond three standard errors is a
drift. The beginning and the end are the mean errors of the first and of the last tenth.

Writes benchmarks/results/kepler.md and .json.
"""

import argparse
import time

import numpy as np
from harness import machine, results

import sciml_lab as sl
from sciml_lab.measure import drift

PERIOD = 2 * np.pi
SAMPLES = 200_000
#: Step sizes for splitting methods, tolerances for methods with error control.
RUNS = {
    "VelocityVerlet": {"dt": 0.0081},
    "McAte4": {"dt": 0.0311},
    "Yoshida6": {"dt": 0.0571},
    "KahanLi6": {"dt": 0.0733},
    "KahanLi8": {"dt": 0.13},
    "Tsit5": {"rtol": 1e-9, "atol": 1e-9},
    "DPRKN6": {"rtol": 3e-9, "atol": 3e-9},
    "Vern9": {"rtol": 1e-11, "atol": 1e-11},
}
HEADER = [
    "method", "step or tolerance", "forces an orbit", "seconds", "slope an orbit",
    "its standard error", "slope / standard error", "beginning", "end", "largest",
]  # fmt: skip


def main() -> None:
    """Go round and round, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of the orbits")
    parser.add_argument("--periods", type=int, default=100_000)
    options = parser.parse_args()
    machine.limit_threads(1)
    periods = options.periods // 100 if options.quick else options.periods
    found = {name: measure(name, settings, periods) for name, settings in RUNS.items()}
    results.write(
        "kepler",
        title="The energy of a planet over many orbits",
        about=f"{results.about(__doc__)} Measured: {periods} orbits.",
        environment=machine.environment(),
        verdicts=judge(found, periods),
        tables=[("All methods", HEADER, [row(name, one) for name, one in found.items()])],
        data=found,
    )


def measure(name, settings, periods) -> dict:
    """Solve with one method and fit a line to the errors of the energy."""
    method, dt = getattr(sl, name)(), settings.get("dt", 0.13)
    steps = int(periods * PERIOD / dt)
    times = dt * np.arange(0, steps, max(1, steps // SAMPLES))
    problem = sl.zoo.kepler_second_order(0.6, tspan=(0.0, float(times[-1])))
    options = {"dense": False, "backend": "numba", **settings}
    sl.solve(problem.replace(tspan=(0.0, 1.0)), method, saveat=[1.0], **options)  # compiles
    began = time.perf_counter()
    sol = sl.solve(problem, method, saveat=times, max_steps=10**9, **options)
    seconds = time.perf_counter() - began
    x, y, vx, vy = sol.u.T
    energy = (vx**2 + vy**2) / 2 - 1 / np.hypot(x, y)
    line, error = drift(sol.t, energy), np.abs(energy - energy[0])
    tenth = len(error) // 10
    return {
        "settings": settings, "forces": sol.stats.nf / periods, "steps": sol.stats.nsteps,
        "seconds": seconds, "slope": line.slope * PERIOD,
        "standard_error": line.standard_error * PERIOD, "significance": line.significance,
        "beginning": error[:tenth].mean(), "end": error[-tenth:].mean(), "largest": error.max(),
    }  # fmt: skip


def row(name, one) -> list:
    """A line of the table."""
    word, value = next(iter(one["settings"].items()))
    numbers = [f"{one[key]:.1e}" for key in ("slope", "standard_error")]
    errors = [f"{one[key]:.2e}" for key in ("beginning", "end", "largest")]
    return [name, f"{word} = {value:g}", f"{one['forces']:.0f}", f"{one['seconds']:.1f}",
            *numbers, f"{one['significance']:.2f}", *errors]  # fmt: skip


def judge(found, periods) -> list:
    """KahanLi8 within a bound, Tsit5 beyond three standard errors, and the time of the first."""
    kept, lost = found["KahanLi8"], found["Tsit5"]
    what = f"Energy of Kepler's problem (e = 0.6), {periods} orbits"
    in_errors, seconds = abs(kept["significance"]), kept["seconds"]
    inverse = 3 / lost["significance"] if lost["significance"] > 0 else np.inf
    return [
        results.Verdict(f"{what}, KahanLi8: slope in standard errors", "",
                        in_errors, in_errors, in_errors, 3.0, unit="standard errors"),
        results.Verdict(f"{what}, Tsit5, which drifts: three standard errors / slope", "",
                        inverse, inverse, inverse, 1.0),
        results.Verdict(f"{what}, KahanLi8: time", "", seconds, seconds, seconds, 60.0, unit="s"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
