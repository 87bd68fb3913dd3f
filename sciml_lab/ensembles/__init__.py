"""Many solves of one kind: parameters or initial states vary, and cores share the work.

Read `ensemble.py` (what varies), `parts.py` (how some of the trajectories are solved),
`executors.py` (who solves them) and `solution.py` (what comes back).
"""

from sciml_lab.ensembles.ensemble import Ensemble
from sciml_lab.ensembles.solution import EnsembleSolution

__all__ = ["Ensemble", "EnsembleSolution"]
