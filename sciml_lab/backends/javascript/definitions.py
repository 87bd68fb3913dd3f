"""Print a function of the lowered language as JavaScript: the second target, after Python itself.

`printer` writes the function down. Here it gets what it needs around it: its constants,
the networks that it calls, and for the operators in which JavaScript differs from Python
(``//``, ``%``, ``**``) the functions of `js/arithmetic.js`.
"""

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np

from sciml_lab.backends.javascript.printer import Printer, number
from sciml_lab.transform.tree import Lowered

FOLDER = Path(__file__).parent / "js"


def javascript(lowered: Lowered, name: str | None = None) -> str:
    r"""Print a function, its constants and primitives, and what it needs of `js/arithmetic.js`.

    Parameters
    ----------
    lowered : Lowered
        A function on flat arrays (the in-place form), or one of numbers that returns its result.
    name : str, optional
        Another name for it.

    Returns
    -------
    str
        JavaScript for any engine since 2015.

    Raises
    ------
    TransformError
        For a function of NumPy without a counterpart in `FUNCTIONS`.

    Examples
    --------
    >>> tree = ast.parse("def f(du, u, p, t, work):\n    du[0] = -p[0] * u[0]").body[0]
    >>> print(javascript(Lowered(tree, {})))
    function f(du, u, p, t, work) {
      du[0] = -p[0] * u[0];
    }
    """
    return join(definitions(lowered, name))


def definitions(lowered: Lowered, name: str | None = None) -> dict:
    """Return the texts of a function, its constants and its primitives, by their names."""
    name = name or lowered.name
    texts = {
        one.name: Printer({}).function(ast.parse(one.call).body[0], one.name)
        for one in lowered.primitives.values()
    }
    names = {constant: f"{name}${constant}" for constant in lowered.constants}
    for constant, value in lowered.constants.items():
        entries = ", ".join(number(float(x)) for x in np.ravel(value))
        texts[names[constant]] = f"const {names[constant]} = Float64Array.of({entries});"
    return texts | {name: Printer(names).function(lowered.tree, name)}


def join(texts: dict) -> str:
    """Put definitions below each other, and above them what they need of `js/arithmetic.js`."""
    body = "\n\n".join(texts.values())
    called = set(re.findall(r"(\w+)\(", body))
    return "\n\n".join([*(text for name, text in _arithmetic().items() if name in called), body])


@cache
def _arithmetic() -> dict:
    """Return the functions of `js/arithmetic.js` with their comments, by name."""
    _, *blocks = (FOLDER / "arithmetic.js").read_text("utf-8").strip().split("\n\n")
    return {re.search(r"function (\w+)", text)[1]: text for text in blocks}
