"""The connectors: flow-log records from Kinesis, Firehose or S3 into Kafka, each exactly once.

`kinesis`, `firehose` and `s3` read one kind of source each and have the same files for the same duties.
`commit` is the committer of a slot for all of them, `kafka` has clients, slots, topics and messages.
`formats` parses AWS's text formats, `aws` makes AWS calls, `vpc` is the network model, `inventory` finds the
owner of an address at a moment, `positions` implements `connect positions` and `reset`. Modules for all of
them: `settings` (with `kafka_settings`, `archive_settings`, `inventory_settings`, `given_settings`,
`setting_values` and `described_settings`), `progress` and `event_time` (the event time up to which sources
are read), `health_endpoint` and `http_log`, `metrics`, `errors`, `clock`, `garbage_collection`.

Each acknowledged record is in exactly one committed block or on `dead`, and the order within a shard is kept.
Loss at the source is reported on `health`, counted, and logged as an error.
"""
