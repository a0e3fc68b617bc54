"""Lines in, partial sums out: the hot path. Pure."""
