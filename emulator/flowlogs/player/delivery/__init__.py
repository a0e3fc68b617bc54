"""The delivery of a flow log's records through AWS API calls.

`batches` has the records of one interval, as lines and as ledger rows. `naming` names log streams and
objects, `files` builds the files for S3 (all pure). `destinations` writes to CloudWatch Logs, S3 or Firehose,
and `publisher` sends one flow log's batches in order and reports the result.
"""
