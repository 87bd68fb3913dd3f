"""Freeze and unroll: from a method's readable step to a program in the lowered language.

`ExplicitRK.step` uses ``+``, ``*`` and ``f`` only, so it runs on anything that knows these. Here
it runs once on *symbols*: a symbol stands for a number or for the entries ``[i]`` of an array, and
every operation on it makes a larger expression. What comes out is the step with the tableau's
numbers written into it, for example of Heun's method

    def step(u_new, error, k1, k2, u, p, t, h, v, work, n):
        for i in range(n):
            v[i] = u[i] + h * k1[i]
        f(k2, v, p, t + h, work)
        for i in range(n):
            u_new[i] = u[i] + h * (0.5 * k1[i] + 0.5 * k2[i])
        for i in range(n):
            error[i] = h * (-0.5 * k1[i] + 0.5 * k2[i])

The same is done to dense output, to the error norm and to the guess of the first step. A method
needs only its tableau, and the mathematics stands in one place.
"""

from types import FunctionType, SimpleNamespace

from sciml_lab.solvers import autoswitch, explicit, stepping
from sciml_lab.solvers import initial_step as readable
from sciml_lab.transform.symbols import Program, Symbol
from sciml_lab.transform.tree import Lowered


def step(method) -> Lowered:
    """The step of an explicit Runge-Kutta method.

    Parameters
    ----------
    method : ExplicitRK
        Any, of a tableau of your own too.

    Returns
    -------
    Lowered
        ``step(u_new, error, error2, k1, ..., ks, u, p, t, h, v, work, n)``: expects k1, writes
        the other stages, the new state and the error estimates (those that the method has). It
        calls ``f(k, v, p, t, work)``; v holds one stage point, and n is the length of u.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(step(sl.Midpoint()).tree))
    def step(u_new, error, k1, k2, u, p, t, h, v, work, n):
        for i in range(n):
            v[i] = u[i] + h * (0.5 * k1[i])
        f(k2, v, p, t + 0.5 * h, work)
        for i in range(n):
            u_new[i] = u[i] + h * k2[i]
        for i in range(n):
            error[i] = h * (-1.0 * k1[i] + k2[i])
    """
    program, s = Program(), method.tableau.stages
    names = [f"k{i + 1}" for i in range(s)]
    f = program.right_hand_side(names[1:])
    u, p, t, h, k1 = _inputs(u=True, p=True, t=False, h=False, k1=True)
    taken = method.step(f, u, p, t, h, k1)
    results = {"u_new": taken.u, "error": taken.error, "error2": taken.error2}
    results = {name: x for name, x in results.items() if x is not None}
    program.rename(taken.u, "u_new")
    for name, x in results.items():
        if id(x) not in program.places:  # the last stage point may be the new state already
            program.write(name, x)
    return program.function("step", (*results, *names, *"upth", "v", "work", "n"))


def dense_stages(method) -> Lowered:
    """The extra stages of dense output: ``dense_stages(k1, ..., k_all, u, p, t, h, v, work, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(dense_stages(sl.DOP853()).tree).splitlines()[-1].strip())
    f(k16, v, p, t + 0.7777777777777786 * h, work)
    """
    program, s = Program(), method.tableau.stages
    names = [f"k{i + 1}" for i in range(len(method.tableau.P))]
    f = program.right_hand_side(names[s:])
    u, p, t, h = _inputs(u=True, p=True, t=False, h=False)
    method.dense_stages(f, u, p, t, h, [Symbol.named(name, True) for name in names[:s]])
    return program.function("dense_stages", (*names, *"upth", "v", "work", "n"))


def interpolate(method) -> Lowered:
    """Dense output: ``interpolate(out, k1, ..., k_all, u, h, theta, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(interpolate(sl.Euler()).tree).splitlines()[-1].strip())
    out[i] = u[i] + h * (theta * k1[i])
    """
    program = Program()
    names = [f"k{i + 1}" for i in range(len(method.tableau.P))]
    u, h, theta = _inputs(u=True, h=False, theta=False)
    k = [Symbol.named(name, True) for name in names]
    program.write("out", method.interpolate(u, k, h, theta))
    return program.function("interpolate", ("out", *names, "u", "h", "theta", "n"))


def error_norm(method) -> Lowered:
    """The norm that decides: ``error_norm(error, error2, u, u_new, rtol, atol, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> "np.sqrt" in ast.unparse(error_norm(sl.Tsit5()).tree)
    True
    """
    program = Program()
    names = ["error", "error2"][: 1 + bool(getattr(getattr(method, "rows", None), "error2", None))]
    u, u_new, rtol, atol = _inputs(u=True, u_new=True, rtol=True, atol=True)
    error, error2 = (Symbol.named(x, True) if x in names else None for x in ("error", "error2"))
    taken = SimpleNamespace(u=u_new, error=error, error2=error2)
    norm = _with(explicit.error_norm, mean_square=program.mean_square)(taken, u, rtol, atol, False)
    inputs = (*names, "u", "u_new", "rtol", "atol", "n")
    return program.function("error_norm", inputs, returns=norm)


def radius(method) -> Lowered:
    """Size of an eigenvalue, from the stages of a step: ``radius(k1, ..., ks, u, h, n)``.

    Examples
    --------
    >>> import ast, sciml_lab as sl
    >>> print(ast.unparse(radius(sl.Tsit5()).tree).splitlines()[3].strip())
    x1 = k7[i] - k6[i]
    """
    program, points = Program(), []
    k = [Symbol.named(f"k{i + 1}", True) for i in range(method.tableau.stages)]
    u, p, t, h = _inputs(u=True, p=True, t=False, h=False)

    def f(point, p, t):
        points.append(point)
        return k[len(points)]

    method.step(f, u, p, t, h, k[0])
    i, j = autoswitch.ends(method)
    moved = points[j - 1] - points[i - 1]
    size = _with(autoswitch.radius, mean_square=program.mean_square)(moved, k[j] - k[i])
    names = [f"k{i + 1}" for i in range(len(k))]
    return program.function("radius", (*names, "u", "h", "n"), returns=size)


def initial_step(order: int) -> Lowered:
    """The guess of the first step: ``initial_step(f1, u, p, t, f0, span, rtol, atol, v, work, n)``.

    Parameters
    ----------
    order : int
        Order of the method.
    """
    program = Program()
    u, p, t, f0, span = _inputs(u=True, p=True, t=False, f0=True, span=False)
    rtol, atol = _inputs(rtol=True, atol=True)
    guess = _with(readable.initial_step, mean_square=program.mean_square)(
        program.right_hand_side(["f1"]), u, p, t, f0, span, order, rtol, atol, True
    )
    inputs = ("f1", "u", "p", "t", "f0", "span", "rtol", "atol", "v", "work", "n")
    return program.function("initial_step", inputs, returns=guess)


def below_roundoff() -> Lowered:
    """Whether the tolerance is too fine: ``below_roundoff(u, rtol, atol, n)``."""
    program = Program()
    u, rtol, atol = _inputs(u=True, rtol=True, atol=True)
    run = SimpleNamespace(rtol=rtol, atol=atol, lanes=False)
    finding = _with(stepping._below_roundoff, mean_square=program.mean_square)(run, u)
    return program.function("below_roundoff", ("u", "rtol", "atol", "n"), returns=finding)


def _inputs(**kinds):
    """Symbols by name; True for an array."""
    return [Symbol.named(name, array) for name, array in kinds.items()]


def _with(function, **names):
    """The same function with other things behind some of its global names."""
    return FunctionType(function.__code__, {**function.__globals__, **names})
