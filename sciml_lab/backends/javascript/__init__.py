"""The second target after Python itself: lowered functions and whole solvers as JavaScript."""
