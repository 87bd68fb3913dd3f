"""Freeze the formulas of RKC: a stage, and the error of a step, as loops over the entries.

The number of stages is known only while a step is taken, so its loop stays a loop (it stands in
`numba/stabilized_loop.py`) and what is written out is its body, from the readable formulas.
"""

from sciml_lab.backends.unroll import _inputs
from sciml_lab.solvers import stabilized
from sciml_lab.transform.symbols import Program
from sciml_lab.transform.tree import Lowered

SHARES = "mu", "nu", "mu_tilde", "gamma_tilde"


def first_stage() -> Lowered:
    """``first_stage(now, u, f0, h, n)``: Euler's step that the recursion begins with."""
    program = Program()
    u, f0, h = _inputs(u=True, f0=True, h=False)
    program.write("now", stabilized.first_stage(u, f0, h))
    return program.function("first_stage", ("now", "u", "f0", "h", "n"))


def next_stage() -> Lowered:
    """``next_stage(before, u, f0, now, slope, h, mu, nu, mu_tilde, gamma_tilde, n)``.

    The new stage is written over the one before the last, which nobody needs any more.

    Examples
    --------
    >>> import ast
    >>> print(ast.unparse(next_stage().tree).splitlines()[-1].strip()[:36])
    before[i] = s1 * u[i] + mu * now[i]
    """
    program = Program()
    arrays = _inputs(u=True, f0=True, before=True, now=True, slope=True)
    h, *shares = _inputs(h=False, **dict.fromkeys(SHARES, False))
    program.write("before", stabilized.next_stage(*arrays, h, *shares))
    inputs = ("before", "u", "f0", "now", "slope", "h", *SHARES, "n")
    return program.function("next_stage", inputs)


def estimate() -> Lowered:
    """``estimate(error, u, u_new, f0, f1, h, n)``."""
    program = Program()
    u, u_new, f0, f1, h = _inputs(u=True, u_new=True, f0=True, f1=True, h=False)
    program.write("error", stabilized.estimate(u, u_new, f0, f1, h))
    return program.function("estimate", ("error", "u", "u_new", "f0", "f1", "h", "n"))
