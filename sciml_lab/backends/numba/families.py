"""Which families of methods have kernels of their own kind, and for which problems."""

from types import ModuleType

from sciml_lab.solvers.nystrom import Nystrom
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
    return None
