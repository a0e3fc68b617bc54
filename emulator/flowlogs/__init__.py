"""VPC Flow Logs as AWS delivers them: `CreateFlowLogs`, and then records to CloudWatch Logs, S3 or Firehose.

In the emulator's process, `service` answers EC2's calls about flow logs and those of CloudWatch Logs about
subscriptions; `pages` shows what there is. `link` starts a process for the rest: `player` plays the world's
minutes (`rounds`, `playing`), `intervals`, `rows` and `batches` make each flow log's records of them, and
`couriers` bring these to their `destinations`, by ordinary AWS calls to the emulator's port.
"""
