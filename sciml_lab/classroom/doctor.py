"""``sciml-lab doctor``: what is installed, which version, and what works because of it."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time

import sciml_lab

#: Distribution, module, extra, and what it is for.
PACKAGES = (
    ("numpy", "numpy", "", "arrays: the only thing the solvers need"),
    ("scipy", "scipy", "lab", "sparse and banded linear algebra, L-BFGS"),
    ("matplotlib", "matplotlib", "lab", "pictures"),
    ("autograd", "autograd", "lab", "an outside opinion on derivatives"),
    ("tqdm", "tqdm", "lab", "progress bars"),
    ("jupyterlab", "jupyterlab", "lab", "opening the lessons"),
    ("ipykernel", "ipykernel", "lab", "running the lessons"),
    ("ipywidgets", "ipywidgets", "lab", "sliders"),
    ("nbformat", "nbformat", "classroom", "reading notebooks"),
    ("nbclient", "nbclient", "classroom", "the instructor's versions"),
    ("nbval", "nbval", "classroom", "grading"),
    ("numba", "numba", "accel", "compiled kernels"),
    ("cupy-cuda12x", "cupy", "gpu", "arrays on a GPU"),
)


def report() -> str:
    """The findings as text, one line each; what is missing comes with its remedy.

    Examples
    --------
    >>> report().splitlines()[0].startswith("sciml_lab ")
    True
    """
    lines = [
        f"sciml_lab {sciml_lab.__version__} in {os.path.dirname(sciml_lab.__file__)}",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores",
        "",
    ]
    missing: dict[str, list[str]] = {}
    for distribution, module, extra, purpose in PACKAGES:
        version = _version(distribution, module)
        lines.append(f"  {distribution:<14}{version or 'not installed':<16}{purpose}")
        if version is None and extra:
            missing.setdefault(extra, []).append(distribution)
    lines += ["", *map(_sentence, CHECKS)]
    for extra, names in missing.items():
        lines.append(
            f"For {', '.join(names)}: python -m pip install 'sciml-lab[{extra}]'"
            f"{' (needs an NVIDIA GPU)' if extra == 'gpu' else ''}"
        )
    return "\n".join(lines)


def _solve() -> str:
    """A solution whose error is known."""
    import numpy as np

    problem = sciml_lab.ODEProblem(lambda u, p, t: -u, u0=[1.0], tspan=(0.0, 1.0))
    begin = time.perf_counter()
    solution = sciml_lab.solve(problem, sciml_lab.Tsit5(), rtol=1e-8, atol=1e-10)
    milliseconds = 1e3 * (time.perf_counter() - begin)
    error = abs(float(solution.u[-1, 0]) - np.exp(-1.0))
    if error > 1e-6:
        raise ArithmeticError(f"u' = -u comes out wrong by {error:.0e}")
    return f"error {error:.0e} at t = 1 of u' = -u, {milliseconds:.0f} ms"


def _differentiate() -> str:
    """A derivative that is known."""
    slope = float(sciml_lab.ad.derivative(lambda x: x * x * x, 2.0))
    if abs(slope - 12.0) > 1e-12:
        raise ArithmeticError(f"the derivative of x^3 at 2 comes out as {slope} instead of 12")
    return "the derivative of x^3 at 2 is 12"


def _draw() -> str:
    """A picture without a screen."""
    from sciml_lab._optional import need

    need("matplotlib", extra="lab", what="Drawing")
    agg = importlib.import_module("matplotlib.backends.backend_agg")
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1])
    agg.FigureCanvasAgg(figure).draw()
    return "a picture is drawn"


def _kernel() -> str:
    """The kernel that the notebooks ask for."""
    from sciml_lab._optional import need

    specs = need("jupyter_client.kernelspec", extra="lab", what="Running a notebook")
    found = specs.KernelSpecManager().find_kernel_specs()
    if "python3" not in found:
        raise LookupError("no kernel 'python3': run  python -m pip install 'sciml-lab[lab]'")
    return f"kernel python3 in {found['python3']}"


def _grade() -> str:
    """How well submissions would be walled in."""
    from sciml_lab._optional import need
    from sciml_lab.classroom import sandbox

    need("nbval", extra="classroom", what="Grading")
    return sandbox.SENTENCES[sandbox.protection()]


def _compiled() -> str:
    """A compiled solve, and where kernels are kept."""
    from sciml_lab._optional import need

    need("numba", extra="accel", what="backend='numba'")
    cache = importlib.import_module("sciml_lab.backends.numba.cache")
    kept = len({path.name.rsplit("_", 1)[0] for path in cache.folder().glob("*.kernel")})
    first = next(iter(cache.candidates()))
    note = "" if cache.folder() == first else f" ({first} can't be written to)"
    remedy = "" if kept else "; to compile them now, run  sciml-lab doctor --warm"
    return f"{kept} kernels kept in {cache.folder()}{note}{remedy}"


def _gpu() -> str:
    """A GPU, and whether arrays reach it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none found; everything runs on the processor"
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    name = found.stdout.strip().partition("\n")[0]
    if found.returncode != 0 or not name:
        return "the driver is there, but shows no GPU"
    if importlib.util.find_spec("cupy") is None:
        return f"{name}; arrays don't reach it without CuPy"
    cupy = importlib.import_module("cupy")
    return f"{name}; sum on the GPU gives {float(cupy.arange(4.0).sum()):g} (right: 6)"


CHECKS = (
    ("solving", _solve),
    ("derivatives", _differentiate),
    ("drawing", _draw),
    ("notebooks", _kernel),
    ("grading", _grade),
    ("compiled solvers", _compiled),
    ("GPU", _gpu),
)


def _sentence(check) -> str:
    """One line on one check: that it works, or what is wrong."""
    name, run = check
    try:
        return f"{name}: {run()}"
    except Exception as error:  # the doctor reports whatever it finds
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        return f"{name}: does not work. {said}"


def _version(distribution: str, module: str) -> str | None:
    """The installed version, None if the module can't be found."""
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(module), "__version__", "of unknown version"))
