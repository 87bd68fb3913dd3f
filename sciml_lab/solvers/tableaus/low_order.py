"""Methods of order 1 to 4: Euler, the second-order three, the classical one, Bogacki-Shampine."""

import numpy as np

from sciml_lab.solvers.tableau import Tableau


def _quadratic(b):
    """Parabola with the right slope at the start: ``theta k_1 + theta**2 (sum b_i k_i - k_1)``."""
    P = np.outer(b, [0.0, 1.0])
    P[0] += [1.0, -1.0]
    return P


EULER = Tableau(
    name="Euler",
    A=[[0]],
    b=[1],
    P=[[1]],
    note="Follow the slope at the start for the whole step. Order 1, fixed steps.",
    source="L. Euler, *Institutionum calculi integralis* I (1768), section 650.",
)

MIDPOINT = Tableau(
    name="Midpoint",
    A=[[0, 0], [1 / 2, 0]],
    b=[0, 1],
    b_error=[-1, 1],
    P=_quadratic([0, 1]),
    note="Take the slope from the middle of the step. Order 2, Euler embedded.",
    source="C. Runge, Math. Ann. 46 (1895) 167-178.",
)

HEUN = Tableau(
    name="Heun",
    A=[[0, 0], [1, 0]],
    b=[1 / 2, 1 / 2],
    b_error=[-1 / 2, 1 / 2],
    P=_quadratic([1 / 2, 1 / 2]),
    note="Average the slopes at both ends (explicit trapezoidal rule). Order 2, Euler embedded; "
    "not to be confused with Heun's method of order 3.",
    source="K. Heun, Z. Math. Phys. 45 (1900) 23-38.",
)

RALSTON = Tableau(
    name="Ralston",
    A=[[0, 0], [2 / 3, 0]],
    b=[1 / 4, 3 / 4],
    b_error=[-3 / 4, 3 / 4],
    P=_quadratic([1 / 4, 3 / 4]),
    note="The second-order method of two stages with the smallest error bound. Euler embedded.",
    source="A. Ralston, Math. Comp. 16 (1962) 431-437.",
)

RK4 = Tableau(
    name="RK4",
    A=[[0, 0, 0, 0], [1 / 2, 0, 0, 0], [0, 1 / 2, 0, 0], [0, 0, 1, 0]],
    b=[1 / 6, 1 / 3, 1 / 3, 1 / 6],
    note="The classical Runge-Kutta method. Order 4, fixed steps.",
    source="W. Kutta, Z. Math. Phys. 46 (1901) 435-453.",
)

BS3 = Tableau(
    name="BS3",
    A=[[0, 0, 0, 0], [1 / 2, 0, 0, 0], [0, 3 / 4, 0, 0], [2 / 9, 1 / 3, 4 / 9, 0]],
    b=[2 / 9, 1 / 3, 4 / 9, 0],
    b_error=[2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8],
    note="Order 3 with an embedded method of order 2: for loose tolerances.",
    source="P. Bogacki, L. F. Shampine, Appl. Math. Lett. 2 (1989) 321-325.",
)
