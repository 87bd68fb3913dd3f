"""Optional packages: loaded when first used, and named with a remedy when absent.

`import sciml_lab` needs NumPy alone. Everything else is asked for here, at the moment a
function cannot go on without it.
"""

import importlib
from types import ModuleType


def need(module: str, *, extra: str, what: str = "this function") -> ModuleType:
    """Import and return `module`, or say in one sentence how to install it.

    Parameters
    ----------
    module : str
        Dotted name of the module, for example ``"scipy.sparse"``.
    extra : str
        The extra of this package that installs it, for example ``"lab"``.
    what : str
        What asks for it; it becomes the subject of the sentence.

    Raises
    ------
    ImportError
        If the package is not installed, with the install command.

    Examples
    --------
    >>> need("math", extra="lab").sqrt(4.0)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and something inside it is broken: show that instead
        raise ImportError(
            f"{what} needs the package {package!r}, which is not installed: "
            f"run  python -m pip install 'sciml-lab[{extra}]'  "
            f"(or  python -m pip install {package})."
        ) from None
