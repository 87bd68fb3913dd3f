"""What Python and the kernel of a loss tell each other: an array of integers, one of numbers."""

# Entries of the array of integers ------------------------------------------------------------
(
    PHASE,  # where the evaluation was when the kernel returned, see below
    TRAJECTORY,  # number of the trajectory it was at
    STEP,  # steps of the optimiser so far
    ASKED,  # steps to go to
    SPENT,  # accepted steps of the solver since the kernel was called
    BEST_STEP,  # the step with the smallest loss
    TRAJECTORIES,  # how many there are
    PARAMETERS,  # how many there are
    BUDGET,  # accepted steps of the solver until the kernel returns to Python
    FORWARD,  # addresses: block of the forward kernel,
    BACKWARD,  # block of the reverse sweep,
    LOSS,  # loss(y, residuals, work),
    LOSS_VJP,  # its pullback,
    LOSS_WORK,  # scratch memory of both,
    NUMBERS,  # array of numbers, see below,
    STARTS,  # initial states,
    DATA,  # of all trajectories,
    RESIDUALS,  # of one trajectory,
    MEAN,  # Adam's average of the gradient,
    SQUARE,  # and of its square,
    BEST,  # parameters with the smallest loss,
    LAST,  # parameters one step before,
    HISTORY,  # the loss after each step
    PACK,  # pack(packed, p), which copies parameters; zero if there is none
    UNPACK,  # unpack(p_bar, packed_bar), which adds their cotangents
    ROOM,  # where the copies begin, counted from the first parameter
    EXTENDED,  # parameters with the copies
    INTEGERS_OF_LOSS,  # how many there are
) = range(28)

# Entries of the array of numbers -------------------------------------------------------------
VALUE, FIRST_STEP, BEST_VALUE, LR, BETA1, BETA2, EPS, NUMBERS_OF_LOSS = range(8)

# Values of PHASE -----------------------------------------------------------------------------
FRESH, BEGINS, FORTH, BACK = range(4)
