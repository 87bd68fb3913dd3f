"""Loss and gradient of a neural differential equation: one trajectory, 16 points, rtol 1e-6.

    python benchmarks/neural_gradient.py [--quick]

The network is 2-50-2 and the loss the mean squared distance at the points. At random weights a
solve takes few steps, at weights fitted to the data's slopes about fifty. Every side solves with a
fifth-order pair (Tsitouras, or Dormand and Prince in torchdiffeq) at rtol = atol = 1e-6, and all
are timed in turns. The error is that of the gradient, against one at tight tolerance. Ours is
`sl.neural.trajectory_loss`; a loss that is written freely around `sl.solve` is shown as well.

Writes benchmarks/results/neural_gradient.md and .json.
"""

import argparse
import functools

from harness import machine, neural, peers, results
from harness.timing import paired

import sciml_lab as sl

DEFAULTS = ("diffrax RecursiveCheckpoint", "diffrax Direct", "diffrax Backsolve")
OURS, GENERAL = "sciml_lab, trajectory_loss", "sciml_lab, any loss of sl.solve"
#: Rival, its sides (the fastest counts), and our aim at random and at trained weights.
RIVALS = (
    ("diffrax's fastest adjoint, jitted", DEFAULTS, {"random": 1 / 10, "trained": 1 / 20}),
    ("diffrax, told to keep every step, jitted", ("diffrax RecursiveCheckpoint, 256 kept",),
     {"random": 1 / 10, "trained": 1 / 20}),
    ("torchdiffeq, backpropagation", ("torchdiffeq backprop",),
     {"random": 1 / 300, "trained": 1 / 300}),
)  # fmt: skip


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    machine.limit_threads(1)
    weights = neural.weights()
    sides, absent = peers.gather(
        [ours, neural.diffrax_gradients, neural.torch_gradients, neural.autograd_gradients]
    )
    firsts = {s: peers.first_call(call, weights["random"])[1] for s, call in sides.items()}
    timings, rows = {}, []
    for which, p in weights.items():
        calls = {side: functools.partial(call, p) for side, call in sides.items()}
        timings[which] = paired(calls, seconds=0.2 if options.quick else 3.0, rounds=5)
        for side, timing in timings[which].items():
            off = neural.error_of(which, calls[side]()[1])
            rows.append([which, side, results.duration(timing.best),
                         results.duration(timing.median),
                         f"{off:.1e}", results.duration(firsts[side])])  # fmt: skip
    results.write(
        "neural_gradient",
        title="Gradient of a neural differential equation",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=judge(timings),
        tables=[("All sides", ["weights", "side", "best", "median", "error", "first call"], rows)],
        absent=absent,
    )


def ours() -> dict:
    """Our sides: ``call(p) -> (loss, gradient)``, compiled as a whole and through `sl.solve`."""
    loss = neural.our_loss(sensitivity=sl.DiscreteAdjoint(), backend="numba")
    return {OURS: neural.our_compiled_loss().value_and_grad, GENERAL: sl.ad.value_and_grad(loss)}


def judge(timings) -> list:
    """Verdicts at both kinds of weights."""
    verdicts = []
    for which, timing in timings.items():
        for rival, sides, aims in RIVALS:
            present = [side for side in sides if side in timing]
            if OURS in timing and present:
                best = min(present, key=lambda side: timing[side].best)
                verdicts.append(results.compared(
                    f"loss and gradient, neural ODE, {which} weights", rival, timing[OURS],
                    timing[best], aims[which]))  # fmt: skip
    return verdicts


if __name__ == "__main__":
    main()
