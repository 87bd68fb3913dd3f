"""A place on the tape for every stage: the one thing that a gradient's kernels do differently.

The text of a plain kernel hands its whole `work` to f. Here each call of f gets the piece of its
stage: stage i of the step in row r begins at ``(r * (s - fsal) + i - 1) * tape``, so that a last
stage that is the next step's first one has one place only. A rejected step is written over.
"""

import ast


def with_tape(tree):
    r"""The text of a kernel, or of one of its functions, changed in this way.

    Examples
    --------
    >>> text = "def step(k1, k2, f, u, p, t, v, work):\n    f(k2, v, p, t, work)"
    >>> print(ast.unparse(with_tape(ast.parse(text))))
    def step(k1, k2, f, u, p, t, v, work, tape):
        f(k2, v, p, t, part(work, 1 * tape))
    """
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name in WHERE:
            WHERE[function.name](function)
    return ast.fix_missing_locations(tree)


def in_a_step(function):
    """Stage i is what is written to k_i."""
    function.args.args.append(ast.arg("tape"))
    for call in calls(function, {"f"}):
        give(call, f"{int(call.args[0].id.removeprefix('k')) - 1} * tape")


def in_the_guess(function):
    """An evaluation that belongs to no step: behind the first stage."""
    function.args.args.append(ast.arg("tape"))
    for call in calls(function, {"f"}):
        give(call, "tape")


def in_the_loop(function):
    """The pieces of the present step begin with that of its first stage."""
    function.body[1:1] = ast.parse("tape = integers(block)[TAPE]").body
    for call in calls(function, {"f", *WHERE}):
        give(call, "row * (STAGES - FSAL) * tape")
        if call.func.id != "f":
            call.args.append(ast.Name("tape", ast.Load()))


def calls(function, names) -> list:
    """The calls of these functions."""
    return [
        node for node in ast.walk(function)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names
    ]  # fmt: skip


def give(call, offset):
    """Replace the argument `work` of a call by a later part of it."""
    place = next(i for i, x in enumerate(call.args) if getattr(x, "id", "") == "work")
    call.args[place] = ast.parse(f"part(work, {offset})", mode="eval").body


WHERE = {
    "step": in_a_step, "dense_stages": in_a_step, "initial_step": in_the_guess,
    "solve": in_the_loop,
}  # fmt: skip
