"""The vector-Jacobian product of f with respect to u and p, inside a compiled loop.

    python benchmarks/vjp.py [--quick]

A loop of a thousand VJPs, each at the u and p to which the one before has moved (by rounding
errors), so that none can be skipped. Ours is generated from the source of f, compiled, and called
through its address, as in the adjoint; JAX's is `jax.vjp` inside a jitted `lax.fori_loop`. Both
loops are checked to end at the same numbers. The second table divides the cost of a VJP by that of
f itself for every model of the zoo.

Writes benchmarks/results/vjp.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import derivatives, machine, peers, results
from harness.timing import paired

import sciml_lab as sl

COUNT, MOVE = 1000, 1e-18
AIMS = dict(zip(derivatives.NAMES, (0.1, 0.1, 0.25, 0.35), strict=True))


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    machine.limit_threads(1)
    seconds = 0.1 if options.quick else 1.0
    verdicts, rows, absent = [], [], []
    for name in derivatives.NAMES:
        f, u, p = derivatives.case(name)
        sides, missing = peers.gather(
            [lambda *case: {"ours": derivatives.our_loop(*case, COUNT)},
             lambda f, *_: {"JAX": derivatives.jax_loop(f, COUNT)}], f, u, p,
        )  # fmt: skip
        absent += [sentence for sentence in missing if sentence not in absent]
        check(sides, u, p)
        calls = {side: functools.partial(loop, u, p, MOVE) for side, loop in sides.items()}
        timing = {s: per_call(t) for s, t in paired(calls, seconds=seconds, rounds=9).items()}
        if "JAX" in timing:
            what = f"VJP of {name}, in a compiled loop"
            verdicts.append(results.compared(
                what, "jax.vjp, jitted, in fori_loop", timing["ours"], timing["JAX"], AIMS[name]
            ))  # fmt: skip
    for entry in sl.zoo.all():
        row = against_primal(entry, seconds / 2)
        rows.append([entry.name, *map(results.duration, row), f"{row[1] / row[0]:.2f}"])
    worst = max(float(row[3]) for row in rows)
    verdicts.append(results.Verdict(
        "VJP over f, the worst of the zoo", "f itself", worst, worst, worst, 4.0))  # fmt: skip
    results.write(
        "vjp",
        title="Vector-Jacobian products",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[("VJP over f", ["model", "f", "VJP by u and p", "ratio"], rows)],
        absent=absent,
    )


def per_call(timing):
    """Time of one pass of the loop."""
    return type(timing)(tuple(seconds / COUNT for seconds in timing.rounds))


def check(sides, u, p) -> None:
    """All loops end at the same numbers, with steps large enough to see the VJP."""
    eps = 1e-4 / COUNT / max(1.0, np.abs(p).max())
    ends = [np.concatenate([np.asarray(x) for x in loop(u, p, eps)]) for loop in sides.values()]
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=1e-9, atol=1e-12)


def against_primal(entry, seconds):
    """Seconds of f and of its VJP, in turns."""
    u, p = np.asarray(entry.u0, dtype=float) + 0.1, entry.p
    loops = {
        "f": derivatives.our_primal_loop(entry.f, u, p, COUNT),
        "vjp": derivatives.our_loop(entry.f, u, p, COUNT),
    }
    calls = {name: functools.partial(loop, u, p, 1e-30) for name, loop in loops.items()}
    timing = paired(calls, seconds=seconds, rounds=9)
    return tuple(per_call(timing[name]).best for name in ("f", "vjp"))


if __name__ == "__main__":
    main()
