"""The reverse sweep over the accepted steps of a trajectory, as a kernel runs it.

This is the text from which the kernels are made; what it calls is generated from
`sciml_lab/sensitivity/sweep.py` and put in front of it, see `gradient_kernels.py`.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def sweep(block):
    """Go back over steps until none is left, or the budget is used up; returns what is left."""
    r = integers(block)
    n = LENGTH if LENGTH > 0 else r[LENGTH_OF_U]
    f, f_vjp = function(r[F_BACK], "mmmnm"), function(r[F_VJP], "mmmmnmm")
    p, work = numbers(r[P_BACK], "any"), numbers(r[WORK_BACK], "any")
    t, h = numbers(r[T], "any"), numbers(r[H], "any")
    u, k = numbers(r[U], "u"), numbers(r[K], "k")
    v, extra = numbers(r[V_BACK], "v"), numbers(r[EXTRA_BACK], "k")
    times, outputs = numbers(r[OUTPUT_TIMES], "any"), numbers(r[COTANGENTS], "any")
    lam, p_bar, end = numbers(r[LAM], "any"), numbers(r[P_BAR], "any"), numbers(r[GOAL], "any")
    k_bar, v_bars, q = numbers(r[K_BAR], "out"), numbers(r[V_BARS], "any"), numbers(r[Q], "error")
    carry, direction, tape = numbers(r[CARRY], "any"), r[DIRECTION], r[TAPE_BACK]
    row, last, goal = r[STEPS], r[OUTPUTS_LEFT], end[0]
    stop = max(0, row - r[BUDGET_BACK])

    while row > stop:
        row -= 1
        now, length, state, stages = t[row], h[row], part(u, row * n), part(k, row * n * STAGES)
        tapes, inside = part(work, row * NEW_STAGES * tape), False
        if SHARED and r[AT_END] != 0:
            pull_end(carry, lam, p_bar, f_vjp, part(state, n), p, goal, v_bars, outputs, times,
                     last, now, length, direction, part(tapes, NEW_STAGES * tape), n)  # fmt: skip
        r[AT_END] = 0
        while last > 0 and times[last - 1] == goal:
            last -= 1
            add(lam, part(outputs, last * n), n)
        if last > 0 and (times[last - 1] - now) * direction > 0:
            inside = True
            dense_stages(stages, extra, f, state, p, now, length, v, tapes, n, tape)
            begin_outputs(q, lam, n)
            while last > 0 and (times[last - 1] - now) * direction > 0:
                last -= 1
                theta = (times[last] - now) / length
                add_output(q, lam, part(outputs, last * n), theta, n)
        if SHARED:
            before = max(row - 1, 0)
            carried(carry, outputs, times, last if row > 0 else 0, now, t[before], h[before],
                    direction, n)  # fmt: skip
        if inside:
            pull_dense(lam, p_bar, q, stages, extra, f_vjp, state, p, now, length, v, k_bar,
                       v_bars, tapes, n, tape, carry)  # fmt: skip
        else:
            pull_step(lam, p_bar, stages, f_vjp, state, p, now, length, v, k_bar, v_bars,
                      tapes, n, tape, carry)  # fmt: skip
        goal = now
    while row == 0 and last > 0:
        last -= 1
        add(lam, part(outputs, last * n), n)
    r[STEPS], r[OUTPUTS_LEFT], end[0] = row, last, goal
    return row


def add(target, more, n):
    """Add n numbers to others."""
    for i in range(n):
        target[i] += more[i]


def carried(carry, outputs, times, last, end, start, length, direction, n):
    """What outputs inside a step give to its last stage, if that is the next step's first one.

    It is pulled back together with the next step, once for both.
    """
    for i in range(n):
        carry[i] = 0.0
    found = False
    while last > 0 and (times[last - 1] - end) * direction >= 0:
        last -= 1
    while last > 0 and (times[last - 1] - start) * direction > 0:
        last -= 1
        theta = (times[last] - start) / length
        carry_output(carry, part(outputs, last * n), theta, length, n)
        found = True
    return found


def pull_end(carry, lam, p_bar, f_vjp, u, p, end, v_bar, outputs, times, last, start, length,
             direction, tapes, n):  # fmt: skip
    """The last stage of the last step, which no step has as its first one."""
    if carried(carry, outputs, times, last, end, start, length, direction, n):
        for i in range(n):
            v_bar[i] = 0.0
        f_vjp(v_bar, p_bar, u, p, end, carry, tapes)
        add(lam, v_bar, n)
