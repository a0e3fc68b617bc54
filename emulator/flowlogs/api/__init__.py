"""The EC2 calls about flow logs.

`calls` creates, describes and deletes them. `query` reads EC2's Query protocol and writes its XML,
`validation` checks parameters in AWS's order, `describing` answers `DescribeFlowLogs`, `errors` has EC2's
refusals (all pure). `tagging` has the tag calls. `destination_checks` asks whether the destination takes
records.
"""
