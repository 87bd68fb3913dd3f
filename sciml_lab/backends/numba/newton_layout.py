"""What Python and the kernel of a method that iterates tell each other, besides `layout.py`."""

UNSOLVED = 2**40
"""TROUBLE of a step whose iteration has failed; smaller numbers are pivots of W that are zero."""

# Entries of the array of integers --------------------------------------------------------------
(
    VERDICT,  # how the last iteration that failed has ended (`linalg/newton.py`),
    CORRECTIONS,  # after so many corrections,
    STAGE,  # at this stage, from 0
    BAND_LOWER,  # diagonals of a band below the main one,
    BAND_UPPER,  # and above
    STATE,  # addresses: the array of numbers below,
    SLOPE_AT_START,  # u' where the solve begins, with a mass matrix; 0: it is f,
    WEIGHT,  # the reciprocal sizes that corrections are measured by,
    INCREMENT,  # z, the unknown of an iteration,
    BASE,  # what is known of it,
    DELTA,  # a correction of z,
    NOISE,  # what rounding errors in f make of it,
    TRIED,  # u' at the start of the last attempt (`newton_history`),
    EARLIER,  # and of the step before
    NEWTON_INTEGERS,  # how many there are
) = range(15)

# Entries of the array of numbers ---------------------------------------------------------------
(
    OLD,  # attributes of `Reuse`: 1 if J has become too old,
    FACTORED,  # the h that the factors of W are for,
    ETA,  # what the last iteration left behind;
    RATE,  # and of `Stepper`: the worst rate of an attempt,
    UNSURE,  # 1 after a step that was rejected
    STARTED,  # 1 after the first attempt
    FLOOR,  # corrections below it are rounding
    FACTOR,  # of corrections, by factors of W for another h
    LAST_RATE,  # of the iteration that failed,
    LAST_TIME,  # and its time
    KAPPA,  # the settings of `SimplifiedNewton`
    LIMIT,
    H_TRIED,  # length of the last attempt, and of the step before; 0: there is none
    H_BEFORE,
    NEWTON_NUMBERS,  # how many there are
) = range(15)
