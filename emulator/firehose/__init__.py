"""Amazon Data Firehose: takes records, buffers them, and delivers them to S3 or to an HTTP endpoint.

`service` answers calls and starts what is due; `operations` has one function for each call, with `puts` and
`tags`; `shapes` has the fields and limits, `errors` the refusals, `call` one call. `streams` has delivery
streams and `buffers` their records; `source` reads a Kinesis stream. `delivery` delivers one stream's records
to its `destinations`. What is buffered is in memory only. Not implemented, and refused with a sentence: other
sources and destinations, Lambda and the other processors except `AppendDelimiterToRecord`, format conversion,
dynamic partitioning, ZIP and Snappy, access keys in Secrets Manager. One thing is allowed that AWS refuses:
an endpoint whose URL begins with `http://`.
"""
