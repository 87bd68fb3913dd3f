"""Measure how often each way to train a neural ODE works: writes success.json.

    OMP_NUM_THREADS=1 python lessons/09_neural_ode/measure_success.py    (10 minutes of computing)

The task: Lotka-Volterra, 16 points over two periods, a network 2-32-32-2 with tanh. A run is a
success if over the *three periods after the data* its error is below 10 % of the standard
deviation. Every recipe meets the same 20 networks. The file is written after every run; start the
script again and it goes on where it was (delete the file to begin anew).
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import sciml_lab as sl
from sciml_lab import neural, nn

PERIOD = sl.zoo.lotka_volterra.facts["period"]
TRUE = sl.zoo.lotka_volterra(tspan=(0.0, 5 * PERIOD))
T = np.linspace(0.0, 2 * PERIOD, 16)
LATER = np.linspace(2 * PERIOD, 5 * PERIOD, 301)
EXACT = sl.solve(TRUE, sl.Vern9(), rtol=1e-11, atol=1e-11)
DATA, FUTURE = EXACT(T), EXACT(LATER)
NET = nn.MLP([2, 32, 32, 2], activation="tanh")
STEPS = {"substeps": 3}  # of RK4 between two points
LIMIT, SEEDS = 0.1, 20


def raw(u, p, t):
    """The network as it is."""
    return NET(u, p)


standard = neural.standardised(NET, DATA)
whole = neural.trajectory_loss


def recipes():
    """Name -> right-hand side, and the stages ``(loss, optimiser, steps)`` of its training."""
    adam, lbfgs = sl.Adam(0.01), sl.LBFGS()
    growing = neural.growing_horizon(standard, T, DATA, range(2, 16), **STEPS)
    return {
        "whole trajectory, raw units": (
            raw,
            [(whole(raw, T, DATA, **STEPS), adam, 200), (whole(raw, T, DATA, **STEPS), lbfgs, 100)],
        ),
        "whole trajectory": (
            standard,
            [(whole(standard, T, DATA, **STEPS), o, n) for o, n in ((adam, 200), (lbfgs, 100))],
        ),
        "growing horizon": (
            standard,
            [(loss, adam, 30) for loss in growing]
            + [(whole(standard, T, DATA, **STEPS), lbfgs, 100)],
        ),
        "collocation start": (
            standard,
            [
                (neural.collocation_loss(standard, T, DATA), adam, 300),
                (whole(standard, T, DATA, **STEPS), lbfgs, 150),
            ],
        ),
        "multiple shooting": (
            standard,
            [(neural.multiple_shooting_loss(standard, T, DATA, **STEPS), lbfgs, 200)],
        ),
        "multiple shooting, raw units": (
            raw,
            [(neural.multiple_shooting_loss(raw, T, DATA, **STEPS), lbfgs, 200)],
        ),
    }


def one_run(recipe, seed) -> dict:
    """Train one network by one recipe and judge it."""
    f, stages = recipes()[recipe]
    began = time.process_time()
    runs = neural.train_stages(stages, NET.init(seed), progress=False)
    seconds = time.process_time() - began
    p = runs[-1].p
    sol = sl.solve(
        sl.ODEProblem(f, DATA[0], TRUE.tspan, p), sl.Tsit5(), rtol=1e-7, atol=1e-7,
        saveat=np.concatenate([T[:-1], LATER]), dense=False, max_steps=20_000,
    )  # fmt: skip
    u = np.full((len(T) - 1 + len(LATER), 2), np.nan)
    u[: len(sol.u)] = sol.u
    seen, later = u[: len(T) - 1], u[len(T) - 1 :]
    return {
        "recipe": recipe,
        "seed": seed,
        "error_on_data": neural.relative_error(seen, DATA[:-1]),
        "error_later": neural.relative_error(later, FUTURE),
        "gradients": int(sum(run.steps for run in runs)),
        "cpu_seconds": round(seconds, 2),
    }


def save(path, rows):
    """Write all runs, in order, as a whole."""
    rows = sorted(rows, key=lambda row: (list(recipes()).index(row["recipe"]), row["seed"]))
    head = {
        "command": "python lessons/09_neural_ode/measure_success.py",
        "task": "Lotka-Volterra (1.5, 1, 3, 1) from (1, 1), 16 points over two periods, "
        "network 2-32-32-2 tanh; success: relative error below limit over three further periods",
        "limit": LIMIT,
        "seeds": SEEDS,
    }
    lines = ",\n    ".join(json.dumps(row) for row in rows)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "runs": [\n    {lines}\n  ]\n}}\n'
    path.with_suffix(".part").write_text(text)
    os.replace(path.with_suffix(".part"), path)


def main():
    """Run what is not in the file yet."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("success.json"))
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin no run later")
    chosen = options.parse_args()
    rows = json.loads(chosen.out.read_text())["runs"] if chosen.out.exists() else []
    done = {(row["recipe"], row["seed"]) for row in rows}
    todo = [(r, s) for s in range(SEEDS) for r in recipes() if (r, s) not in done]
    began = time.monotonic()
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn")) as pool:
        open_runs = set()
        while todo or open_runs:
            while todo and len(open_runs) < chosen.jobs:
                if time.monotonic() - began > chosen.seconds:
                    todo = []
                    break
                open_runs.add(pool.submit(one_run, *todo.pop(0)))
            if not open_runs:
                break
            ready = next(as_completed(open_runs))
            open_runs.remove(ready)
            rows.append(ready.result())
            save(chosen.out, rows)
            print("{recipe:30} seed {seed:2}  later {error_later:8.3g}  "
                  "{cpu_seconds:6.1f} s".format(**rows[-1]), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
