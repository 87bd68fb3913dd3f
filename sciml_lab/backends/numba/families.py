"""Which families of methods have kernels of their own kind, and for which problems."""

from types import ModuleType

from sciml_lab.linalg.newton import SimplifiedNewton
from sciml_lab.solvers.nystrom import Nystrom
from sciml_lab.solvers.sdirk import HistoryStepper, SDIRKStepper
from sciml_lab.solvers.stabilized import RKC
from sciml_lab.solvers.symplectic import Splitting


def family(method) -> ModuleType | None:
    """The module that makes the kernels of a method; None for those made by `kernels.kernel`.

    It has a function ``drive(f, method, u0, p, side, kept)``.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> family(sl.KahanLi8()).__name__, family(sl.Tsit5())
    ('sciml_lab.backends.numba.partitioned', None)
    """
    if isinstance(method, Splitting) and not method.adaptive:
        from sciml_lab.backends.numba import partitioned

        return partitioned
    if isinstance(method, Nystrom):
        from sciml_lab.backends.numba import nystrom

        return nystrom
    if isinstance(method, RKC):
        from sciml_lab.backends.numba import stabilized

        return stabilized
    if getattr(method, "stepper", None) in (SDIRKStepper, HistoryStepper):
        from sciml_lab.backends.numba import newton_drive

        return newton_drive
    return None


def no_iteration(problem, method) -> str:
    """Why the equations of a step are not solved in a kernel, in a few words; empty if they are.

    Parameters
    ----------
    problem : ODEProblem
    method : ImplicitRK
    """
    if type(method.iteration) is not SimplifiedNewton:
        return f"iteration={type(method.iteration).__name__}() has no compiled form"
    if len(method.gammas) > 1:
        return f"{method.name} has several numbers on the diagonal of A"
    if not method.tableau.stiffly_accurate:
        return f"the last stage of {method.name} is not its new state"
    return ""
