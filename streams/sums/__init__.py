"""Lines in, partial sums out: the hot path. Pure.

`accumulator` sums blocks. `kernel` (numba) sums the lines that it parses with certainty: `words` and `fields`
read tokens, `parsing` a line, and `addition` adds it to the hash `tables`. `lines` is the reference, and
parses every other line. `service_port` determines the port of a conversation. `columns` are the rows of the
tables for output, and `entities` the texts of their ids. `partials` are the totals of one flush,
`conversations` the same by address and port, with their encodings.
"""
