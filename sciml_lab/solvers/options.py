"""The options of `solve`, checked: each mistake gets one sentence that names the argument."""

import math

import numpy as np

from sciml_lab.ad import is_traced, primal
from sciml_lab.solvers.events import Callback

MOST_OUTPUTS = 1e8


def tolerances(rtol, atol, shape):
    """Return rtol and atol as arrays that fit u, or say what is wrong with them."""
    out = []
    for name, value in (("rtol", rtol), ("atol", atol)):
        try:
            array = np.asarray(value, dtype=float)
            if array.ndim:
                np.broadcast_to(array, shape)
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} must be a positive number, or one for each entry of u (shape {shape}); "
                f"got {value!r}."
            ) from None
        if not (np.isfinite(array) & (array >= 0)).all():
            raise ValueError(f"{name} must be positive and finite (got {value!r}): try 1e-6.")
        out.append(array)
    if not out[1].all():
        raise ValueError(
            "atol must be positive (got 0): with atol = 0 a component that crosses zero asks for "
            "infinite precision; choose the size below which a value does not matter, such as "
            "1e-12."
        )
    return out


def step_choice(method, dt, adaptive, span):
    """Return (dt, adaptive): whether the step is fixed, and its size."""
    if dt is not None:
        try:
            dt = float(dt)
        except (TypeError, ValueError):
            raise TypeError(f"dt must be a number (got {dt!r}).") from None
        if not (math.isfinite(dt) and dt > 0):
            raise ValueError(
                f"dt must be positive and finite (got {dt}): the direction comes from tspan."
            )
        if dt > abs(span):
            raise ValueError(
                f"dt = {dt} is longer than the time interval ({abs(span)}): choose a smaller dt."
            )
    if adaptive is None:
        adaptive = method.adaptive
    elif flag("adaptive", adaptive) and not method.adaptive:
        raise ValueError(
            f"adaptive=True needs an error estimate, which {method.name} does not have: give dt "
            "instead, or use an embedded method such as Tsit5()."
        )
    if not adaptive and dt is None:
        raise ValueError(
            f"dt is required: {method.name} takes fixed steps here, and their size decides the "
            "accuracy. Give dt=..., or use an adaptive method such as Tsit5()."
        )
    return dt, bool(adaptive)


def save_times(saveat, tspan, lanes):
    """Return the output times as a list in the direction of integration, or None for all steps."""
    start, end = float(primal(tspan[0])), float(primal(tspan[1]))
    if saveat is None:
        return [tspan[0], tspan[1]] if lanes else None
    if is_traced(saveat):
        times = [saveat] if np.ndim(primal(saveat)) == 0 else list(saveat)
        values = np.array([float(primal(s)) for s in times])
    else:
        values = _plain_times(saveat, start, end)
        times = values.tolist()
    if not np.all(np.isfinite(values)):
        raise ValueError("saveat must hold finite times; it holds NaN or infinity.")
    low, high = min(start, end), max(start, end)
    slack = 1e-12 * max(abs(low), abs(high))
    outside = values[(values < low - slack) | (values > high + slack)]
    if outside.size:
        raise ValueError(
            f"saveat holds t = {outside[0]:.6g}, outside tspan = ({start:.6g}, {end:.6g}): drop "
            "it or widen tspan."
        )
    steps = np.diff(values) * (1 if end > start else -1)
    if np.any(steps < 0):
        raise ValueError(
            "saveat must be ordered in the direction of integration "
            f"({'increasing' if end > start else 'decreasing'} here): sort it."
        )
    # Rounding may have pushed a time a little out.
    return [s if is_traced(s) else min(max(s, low), high) for s in times]


def _plain_times(saveat, start, end):
    """Plain numbers: a list of times, or a spacing between them."""
    try:
        if isinstance(saveat, bool | np.bool_):
            raise TypeError
        values = np.asarray(saveat, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"saveat must be a list of times or one spacing (got {saveat!r})."
        ) from None
    if values.ndim > 1:
        raise ValueError(f"saveat must be one-dimensional (got shape {values.shape}).")
    if values.ndim == 1:
        if values.size == 0:
            raise ValueError("saveat is empty: leave it out to save every step, or list times.")
        return values
    if not (np.isfinite(values) and values > 0):
        raise ValueError(f"saveat as a spacing must be positive and finite (got {saveat!r}).")
    if abs(end - start) > MOST_OUTPUTS * values:
        raise ValueError(
            f"saveat = {saveat!r} asks for an output after every such spacing, more than "
            f"{MOST_OUTPUTS:.0e} of them: choose a wider spacing, or list the times."
        )
    count = int(np.floor(abs(end - start) / values * (1 + 1e-12)))
    times = start + np.sign(end - start) * values * np.arange(count + 1)
    if abs(times[-1] - end) > 1e-12 * abs(end - start):
        times = np.append(times, end)
    return times


def one_of(name, value, allowed):
    """Return value if it is among the allowed ones, else say which are."""
    if value not in allowed:
        listed = ", ".join(repr(a) for a in allowed)
        raise ValueError(f"{name} must be one of {listed} (got {value!r}).")
    return value


def flag(name, value):
    """Return value if it is a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False (got {value!r}).")
    return bool(value)


def seed_value(seed):
    """Return seed if randomness could start from it."""
    plain = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    if not (seed is None or plain or isinstance(seed, np.random.Generator)):
        raise TypeError(
            f"seed must be a whole number, a numpy Generator, or None (got {seed!r}): try 0."
        )
    return seed


def step_limit(max_steps):
    """Return max_steps as a positive int."""
    if isinstance(max_steps, bool) or not isinstance(max_steps, int | np.integer) or max_steps < 1:
        raise ValueError(f"max_steps must be a positive whole number (got {max_steps!r}).")
    return int(max_steps)


def callback_list(callbacks):
    """Return callbacks as a tuple of callables."""
    if callable(callbacks) or isinstance(callbacks, Callback):
        callbacks = (callbacks,)
    try:
        callbacks = tuple(callbacks)
    except TypeError:
        raise TypeError(
            f"callbacks must be a function of a StepRecord or a list of them (got {callbacks!r})."
        ) from None
    for c in callbacks:
        if not (callable(c) or isinstance(c, Callback)) or isinstance(c, type):
            raise TypeError(
                f"callbacks must be events such as sl.Event(...) or functions of a StepRecord; "
                f"{c!r} is neither."
            )
    return callbacks
