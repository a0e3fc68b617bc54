"""`connect s3`: the flow-log objects of a bucket, each exactly once.

`connector` starts and stops it; `discovery` finds objects, by listing or by a queue. `slot` reads and commits
the objects of one slot, of which `wanted` gives the oldest first; `transaction` decides what a commit writes
(pure). `object_reader` reads an object in parts: `text`, or `parquet` with `parquet_rows`. `keys` parses
object keys and remembers finished objects. `progress` says up to which event time objects are complete.
`client` makes S3 and SQS calls.
"""
