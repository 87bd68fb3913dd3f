"""The measuring kit: does a method have the order that it claims, and what does accuracy cost?

With this module one can: measure orders (`convergence`), draw work-precision diagrams of any
methods on any problems (`work_precision`), and see side by side what methods spend on one problem
(`compare`). All return data that print as a table; ``.plot()`` draws them.

Errors are measured at the end of the time interval against a reference: the zoo's own, one that is
given, or a solve at tight tolerance by two different methods, whose distance says how far the
reference can be trusted.
"""

from sciml_lab.measure.cost import Point, WorkPrecision, compare, work_precision
from sciml_lab.measure.orders import Convergence, convergence
from sciml_lab.measure.references import Reference, reference

__all__ = [
    "Convergence",
    "Point",
    "Reference",
    "WorkPrecision",
    "compare",
    "convergence",
    "reference",
    "work_precision",
]
