"""The linear algebra under implicit methods: Jacobians, factors, iterations."""

from .coloring import color, recover, seeds

__all__ = ["color", "recover", "seeds"]
