"""From a solution to its gradient: three ways to differentiate a solve."""

from sciml_lab.sensitivity.discrete import DiscreteAdjoint
from sciml_lab.sensitivity.forward import ForwardSensitivity, Sensitivities
from sciml_lab.sensitivity.through import ThroughSolver

__all__ = ["DiscreteAdjoint", "ForwardSensitivity", "Sensitivities", "ThroughSolver"]
