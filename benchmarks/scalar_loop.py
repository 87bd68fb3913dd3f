"""The gradient of a scalar loop: nonlinear code over the cells of an N x N grid, N = 20.

    python benchmarks/scalar_loop.py [--quick]

The sum of the squared rates of a Brusselator with diffusion, one cell after the other, as one
would write it without arrays; its gradient with respect to all 2 N N concentrations and three
constants. JAX gets it twice: as Python loops, which its tracing unrolls, and as a `lax.scan` over
the cells. Compilation is the first call; a compilation that takes longer than 100 seconds is
given up. Times of a run are taken in turns.

Writes benchmarks/results/scalar_loop.md and .json.
"""

import argparse
import functools
import json

import numpy as np
from harness import fresh, machine, peers, results
from harness.timing import Timing, paired

N, LIMIT = 20, 100.0
OURS = "sciml_lab, source to source"


def main() -> None:
    """Measure, compare, write; or, with --unrolled N, compile JAX's unrolled form and say so."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="unroll small grids only")
    parser.add_argument("--unrolled", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    machine.limit_threads(1)
    if options.unrolled:
        gradient = unrolled(options.unrolled)
        compilation = peers.first_call(gradient)[1]
        timing = paired({"it": gradient}, seconds=0.2)["it"]
        print(json.dumps([compilation, *timing.rounds]), flush=True)
        return
    sides, absent = peers.gather([ours, lambda n: {"JAX, scan": scanned(n)}], N)
    values, compiled = {}, {}
    for side, call in sides.items():
        values[side], compiled[side] = peers.first_call(call)
    timing = paired(sides, seconds=0.2 if options.quick else 2.0)
    shown = {(side, N): (compiled[side], timing[side]) for side in sides}
    for n in (5,) if options.quick else (5, 10, N):
        run = fresh.run([__file__, "--unrolled", str(n)], limit=LIMIT)
        if run.trouble:
            absent.append(f"JAX, unrolled, N = {n}: {run.trouble}")
        else:
            shown["JAX, unrolled", n] = run.lines[0][0], Timing(tuple(run.lines[0][1:]))
    report(shown, values, absent)


def ours(n) -> dict:
    """Our side: the gradient generated from the source of the loop, and compiled."""
    from harness import derivatives

    u, p = point(n)
    call_address = derivatives.one_pullback()

    @functools.cache
    def made():
        return derivatives.our_function(brusselator_loss, u, p, ("u", "p"))

    def gradient():
        machine_code, size = made()
        return call_address(machine_code.address, u, p, np.ones(1), size)

    return {OURS: gradient}


def unrolled(n):
    """JAX's gradient of the Python loops."""
    jax, jnp = peers.jax_modules()

    def loss(u, p):
        a, b, d = p
        total = 0.0
        for i in range(n):
            for j in range(n):
                total = total + cell(u, a, b, d, i, j, n)
        return total

    return _gradient(jax, jnp, loss, n)


def scanned(n):
    """JAX's gradient of a scan over the cells."""
    jax, jnp = peers.jax_modules()

    def loss(u, p):
        a, b, d = p

        def body(total, k):
            return total + cell(u, a, b, d, k // n, k % n, n), None

        return jax.lax.scan(body, 0.0, jnp.arange(n * n))[0]

    return _gradient(jax, jnp, loss, n)


def cell(u, a, b, d, i, j, n):
    """Squared rates of one cell of the ring-shaped grid."""
    x, y = u[0, i, j], u[1, i, j]
    left, right, up, down = (i - 1) % n, (i + 1) % n, (j - 1) % n, (j + 1) % n
    flow_x = u[0, left, j] + u[0, right, j] + u[0, i, up] + u[0, i, down] - 4.0 * x
    flow_y = u[1, left, j] + u[1, right, j] + u[1, i, up] + u[1, i, down] - 4.0 * y
    dx = a + x * x * y - (b + 1.0) * x + d * flow_x
    dy = b * x - x * x * y + d * flow_y
    return dx * dx + dy * dy


def brusselator_loss(u, p, t):
    """The loop for our side."""
    a, b, d = p
    total = 0.0
    for i in range(N):
        for j in range(N):
            total += cell(u, a, b, d, i, j, N)
    return np.array([total])


def point(n):
    """Concentrations (2, n, n) and constants (3,)."""
    return np.random.default_rng(0).uniform(0.5, 2.0, (2, n, n)), np.array([1.0, 3.0, 0.1])


def _gradient(jax, jnp, loss, n):
    """A call without arguments that computes the gradient at `point`."""
    compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
    u, p = (jnp.array(x) for x in point(n))
    return lambda: jax.block_until_ready(compiled(u, p))


def report(shown, values, absent) -> None:
    """Write the page and the numbers."""
    if OURS in values and "JAX, scan" in values:
        for mine, theirs in zip(values[OURS], values["JAX, scan"], strict=True):
            np.testing.assert_allclose(np.ravel(mine), np.ravel(theirs), rtol=1e-10)
    verdicts = []
    if (OURS, N) in shown and ("JAX, scan", N) in shown:
        (compile_us, us), (compile_scan, scan) = shown[OURS, N], shown["JAX, scan", N]
        what = f"gradient of a scalar loop, N = {N}"
        verdicts = [
            results.compared(f"{what}: run", "JAX, scan", us, scan, 1 / 10),
            results.Verdict(f"{what}: compile", "JAX, scan", compile_us / compile_scan,
                            compile_us / compile_scan, compile_us / compile_scan, 1.0,
                            compile_us, compile_scan),
        ]  # fmt: skip
    rows = [
        [side, n, results.duration(compilation), results.duration(timing.best),
         results.duration(timing.median)]
        for (side, n), (compilation, timing) in shown.items()
    ]  # fmt: skip
    results.write(
        "scalar_loop",
        title="The gradient of a scalar loop",
        about=results.about(__doc__),
        environment=machine.environment(),
        verdicts=verdicts,
        tables=[("All sides", ["side", "N", "compile", "run, best", "run, median"], rows)],
        absent=absent,
    )


if __name__ == "__main__":
    main()
