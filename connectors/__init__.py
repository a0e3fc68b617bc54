"""The border with AWS: flow-log records from Kinesis, Firehose or S3, exactly once, into Kafka.

What goes in: Kinesis records (plain lines, or CloudWatch Logs subscription envelopes).
What comes out: `blocks[slot]`, numbered messages of newline-joined lines; `dead`, whatever was refused.
What is promised: a record acknowledged by its source is in exactly one committed block or in `dead`, and
the order within a shard is kept. Loss that happened elsewhere (retention passed, a stream made again) is
counted and logged at error, never stepped over in silence.
"""
