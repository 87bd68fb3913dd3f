"""Small, readable differential-equation solvers, automatic differentiation and neural equations.

The public names live here and load when first used: `import sciml_lab` costs at most NumPy.

Examples
--------
>>> import numpy as np, sciml_lab as sl
>>> prob = sl.ODEProblem(lambda u, p, t: -p[0] * u, u0=[1.0], tspan=(0.0, 1.0), p=[2.0])
>>> sol = sl.solve(prob, sl.Tsit5(), rtol=1e-8, atol=1e-10)
>>> bool(abs(sol.u[-1, 0] - np.exp(-2.0)) < 1e-7)
True
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_SUBMODULES = (
    "ad",
    "classroom",
    "linalg",
    "measure",
    "neural",
    "nn",
    "plot",
    "problems",
    "sensitivity",
    "solvers",
    "transform",
)

_NAMES = {
    "sciml_lab.problems": (
        "ConstrainedMotion",
        "DAEProblem",
        "HamiltonianProblem",
        "ODEProblem",
        "SecondOrderProblem",
        "SemilinearProblem",
        "SplitProblem",
        "zoo",
    ),
    "sciml_lab.linalg.krylov": ("GMRES",),
    "sciml_lab.linalg.precondition": ("ILU", "BlockJacobi", "Jacobi"),
    "sciml_lab.linalg.aggregation": ("AlgebraicMultigrid",),
    "sciml_lab.linalg.multigrid": ("Multigrid",),
    "sciml_lab.solvers.tableau": ("Tableau",),
    "sciml_lab.solvers.explicit": (
        "METHODS",
        "ExplicitRK",
        "Euler",
        "Midpoint",
        "Heun",
        "Ralston",
        "RK4",
        "BS3",
        "DP5",
        "Tsit5",
        "Vern7",
        "Vern9",
        "DOP853",
    ),
    "sciml_lab.solvers.sdirk": (
        "SDIRK",
        "ImplicitEuler",
        "Kvaerno3",
        "Kvaerno5",
        "TRBDF2",
        "Trapezoid",
    ),
    "sciml_lab.solvers.additive": ("AdditiveRK",),
    "sciml_lab.solvers.imex": (
        "ARS222",
        "ARS443",
        "IMEXEuler",
        "KenCarp3",
        "KenCarp4",
        "KenCarp5",
    ),
    "sciml_lab.solvers.imex_multistep": ("CNAB2", "SBDF2", "SBDF3", "SplitMultistep"),
    "sciml_lab.solvers.multirate": (
        "MIS2",
        "MRIGARKERK33a",
        "MRIGARKERK45a",
        "MultirateRK",
    ),
    "sciml_lab.solvers.multirate_extrapolation": ("ExtrapolatedMultirateEuler",),
    "sciml_lab.solvers.multirate_table": ("MultirateTable",),
    "sciml_lab.solvers.rosenbrock": (
        "ROSENBROCK_METHODS",
        "Rosenbrock",
        "Rosenbrock23",
        "Rodas4",
        "Rodas4P",
        "Rodas5P",
    ),
    "sciml_lab.solvers.rosenbrock_tableau": ("RosenbrockTableau",),
    "sciml_lab.solvers.gauss": ("Gauss", "ImplicitMidpoint"),
    "sciml_lab.solvers.radau": ("RadauIIA5",),
    "sciml_lab.linalg.newton": ("Anderson", "FixedPoint", "FullNewton", "SimplifiedNewton"),
    "sciml_lab.solvers.qndf": ("QNDF",),
    "sciml_lab.solvers.fbdf": ("FBDF",),
    "sciml_lab.solvers.initialise": ("consistent",),
    "sciml_lab.solvers.method": ("Method", "Step"),
    "sciml_lab.solvers.autoswitch": ("AutoSwitch",),
    "sciml_lab.solvers.exponential_rosenbrock": ("Exprb32", "Exprb43"),
    "sciml_lab.solvers.exponential": ("ETD1", "ETDRK4", "ExponentialRK", "HochOst4", "LawsonEuler"),
    "sciml_lab.solvers.stabilized": ("RKC",),
    "sciml_lab.solvers.symplectic": (
        "KahanLi6",
        "KahanLi8",
        "McAte4",
        "McAte5",
        "Ruth3",
        "Splitting",
        "SymplecticEuler",
        "VelocityVerlet",
        "Yoshida6",
    ),
    "sciml_lab.solvers.time_transformed": ("AdaptiveVerlet",),
    "sciml_lab.solvers.nystrom_tableau": ("NystromTableau",),
    "sciml_lab.solvers.nystrom": ("DPRKN6", "Nystrom", "Nystrom4", "Nystrom5"),
    "sciml_lab.solvers.events": ("Discrete", "Event", "Periodic", "Preset"),
    "sciml_lab.solvers.after_step": (
        "Positive",
        "Project",
        "Saving",
        "SteadyState",
        "StepLimit",
    ),
    "sciml_lab.solvers.control": (
        "IController",
        "PIController",
        "PIDController",
        "PredictiveController",
    ),
    "sciml_lab.solvers.solution": ("Solution", "SolveError", "SolveInterrupted"),
    "sciml_lab.solvers.prepare": ("prepare",),
    "sciml_lab.solvers.solve": ("solve", "steps"),
    "sciml_lab.ensembles": ("Ensemble", "EnsembleSolution"),
    "sciml_lab.sensitivity": ("DiscreteAdjoint", "ForwardSensitivity", "ThroughSolver"),
    "sciml_lab.nn": ("Adam", "LBFGS", "train", "History"),
}

_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted([*_HOME, *_SUBMODULES, "__version__"])


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name in _SUBMODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'sciml_lab' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names that tab completion shows."""
    return __all__
