"""Lines in, partial sums out: the hot path. Pure.

`accumulator` sums a block: `kernel` (numba) takes the lines that it is certain of, and `lines` reads every
other line exactly. `partials` are the sums of one flush and their encoding.
"""
