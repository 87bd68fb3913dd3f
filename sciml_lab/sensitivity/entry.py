"""One solve, one entry: how a whole solve becomes a single operation of a tape or of autograd.

A solve is a function of numbers, ``(u0, p, t0, t1, saveat) -> sol.u``. Whatever traces these
inputs need not see the thousands of operations inside. Three steps make one operation of them:

1. `take_apart` finds the innermost derivative among the inputs and takes that level off;
2. the caller solves with the lower values (plain numbers, or values of an outer derivative) and
   knows a *pullback*, from a cotangent of the answer to one of every input;
3. `Inputs.enter` puts answer and pullback on the tape, or into autograd's graph, as one entry.
"""

from functools import lru_cache

from sciml_lab._optional import need
from sciml_lab.ad import collect, is_traced, needs_reverse, primal
from sciml_lab.ad.primitive import Primitive
from sciml_lab.ad.values import Traced, is_box


class Inputs:
    """What a solve is differentiated by, and the same solve one level below.

    Attributes
    ----------
    problem, saveat
        With the traced values.
    lower : ODEProblem
        The problem without the innermost derivative.
    lower_saveat : array, float or None
        The output times without it.
    names : tuple of str
        Which of u0, p, t0, t1, saveat are differentiated.
    top : traced value
        One of those that carry the innermost derivative.
    """

    def __init__(self, problem, saveat, top):
        self.problem, self.saveat, self.top = problem, saveat, top
        values = _parts(problem, saveat)
        lower = {name: lower_level(x, top) for name, x in values.items()}
        self.values = {name: x for name, x in values.items() if lower[name] is not x}
        self.names = tuple(self.values)
        self.lower_saveat = lower["saveat"]
        self.lower = problem
        if self.names != ("saveat",):
            tspan = (lower["t0"], lower["t1"])
            self.lower = problem.replace(u0=lower["u0"], p=lower["p"], tspan=tspan)
        if any(is_box(x) for x in lower.values()):
            raise TypeError(
                "autograd differentiates this solve twice, and the adjoint serves it once: pass "
                "sensitivity=sl.ThroughSolver(), or take second derivatives with sl.ad.hessian."
            )

    def enter(self, answer, pull, values=None):
        """Return the answer as one traced value.

        Parameters
        ----------
        answer : array
            Result of the solve, one level below.
        pull : callable
            From a cotangent of the answer to a dictionary, name -> cotangent of that input.
        values : dict, optional
            The traced inputs by name, where they are not those of the solve.
        """
        inputs = self.values if values is None else values
        if _level_of(answer) >= _level_of(self.top):
            raise TypeError(
                "f uses a traced value that is neither in p nor in u0, so its derivative would be "
                "lost: pass it to f through p, or choose sensitivity=sl.ThroughSolver()."
            )
        rule = SolvePrimitive(tuple(inputs), answer, pull)
        if is_box(self.top):
            return _autograd_entry()(rule, *inputs.values())
        return self.top.apply(rule, tuple(inputs.values()), {})

    def times(self, t):
        """Output times with their derivatives, from the plain ones of the lower solve."""
        if "saveat" in self.names:
            return self.values["saveat"][: len(t)]
        if self.saveat is not None or not {"t0", "t1"} & set(self.names):
            return t
        start, end = self.problem.tspan
        t = list(t)
        t[0] = start
        if float(primal(t[-1])) == float(primal(end)):
            t[-1] = end
        return collect(t)


class SolvePrimitive(Primitive):
    """A primitive whose value is known before it is called, and whose VJP is a pullback."""

    __slots__ = ("answer", "names", "pullback")

    def __init__(self, names, answer, pullback):
        super().__init__(lambda *inputs: answer, (), (), "solve")
        self.names, self.answer, self.pullback = names, answer, pullback

    def __call__(self, *inputs, **settings):
        """Return the answer that is already there."""
        return self.answer

    def pull(self, wanted, g, answer, values, kwargs):
        """Cotangents of the inputs with these numbers, from one run of the pullback."""
        bars = self.pullback(g)
        return [bars[self.names[k]] for k in wanted]


def take_apart(problem, saveat):
    """Return the `Inputs` of a solve that is taped, or None if no tape is innermost."""
    if is_traced(saveat):
        saveat = collect(saveat).reshape(-1)  # one traced time is a list of one
    traced = [x for x in _parts(problem, saveat).values() if is_traced(x)]
    if not traced:
        return None
    boxes = [x for x in traced if is_box(x)]
    if boxes and len(boxes) < len(traced):
        raise TypeError(
            "u0, p, tspan and saveat are traced by autograd and by sciml_lab.ad at once: "
            "differentiate all of them with the same of the two."
        )
    top = max(traced, key=_level_of)
    return Inputs(problem, saveat, top) if needs_reverse(top) else None


def lower_level(x, top):
    """Take the derivative of the level of `top` off a value (and leave all others)."""
    if not is_traced(x) or _level_of(x) != _level_of(top):
        return x
    return x._value if is_box(x) else x.value


def _parts(problem, saveat):
    t0, t1 = problem.tspan
    return {"u0": problem.u0, "p": problem.p, "t0": t0, "t1": t1, "saveat": saveat}


def _level_of(x):
    """Depth of a value's innermost derivative; -1 for plain numbers."""
    if isinstance(x, Traced):
        return x.level
    return x._trace if is_box(x) else -1


@lru_cache(maxsize=1)
def _autograd_entry():
    """The solve as a primitive of autograd (made once: autograd never forgets a primitive)."""
    extend = need("autograd.extend", extra="lab", what="the gradient of a solve by autograd")

    @extend.primitive
    def solve_entry(rule, *inputs):
        return rule.answer

    def vjps(argnums, answer, args, settings):
        rule, wanted = args[0], [k - 1 for k in argnums]

        def pull(g):
            if is_box(g):
                raise TypeError(
                    "autograd differentiates the gradient of this solve again, and the adjoint "
                    "serves it once: pass sensitivity=sl.ThroughSolver()."
                )
            return rule.pull(wanted, g, answer, args[1:], settings)

        return pull

    extend.defvjp_argnums(solve_entry, vjps)
    return solve_entry
