"""Rosenbrock methods in the published forms: data only, proved by the order conditions.

Rodas4, Rodas4P and Rodas5P are given in the transformed form (A, C, m, H), digit by digit as in
the codes; Rosenbrock23 by the formulas of its paper.
"""

import numpy as np

from sciml_lab.solvers.rosenbrock_tableau import RosenbrockTableau
from sciml_lab.solvers.tableaus.notation import matrix, row


def _rosenbrock23():
    """Three stages, the third for the error estimate only; it is f at the new state."""
    d, e32 = 1 / (2 + np.sqrt(2)), 6 + np.sqrt(2)
    return RosenbrockTableau(
        name="Rosenbrock23",
        alpha=[[0, 0, 0], [0.5, 0, 0], [0, 1, 0]],
        Gamma=[[d, 0, 0], [-d, d, 0], [d * (e32 - 2), -d * e32, d]],
        b=[0, 1, 0],
        b_error=np.array([-1, 2, -1]) / 6,
        P=np.array([[1, -1], [-2 * d, 1], [0, 0]]) / (1 - 2 * d),
        note="Order 2 with an error estimate of order 3 for the price of two new stages: the "
        "first choice for stiff problems at crude tolerances. For DAEs take Rodas5P.",
        source="L. F. Shampine, M. W. Reichelt, The MATLAB ODE suite, "
        "SIAM J. Sci. Comput. 18 (1997) 1-22.",
    )


def _rodas(name, gamma, A, C, nodes, d, H, **rest):
    """Make a method of the RODAS family: the last stage is the error estimate.

    The last two (or three) rows of A are the row before them and a one.
    """
    s = max(C)
    last = max(A)
    for i in range(last + 1, s + 1):
        A = {**A, i: {**A[i - 1], i - 1: 1.0}}
    return RosenbrockTableau.from_transformed(
        name, gamma, matrix(A, s), matrix(C, s), row({**A[s], s: 1.0}, s), row({s: 1.0}, s),
        np.array(H), row(nodes, s) + row(dict.fromkeys(range(last, s + 1), 1.0), s), row(d, s),
        **rest,
    )  # fmt: skip


ROSENBROCK23 = _rosenbrock23()

# fmt: off
RODAS4 = _rodas(
    "Rodas4", 0.25,
    A={
        2: {1: 1.544},
        3: {1: 0.9466785280815826, 2: 0.2557011698983284},
        4: {1: 3.314825187068521, 2: 2.896124015972201, 3: 0.9986419139977817},
        5: {1: 1.221224509226641, 2: 6.019134481288629, 3: 12.53708332932087,
            4: -0.687886036105895},
    },
    C={
        2: {1: -5.6688},
        3: {1: -2.430093356833875, 2: -0.2063599157091915},
        4: {1: -0.1073529058151375, 2: -9.594562251023355, 3: -20.47028614809616},
        5: {1: 7.496443313967647, 2: -10.24680431464352, 3: -33.99990352819905,
            4: 11.7089089320616},
        6: {1: 8.083246795921522, 2: -7.981132988064893, 3: -31.52159432874371,
            4: 16.31930543123136, 5: -6.058818238834054},
    },
    nodes={2: 0.386, 3: 0.21, 4: 0.63},
    d={1: 0.25, 2: -0.1043, 3: 0.1035, 4: -0.0362},
    H=[
        [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823,
         1.025137723295662, 0.0],
        [-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386,
         -6.594389125716872, 0.0],
    ],
    note="Order 4, L-stable and stiffly accurate, with an error estimate of order 3 in six stages: "
    "for stiff problems and DAEs of index 1 at moderate tolerances.",
    source="E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section VI.4.",
)

RODAS4P = _rodas(
    "Rodas4P", 0.25,
    A={
        2: {1: 3.0},
        3: {1: 1.831036793486759, 2: 0.4955183967433795},
        4: {1: 2.304376582692669, 2: -0.05249275245743001, 3: -1.176798761832782},
        5: {1: -7.170454962423024, 2: -4.741636671481785, 3: -16.31002631330971,
            4: -1.062004044111401},
    },
    C={
        2: {1: -12.0},
        3: {1: -8.791795173947035, 2: -2.207865586973518},
        4: {1: 10.81793056857153, 2: 6.780270611428266, 3: 19.53485944642410},
        5: {1: 34.19095006749676, 2: 15.49671153725963, 3: 54.74760875964130,
            4: 14.16005392148534},
        6: {1: 34.62605830930532, 2: 15.30084976114473, 3: 56.99955578662667,
            4: 18.40807009793095, 5: -5.714285714285717},
    },
    nodes={2: 0.75, 3: 0.21, 4: 0.63},
    d={1: 0.25, 2: -0.5, 3: -0.023504, 4: -0.0362},
    H=[
        [25.09876703708589, 11.62013104361867, 28.49148307714626, -5.664021568594133, 0.0, 0.0],
        [1.638054557396973, -0.7373619806678748, 8.477918219238990, 15.99253148779520,
         -1.882352941176471, 0.0],
    ],
    note="Order 4, L-stable and stiffly accurate; keeps more of its order than Rodas4 where a "
    "boundary or a stiff part forces the solution (partial differential equations).",
    source="G. Steinebach, Order-reduction of ROW-methods for DAEs and method of lines "
    "applications, Preprint 1741, TH Darmstadt (1995).",
)

RODAS5P = _rodas(
    "Rodas5P", 0.21193756319429014,
    A={
        2: {1: 3.0},
        3: {1: 2.849394379747939, 2: 0.45842242204463923},
        4: {1: -6.954028509809101, 2: 2.489845061869568, 3: -10.358996098473584},
        5: {1: 2.8029986275628964, 2: 0.5072464736228206, 3: -0.3988312541770524,
            4: -0.04721187230404641},
        6: {1: -7.502846399306121, 2: 2.561846144803919, 3: -11.627539656261098,
            4: -0.18268767659942256, 5: 0.030198172008377946},
    },
    C={
        2: {1: -14.155112264123755},
        3: {1: -17.97296035885952, 2: -2.859693295451294},
        4: {1: 147.12150275711716, 2: -1.41221402718213, 3: 71.68940251302358},
        5: {1: 165.43517024871676, 2: -0.4592823456491126, 3: 42.90938336958603,
            4: -5.961986721573306},
        6: {1: 24.854864614690072, 2: -3.0009227002832186, 3: 47.4931110020768,
            4: 5.5814197821558125, 5: -0.6610691825249471},
        7: {1: 30.91273214028599, 2: -3.1208243349937974, 3: 77.79954646070892,
            4: 34.28646028294783, 5: -19.097331116725623, 6: -28.087943162872662},
        8: {1: 37.80277123390563, 2: -3.2571969029072276, 3: 112.26918849496327,
            4: 66.9347231244047, 5: -40.06618937091002, 6: -54.66780262877968,
            7: -9.48861652309627},
    },
    nodes={2: 0.6358126895828704, 3: 0.4095798393397535, 4: 0.9769306725060716,
           5: 0.4288403609558664},
    d={1: 0.21193756319429014, 2: -0.42387512638858027, 3: -0.3384627126235924,
       4: 1.8046452872882734, 5: 2.325825639765069},
    H=[
        [25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
         0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493],
        [-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
         20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372],
        [11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643,
         -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722],
    ],
    note="Order 5, L-stable and stiffly accurate, with an error estimate and dense output of "
    "order 4: the first choice for stiff problems and DAEs of index 1.",
    source="G. Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical "
    "benchmarks within the Julia Differential Equations package, BIT 63 (2023) 27.",
)
# fmt: on
