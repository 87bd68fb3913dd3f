"""From a method to the kernel of an ensemble: the same step, for several trajectories at once.

The text is that of the method's own kernel (`kernels.py`) with three changes: names stand for
lanes (`lanes_types.py`), questions are answered in every lane (`lanes_rewrite.py`), and the loop
is that of `lanes_loop.py`.
"""

import ast
import hashlib
import inspect
from functools import cache as cache_in_memory

from sciml_lab.backends.numba import (
    cache,
    functions_math,
    kernels,
    lanes_access,
    lanes_layout,
    lanes_loop,
    lanes_math,
    lanes_types,
    layout,
    pointers,
)
from sciml_lab.backends.numba.lanes_rewrite import Powers, Rewriter

WIDTH = 8
"""Lanes of a kernel: one register of the widest kind, or two or four of the smaller ones."""

HEADER = '''"""The ensemble's kernel of {name}, generated from the readable step."""

from collections import namedtuple

import numpy as np
from numba import njit

from sciml_lab.backends.numba import lanes_math
from sciml_lab.backends.numba.lanes_access import *
from sciml_lab.backends.numba.lanes_layout import *
from sciml_lab.backends.numba.lanes_types import *
from sciml_lab.backends.numba.layout import DONE, MAX_STEPS_REACHED, MIN_STEP, NAN, ROUNDOFF
from sciml_lab.backends.numba.pointers import *

WIDTH = {width}
MADE_WITH = "{made_with}"  # a hash of what is imported here: kept code is of no use with another
exp, logarithm = (lanes_math.compiled()[name] for name in ("exp", "logarithm"))
'''


def text(method, width) -> str:
    """The text of an ensemble's kernel.

    Parameters
    ----------
    method : ExplicitRK
    width : int
        Number of lanes.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> "v[i] = u[i] + h * (0.161 * k1[i])" in text(sl.Tsit5(), 8)
    True
    """
    tree = ast.parse(kernels.text(method))
    numbers = [s for s in tree.body if isinstance(s, ast.Assign)]
    functions = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name != "solve"]
    if width > 1:  # one lane takes its powers from the C library
        functions = [Powers().visit(s) for s in functions]
    generated = [_Calls().visit(Rewriter().visit(s)) for s in functions]
    parts = [ast.unparse(ast.fix_missing_locations(s)) for s in (*numbers, *generated)]
    own = (lanes_loop.begin, lanes_loop.enter, lanes_loop.write, lanes_loop.first_outputs,
           lanes_loop.due_time)  # fmt: skip
    parts += ["@compiled\n" + inspect.getsource(one) for one in own]
    flags = "{" + ", ".join(map(repr, sorted(kernels.FLAGS))) + "}"
    last = f'@njit("int64(int64)", error_model="numpy", fastmath={flags}, nogil=True, cache=True)\n'
    parts.append(last + inspect.getsource(lanes_loop.run))
    parents = functions_math, lanes_access, lanes_layout, lanes_math, lanes_types, layout, pointers
    sources = "".join(map(inspect.getsource, parents)).encode()
    made_with = hashlib.sha256(sources).hexdigest()[:16]
    header = HEADER.format(name=method.name, width=width, made_with=made_with)
    return header + "\n" + "\n\n\n".join(part.strip() for part in parts) + "\n"


class _Calls(ast.NodeTransformer):
    """``f(k, v, p, t, work)`` becomes ``call(f, k, v, p, t, work)``: f is an address."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "f":
            return ast.Call(ast.Name("call", ast.Load()), [node.func, *node.args], [])
        return node


@cache_in_memory
def kernel(method, width):
    """The compiled kernel: ``kernel(address of a thread's block)``, without the GIL.

    One serves states of any length: made for one length it is no faster.

    Parameters
    ----------
    method : ExplicitRK
    width : int
        Number of lanes.
    """
    return cache.load(f"{method.name}_x{width}", text(method, width)).run
