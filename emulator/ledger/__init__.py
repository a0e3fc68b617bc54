"""What was handed out, for comparison with what the pipeline published. Pure.

`ledger` sums the records of a load and compares; `peers` says who talked to whom; `labels` are the planted
incidents that must raise alerts. `by_flow_log` keeps a ledger for each flow log, `from_file` counts the lines
of a user's file independently of the pipeline.
"""
