"""Print the lowered language: short lines, few parentheses, and where each line comes from.

With this module one can: read what the program transformation has made.
"""

import ast

from sciml_lab.transform.algebra import BLOCKS, blocks, head, place_of, rebuild, show
from sciml_lab.transform.tidy import merge

WIDTH = 100
SIGNS = {ast.Add: " += ", ast.Sub: " -= "}


def text(lowered, docstring=None) -> str:
    r"""Return the source of a lowered function.

    Parameters
    ----------
    lowered : Lowered
    docstring : str, optional
        First line of the function.

    Returns
    -------
    str
        Python, at most 100 columns wide. A comment names the line of the source where it changes.

    Examples
    --------
    >>> from sciml_lab.transform.python import read
    >>> print(text(read("def f(a):\n    y = -(a * a)\n    return y")), end="")
    def f(a):
        y = -a * a  # line 2
        return y  # line 3
    """
    tree = merge(lowered).tree
    lines = [f"def {tree.name}({show(tree.args)}):"]
    if docstring:
        lines.append(f'    """{docstring}"""')
    _print_block(tree.body, 1, lines, [None])
    return "\n".join(lines) + "\n"


def _print_block(body, depth, lines, last):
    for s in body:
        line = getattr(s, "line", None)
        note = f"  # line {line}" if line not in (None, last[0]) else ""
        last[0] = line or last[0]
        for part in _wrap(_opening(s), depth, WIDTH - len(note)):
            lines.append(part + note)
            note = ""
        for word, block in zip(("", "else:"), blocks(s), strict=False):
            if word and len(block) == 1 and isinstance(block[0], ast.If):
                start = len(lines)
                _print_block(block, depth, lines, last)
                lines[start] = lines[start].replace("if ", "elif ", 1)
            elif block:
                lines.extend(["    " * depth + word] if word else [])
                _print_block(block, depth + 1, lines, last)


def _opening(s):
    """Return the text of a plain statement, or the first line of a block."""
    if isinstance(s, ast.For):
        return f"for {s.target.id} in {show(s.iter)}:"
    if isinstance(s, BLOCKS):
        word = "while" if isinstance(s, ast.While) else "if"
        return f"{word} {show(plain(head(s)))}:"
    if isinstance(s, ast.Assign | ast.AugAssign):
        target, value, sign = show(place_of(s)), plain(s.value), " = "
        text = show(value)
        if isinstance(s, ast.AugAssign):
            sign, first = " += ", value
            while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mult | ast.Div):
                first = first.left
            if isinstance(first, ast.UnaryOp) and isinstance(first.op, ast.USub):
                sign, text = " -= ", show(value.operand) if first is value else text[1:]
        elif type(getattr(value, "op", None)) in SIGNS and show(value.left) == target:  # x = x + e
            sign, text = SIGNS[type(value.op)], show(value.right)
        return target + sign + text
    if isinstance(s, ast.Return):
        return "return " + show(s.value).removeprefix("(").removesuffix(")")
    return show(s)


def plain(e):
    """Write ``-(a * b)`` as ``-a * b``, which is the same number."""
    e = rebuild(e, plain)
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        inner = e.operand
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult | ast.Div):
            return ast.BinOp(plain(ast.UnaryOp(ast.USub(), inner.left)), inner.op, inner.right)
    return e


def _wrap(code, depth, width):
    """Break a long line at its outermost + and - (then at * and commas), as a person would."""
    indent = "    " * depth
    if len(indent + code) <= width:
        return [indent + code]
    start, pieces = _pieces(code)
    if start is None:
        return [indent + code]
    head_, lines, current = code[:start], [], ""
    for piece in pieces:
        if current and len(indent) + 4 + len(current + piece) > WIDTH:
            lines.append(current)
            current = ""
        current += piece
    lines.append(current)
    body = [f"{indent}    {line.strip()}" for line in lines]
    return [f"{indent}{head_}(", *body, f"{indent})"]


def _pieces(code):
    """Cut the right side of an assignment where it may be broken: start, and the pieces."""
    start = next(
        (code.index(sign) + len(sign) for sign in (" += ", " -= ", " = ") if sign in code), 0
    )
    if not start:
        return None, []
    right = code[start:]
    for marks in ((" + ", " - ", " if ", " else "), (" * ", " / ", ", ")):
        for level in range(4):
            cuts, depth = [0], 0
            for k, letter in enumerate(right):
                depth += (letter in "([") - (letter in ")]")
                if depth <= level and any(right.startswith(m, k) for m in marks):
                    cuts.append(k)
            pieces = [right[i:j] for i, j in zip(cuts, [*cuts[1:], None], strict=True)]
            if max(map(len, pieces)) <= WIDTH - 20:
                return start, pieces
    return start, [right]
