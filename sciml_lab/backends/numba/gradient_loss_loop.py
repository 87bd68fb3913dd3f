"""The value and the gradient of a loss, and the training loop, as a kernel runs them.

This is the text from which the kernels are made. They call the kernels of the solve and of its
reverse sweep; `update` is generated from `Adam.update` (see `gradient_loss_kernels.py`). The loss
is the mean, over trajectories, of a function of the residuals ``u(t_i) - data_i``.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def value_and_grad(block):
    """Go on until the loss and its gradient are known; returns a status of the solver's layout."""
    l = integers(block)
    c, r = integers(l[own.FORWARD]), integers(l[own.BACKWARD])
    x, y = numbers(c[at.NUMBERS], "any"), numbers(l[own.NUMBERS], "any")
    loss, loss_vjp = function(l[own.LOSS], "mmm"), function(l[own.LOSS_VJP], "mmnm")
    p_bar, lam, g = (numbers(r[back.P_BAR], "any"), numbers(r[back.LAM], "any"),
                     numbers(r[back.COTANGENTS], "any"))  # fmt: skip
    data, residuals = numbers(l[own.DATA], "any"), numbers(l[own.RESIDUALS], "any")
    starts, work = numbers(l[own.STARTS], "any"), numbers(l[own.LOSS_WORK], "any")
    out, n, count = numbers(c[at.OUT], "any"), c[at.N], l[own.TRAJECTORIES]
    size, share, status = c[at.OUTPUTS] * n, 1.0 / count, at.DONE
    if l[own.PHASE] == own.FRESH:
        y[own.VALUE] = 0.0
        fill(p_bar, 0.0, l[own.EXTENDED])
        if l[own.PACK] != 0:
            p, pack = numbers(c[at.P], "any"), function(l[own.PACK], "mm")
            pack(part(p, l[own.ROOM]), p)
        l[own.TRAJECTORY], l[own.PHASE] = 0, own.BEGINS

    while l[own.TRAJECTORY] < count:
        j = l[own.TRAJECTORY]
        if l[own.PHASE] == own.BEGINS:
            for i in range(at.CHANGING):
                c[i] = 0
            x[at.NOW], x[at.H], x[at.ERROR1], x[at.ERROR_BEFORE] = (
                x[at.START], y[own.FIRST_STEP], 1.0, 1.0
            )  # fmt: skip
            state = numbers(c[at.STORE_U], "any")
            for i in range(n):
                state[i] = starts[j * n + i]
            l[own.PHASE] = own.FORTH
        if l[own.PHASE] == own.FORTH:
            status = solve(l[own.FORWARD])
            if status != at.DONE:
                break
            for i in range(size):
                residuals[i] = out[i] - data[j * size + i]
            before = y[own.VALUE]
            loss(part(y, own.VALUE), residuals, work)
            y[own.VALUE] = before + share * y[own.VALUE]
            fill(g, 0.0, size)
            loss_vjp(g, residuals, share, work)
            fill(lam, 0.0, n)
            r[back.T], r[back.H], r[back.U], r[back.K] = (
                c[at.STORE_T], c[at.STORE_H], c[at.STORE_U], c[at.STORE_K]
            )  # fmt: skip
            r[back.STEPS], r[back.OUTPUTS_LEFT], r[back.AT_END] = c[at.ROW], c[at.OUTPUTS], 1
            end = numbers(r[back.GOAL], "any")
            end[0] = x[at.END]
            l[own.SPENT] += c[at.NACCEPT]
            l[own.PHASE] = own.BACK
        if sweep(l[own.BACKWARD]) > 0:
            status = at.RUNNING
            break
        l[own.TRAJECTORY], l[own.PHASE] = j + 1, own.BEGINS
    if status == at.DONE:
        l[own.PHASE] = own.FRESH
        if l[own.UNPACK] != 0:
            unpack = function(l[own.UNPACK], "mm")
            unpack(p_bar, part(p_bar, l[own.ROOM]))
    return status


def train(block):
    """Go on with steps of Adam; returns a status, NAN where loss or gradient is not finite."""
    l = integers(block)
    c, r, y = integers(l[own.FORWARD]), integers(l[own.BACKWARD]), numbers(l[own.NUMBERS], "any")
    p, p_bar, m = numbers(c[at.P], "any"), numbers(r[back.P_BAR], "any"), l[own.PARAMETERS]
    mean, square = numbers(l[own.MEAN], "any"), numbers(l[own.SQUARE], "any")
    best, last = numbers(l[own.BEST], "any"), numbers(l[own.LAST], "any")
    history = numbers(l[own.HISTORY], "any")
    l[own.SPENT], status = 0, at.RUNNING
    while l[own.STEP] < l[own.ASKED] and l[own.SPENT] < l[own.BUDGET]:
        if l[own.PHASE] == own.FRESH:
            copy(last, p, m)
            update(p, mean, square, p_bar, y[own.LR], y[own.BETA1], y[own.BETA2], y[own.EPS],
                   l[own.STEP] + 1.0, m)  # fmt: skip
        status = value_and_grad(block)
        if status != at.DONE:
            return status
        history[l[own.STEP]] = y[own.VALUE]
        l[own.STEP] += 1
        if not (np.isfinite(y[own.VALUE]) and finite(p_bar, m)):
            return at.NAN
        if y[own.VALUE] < y[own.BEST_VALUE]:
            y[own.BEST_VALUE], l[own.BEST_STEP] = y[own.VALUE], l[own.STEP]
            copy(best, p, m)
    return at.DONE if l[own.STEP] >= l[own.ASKED] else at.RUNNING


def fill(target, value, n):
    """Set n numbers."""
    for i in range(n):
        target[i] = value
