"""A bounded load on a Kinesis stream.

`traffic` generates ordinary traffic and `incidents` plants a port scan and a misconfigured group; both are
pure and seeded: the same `Load` has the same bytes everywhere. `file` reads a user's flow logs instead, and
`file_order` puts its lines in order of time. `feed` writes batches to the stream, as a producer or as a
subscription.
"""
