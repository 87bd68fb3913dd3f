"""What Python and the kernel of a reverse sweep tell each other: an array of integers."""

(
    LENGTH_OF_U,
    DIRECTION,  # 1 or -1, of time
    STEPS,  # steps that are left
    OUTPUTS_LEFT,  # outputs that are left
    BUDGET_BACK,  # steps until the kernel returns to Python
    F_BACK,  # addresses: f,
    F_VJP,  # its pullback,
    P_BACK,  # the parameters,
    T,  # starts of the steps,
    H,  # their lengths,
    U,  # states at their starts,
    K,  # their stages,
    OUTPUT_TIMES,  # in the direction of integration,
    COTANGENTS,  # of the outputs,
    GOAL,  # one number: where the step before ends,
    LAM,  # cotangent of the state; in the end, of the initial state,
    P_BAR,  # cotangent of the parameters,
    K_BAR,  # cotangent of a stage derivative,
    V_BARS,  # cotangents of the stage points,
    Q,  # cotangents of the stages, where outputs lie inside a step,
    V_BACK,  # a stage point,
    EXTRA_BACK,  # the extra stages of dense output,
    CARRY,  # cotangent of the last stage of the step before, which is the first of this one,
    WORK_BACK,  # scratch memory of f and of its pullback, with the tape of the first stage in front
    TAPE_BACK,  # numbers on the tape of one stage
    AT_END,  # 1 if no step has been pulled back yet
    INTEGERS_BACK,  # how many there are
) = range(27)
