"""A whole solver in JavaScript: f, the unrolled step of a method, its error norm and control law.

The text is printed from the readable Python source, by way of the lowered language (`unroll`).
Only the loop around it, `js/solve.js`, is written by hand.
"""

import ast
import inspect
import json
import textwrap

from sciml_lab.backends import unroll
from sciml_lab.backends.javascript.definitions import FOLDER, definitions, join
from sciml_lab.transform.tree import Lowered, TransformError


def method(method, name: str) -> dict:
    """Return the text of a function that makes the method for an f, and what it calls.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> text = method(sl.Heun(), "Heun")["Heun"]
    >>> "u_new[i] = u[i] + h * (0.5 * k1[i] + 0.5 * k2[i]);" in text
    True
    """
    parts = [unroll.step(method), unroll.initial_step(method.order), unroll.interpolate(method)]
    estimates = bool(method.rows.error) + bool(method.rows.error2)
    stages, kept = method.tableau.stages, len(method.tableau.P)
    parts += [unroll.error_norm(method)] if estimates else []
    parts += [unroll.dense_stages(method)] if kept > stages else []
    facts = {
        "name": method.name, "order": method.order, "stages": stages, "kept": kept,
        "fsal": bool(method.tableau.fsal), "adaptive": bool(method.adaptive),
        "estimates": estimates, "errorOrder": method.error_order if estimates else 0,
        "c": [float(c) for c in method.rows.c],
    }  # fmt: skip
    functions = [text for part in parts for text in definitions(part).values()]
    members = "".join(f", {part.name}" for part in parts)
    body = "\n\n".join(functions) + f"\n\nreturn {{...{json.dumps(facts)}{members}}};"
    return {name: f"function {name}(f) {{\n{textwrap.indent(body, '  ')}\n}}"}


def controller(controller, name: str) -> dict:
    """Return the text of a step-size controller: its ``decide``, with its numbers written in.

    Raises
    ------
    TransformError
        For a controller that is no `PIDController` and does not derive from one.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> "const accept = error <= 1.0;" in controller(sl.IController(), "I")["I"]
    True
    """
    laws = [getattr(type(controller), law, None) for law in ("_law", "_reject", "_decide_one")]
    if None in laws:
        remedy = "derive it from sl.PIDController."
        raise TransformError(f"the controller {controller!r}", remedy)
    texts = []
    for law in laws:
        source = textwrap.dedent(inspect.getsource(law))
        tree = _Frozen(controller, law.__globals__).visit(ast.parse(source).body[0])
        texts += definitions(Lowered(ast.fix_missing_locations(tree), {})).values()
    facts = json.dumps({"name": controller.name, "start": controller.start()})
    texts.append(f"return {{...{facts}, decide: _decide_one}};")
    body = textwrap.indent("\n\n".join(texts), "  ")
    return {name: f"const {name} = (() => {{\n{body}\n}})();"}


class _Frozen(ast.NodeTransformer):
    """Write the numbers of an object into the text of one of its methods.

    ``self.gain`` becomes its value, ``self.method(...)`` a call of a function, and so do global
    numbers; what is not said with numbers (the docstring) is left out.
    """

    def __init__(self, owner, surroundings):
        self.owner, self.surroundings = owner, surroundings

    def visit_FunctionDef(self, node):
        """Without self, docstring and types."""
        node.args.args = [ast.arg(a.arg) for a in node.args.args[1:]]
        node.body = node.body[1:] if ast.get_docstring(node) else node.body
        return self.generic_visit(node)

    def visit_Attribute(self, node):
        """``self.gain`` and ``self.method``."""
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            return node
        value = getattr(self.owner, node.attr)
        return ast.Name(node.attr, ast.Load()) if callable(value) else ast.Constant(float(value))

    def visit_Name(self, node):
        """Numbers of the module."""
        value = self.surroundings.get(node.id)
        return ast.Constant(value) if isinstance(value, int | float) else node

    def visit_Call(self, node):
        """``Decision(a, b, c)`` is the tuple ``a, b, c``."""
        node = self.generic_visit(node)
        made = self.surroundings.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if isinstance(made, type) and issubclass(made, tuple):
            return ast.Tuple(node.args, ast.Load())
        return node


def loop() -> dict:
    """Return the loop around a step, and the test for a tolerance that is too fine."""
    text = (FOLDER / "solve.js").read_text("utf-8").strip()
    return definitions(unroll.below_roundoff()) | {"solve.js": text}


def module(f, by, controlled) -> str:
    """Return an ES module that exports ``solve(u0, p, t0, t1, options)``.

    Parameters
    ----------
    f : InPlace
        ``f(du, u, p, t, work)`` on flat arrays.
    by : ExplicitRK
        The method.
    controlled : PIDController
        The step-size controller.

    Returns
    -------
    str
        ``solve`` takes the options rtol, atol, dt, adaptive and maxSteps, and returns an object
        with t, u, steps, run, success and trouble. It takes the steps that `solve` takes.

    Examples
    --------
    >>> import sciml_lab as sl
    >>> from sciml_lab.transform.inplace import inplace
    >>> from sciml_lab.transform.lower import lower
    >>> f = inplace(lower(sl.zoo.lorenz.f, [1.0, 0.0, 0.0], [10.0, 28.0, 8 / 3], 0.0))
    >>> "export function solve(u0" in module(f, sl.Euler(), sl.PIController())
    True
    """
    texts = definitions(f) | method(by, "method") | controller(controlled, "controller") | loop()
    texts["solve"] = (
        "export function solve(u0, p, t0, t1, options) {\n"
        f"  const equation = {{f: {f.name}, work: {f.work}}};\n"
        "  return integrate(prepare(equation, method, controller, u0, p, t0, t1, options));\n}"
    )
    return join(texts) + "\n"
