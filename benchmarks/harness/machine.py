"""One thread for everybody, and the line that says on what was measured."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "numpy", "scipy", "numba", "numbalsoda", "jax", "diffrax", "optax", "torch", "torchdiffeq",
    "autograd",
)  # fmt: skip


def limit_threads(count=1) -> int:
    """Keep this process to `count` cores (None: all it may use); call it before peers load.

    Returns
    -------
    int
        The number of cores.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = count or len(cores) or os.cpu_count() or 1
    if cores:
        os.sched_setaffinity(0, cores[-count:])
    os.environ["NUMBA_NUM_THREADS"] = str(count)
    os.environ["JAX_ENABLE_X64"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return count


def versions() -> str:
    """Python and the packages that are installed here."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def environment(threads=1) -> str:
    """Processor, cores used and versions: no names of hosts or folders."""
    cores = os.cpu_count() or 1
    used = "one thread" if threads == 1 else f"{threads} threads"
    return f"{processor()}, {cores} cores, {used} used; {platform.system()}; {versions()}"


def processor() -> str:
    """The model of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text())
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
