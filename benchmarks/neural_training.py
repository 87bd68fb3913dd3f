"""Five hundred steps of Adam on a neural differential equation, from random weights.

    python benchmarks/neural_training.py [--quick]

The network, data and tolerances are those of neural_gradient.py; the learning rate is 0.01. JAX's
loop of solves, gradients and optax steps is compiled as a whole. All start at the same weights.

Writes benchmarks/results/neural_training.md and .json.
"""

import argparse

from harness import machine, neural, peers, results
from harness.timing import paired

import sciml_lab as sl

STEPS, RATE = 500, 0.01
OURS = "sciml_lab train"


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, fewer steps")
    options = parser.parse_args()
    machine.limit_threads(1)
    steps = 50 if options.quick else STEPS
    sides, absent = peers.gather([ours, diffrax], steps)
    firsts, losses = {}, {}
    for side, call in sides.items():
        losses[side], firsts[side] = peers.first_call(call)
    timing = paired(sides, seconds=0.0, rounds=3 if options.quick else 7, slow=5.0)
    rows = [
        [side, results.duration(timing[side].best), results.duration(timing[side].median),
         f"{losses[side]:.6g}", results.duration(firsts[side])]
        for side in sides
    ]  # fmt: skip
    rivals = [side for side in sides if side.startswith("diffrax")]
    verdicts = []
    if OURS in sides and rivals:
        best = min(rivals, key=lambda side: timing[side].best)
        verdicts.append(results.compared(
            f"{steps} steps of Adam, neural ODE", f"{best} + optax, one program",
            timing[OURS], timing[best], 1 / 30))  # fmt: skip
    results.write(
        "neural_training",
        title="Training a neural differential equation",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[(f"{steps} steps", ["side", "best", "median", "last loss", "first call"], rows)],
        absent=absent,
    )


def ours(steps) -> dict:
    """Our side: ``call() -> last loss``; `sl.train` compiles the loop of this loss."""
    loss = neural.our_compiled_loss()
    start = neural.weights()["random"]

    def call():
        return sl.train(loss, start, optimizer=sl.Adam(RATE), steps=steps, progress=False).loss[-1]

    return {OURS: call}


def diffrax(steps) -> dict:
    """Solve, gradient and Adam in one compiled loop, for each adjoint."""
    (jax, jnp), optax = peers.jax_modules(), peers.load("optax")
    optimiser = optax.adam(RATE)
    start = jnp.array(neural.weights()["random"])

    def side(adjoint):
        loss = neural.diffrax_loss(adjoint)

        def step(_, carry):
            p, state, _ = carry
            value, gradient = jax.value_and_grad(loss)(p)
            updates, state = optimiser.update(gradient, state)
            return optax.apply_updates(p, updates), state, value

        @jax.jit
        def train(p):
            carry = (p, optimiser.init(p), jnp.array(0.0))
            p, _, _ = jax.lax.fori_loop(0, steps, step, carry)
            return loss(p)

        return lambda: float(train(start))

    return {name: side(name) for name in neural.DIFFRAX if "Direct" not in name}


if __name__ == "__main__":
    main()
