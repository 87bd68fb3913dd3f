"""The first solve: a new right-hand side in a fresh process, imports and compilation included.

    python benchmarks/first_solve.py [--quick]

The clock starts when the process is started and stops when the end state is printed. Then comes a
second new right-hand side in the same process. Each right-hand side is a file that has never been
seen before. Our kernels are compiled beforehand and lie on disk, where `sciml-lab doctor --warm`
puts them.

Writes benchmarks/results/first_solve.md and .json.
"""

import argparse
import importlib.util
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path

from harness import fresh, machine, results
from harness.timing import Timing

MODEL = """
import {module} as np

def f(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - {k} * b * x * y, -c * y + {k} * d * x * y])
"""
LOOPS = """
def f(t, u, du, p):
    du[0] = p[0] * u[0] - {k} * p[1] * u[0] * u[1]
    du[1] = -p[2] * u[1] + {k} * p[3] * u[0] * u[1]
"""
U0, TSPAN, P, RTOL = [1.0, 1.0], (0.0, 10.0), [1.5, 1.0, 3.0, 1.0], 1e-6


def main() -> None:
    """Measure, compare, write; or, with --side, be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--side", choices=SIDES, help="solve the models in --files")
    parser.add_argument("--files", nargs="*")
    options = parser.parse_args()
    machine.limit_threads(1)
    if options.side:
        be_measured(options.side, options.files)
        return
    times, absent = {side: [] for side in SIDES}, {}
    once("sciml_lab, numba")  # the kernels are on disk from here on
    for _ in range(2 if options.quick else 7):
        for side in SIDES:
            if side not in absent:
                run = once(side)
                if run.trouble:
                    absent[side] = f"{side} was not measured: {run.trouble}"
                else:
                    times[side].append((run.marks[0], run.lines[1]))
    times = {side: rounds for side, rounds in times.items() if rounds and side not in absent}
    report(times, list(absent.values()))


def once(side) -> fresh.Run:
    """One fresh process of this side on two new files."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"model_{secrets.token_hex(4)}.py" for _ in range(2)]
        for file in files:
            text = LOOPS if side == "numbalsoda" else MODEL
            module = "jax.numpy" if side == "diffrax" else "numpy"
            k = 1.0 + secrets.randbelow(10**6) * 1e-9
            file.write_text(text.format(module=module, k=k), "utf-8")
        return fresh.run([__file__, "--side", side, "--files", *map(str, files)])


def be_measured(side, files) -> None:
    """Solve each model, print the seconds that it took."""
    for file in files:
        began = time.perf_counter()
        spec = importlib.util.spec_from_file_location(Path(file).stem, file)
        model = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = model
        spec.loader.exec_module(model)
        end = SIDES[side](model.f)
        assert abs(end[0] - 0.9) < 1.0, end
        print(json.dumps(time.perf_counter() - began), flush=True)


def ours(f):
    """Solve with compiled kernels."""
    import sciml_lab as sl

    problem = sl.ODEProblem(f, U0, TSPAN, P)
    return sl.solve(problem, sl.Tsit5(), rtol=RTOL, atol=RTOL, backend="numba").u[-1]


def ours_numpy(f):
    """Solve without compilation."""
    import sciml_lab as sl

    problem = sl.ODEProblem(f, U0, TSPAN, P)
    return sl.solve(problem, sl.Tsit5(), rtol=RTOL, atol=RTOL).u[-1]


def numbalsoda(f):
    """Solve with DOP853."""
    import numba
    import numbalsoda
    import numpy as np

    address = numba.cfunc(numbalsoda.lsoda_sig)(f).address
    u, _ = numbalsoda.dop853(address, np.array(U0), np.array(TSPAN), np.array(P), RTOL, RTOL)
    return u[-1]


def diffrax(f):
    """Solve with Tsit5, jitted."""
    import diffrax
    import jax
    import jax.numpy as jnp

    @jax.jit
    def solve(u0, p):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, u, p: f(u, p, t)), diffrax.Tsit5(), *TSPAN, None, u0, p,
            stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=RTOL),
        ).ys[-1]  # fmt: skip

    return solve(jnp.array(U0), jnp.array(P)).block_until_ready()


def scipy(f):
    """Solve with RK45; nothing is compiled."""
    import numpy as np
    from scipy.integrate import solve_ivp

    p = np.array(P)
    return solve_ivp(lambda t, u: f(u, p, t), TSPAN, U0, rtol=RTOL, atol=RTOL).y[:, -1]


SIDES = {
    "sciml_lab, numba": ours, "sciml_lab, numpy": ours_numpy, "numbalsoda": numbalsoda,
    "diffrax": diffrax, "scipy": scipy,
}  # fmt: skip


def report(times, absent) -> None:
    """Write the page and the numbers."""
    timings = {
        side: [Timing(tuple(column)) for column in zip(*rounds, strict=True)]
        for side, rounds in times.items()
    }
    rows = [
        [side, *(f"{results.duration(t.best)}, {results.duration(t.median)}" for t in both)]
        for side, both in timings.items()
    ]
    verdicts = []
    if "sciml_lab, numba" in timings:
        first, second = timings["sciml_lab, numba"]
        for what, timing, aim in (
            ("first solve of a new f in a fresh process, imports included", first, 1.0),
            ("the next new f in the same process", second, 0.4),
        ):
            verdicts.append(results.Verdict(
                what, "", timing.best, timing.best, max(timing.rounds), aim, timing.best, None, "s"
            ))  # fmt: skip
    results.write(
        "first_solve",
        title="The first solve",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[("Best and median", ["side", "fresh process", "next new f"], rows)],
        absent=absent,
    )


if __name__ == "__main__":
    main()
