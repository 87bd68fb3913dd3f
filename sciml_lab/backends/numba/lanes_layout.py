"""What Python and an ensemble's kernel tell each other (see `layout.py` for the idea).

Every thread has a block of its own; one more block, `shared`, belongs to all of them. The results
of trajectory j are column j of `counts`, whose rows are listed below, and of `out`.
"""

# Entries of a thread's block of integers ------------------------------------------------------
(
    COMMON,  # address of the shared block
    NUMBERS,  # address of the numbers below
    N,  # length of the state
    OWN,  # parameters that each trajectory has for itself (0: all have the same)
    COUNT,  # number of trajectories
    STRIDE,  # the same, rounded up to a multiple of the width: length of a row of u0, p, counts
    MAX_STEPS,  # attempts that a trajectory is allowed
    ADAPTIVE,  # 1 with error control, 0 with a fixed step
    GUESS,  # 1 if the first step size is to be guessed
    FINEST,  # 1 if the tolerance may lie below rounding
    OUTPUTS,  # number of output times
    F,  # addresses: the right-hand side, ...
    STARTS,  # initial states (n, STRIDE)
    PARAMETERS,  # (m, STRIDE) if they are each one's own, else (m,)
    RTOL,  # one for each entry of u
    ATOL,
    TIMES,  # output times in the direction of integration
    OUT,  # outputs (OUTPUTS, n, STRIDE)
    COUNTS,  # (5, STRIDE)
    REACHED,  # (STRIDE,) times reached
    WHO,  # which trajectory is in which lane
    FOLLOWING,  # the next output time of each lane
    U,  # memory of lanes: the states, ...
    U_NEW,
    V,  # a stage point
    ERROR,
    ERROR2,
    K,  # the stages
    EXTRA,  # the extra stages of dense output
    PLACE,  # an output
    P,  # the parameters of those in the lanes
    FIRST_U,  # the next trajectories, begun already: states, parameters, stages, first step
    FIRST_P,
    FIRST_K,
    FIRST_H,
    WORK,  # scratch memory of f
    INTEGERS,  # how many there are
) = range(37)

# Entries of the shared block of integers --------------------------------------------------------
QUEUE, FINISHED, STOP, SHARED_INTEGERS = range(4)

# Entries of the numbers; the last six are the controller's settings ---------------------------
START, END, DT, KP, KI, KD, SAFETY, MIN_FACTOR, MAX_FACTOR, COUNT_NUMBERS = range(10)

# Rows of `counts`; the values of STATUS are those of `layout` -----------------------------------
STATUS, NACCEPT, NREJECT, NF, WRITTEN, ROWS = range(6)
