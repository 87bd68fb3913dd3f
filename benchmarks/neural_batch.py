"""Loss and gradient of a neural differential equation on a batch of 64 trajectories.

    python benchmarks/neural_batch.py [--quick]

The network, the times and the tolerances are those of neural_gradient.py; the 64 initial states lie
around its one, and the loss is the mean over all. "One state" is one solve of all trajectories
together with common steps; "vmap", and ours, give each its own steps. The error is that of the
gradient, against one at tight tolerance.

Writes benchmarks/results/neural_batch.md and .json.
"""

import argparse
import functools

import numpy as np
from harness import machine, neural, peers, results
from harness.timing import paired

import sciml_lab as sl
from sciml_lab.neural.loss import SolveLoss

COUNT = 64
OWN, SHARED = "sciml_lab, own steps", "sciml_lab, one state"
GENERAL = "sciml_lab, any loss of sl.solve"


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    options = parser.parse_args()
    machine.limit_threads(1)
    sides, absent = peers.gather([ours, diffrax, torchdiffeq])
    weights = neural.weights()
    firsts = {s: peers.first_call(call, weights["random"])[1] for s, call in sides.items()}
    rows, verdicts = [], []
    for which, p in weights.items():
        calls = {side: functools.partial(call, p) for side, call in sides.items()}
        timing = paired(calls, seconds=0.2 if options.quick else 5.0, rounds=5, slow=0.02)
        exact = sl.ad.grad(our_loss(sl.Vern9(), 1e-11))(p)
        for side in sides:
            off = np.linalg.norm(np.asarray(calls[side]()[1]) - exact) / np.linalg.norm(exact)
            rows.append([which, side, results.duration(timing[side].best),
                         results.duration(timing[side].median), f"{off:.1e}",
                         results.duration(firsts[side])])  # fmt: skip
        verdicts += judge(timing, which)
    results.write(
        "neural_batch",
        title="Gradient of a neural differential equation on a batch",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[("All sides", ["weights", "side", "best", "median", "error", "first call"], rows)],
        absent=absent,
    )


def judge(timing, which) -> list:
    """Our fastest way against diffrax's fastest; and own steps against own steps."""
    verdicts = []
    for word, mine, kind in (("", (OWN, SHARED), ""), (", own steps", (OWN,), "vmap")):
        rivals = [side for side in timing if side.startswith("diffrax") and kind in side]
        mine = [side for side in mine if side in timing]
        if mine and rivals:
            best, us = (min(sides, key=lambda s: timing[s].best) for sides in (rivals, mine))
            verdicts.append(results.compared(
                f"loss and gradient, batch of {COUNT}, {which} weights{word}",
                f"{best}, the fastest of {len(rivals)} ways", timing[us], timing[best], 1 / 3,
            ))  # fmt: skip
    return verdicts


def our_loss(method=None, rtol=neural.RTOL, **options):
    """``loss(p)`` of the batch through `sl.solve`."""
    problem = sl.ODEProblem(
        neural.network(), neural.starts(COUNT), neural.TSPAN, neural.weights()["random"], batch=True
    )
    points = neural.batch_data(COUNT)

    def loss(p):
        sol = sl.solve(problem.replace(p=p), method or sl.Tsit5(), rtol=rtol, atol=rtol,
                       saveat=neural.TIMES, dense=False, **options)  # fmt: skip
        return np.mean((sol.u - points) ** 2)

    return loss


def ours() -> dict:
    """Our sides: ``call(p) -> (loss, gradient)``, compiled as a whole and through `sl.solve`."""
    net = neural.network()
    options = {"method": sl.Tsit5(), "rtol": neural.RTOL, "atol": neural.RTOL, "backend": "numba"}

    def whole(shared):
        return SolveLoss(
            lambda u, p, t: net(u, p), neural.starts(COUNT), neural.TIMES,
            neural.batch_data(COUNT), {**options, "shared_steps": shared},
        ).value_and_grad  # fmt: skip

    loss = our_loss(sensitivity=sl.DiscreteAdjoint(), backend="numba")
    return {OWN: whole(False), SHARED: whole(True), GENERAL: sl.ad.value_and_grad(loss)}


def diffrax() -> dict:
    """Each adjoint, vmapped; and as one state of 64 columns with common steps."""
    jax, jnp = peers.jax_modules()
    u0, points = jnp.array(neural.starts(COUNT)), jnp.array(neural.batch_data(COUNT))

    def vmapped(adjoint):
        each = jax.vmap(neural.diffrax_solve(adjoint), (1, None), 2)
        return lambda p: jnp.mean((each(u0, p) - points) ** 2)

    def one_state(adjoint):
        solve = neural.diffrax_solve(adjoint)
        return lambda p: jnp.mean((solve(u0, p) - points) ** 2)

    def side(loss):
        compiled = jax.jit(jax.value_and_grad(loss))
        return lambda p: jax.block_until_ready(compiled(p))

    ways = {f"{a}, vmap": vmapped(a) for a in neural.DIFFRAX if "Direct" not in a}
    ways |= {f"{a}, one state": one_state(a) for a in neural.DIFFRAX if "Direct" not in a}
    return {name: side(loss) for name, loss in ways.items()}


def torchdiffeq() -> dict:
    """Backpropagation through one solve of all trajectories as one state."""
    points = np.moveaxis(neural.batch_data(COUNT), 1, 2)
    call = neural.torch_gradient(False, neural.starts(COUNT).T, points)
    return {"torchdiffeq backprop, one state": call}


if __name__ == "__main__":
    main()
