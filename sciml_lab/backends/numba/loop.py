"""The loop of `sciml_lab.solvers.stepping.attempts` for one trajectory, as a kernel runs it.

This is the text from which every kernel is made: what it calls (`step`, `error_norm`, `decide`,
`initial_step`, ...) is generated from the readable methods and put in front of it, see
`sciml_lab/backends/numba/kernels.py`. The entries of the two arrays are explained in `layout.py`.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false
# pyright: reportPossiblyUnboundVariable=false


def solve(block):
    """Go on with a solve until its end, a full store, or the end of the budget of attempts."""
    c = integers(block)
    x = numbers(c[NUMBERS], "any")
    n = LENGTH if LENGTH > 0 else c[N]
    f = function(c[F], "mmmnm")
    p, work = numbers(c[P], "any"), numbers(c[WORK], "any")
    v, error, error2 = numbers(c[V], "v"), numbers(c[ERROR], "error"), numbers(c[ERROR2], "error2")
    extra, rtol, atol = numbers(c[EXTRA], "k"), numbers(c[RTOL], "any"), numbers(c[ATOL], "any")
    times, out = numbers(c[TIMES], "any"), numbers(c[OUT], "out")
    store_t, store_h = numbers(c[STORE_T], "any"), numbers(c[STORE_H], "any")
    store_u, store_k = numbers(c[STORE_U], "u"), numbers(c[STORE_K], "k")
    adaptive, known, index, row = c[ADAPTIVE] != 0, c[KNOWN] != 0, c[INDEX], c[ROW]
    stride = n * STAGES if c[KEEP] != 0 else 0  # stages of a step that is not kept are overwritten
    start, end, now, h = x[START], x[END], x[NOW], x[H]
    span = end - start
    direction, slack = (1.0 if span > 0 else -1.0), 4 * ulp(abs(end))
    settings = Settings(x[KP], x[KI], x[KD], x[SAFETY], x[MIN_FACTOR], x[MAX_FACTOR])
    memory = (x[ERROR1], x[ERROR_BEFORE], c[REJECTED] != 0)
    u, k = part(store_u, row * n), part(store_k, row * stride)
    slope = numbers(c[SLOPE], "any") if IMPLICIT else k  # f at the start of a step
    nf, following, status = c[NF], c[NEXT], c[STATUS]
    if WATCHED:  # for events, or stiffness
        w = integers(c[WATCH])
        ends = numbers(w[STEPS_END], "any")

    if status == BEGIN:
        f(slope, u, p, start, work)
        nf += 1
        if c[GUESS] != 0:
            f1 = numbers(c[VALUE], "any") if IMPLICIT else part(k, n)
            h = initial_step(f1, f, u, p, start, slope, span, rtol, atol, v, work, n)
            nf += 1
        while following < c[OUTPUTS] and times[following] == start:
            copy(part(out, following * n), u, n)
            following += 1
        known = True
        if not finite(slope, n):
            status = NAN
    if status < DONE:
        status = RUNNING
    last = min(index + c[BUDGET], c[MAX_STEPS])

    while status == RUNNING and index < last:
        if c[FINEST] != 0 and below_roundoff(u, rtol, atol, n):
            status = ROUNDOFF
            break
        goal = now + h if adaptive else start + h * (index + 1)
        if (goal - end) * direction >= -slack:
            goal = end
        if goal == now and now != end:
            status = MIN_STEP
            break
        length = goal - now
        if not known:
            f(slope, u, p, now, work)
            nf += 1
        u_new = part(u, n)
        if IMPLICIT:
            nf += step(u_new, error, k, slope, f, u, p, now, length, v, work, n, c)
        else:
            step(u_new, error, error2, k, f, u, p, now, length, v, work, n)
        nf += STAGES - 1
        accepted, norm = finite(u_new, n), np.inf
        h_next = h
        if adaptive:
            if accepted:
                norm = error_norm(error, error2, u, u_new, rtol, atol, n)
            accepted, factor, memory = _decide_one(settings, norm, ERROR_ORDER, memory)
            h_next = length * factor
        index += 1
        h, known = h_next, True
        if accepted:
            c[NACCEPT] += 1
            store_t[row], store_h[row] = now, length
            first = True
            if WATCHED:
                ends[EARLIER], ends[PROPOSED] = ends[PROPOSED], h_next
                suspect = suspicious(w, k, extra, f, u, p, now, length, v, work, n, c)
                if SEARCHED:  # by dense output
                    nf += EXTRA_STAGES
                    first = False
            while following < c[OUTPUTS] and (times[following] - goal) * direction <= 0:
                place = part(out, following * n)
                if times[following] == goal:
                    copy(place, u_new, n)
                else:
                    if first:
                        dense_stages(k, extra, f, u, p, now, length, v, work, n)
                        nf += EXTRA_STAGES
                        first = False
                    interpolate(place, k, extra, u, length, (times[following] - now) / length, n)
                following += 1
            row += 1
            u, k_new = u_new, part(store_k, row * stride)
            if IMPLICIT:
                slope_new, c[LINEARISED] = numbers(c[VALUE], "any"), 0
            else:
                slope_new, slope = part(k, n * (STAGES - 1)), k_new
            if FSAL:
                copy(slope, slope_new, n)
            known = FSAL
            k, now = k_new, goal
            if now == end:
                status = DONE
            elif row == c[CAPACITY]:
                status = FULL
            if WATCHED:
                w[AFTER], status = status, EVENT if suspect else status
        else:
            c[NREJECT] += 1
            if not adaptive or abs(h) < 10 * ulp(max(abs(now), 1e-12 * abs(span))):
                status = MIN_STEP if adaptive and np.isfinite(norm) else NAN
                if IMPLICIT:
                    status = status if c[TROUBLE] == 0 else NEWTON
    if status == RUNNING and index >= c[MAX_STEPS]:
        status = MAX_STEPS_REACHED

    x[NOW], x[H], c[INDEX], c[ROW], c[NF], c[NEXT] = now, h, index, row, nf, following
    x[ERROR1], x[ERROR_BEFORE], c[REJECTED] = memory[0], memory[1], 1 if memory[2] else 0
    c[KNOWN], c[STATUS] = 1 if known else 0, status
    return status


def copy(target, origin, n):
    """Copy n numbers."""
    for i in range(n):
        target[i] = origin[i]


def finite(u, n):
    """Whether all entries are finite."""
    good = True
    for i in range(n):
        good = good and np.isfinite(u[i])
    return good
