"""`connect kinesis`: every shard of the chosen streams, in its slot.

`connector` finds streams and shards and starts their readers. `slot` has the readers of one slot and its
committer; `transaction` parses answers to the content of a transaction (pure). `memory_budget` bounds the
bytes that are read and not committed. `shard_reader` reads one shard to its end, by `get_records` at the
times of `polling`, or pushed by `fan_out`. `source` is one stream with what its readers share. `client` makes
the other Kinesis calls, and `answers` is the answer of GetRecords. `stream_choice` parses VPCFLOW_STREAM,
`stream_finder` looks it up. `positions` has stream and shard positions, `progress` the event time up to which
a slot's shards are complete (both pure).
"""
