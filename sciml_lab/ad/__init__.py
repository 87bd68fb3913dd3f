"""Derivatives by overloading, from scratch: dual numbers, a tape, and one table of rules.

Read `values.py` and `primitive.py` first, then `rules.py`, then `dual.py` and `tape.py`.
"""

from .api import derivative, grad, hessian, jacobian, jvp, value_and_grad, vjp
from .check import CheckError, Report, check
from .complex_step import complex_step
from .custom import primitive
from .dual import Dual
from .finite import central_difference
from .primitive import RULES, collect
from .tape import Tape, Var
from .values import is_traced, needs_reverse, primal

__all__ = [
    "RULES",
    "CheckError",
    "Dual",
    "Report",
    "Tape",
    "Var",
    "central_difference",
    "check",
    "collect",
    "complex_step",
    "derivative",
    "grad",
    "hessian",
    "is_traced",
    "jacobian",
    "jvp",
    "needs_reverse",
    "primal",
    "primitive",
    "source",
    "value_and_grad",
    "vjp",
]


def __getattr__(name):
    """Load `source` when it is first asked for: it brings the program transformation."""
    if name != "source":
        raise AttributeError(f"module 'sciml_lab.ad' has no attribute {name!r}")
    from .source_code import source

    globals()["source"] = source
    return source
