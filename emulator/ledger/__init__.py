"""The totals of a load, for comparison with the published aggregates. Pure.

`ledger` sums the records of a load and compares; `conversations` does so by both ends and the service port;
`peers` sums them by peer and port; `labels` are the planted incidents that must raise alerts. `by_flow_log`
has a ledger for each flow log, and `from_file` counts the lines of a file independently of the pipeline.
"""
