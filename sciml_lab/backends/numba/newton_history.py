"""What a method remembers whose error is seen from two steps: `HistoryStepper` in a kernel.

This is text that stands in a kernel; `attempt_first` and `attempt_later` are generated.
"""
# ruff: noqa: F821 - the names come from the text in front
# pyright: reportUndefinedVariable=false, reportGeneralTypeIssues=false


def attempt(u_new, error, value, k, slope, f, u, p, t, h, z, base, v, work, n, c):
    """One step; if the last one was accepted, it has become the step before."""
    d = integers(c[ITERATION])
    y = numbers(d[STATE], "any")
    earlier, tried = numbers(d[EARLIER], "any"), numbers(d[TRIED], "any")
    if y[UNSURE] == 0.0 and y[H_TRIED] != 0.0:
        copy(earlier, tried, n)
        y[H_BEFORE], y[H_TRIED] = y[H_TRIED], 0.0
    if y[H_BEFORE] == 0.0:
        solved = attempt_first(u_new, error, value, k, slope, f, u, p, t, h, z, base, v, work, n, c)
    else:
        solved = attempt_later(
            u_new, error, value, k, slope, f, u, p, t, h, z, base, v, work, n, c, earlier,
            y[H_BEFORE],
        )  # fmt: skip
    if solved:
        copy(tried, slope, n)
        y[H_TRIED] = h
    return solved
