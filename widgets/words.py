"""Numbers in words: short, legible, the same in all explorers."""

import math

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(x: float, digits: int = 3) -> str:
    """A number with `digits` significant digits, with a power of ten where it is far from one.

    Examples
    --------
    >>> number(3.14159), number(1.234e-7), number(-2e5), number(0.0)
    ('3.14', '1.23 × 10⁻⁷', '-2.00 × 10⁵', '0')
    """
    if x == 0:
        return "0"
    if not math.isfinite(x):
        return "not a number" if math.isnan(x) else "infinite"
    if 1e-3 <= abs(x) < 1e4:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(x))))
        return f"{x:.{decimals}f}"
    mantissa, power = f"{x:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(power)).translate(_RAISED)}"


def sentence(text: str) -> str:
    """The text with a capital and a full stop; a formula's letter stays small.

    Examples
    --------
    >>> sentence("accepted"), sentence("f is not finite.")
    ('Accepted.', 'f is not finite.')
    """
    text = text.strip().rstrip(".")
    return (text if text[1:2] == " " else text[:1].upper() + text[1:]) + "."


def first_line(error: BaseException) -> str:
    """What an exception says, as one sentence.

    Examples
    --------
    >>> first_line(ValueError("the start is negative"))
    'the start is negative.'
    """
    said = str(error).strip().splitlines()
    return (said[0] if said else type(error).__name__).rstrip(".") + "."


def clock(seconds) -> str:
    """A time as it is said: milliseconds below a tenth of a second.

    Examples
    --------
    >>> clock(0.0123), clock(1.53)
    ('12 ms', '1.5 s')
    """
    return f"{1000 * seconds:.0f} ms" if seconds < 0.1 else f"{seconds:.1f} s"
