"""End values of the problems on grids."""

BRUSSELATOR_1D = {}
BRUSSELATOR_2D = {}
MEDICAL_AKZO_NOBEL = {}
