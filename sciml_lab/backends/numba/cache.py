"""Where compiled kernels live on disk, and how they get there.

Numba keeps machine code on disk only for functions that stand in a file. So the text of a kernel
is written to one, and Numba puts the code beside it. The name of the file holds a hash of the text
and of the versions of everything that had a part in it: after an upgrade the old files are not
looked at any more. (Numba itself checks the processor.)

The first folder that can be written to serves: inside the package, so that an installation that
was warmed up once serves everybody, or else in the user's folder for caches.
"""

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import llvmlite
import numba
import numpy as np

VARIABLE = "SCIML_LAB_CACHE"  # names another folder
MOST = 200  # kernels that are kept: all methods of a version take some forty


@lru_cache(maxsize=1)
def folder() -> Path:
    """The folder of the kernels."""
    for candidate in candidates():
        if _writable(candidate):
            return candidate
    return Path(tempfile.mkdtemp(prefix="sciml_lab_"))  # lost after this process, but it works


def candidates():
    """The folders in the order in which they are tried."""
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE])
    yield Path(__file__).parents[2] / "__pycache__" / "kernels"
    with contextlib.suppress(RuntimeError):  # a user without a home
        home = Path.home()
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        elif sys.platform == "darwin":
            base = home / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
        yield base / "sciml_lab" / "kernels"


def _writable(path):
    """Whether files can be made in a folder, which is made if need be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def load(name, text):
    """Import the text of a kernel as a module; what it compiles is kept on disk.

    Parameters
    ----------
    name : str
        Part of the file's name.
    text : str
        The module's text.
    """
    stem = re.sub(r"\W", "_", name)[:40]
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    key = "\n".join((text, *_imported(text), *versions))
    module_name = f"sciml_lab_kernel_{stem}_{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    path = folder() / f"{module_name}.kernel"  # Python, but no part of the package
    _adopt(path)
    if not path.exists():
        drop_oldest(path.parent, "*.kernel", MOST - 1)
    write_file(path, text.encode())
    try:
        return _import(module_name, path)
    except Exception:  # a broken or foreign file beside the text can fail in any way: make it anew
        _remove_compiled(path)
        return _import(module_name, path)


def _imported(text):
    """The sources of our own modules that a text imports: their numbers are compiled in."""
    for module in re.findall(r"^from (sciml_lab[\w.]*) import", text, re.MULTILINE):
        yield Path(importlib.import_module(module).__file__).read_text("utf-8")


def _import(name, path):
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba asks for it by name
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def write_file(path, data):
    """Write a file in one go, unless it is there: another process may read it any time."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)


def drop_oldest(folder, pattern, most):
    """Remove the oldest files of a kind, with what Numba keeps of them, until so many are left.

    The folder would grow for ever: every version has other kernels, and a student compiles many
    versions of one f.
    """
    with contextlib.suppress(OSError):  # another process may be faster, or have a file open
        files = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
        for path in files[: max(len(files) - most, 0)]:
            path.unlink()
            _remove_compiled(path)


def _adopt(path):
    """Copy what is kept of a kernel in a folder that can't be written to, if there is such a one.

    Numba looks beside the text only, and needs to write there.
    """
    for place in candidates():
        if place == path.parent:
            return
        if not path.exists() and (place / path.name).exists():
            with contextlib.suppress(OSError):
                (path.parent / "__pycache__").mkdir(exist_ok=True)
                for old in (place / "__pycache__").glob(f"{path.stem}.*.nb[ci]"):
                    shutil.copy2(old, path.parent / "__pycache__")
                shutil.copy2(place / path.name, path)  # with its time, by which Numba knows it


def _remove_compiled(path):
    """Remove what Numba keeps of a file."""
    for place in (path.parent / "__pycache__", path.parent):
        for old in place.glob(f"{path.stem}.*.nb[ci]"):
            with contextlib.suppress(OSError):
                old.unlink()
