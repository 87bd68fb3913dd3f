"""The loop of `sciml_lab.solvers.stepping.attempts` for the trajectories of an ensemble.

This is the text from which every ensemble's kernel is made (see `lanes_kernel.py`). `WIDTH`
trajectories are on their way side by side, each with its own time, step size and error. One that
has arrived hands in its results, and the next one of the queue takes its lane; the queue is
shared by all threads. What happens in one lane does not depend on the others, so the results are
the same, bit for bit, for any number of threads.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false


def run(block):
    """Solve trajectories until the queue is empty."""
    c = integers(block)
    x, shared = numbers(c[NUMBERS], "any"), integers(c[COMMON])
    n, f, stride = c[N], c[F], c[STRIDE]
    who, following, counts = integers(c[WHO]), integers(c[FOLLOWING]), integers(c[COUNTS])
    u, u_new, k = (memory(c[U], "u", WIDTH), memory(c[U_NEW], "v", WIDTH), memory(c[K], "k", WIDTH))
    v, error, error2 = (memory(c[V], "v", WIDTH), memory(c[ERROR], "error", WIDTH),
                        memory(c[ERROR2], "error2", WIDTH))  # fmt: skip
    extra, place = memory(c[EXTRA], "k", WIDTH), memory(c[PLACE], "out", WIDTH)
    p, work = memory(c[P], "any", WIDTH), memory(c[WORK], "any", WIDTH)
    rtol, atol, times = numbers(c[RTOL], "any"), numbers(c[ATOL], "any"), numbers(c[TIMES], "any")
    reached, first_h = numbers(c[REACHED], "any"), numbers(c[FIRST_H], "any")
    start, end, adaptive = x[START], x[END], c[ADAPTIVE] != 0
    span = end - start
    direction, slack = (1.0 if span > 0 else -1.0), 4 * ulp(abs(end))
    settings = Settings(x[KP], x[KI], x[KD], x[SAFETY], x[MIN_FACTOR], x[MAX_FACTOR])
    zero, number = everywhere(0.0, WIDTH), numbering(WIDTH)
    now, h, due, trouble, norm = zero, zero, zero, zero, zero
    index, naccept, nf = zero, zero, zero
    busy = known = number < 0.0
    memories = (zero + 1.0, zero + 1.0, busy)
    slot, group, waiting = WIDTH, 0, True

    while True:
        # A free lane takes the next trajectory.
        if waiting and some(~busy):
            free = answers(~busy)
            for i in range(WIDTH):
                if (free >> i) & 1 == 0 or not waiting:
                    continue
                if slot == WIDTH:
                    group, slot = take(shared, QUEUE, WIDTH), 0
                    if group < c[COUNT]:
                        begin(c, x, group, n, v, work)
                waiting = group + slot < c[COUNT]
                if waiting:
                    enter(c, i, slot, n)
                    j, fresh = group + slot, number == i
                    following[i], who[i] = first_outputs(c, j, n, start), j
                    now, h = where(fresh, start, now), where(fresh, first_h[slot], h)
                    memories = (where(fresh, 1.0, memories[0]), where(fresh, 1.0, memories[1]),
                                memories[2] & ~fresh)  # fmt: skip
                    index, naccept = where(fresh, 0.0, index), where(fresh, 0.0, naccept)
                    nf = where(fresh, 1.0 + c[GUESS], nf)
                    due = where(fresh, due_time(c, times, following[i], direction), due)
                    busy, known = busy | fresh, known | fresh
                    trouble = where(fresh, where(finite(k, n), 0.0, NAN), trouble)
                    slot += 1
        if not some(busy) or shared[STOP] != 0:
            break

        # One attempt in every lane.
        if c[FINEST] != 0:
            trouble = where(busy & below_roundoff(u, rtol, atol, n), ROUNDOFF, trouble)
        goal = now + h if adaptive else start + h * (index + 1.0)
        goal = where((goal - end) * direction >= -slack, end, goal)
        trouble = where(busy & (goal == now), MIN_STEP, trouble)
        moving = busy & (trouble == 0.0)
        goal = where(moving, goal, now)
        length = goal - now
        if not FSAL and some(moving & ~known):
            call(f, k, u, p, now, work)
            nf = where(moving & ~known, nf + 1.0, nf)
            known = known | moving
        step(u_new, error, error2, k, f, u, p, now, length, v, work, n)
        nf, index = where(moving, nf + (STAGES - 1.0), nf), where(moving, index + 1.0, index)
        accepted = finite(u_new, n)
        if adaptive:
            norm = where(accepted, error_norm(error, error2, u, u_new, rtol, atol, n), np.inf)
            accepted, factor, memories = _decide_one(settings, norm, ERROR_ORDER, memories)
            h = length * factor
        accepted = accepted & moving
        rejected = moving & ~accepted
        naccept = where(accepted, naccept + 1.0, naccept)

        # Outputs between here and the goal.
        pending = accepted & ((due - goal) * direction <= 0.0)
        first = True
        while some(pending):
            exact = due == goal
            if some(pending & ~exact):
                if first:
                    dense_stages(k, extra, f, u, p, now, length, v, work, n)
                    nf, first = where(pending & ~exact, nf + EXTRA_STAGES, nf), False
                interpolate(place, k, extra, u, length, (due - now) / length, n)
            for i in range(n):
                place[i] = where(exact, u_new[i], place[i])
            ready = answers(pending)
            for i in range(WIDTH):
                if (ready >> i) & 1:
                    write(c, i, who[i], following[i], n)
                    following[i] += 1
                    later = due_time(c, times, following[i], direction)
                    due = where(number == i, later, due)
            pending = accepted & ((due - goal) * direction <= 0.0)

        # The accepted lanes move on.
        for i in range(n):
            u[i] = where(accepted, u_new[i], u[i])
        if FSAL:
            for i in range(n):
                k[i] = where(accepted, k[n * (STAGES - 1) + i], k[i])
        known = known & ~accepted if not FSAL else known
        now = where(accepted, goal, now)
        if adaptive:
            tiny = 10 * spacing(max(abs(now), 1e-12 * abs(span)))
            stuck = where(norm < np.inf, MIN_STEP, NAN)
            trouble = where(rejected & (abs(h) < tiny), stuck, trouble)
        else:
            trouble = where(rejected, NAN, trouble)
        open_end = busy & (now != end) & (trouble == 0.0)
        trouble = where(open_end & (index >= c[MAX_STEPS]), MAX_STEPS_REACHED, trouble)

        # Those that have arrived, or failed, hand in their results.
        leaving = busy & ((now == end) | (trouble != 0.0))
        if some(leaving):
            gone = answers(leaving)
            for i in range(WIDTH):
                if (gone >> i) & 1:
                    j, why = who[i], int(lane(trouble, i))
                    counts[STATUS * stride + j] = why if why != 0 else DONE
                    counts[NACCEPT * stride + j] = int(lane(naccept, i))
                    counts[NREJECT * stride + j] = int(lane(index - naccept, i))
                    counts[NF * stride + j] = int(lane(nf, i))
                    counts[WRITTEN * stride + j] = following[i]
                    reached[j] = lane(now, i)
                    take(shared, FINISHED, 1)
            busy = busy & ~leaving
    return 0


def begin(c, x, group, n, v, work):
    """Evaluate f and guess the first step for the next trajectories, all at once."""
    f, start, stride = c[F], x[START], c[STRIDE] // WIDTH
    starts, first_u = memory(c[STARTS], "any", WIDTH), memory(c[FIRST_U], "u", WIDTH)
    first_p, first_k = memory(c[FIRST_P], "any", WIDTH), memory(c[FIRST_K], "k", WIDTH)
    parameters, first_h = memory(c[PARAMETERS], "any", WIDTH), memory(c[FIRST_H], "any", WIDTH)
    time = everywhere(start, WIDTH)
    for i in range(n):
        first_u[i] = starts[i * stride + group // WIDTH]
    for i in range(c[OWN]):
        first_p[i] = parameters[i * stride + group // WIDTH]
    call(f, first_k, first_u, first_p, time, work)
    first_h[0] = everywhere(x[DT], WIDTH)
    if c[GUESS] != 0:
        rtol, atol = numbers(c[RTOL], "any"), numbers(c[ATOL], "any")
        f1 = memory(c[ERROR], "error", WIDTH)
        first_h[0] = initial_step(
            f1, f, first_u, first_p, time, first_k, x[END] - start, rtol, atol, v, work, n
        )


def enter(c, i, slot, n):
    """Copy a trajectory that was begun into lane i."""
    u, k, p = numbers(c[U], "u"), numbers(c[K], "k"), numbers(c[P], "any")
    first_u, first_k = numbers(c[FIRST_U], "u"), numbers(c[FIRST_K], "k")
    first_p = numbers(c[FIRST_P], "any")
    for m in range(n):
        u[m * WIDTH + i] = first_u[m * WIDTH + slot]
        k[m * WIDTH + i] = first_k[m * WIDTH + slot]
    for m in range(c[OWN]):
        p[m * WIDTH + i] = first_p[m * WIDTH + slot]


def write(c, i, j, row, n):
    """Copy the output of lane i to its row, of trajectory j."""
    place, out = numbers(c[PLACE], "out"), numbers(c[OUT], "any")
    for m in range(n):
        out[(row * n + m) * c[STRIDE] + j] = place[m * WIDTH + i]


def first_outputs(c, j, n, start):
    """Write the outputs at the start, and return how many there are."""
    times, out, starts = numbers(c[TIMES], "any"), numbers(c[OUT], "any"), numbers(c[STARTS], "any")
    row = 0
    while row < c[OUTPUTS] and times[row] == start:
        for m in range(n):
            out[(row * n + m) * c[STRIDE] + j] = starts[m * c[STRIDE] + j]
        row += 1
    return row


def due_time(c, times, row, direction):
    """The next output time, or one that never comes."""
    return times[row] if row < c[OUTPUTS] else direction * np.inf
