"""The reverse sweep of one step as a program: the readable formulas, run once on symbols.

The mathematics stands in `sciml_lab/sensitivity/sweep.py`. Its functions use ``+``, ``*`` and the
pullback of f only, so here they run on symbols (`sciml_lab/backends/unroll.py`), and what they do
is written down. Of Heun's method:

    def pull_step(lam, p_bar, k1, k2, u, p, t, h, v, k_bar, v_bar1, v_bar2, work, n, tape, carry):
        for i in range(n):
            v[i] = u[i] + h * k1[i]
            k_bar[i] = h * (0.5 * lam[i])
            v_bar2[i] = 0.0
        f_vjp(v_bar2, p_bar, v, p, t + h, k_bar, part(work, 1 * tape))
        ...
"""

import ast

from sciml_lab.sensitivity import sweep
from sciml_lab.solvers.explicit import combine
from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered


def shared(method) -> bool:
    """Whether outputs inside a step reach its last stage, and that is the next step's first one."""
    last = len(method.tableau.P) - 1
    return method.tableau.fsal and not method.rows.a_dense and last in dict(method.rows.dense)


def pull_step(method, dense=False) -> Lowered:
    """Back through the stages of one step.

    Parameters
    ----------
    method : ExplicitRK
    dense : bool
        Whether outputs lie inside the step; then the cotangents of the stages, as far as they do
        not come from later stages, are in q1, q2, ..., and the extra stages take part.

    Returns
    -------
    Lowered
        ``pull_step(lam, p_bar, [q1, ...,] k1, ..., u, p, t, h, v, k_bar, v_bar1, ..., work, n,
        tape, carry)``: lam is the cotangent of the state at the end of the step, then of that at
        its start; every stage has `tape` numbers of its own in work (see `gradient_tape.py`); carry
        is what the first stage receives as the last one of the step before, see `shared`.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(pull_step(sl.Euler()).tree))
    def pull_step(lam, p_bar, k1, u, p, t, h, v, k_bar, v_bar1, work, n, tape, carry):
        for i in range(n):
            k_bar[i] = h * lam[i]
            v_bar1[i] = 0.0
        f_vjp(v_bar1, p_bar, u, p, t, k_bar, work)
        for i in range(n):
            lam[i] = lam[i] + v_bar1[i]
    """
    rows, program = method.rows, Program()
    last = len(rows.a) - method.tableau.fsal
    all_stages = dense and not shared(method)
    a, c = (rows.a + rows.a_dense, rows.c + rows.c_dense) if all_stages else (rows.a[:last], rows.c)
    stages = range(len(a))
    u, lam = Symbol.named("u", True), Symbol.named("lam", True)
    t, h = Symbol.named("t", False), Symbol.named("h", False)
    k, v_bars = arrays("k", stages), arrays("v_bar", stages)
    q = arrays("q", stages) if dense else sweep.end_cotangents(method, len(a), lam)

    def pullback(i):
        def pull(k_bar):
            if i == 0 and shared(method):
                k_bar = k_bar + Symbol.named("carry", True)
            together = {"k_bar": k_bar, f"v_bar{i + 1}": 0.0}
            if a[i]:
                together = {"v": u + h * combine(a[i], k), **together}
            entries(program, together)
            time = program.text(t + c[i] * h)
            point, tape = "v" if a[i] else "u", f"part(work, {i} * tape)" if i else "work"
            call = f"f_vjp(v_bar{i + 1}, p_bar, {point}, p, {time}, k_bar, {tape})"
            program.body.append(ast.parse(call).body[0])
            return v_bars[i], None, None

        return pull

    u_bar, _ = sweep.pull_stages(h, q, a, [pullback(i) for i in stages], lam)
    entries(program, {"lam": u_bar})
    names = [*(named("q", stages) if dense else ()), *named("k", stages), *"upth", "v", "k_bar"]
    inputs = ("lam", "p_bar", *names, *named("v_bar", stages), "work", "n", "tape", "carry")
    return program.function("pull_dense" if dense else "pull_step", inputs)


def begin_outputs(method) -> Lowered:
    """``begin_outputs(q1, ..., lam, n)``: the part of the q_i that comes from the step's end.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(begin_outputs(sl.Midpoint()).tree))
    def begin_outputs(q1, q2, lam, n):
        for i in range(n):
            q1[i] = 0.0
            q2[i] = lam[i]
    """
    program, stages = Program(), range(len(method.tableau.P))
    q = sweep.end_cotangents(method, len(stages), Symbol.named("lam", True))
    entries(program, {f"q{j + 1}": 0.0 if x is None else x for j, x in enumerate(q)})
    return program.function("begin_outputs", (*named("q", stages), "lam", "n"))


def add_output(method) -> Lowered:
    """``add_output(q1, ..., lam, g, theta, n)``: add what an output inside the step gives.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(add_output(sl.Euler()).tree))
    def add_output(q1, lam, g, theta, n):
        for i in range(n):
            q1[i] = q1[i] + theta * g[i]
            lam[i] = lam[i] + g[i]
    """
    program, stages = Program(), range(len(method.tableau.P))
    before, g = arrays("q", stages), Symbol.named("g", True)
    q = list(before)
    sweep.add_output(method, q, Symbol.named("theta", False), g)
    changed = {f"q{j + 1}": x for j, x in enumerate(q) if x is not before[j]}
    entries(program, {**changed, "lam": Symbol.named("lam", True) + g})
    return program.function("add_output", (*named("q", stages), "lam", "g", "theta", "n"))


def carry_output(method) -> Lowered:
    """``carry_output(carry, g, theta, h, n)``: add what the last stage of a step receives.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(carry_output(sl.BS3()).tree).splitlines()[-1].strip())
    carry[i] = carry[i] + h * (s1 * g[i])
    """
    program, q = Program(), [None] * len(method.tableau.P)
    h, g = Symbol.named("h", False), Symbol.named("g", True)
    sweep.add_output(method, q, Symbol.named("theta", False), g)
    if q[-1] is not None:
        entries(program, {"carry": Symbol.named("carry", True) + h * q[-1]})
    return program.function("carry_output", ("carry", "g", "theta", "h", "n"))


def entries(program, values):
    """Write one loop that sets the entries of several arrays."""
    loops = []
    for name, x in values.items():
        program.write(name, x)
        loops.append(program.body.pop())
    for more in loops[1:]:
        loops[0].body += more.body
    program.body.append(loops[0])


def arrays(letter, stages):
    """Symbols for the arrays k1, k2, ..."""
    return [Symbol.named(name, True) for name in named(letter, stages)]


def named(letter, stages):
    """The names k1, k2, ..."""
    return [f"{letter}{i + 1}" for i in stages]
