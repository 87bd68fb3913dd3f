"""What Python and the functions for a band matrix tell each other: an array of integers."""

(
    UNKNOWNS,
    ENDS,  # as many columns at either end are eliminated at the same time
    IN_ORDER,  # 1 if rows have not changed places
    ENTRIES,  # how many numbers the columns of J are, those of one colour together,
    COLUMNS,  # addresses: of these numbers,
    SOURCES,  # of every place in the band, column by column: which of these numbers goes there,
    MASS_BAND,  # and the entry of M,
    BAND,  # W and its factors,
    INVERSES,  # of the pivots,
    PIVOTS,  # by how many places down the row of a pivot was found,
    X,  # a vector for work, with room at both ends,
    UNKNOWN_OF,  # the order in which the unknowns stand in the band; 0: as they come,
    MASS_STARTS,  # M row by row: where the rows begin,
    MASS_COLUMNS,
    MASS_ENTRIES,
    BAND_INTEGERS,  # how many there are
) = range(16)
