"""What is to be solved: problems as small frozen objects, and a zoo of named ones."""

import importlib
from typing import TYPE_CHECKING

from sciml_lab.problems.constrained import ConstrainedMotion
from sciml_lab.problems.dae import DAEProblem
from sciml_lab.problems.ode import ODEProblem, Problem
from sciml_lab.problems.structured import (
    HamiltonianProblem,
    SecondOrderProblem,
    SemilinearProblem,
    SplitProblem,
)

if TYPE_CHECKING:
    from sciml_lab.problems import zoo

__all__ = [
    "ConstrainedMotion",
    "DAEProblem",
    "HamiltonianProblem",
    "ODEProblem",
    "Problem",
    "SecondOrderProblem",
    "SemilinearProblem",
    "SplitProblem",
    "zoo",
]


def __getattr__(name: str):
    """Load the zoo when it is first asked for."""
    if name == "zoo":
        return importlib.import_module("sciml_lab.problems.zoo")
    raise AttributeError(f"module 'sciml_lab.problems' has no attribute {name!r}")
