"""The measuring kit: does a method have the order that it claims, and what does accuracy cost?

With this module one can: measure orders (`convergence`), draw work-precision diagrams of any
methods on any problems (`work_precision`), see side by side what methods spend on one problem
(`compare`), tell a drift of the energy from a swing (`drift`), and examine a table of coefficients
of your own (`certificate`). All return data that print themselves; ``.plot()`` draws most.

Errors are measured at the end of the time interval against a reference: the zoo's own, one that is
given, or a solve at tight tolerance by two different methods, whose distance says how far the
reference can be trusted.
"""

from sciml_lab.measure.certificate import Certificate, certificate
from sciml_lab.measure.cost import Point, WorkPrecision, compare, work_precision
from sciml_lab.measure.drift import Drift, drift
from sciml_lab.measure.orders import Convergence, convergence
from sciml_lab.measure.references import Reference, reference

__all__ = [
    "Certificate",
    "Convergence",
    "Drift",
    "Point",
    "Reference",
    "WorkPrecision",
    "certificate",
    "compare",
    "convergence",
    "drift",
    "reference",
    "work_precision",
]
