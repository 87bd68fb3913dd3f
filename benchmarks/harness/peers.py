"""The packages that we measure against; one that is absent is named, and the rest runs."""

import importlib
import time


class Absent(Exception):
    """A peer that isn't installed; its text says which."""


def load(name):
    """Import a peer.

    Raises
    ------
    Absent
        With a sentence for the table, if it isn't installed or doesn't load here.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:
        package = name.partition(".")[0]
        raise Absent(f"{package} was not measured: {type(error).__name__}: {error}") from None


def jax_modules():
    """Return jax and jax.numpy, with 64 bits."""
    jax = load("jax")
    jax.config.update("jax_enable_x64", True)
    return jax, load("jax.numpy")


def torch_module():
    """Return torch, with 64 bits and one thread."""
    torch = load("torch")
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    return torch


def gather(makers, *arguments):
    """Call each maker of a dict of sides; return all, and a sentence for each absent peer.

    Examples
    --------
    >>> def without():
    ...     raise Absent("x was not measured")
    >>> gather([lambda: {"a": 1}, without])
    ({'a': 1}, ['x was not measured'])
    """
    sides, absent = {}, []
    for make in makers:
        try:
            sides |= make(*arguments)
        except Absent as missing:
            absent.append(str(missing))
    return sides, absent


def first_call(call, *arguments):
    """Call it once; return the answer and the seconds that this first call took."""
    began = time.perf_counter()
    answer = call(*arguments)
    return answer, time.perf_counter() - began
