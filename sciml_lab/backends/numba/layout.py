"""What Python and a kernel tell each other: two small arrays, and the meaning of their entries.

A call with many arguments costs microseconds, a call with one address next to nothing. So a
kernel gets the address of `integers` (counts, flags and addresses), whose entry `NUMBERS` is the
address of the other array. Everything that changes during a solve is in there as well: a kernel
returns whenever it wants to, and the next call goes on.
"""

# Entries of the array of integers ------------------------------------------------------------
(
    STATUS,  # see below
    INDEX,  # attempts so far
    NACCEPT,  # accepted steps
    NREJECT,  # rejected steps
    NF,  # evaluations of f
    NJAC,  # evaluations of its Jacobian
    NLU,  # factorisations
    NNEWTON,  # corrections of Newton's iteration
    LINEARISED,  # 1 if the Jacobian is that of the present state
    TROUBLE,  # why an implicit step has no result: the pivot that is zero, or -1 - the place of
    # the first entry of the Jacobian that is not finite
    KNOWN,  # 1 if the first stage of the next attempt is there already
    REJECTED,  # 1 if the last attempt was rejected
    ROW,  # row of the present state in the store
    NEXT,  # next output time
    N,  # length of the state
    MAX_STEPS,  # attempts that are allowed
    BUDGET,  # attempts until the kernel returns to Python
    ADAPTIVE,  # 1 with error control, 0 with a fixed step
    GUESS,  # 1 if the first step size is to be guessed
    FINEST,  # 1 if the tolerance may lie below rounding
    CAPACITY,  # steps that the store holds
    KEEP,  # 1 if the stages of every step are kept
    OUTPUTS,  # number of output times
    NUMBERS,  # addresses: the array of numbers,
    F,  # the right-hand side,
    P,  # parameters,
    WORK,  # scratch memory of f,
    V,  # a stage point,
    ERROR,
    ERROR2,
    EXTRA,  # the extra stages of dense output,
    RTOL,  # one for each entry of u,
    ATOL,
    TIMES,  # output times in the direction of integration,
    OUT,  # outputs,
    STORE_T,  # the store of accepted steps: times,
    STORE_H,  # lengths,
    STORE_U,  # states (one more than steps),
    STORE_K,  # stages
    TAPE,  # numbers that f keeps of each stage, in the kernel of a gradient
    DF_DU,  # of an implicit method: the Jacobian of f, a function,
    DF_DT,  # the derivative of f by t; 0 if there is none,
    JACOBIAN,  # the Jacobian's entries,
    FACTORS,  # the factors of W,
    DIAGONAL,  # the inverse of their diagonal,
    ORDER,  # the order of their rows,
    VECTOR,  # a vector for work with them,
    LOWER,  # how many diagonals of the factors below the main one may not be zero,
    UPPER,  # and above,
    MASS,  # the mass matrix; 0 if there is none,
    PRODUCT,  # a product with it,
    TIME_SLOPE,  # the derivative of f by t,
    SLOPE,  # f at the start of a step,
    VALUE,  # and at its last stage
    VELOCITY,  # of a method for two halves: how positions move, a function,
    FORCE,  # and how momenta change,
    OWN,  # integers that are peculiar to a family of methods
    BANDED,  # what there is to know of a band matrix (`banded_layout`); 0 if matrices are full,
    BAND_FACTORISE,  # functions for one: the factors of W,
    BAND_SOLVE,  # a solve with them,
    BAND_TIMES_MASS,  # a product with the mass matrix
    ITERATION,  # what a method that iterates knows besides (`newton_layout`)
    WATCH,  # what to look out for, of a kernel for events (`watch_layout`)
    INTEGERS,  # how many there are
) = range(64)
CHANGING = NEXT + 1  # the first entries, up to here, change during a solve and begin with 0

# Entries of the array of numbers -------------------------------------------------------------
(
    START,
    END,
    NOW,  # time reached
    H,  # length of the next attempt, signed
    ERROR1,  # the controller's memory: error norm of the last accepted step, ...
    ERROR_BEFORE,  # and of the one before
    KP,  # the controller's settings
    KI,
    KD,
    SAFETY,
    MIN_FACTOR,
    MAX_FACTOR,
    COUNT,  # how many there are
) = range(13)

# Values of STATUS; what is above DONE is the trouble that `diagnose` explains ----------------
EVENT = -1  # something may happen inside of the last step
BEGIN, RUNNING, FULL, DONE, NAN, MIN_STEP, MAX_STEPS_REACHED, ROUNDOFF, NEWTON = range(9)
EXPLAINED = {
    NAN: "nan", MIN_STEP: "min_step", MAX_STEPS_REACHED: "max_steps", ROUNDOFF: "roundoff",
    NEWTON: "newton",
}  # fmt: skip
