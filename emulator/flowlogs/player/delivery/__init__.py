"""The delivery of a flow log's records, by ordinary AWS calls.

`batches` are the records of one interval, as lines and as the ledger counts them. `naming` names log streams
and objects, `files` makes the files for S3 (all pure). `destinations` writes to CloudWatch Logs, S3 or
Firehose, and `publisher` sends one flow log's batches in order and reports the result.
"""
