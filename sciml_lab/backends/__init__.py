"""What carries out the arithmetic: chosen by name in `solve`, loaded on demand."""
