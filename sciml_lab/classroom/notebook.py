"""A notebook as plain data: read, check the shape, write the same bytes every time.

Only what the classroom needs, on the JSON itself, so that building a release needs no package.
Cells are dictionaries with ``cell_type``, ``metadata``, ``source`` (one string here; a list of
lines in the file) and, for code, ``outputs`` and ``execution_count``.
"""

import hashlib
import json
import re
import stat
from pathlib import Path

#: A larger file is not a notebook that a person wrote: it is refused before it is parsed.
MAX_BYTES = 10_000_000

_CELL_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")

KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


class NotebookError(ValueError):
    """A file that is not a notebook, or a master that breaks a rule; the message says which."""


def read(path, max_bytes: int = MAX_BYTES) -> dict:
    """The notebook in `path`, every source as one string.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        A larger file is refused before it is parsed.

    Raises
    ------
    NotebookError
        If there is no such file, it is too large, is not JSON, or is not a version-4 notebook.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotebookError(f"{path.name} is not a file: give the notebook itself.")
        size = status.st_size
        if size > max_bytes:
            raise NotebookError(
                f"{path.name} has {size / 1e6:.0f} MB and at most {max_bytes / 1e6:.0f} MB are "
                "read: clear all outputs and save it again."
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotebookError(f"{path.name} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise NotebookError(f"{path.name} is not text in UTF-8, so it is no notebook.") from None
    return parse(text, path.name)


def parse(text: str, name: str = "the notebook") -> dict:
    """The notebook written in `text`; `name` is what the error messages call it.

    Examples
    --------
    >>> parse('{"cells": 1}')
    Traceback (most recent call last):
        ...
    sciml_lab.classroom.notebook.NotebookError: the notebook has no list of cells, so it is no \
notebook (of format 4).
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) or type(error).__name__
        raise NotebookError(f"{name} is not valid JSON ({said}).") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(map(_is_cell, cells)):
        raise NotebookError(f"{name} has no list of cells, so it is no notebook (of format 4).")
    for cell in cells:
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
        cell["source"] = cell["source"].encode("utf-8", "replace").decode()  # halves of characters
    if not isinstance(notebook.setdefault("metadata", {}), dict):
        raise NotebookError(f"{name} has metadata that are no dictionary.")
    return notebook


def dumps(notebook: dict) -> str:
    """The text of `notebook`, the same for the same content: sorted keys, one space of indent."""
    cells = [{**cell, "source": cell["source"].splitlines(keepends=True)} for cell in
             notebook["cells"]]  # fmt: skip
    whole = {**notebook, "cells": cells}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def new(cells: list[dict]) -> dict:
    """A format-4.5 notebook of `cells` with ids that depend on the content alone."""
    return {
        "cells": with_ids(cells),
        "metadata": json.loads(json.dumps(KERNEL)),
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def cell(kind: str, source: str, *, tags=(), **metadata) -> dict:
    """One cell, ``kind`` being "code" or "markdown".

    Examples
    --------
    >>> cell("code", "1 + 1", tags=["raises-exception"])["metadata"]
    {'tags': ['raises-exception']}
    """
    if tags:
        metadata["tags"] = list(tags)
    made = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def with_ids(cells: list[dict]) -> list[dict]:
    """`cells`, each with an id: its grade_id, else its own, else a digest of its source."""
    seen: set[str] = set()
    done = []
    for each in cells:
        wish = str(grade_id(each) or each.get("id") or "")
        if not _CELL_ID.match(wish) or wish in seen:
            wish = hashlib.sha256(each["source"].encode()).hexdigest()[:12]
        name, count = wish, 1
        while name in seen:
            count += 1
            name = f"{wish[:56]}-{count}"
        seen.add(name)
        done.append({**each, "id": name})
    return done


def grading(cell: dict) -> dict:
    """The nbgrader metadata of `cell`, empty where it has none."""
    found = cell["metadata"].get("nbgrader")
    return found if isinstance(found, dict) else {}


def grade_id(cell: dict) -> str | None:
    """The name under which nbgrader knows `cell`."""
    found = grading(cell).get("grade_id")
    return found if isinstance(found, str) else None


def _is_cell(cell) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return False
    source = cell.get("source")
    lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    return (lines or isinstance(source, str)) and isinstance(cell.setdefault("metadata", {}), dict)
