"""A training run on disk: one npz file, replaced as a whole, never half written."""

import os
from pathlib import Path

import numpy as np


def save(path, **arrays) -> None:
    """Write arrays to `path`, so that a crash leaves either the old file or the new one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(folder + "/run.npz", p=np.arange(3.0))
    ...     load(folder + "/run.npz")["p"]
    array([0., 1., 2.])
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load(path) -> dict:
    """Read what `save` wrote.

    Raises
    ------
    ValueError
        If the file is no checkpoint.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise ValueError(
            f"checkpoint {str(path)!r} can't be read ({type(error).__name__}): "
            "delete it to start again."
        ) from None
