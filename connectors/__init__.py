"""The border with AWS: flow-log records from Kinesis, Firehose or S3, exactly once, into Kafka.

What goes in: Kinesis records (plain lines, or CloudWatch Logs subscription envelopes).
What comes out: `blocks[slot]`, numbered messages of newline-joined lines; `dead`, whatever was refused.
What is promised: a record acknowledged by its source is in exactly one committed block or in `dead`, and
the order within a shard is kept. Not yet promised: that loss which happened before us (retention passed, a
stream made again) is noticed; README.md names it as a limit.
"""
