"""Amazon Data Firehose: accepts records, buffers them, and delivers them to S3 or to an HTTP endpoint.

`service` answers calls and starts due deliveries; `operations` has one function for each call, with `puts`
and `tags`; `shapes` has the fields and limits, `errors` the errors, `call` one call. `streams` has delivery
streams and `buffers` their records; `source` reads a Kinesis stream. `delivery` delivers one stream's records
to its `destinations`. Buffers are in memory only. Not supported, and refused with an error: other sources and
destinations, processors other than `AppendDelimiterToRecord`, format conversion, dynamic partitioning, ZIP
and Snappy, access keys in Secrets Manager. Unlike AWS, the emulator accepts an endpoint URL with `http://`.
"""
