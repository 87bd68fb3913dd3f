"""Solvers for differential equations: methods, control, dense output, and `solve`."""
