"""The border with AWS: flow-log records from Kinesis, Firehose or S3, exactly once, into Kafka.

What goes in: Kinesis records, Firehose's requests (plain lines, KPL aggregates, CloudWatch Logs subscription
envelopes), S3's objects (text, Parquet).
What comes out: `blocks[slot]`, numbered messages of newline-joined lines; `dead`, whatever was refused.
What is promised: a record acknowledged by its source is in exactly one committed block or in `dead`, and
the order within a shard is kept. What was lost before us (retention passed, a stream made again) is said on
`health`, counted, and logged as an error.
"""
