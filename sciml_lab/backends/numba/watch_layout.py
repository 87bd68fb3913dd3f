"""What Python and a kernel that looks out for events, or stiffness, tell each other."""

# Entries of the array of integers ------------------------------------------------------------
(
    AFTER,  # the status that the solve would have had without a suspicion
    SURE,  # 1 if the next step is to be looked at by Python, whatever the conditions are
    EVENTS,  # number of conditions
    STEPS_END,  # addresses: the array of numbers,
    CONDITION,  # the conditions, functions g(out, u, p, t, work),
    DIRECTION,  # which crossings count,
    COUNTS,  # at how many places of a step each is looked at,
    PLACES,  # these places, one condition after the other,
    POINT,  # a state,
    G,  # the value of a condition,
    SCRATCH,  # and scratch memory for it
    SUSPICIOUS,  # steps at the limit of stability
    CALM,  # and steps far from it
    WATCH_INTEGERS,  # how many there are
) = range(14)

# Entries of the array of numbers -------------------------------------------------------------
(
    PROPOSED,  # the step size that the last accepted step has proposed,
    EARLIER,  # and the accepted step before
    H_RHO,  # step size times spectral radius
    LIMIT,  # of it, for an explicit method
    WATCH_NUMBERS,
) = range(5)
