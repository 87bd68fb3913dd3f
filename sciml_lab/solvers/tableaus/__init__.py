"""Published coefficients of the built-in methods: data only, proved by the order conditions.

To add a method, write one `Tableau` here and one line in `solvers/explicit.py`.
"""

from .dormand_prince import DOP853, DP5
from .low_order import BS3, EULER, HEUN, MIDPOINT, RALSTON, RK4
from .tsitouras import TSIT5
from .verner7 import VERN7
from .verner9 import VERN9

__all__ = [
    "BS3",
    "DOP853",
    "DP5",
    "EULER",
    "HEUN",
    "MIDPOINT",
    "RALSTON",
    "RK4",
    "TSIT5",
    "VERN7",
    "VERN9",
]
