"""The EC2 calls about flow logs.

`calls` creates, describes and deletes them. `query` parses EC2's Query protocol and writes its XML,
`validation` checks parameters in AWS's order, `describing` answers `DescribeFlowLogs`, `errors` has EC2's
errors (all pure). `tagging` has the tag calls. `destination_checks` checks that a destination exists and
accepts records.
"""
