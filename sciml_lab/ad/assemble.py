"""From pushes and pulls to whole matrices.

With this module one can: see what a Jacobian costs. A push with the identity gives all its columns
at once, a pull gives one row, and a gradient by a forward mode is the Jacobian times 1.
"""

from typing import Any

import numpy as np

from .finite import second_difference
from .modes import PULL, PUSH, call
from .values import is_traced, primal


def full_jacobian(f, x, mode):
    """Compute all dy_i/dx_j, of shape ``y.shape + x.shape``."""
    if x.dtype.kind == "c":
        return _complex_jacobian(f, x, mode)
    if mode in PULL:
        return tidy(rows(f, [x], mode)[1][0])
    y, slope = PUSH[mode](f, [x], [identity(x)])
    return tidy(np.reshape(slope, (*y.shape, *x.shape)))


def _complex_jacobian(f, x, mode):
    """Move x along the real and the imaginary axis: the slopes must be the same number."""
    if mode in PULL:
        y, pull = PULL[mode](f, [x])
        along, across = (
            np.stack([pull(np.reshape(part * row, y.shape))[0] for row in np.eye(y.size)])
            if y.size
            else np.zeros((0, *x.shape))
            for part in (1.0, 1j)
        )
    elif mode == "dual":
        one = identity(x)
        y, slope = PUSH[mode](f, [x], [np.concatenate([one, 1j * one], axis=-1)])
        along, across = slope[..., : x.size], slope[..., x.size :]
    else:
        raise TypeError("x is complex, and steps differentiate along real x only: use mode='dual'.")
    if not np.allclose(primal(across), 1j * primal(along)):
        raise ValueError(
            "f has no complex derivative here, since it is not analytic (does it use abs, real or "
            "conj?): use grad of a real result, or jvp along a direction."
        )
    return tidy(np.reshape(along, (*y.shape, *x.shape)))


def rows(f, xs, mode):
    """Sweep once for each entry of y: the Jacobian by rows, one block for each real argument."""
    y, pull = PULL[mode](f, xs)
    parts = (1.0, -1j) if np.iscomplexobj(primal(y)) else (1.0,)  # real and imaginary part of y
    blocks = [np.zeros((*y.shape, *x.shape)) for x in xs]
    if y.size:
        swept = [
            [pull(np.reshape(part * row, y.shape)) for row in np.eye(y.size)] for part in parts
        ]
        blocks = [sum(
            unit * np.reshape(np.stack([row[k] for row in rows]), (*y.shape, *x.shape))
            for unit, rows in zip((1.0, 1j), swept, strict=False)
        ) for k, x in enumerate(xs)]  # fmt: skip
    return y, blocks


def pull_by_pushing(f, xs, mode) -> Any:
    """Get ``J^T g`` from the whole Jacobian, as a forward mode has to."""
    y, blocks = None, []
    for k, x in enumerate(xs):
        one = identity(x)
        if x.dtype.kind == "c":
            one = np.concatenate([one, 1j * one], axis=-1)
        y, slope = PUSH[mode](lambda z, k=k: call(f, [*xs[:k], z, *xs[k + 1 :]]), [x], [one])
        blocks.append(np.reshape(slope, (y.size, one.shape[-1])))

    def pull(g):
        found = []
        for x, block in zip(xs, blocks, strict=True):
            x_bar = np.real(np.ravel(g) @ block)
            if x.dtype.kind == "c":
                x_bar = x_bar[: x.size] - 1j * x_bar[x.size :]
            found.append(np.reshape(x_bar, x.shape))
        return found

    return y, pull


def second_differences(f, x):
    """Compute the Hessian from values of f alone."""
    need_scalar(call(f, [x]))
    unit = np.reshape(identity(x), (*x.shape, x.size))
    n = x.size
    h = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            value = second_difference(lambda z: call(f, [z]), x, unit[..., i], unit[..., j])
            h[i][j] = h[j][i] = np.reshape(value, ())
    flat = np.stack([np.stack(row) for row in h]) if n else np.zeros((0, 0))
    return tidy(np.reshape(flat, x.shape * 2))


def identity(x):
    """Give the directions of all entries of x, along the last axis."""
    return np.reshape(np.eye(x.size), (*x.shape, x.size))


def need_scalar(y):
    """Refuse a result that has no gradient."""
    if y.size != 1:
        raise ValueError(
            f"f must return one number for a gradient (it returned shape {y.shape}): take a sum or "
            "an entry of it, or use jacobian."
        )
    if np.iscomplexobj(primal(y)):
        raise TypeError(
            "f must return a real number for a gradient (it returned a complex one): take its real "
            "part, its imaginary part or abs."
        )


def tidy(y):
    """Hand out an array of its own, or a NumPy scalar; traced values as they are."""
    return y if is_traced(y) else np.array(y)[()]
