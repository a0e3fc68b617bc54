"""`connect kinesis`: every shard of the chosen streams, in its slot.

`connector` finds streams and shards and starts their readers. `slot` has the readers of one slot, their queue
and the committer; `transaction` decides what a commit writes (pure), within the process's `memory_budget`.
`shard_reader` reads one shard to its end, by `get_records` at the times of `polling`, or pushed by `fan_out`.
`client` makes the other Kinesis calls, and `answers` is the result of a read. `stream_choice` parses
VPCFLOW_STREAM, `stream_finder` looks it up. `positions` has stream and shard positions, `progress` the event
time up to which a slot's shards are complete (both pure).
"""
