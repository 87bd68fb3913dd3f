"""Machine code of a compiled f on disk: the second process that meets the same f need not compile.

The key is the lowered text with all that had a part in it: the numbers frozen in, our own compiler
passes, the versions of Numba, LLVM and NumPy, and the processor. What is kept is the object code as
LLVM made it, without names or paths of the user's.
"""

import contextlib
import hashlib
import pickle
import sys
from functools import lru_cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core.registry import cpu_target

from sciml_lab.backends.numba import cache

OURS = ("functions.py", "functions_math.py", "pointers.py", "machine_code.py")
MOST = 500  # files that are kept


@lru_cache(maxsize=1)
def _surroundings() -> bytes:
    """Everything outside of the text that decides what is compiled."""
    from sciml_lab import __version__

    folder = Path(__file__).parent
    sources = [(folder / name).read_bytes() for name in OURS]
    features = llvm.get_host_cpu_features().flatten()
    words = (
        __version__, sys.version, numba.__version__, llvmlite.__version__,
        np.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), features,
    )  # fmt: skip
    return b"\0".join([*sources, *(word.encode() for word in words)])


def place(name, key) -> Path:
    """Return the file for the code of a function with this key."""
    digest = hashlib.sha256(_surroundings() + repr(key).encode()).hexdigest()[:24]
    return cache.folder() / f"{name}_{digest}.code"


def load(path):
    """Return (address, what keeps it alive) of kept code, or None."""
    with contextlib.suppress(OSError, ValueError, EOFError, KeyError, pickle.UnpicklingError):
        name, digest, data = _parts(path.read_bytes())
        if hashlib.sha256(data).hexdigest() != digest:
            return None
        kept = pickle.loads(data)  # a file that we wrote, and its hash is right
        library = cpu_target.target_context.codegen().unserialize_library(kept)
        return library.get_pointer_to_function(name), library
    return None


def save(path, name, library):
    """Keep the code of a finished library; a disk that is full or closed is no reason to stop."""
    data = pickle.dumps(library.serialize_using_object_code())
    head = f"{name}\n{hashlib.sha256(data).hexdigest()}\n".encode()
    with contextlib.suppress(OSError):
        cache.write_file(path, head + data)
        cache.drop_oldest(path.parent, "*.code", MOST)


def _parts(content):
    """Split a file into name, hash and data."""
    name, digest, data = content.split(b"\n", 2)
    return name.decode(), digest.decode(), data
