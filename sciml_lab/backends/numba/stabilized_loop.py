"""One step of RKC as its kernel takes it: `Chebyshev.step` and `RKC.step`, with memory for both.

This text goes into a kernel. The formulas that it calls (`next_stage`, `next_coefficients`,
`needed`, `settled`, ...) are the readable ones of `sciml_lab/solvers/stabilized.py`. Two vectors
hold the stages: each new one is written over the one before the last.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def step(u_new, error, k, slope, f, u, p, t, h, v, work, n, c):
    """Take one step; returns the evaluations of f, and leaves f at its end in VALUE."""
    own = integers(c[OWN])
    memory, direction = numbers(own[MEMORY], "any"), numbers(own[DIRECTION], "w")
    f0, value = numbers(c[SLOPE], "x"), numbers(c[VALUE], "y")
    count, c[TROUBLE] = 0, 0
    memory[AGE] = AGAIN if t == memory[TIME] else memory[AGE] + 1
    memory[TIME] = t
    if memory[AGE] >= AGAIN:
        if own[RADIUS] != 0:
            given = function(own[RADIUS], "mmmnm")
            given(part(memory, RHO), u, p, t, numbers(own[RADIUS_WORK], "any"))
        else:
            start = numbers(own[START_DIRECTION], "any")
            memory[RHO], count = radius(f, u, p, t, f0, direction, start, value, v, work, n)
        memory[AGE] = 0
    rho = memory[RHO]
    stages = needed(h, rho) if abs(h) * rho < 1e36 else 10**18
    if stages > own[MOST_STAGES]:
        c[TROUBLE] = stages
        u_new[0] = np.nan
        return count
    if stages % 2 == 0:
        recursion(u_new, v, f, u, p, t, h, f0, value, work, n, stages)
    else:
        recursion(v, u_new, f, u, p, t, h, f0, value, work, n, stages)
    f(value, u_new, p, t + h, work)
    estimate(error, u, u_new, f0, value, h, n)
    return count + stages


def recursion(even, odd, f, u, p, t, h, f0, slope, work, n, stages):
    """The stages: those of even number in one vector, the others in another."""
    w0, w1 = stretching(stages)
    two, one, b_two = (1.0, 0.0, 0.0), (w0, 1.0, 0.0), first_weight(w0)
    b_one, node = b_two, w1 * b_two
    copy(even, u, n)
    first_stage(odd, u, f0, node * h, n)
    for j in range(2, stages + 1):
        new, b, mu, nu, mu_tilde, gamma_tilde = next_coefficients(w0, w1, one, two, b_one, b_two)
        if j % 2 == 0:
            f(slope, odd, p, t + node * h, work)
            next_stage(even, u, f0, odd, slope, h, mu, nu, mu_tilde, gamma_tilde, n)
        else:
            f(slope, even, p, t + node * h, work)
            next_stage(odd, u, f0, even, slope, h, mu, nu, mu_tilde, gamma_tilde, n)
        node = w1 * new[2] / new[1]
        two, one, b_two, b_one = one, new, b_one, b


def radius(f, u, p, t, f0, direction, start, value, point, work, n):
    """`RKC.radius`: the spectral radius, and how many evaluations of f it took."""
    size = norm(u, n)
    size = size if size > 0.0 else 1.0
    if norm(direction, n) == 0.0:
        copy(direction, f0, n)
    if norm(direction, n) == 0.0:
        copy(direction, start, n)
    delta, old, rho, count = np.sqrt(EPS) * size, 0.0, 0.0, 0
    for _ in range(ITERATIONS):
        factor = delta / norm(direction, n)
        for i in range(n):
            point[i] = u[i] + factor * direction[i]
        f(value, point, p, t, work)
        count += 1
        for i in range(n):
            direction[i] = value[i] - f0[i]
        rho = norm(direction, n) / delta
        if settled(rho, old):
            break
        old = rho
    return ENLARGED * rho, count


def norm(v, n):
    """Length of a vector."""
    total = 0.0
    for i in range(n):
        total += v[i] * v[i]
    return np.sqrt(total)
