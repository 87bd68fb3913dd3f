"""Derivatives by overloading, from scratch: dual numbers, a tape, and one table of rules."""

from .primitive import collect
from .values import is_traced, needs_reverse, primal

__all__ = ["collect", "is_traced", "needs_reverse", "primal"]
