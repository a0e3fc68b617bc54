"""A bounded load on a Kinesis stream.

`simulated` is the traffic of a preset's estate with its incidents, seeded: the same seed has the same lines.
`file` reads a user's flow logs instead, and `file_order` puts its lines in order of time. Both make each
`line_batch` that `feed` writes to the stream, as a producer or as a subscription.
"""
