"""`connect s3`: the flow-log objects of a bucket, each exactly once.

`connector` starts and stops it; `discovery` finds objects, by listing or by a queue. `slot` reads the objects
of one slot for its committer; `wanted` is the queue of these objects, the oldest first. `transaction`
converts reads to the content of a transaction (pure). `object_reader` reads an object in parts: `text`, or
`parquet` with `parquet_rows`. `keys` parses object keys and has the marks of committed objects. `progress` is
the event time up to which objects are complete. `client` reads the bytes of an object.
"""
