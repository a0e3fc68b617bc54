"""Streams and shards as functions of time. Pure.

`streams` is one stream and `shards` one shard with its records; `consumers` are registered consumers,
`settings` those of an account. `resharding` splits, merges and scales, `growth` is the growth of on-demand
streams, and `sequence_numbers` encodes and decodes sequence numbers.
"""
