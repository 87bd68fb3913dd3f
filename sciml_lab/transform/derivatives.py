"""The one table of derivatives that the program transformation knows.

With this module one can: read, and extend, the derivative of every function of the lowered
language. An entry says what an argument contributes, in text: ``g`` stands for what is multiplied
by the partial derivative, ``y`` for the answer, and ``a``, ``b`` for the arguments. The same line
serves both directions, because a partial derivative is a number:

- forward (JVP): g is the argument's derivative, and the contributions add up to the answer's;
- reverse (VJP): g is the answer's adjoint, and the contribution is added to the argument's.

At a kink the slope is the mean of both sides, as in `sciml_lab.ad.rules`.
"""

PARTIALS = {
    # Arithmetic.
    "a + b": ("g", "g"),
    "a - b": ("g", "-g"),
    "a * b": ("g * b", "a * g"),
    "a / b": ("g / b", "-(g / b * y)"),
    "a ** b": ("g * (b * a ** (b - 1))", "g * (y * np.log(a if a != 0.0 else 1.0))"),
    "a % b": ("g", "-(g * np.floor(a / b))"),
    "-a": ("-g",),
    # Powers, exponentials and logarithms.
    "np.square(a)": ("g * (2.0 * a)",),
    "np.sqrt(a)": ("g * 0.5 / y",),
    "np.cbrt(a)": ("g / (3.0 * y * y)",),
    "np.reciprocal(a)": ("-(g * y * y)",),
    "np.power(a, b)": ("g * (b * a ** (b - 1))", "g * (y * np.log(a if a != 0.0 else 1.0))"),
    "np.hypot(a, b)": ("g * a / (y if y != 0.0 else 1.0)", "g * b / (y if y != 0.0 else 1.0)"),
    "np.exp(a)": ("g * y",),
    "np.exp2(a)": ("g * (y * 0.6931471805599453)",),
    "np.expm1(a)": ("g * (y + 1.0)",),
    "np.log(a)": ("g / a",),
    "np.log2(a)": ("g / (a * 0.6931471805599453)",),
    "np.log10(a)": ("g / (a * 2.302585092994046)",),
    "np.log1p(a)": ("g / (1.0 + a)",),
    "np.logaddexp(a, b)": ("g * np.exp(a - y)", "g * np.exp(b - y)"),
    # Angles.
    "np.sin(a)": ("g * np.cos(a)",),
    "np.cos(a)": ("-(g * np.sin(a))",),
    "np.tan(a)": ("g * (1.0 + y * y)",),
    "np.arcsin(a)": ("g / np.sqrt(1.0 - a * a)",),
    "np.arccos(a)": ("-(g / np.sqrt(1.0 - a * a))",),
    "np.arctan(a)": ("g / (1.0 + a * a)",),
    "np.arctan2(a, b)": ("g * b / (a * a + b * b)", "-(g * a / (a * a + b * b))"),
    "np.sinh(a)": ("g * np.cosh(a)",),
    "np.cosh(a)": ("g * np.sinh(a)",),
    "np.tanh(a)": ("g * (1.0 - y * y)",),
    "np.arcsinh(a)": ("g / np.sqrt(1.0 + a * a)",),
    "np.arccosh(a)": ("g / (np.sqrt(a - 1.0) * np.sqrt(a + 1.0))",),
    "np.arctanh(a)": ("g / (1.0 - a * a)",),
    # Kinks.
    "abs(a)": ("g * np.sign(a)",),
    **dict.fromkeys(("np.abs(a)", "np.absolute(a)", "np.fabs(a)"), ("g * np.sign(a)",)),
    "min(a, b)": (
        "g * (1.0 if a < b else 0.5 if a == b else 0.0)",
        "g * (1.0 if b < a else 0.5 if a == b else 0.0)",
    ),
    "max(a, b)": (
        "g * (1.0 if a > b else 0.5 if a == b else 0.0)",
        "g * (1.0 if b > a else 0.5 if a == b else 0.0)",
    ),
    # No slope anywhere; int(e) and a // b are whole numbers.
    **dict.fromkeys(
        (f"np.{f}(a)" for f in ["sign", "floor", "ceil", "rint", "round", "trunc"]), (None,)
    ),
    "np.heaviside(a, b)": (None, None),
    "a // b": (None, None),
    "int(a)": (None,),
    "float(a)": ("g",),
}
PARTIALS["np.minimum(a, b)"] = PARTIALS["min(a, b)"]
PARTIALS["np.maximum(a, b)"] = PARTIALS["max(a, b)"]


def power(exponent) -> str | None:
    """Return what the base of ``a ** exponent`` contributes, for an exponent that is a constant.

    A power that is a function call costs ten multiplications. For half-integers a root does, for
    negative exponents the answer is used again; the value is the same but for rounding.
    """
    below = exponent - 1
    if exponent in (0, 1):
        return "g" if exponent else None
    if exponent < 0:
        return f"g * ({exponent} * y / a)"
    if below == int(below):
        return f"g * ({exponent} * a ** {below})"
    if below > 0 and 2 * below == int(2 * below):
        factor = {0.5: "", 1.5: "a * "}.get(below, f"a ** {int(below)} * ")
        return f"g * ({exponent} * ({factor}np.sqrt(a)))"
    return PARTIALS["a ** b"][0].replace("b", f"({exponent})")
