"""Program transformation: plain Python in, readable plain Python out.

What there is, in the order in which one reads it:

- the lowered language: `tree`, its tools in `algebra`, `printing`, and `python`, which runs it;
- derivatives, from the language to itself: the table in `derivatives`, names for what is used again
  in `prepare`, then `jvp`; for the way back `usage`, `replay`, `vjp`, `gather`; `jacobian` and
  `sparsity`; at the end of each, `tidy`;
- the reader, from a source to the language: `lower` begins; values in `values` and `steps`, what is
  written in `writer` (with `reroll`) and `naming`, then `indexing`, `calls`, `expressions`,
  `statements`, `loops`, each a class on top of the one before; `jumps` before it, `copies` after;
- what the reader knows of NumPy: `numpy_arrays`, `numpy_numbers`, `numpy_sums`, `library`; of
  Python: `python_calls`; of functions with a derivative of their own: `own_rules`;
- formulas of the library that run once on `symbols`;
- for compilers, `inplace` and `vectors`.
"""

from sciml_lab.transform.lower import lower
from sciml_lab.transform.sparsity import sparsity
from sciml_lab.transform.tree import Lowered, Primitive, TransformError

__all__ = ["Lowered", "Primitive", "TransformError", "lower", "sparsity"]
