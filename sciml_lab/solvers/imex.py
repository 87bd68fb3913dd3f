"""The built-in IMEX Runge-Kutta methods: pairs of Euler, of Ascher, Ruuth and Spiteri, KenCarp.

The step and the conditions are in `additive.py`. The pairs of Kennedy and Carpenter are implicit
methods as well: which of both is meant, the problem says.
"""

from typing import Any

from sciml_lab.problems import SplitProblem
from sciml_lab.solvers.additive import AdditiveRK, orders
from sciml_lab.solvers.implicit_rk import NEWTON
from sciml_lab.solvers.sdirk import SDIRK, named
from sciml_lab.solvers.tableaus import imex as tables
from sciml_lab.solvers.tableaus import kennedy_carpenter


class PairedSDIRK(SDIRK):
    """A diagonally implicit method with an explicit partner for the other part of the problem."""

    pair: Any = None

    def on(self, problem):
        """For a `SplitProblem`: the additive method; for others: the implicit one alone."""
        if not isinstance(problem, SplitProblem):
            return self
        explicit, implicit = self.pair
        return AdditiveRK(explicit, implicit, explicit.P, self.iteration, self.linear_solver)


def _paired(name, pair):
    """A class for an implicit method that is an IMEX method where the problem has two parts."""
    cls = named(
        name, pair.implicit, PairedSDIRK,
        "On a `SplitProblem` f_nonstiff is taken explicitly, by the other half of the pair.",
    )  # fmt: skip
    cls.pair, cls.__module__ = pair, __name__
    return cls


KenCarp3 = _paired("KenCarp3", kennedy_carpenter.KENCARP3)
KenCarp4 = _paired("KenCarp4", kennedy_carpenter.KENCARP4)
KenCarp5 = _paired("KenCarp5", kennedy_carpenter.KENCARP5)


def _method(name, pair):
    """A class for a built-in pair."""

    def __init__(self, iteration=NEWTON, linear_solver="auto"):
        AdditiveRK.__init__(self, *pair, iteration=iteration, linear_solver=linear_solver)

    namespace = {
        "__init__": __init__,
        "__doc__": f"{name}: additive Runge-Kutta method for a `SplitProblem`, fixed steps.\n\n"
        f"{pair.implicit.note}\n\n"
        "Parameters\n----------\niteration : SimplifiedNewton, FullNewton, FixedPoint or "
        "Anderson\n    What solves the stages.\nlinear_solver : str or object\n    As in "
        "`Linearisation`, for the Jacobian of f_stiff.\n\n"
        f"References\n----------\n{pair.implicit.source}\n\nExamples\n--------\n"
        f">>> import sciml_lab as sl\n>>> sl.{name}().order\n{orders(*pair)[0]}\n",
        "__module__": __name__,
        "__repr__": AdditiveRK.__repr__,
    }
    return type(name, (AdditiveRK,), namespace)


IMEXEuler = _method("IMEXEuler", tables.EULER)
ARS222 = _method("ARS222", tables.ARS222)
ARS443 = _method("ARS443", tables.ARS443)
