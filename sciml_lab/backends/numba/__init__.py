"""Compiled kernels on the CPU: the readable methods and the user's f, printed for Numba."""
