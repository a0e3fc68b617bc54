"""VPC Flow Logs as AWS delivers them: `CreateFlowLogs`, then records in CloudWatch Logs, S3 or Firehose.

`service` takes the requests of EC2 and CloudWatch Logs and answers those about flow logs and subscriptions:
`api` has the EC2 calls, `subscriptions` the subscription filters. `access` decides whether a role or a bucket
policy allows delivery. `player` is a process that simulates the world and delivers records. `web` is the
page. `flow_log` is the record of a flow log (pure), `service_client` calls the other services of this
emulator, and `boto_errors` names the exceptions of a call without an answer.
"""
