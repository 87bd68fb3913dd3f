"""Program transformation: plain Python in, readable plain Python out.

Read `tree.py` first (the lowered language), then `lower.py` (from a source to it), then the passes
`jvp.py`, `vjp.py`, `jacobian.py` and `sparsity.py` (from it to itself).
"""

from sciml_lab.transform.lower import lower
from sciml_lab.transform.sparsity import sparsity
from sciml_lab.transform.tree import Lowered, Primitive, TransformError

__all__ = ["Lowered", "Primitive", "TransformError", "lower", "sparsity"]
