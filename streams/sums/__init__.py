"""Lines in, partial sums out: the hot path. Pure.

`accumulator` sums a block: `kernel` (numba) sums the lines that it parses with certainty, and `lines` parses
every other line. `partials` are the totals of one flush, and their encoding; `conversations` are the same by
address and port.
"""
