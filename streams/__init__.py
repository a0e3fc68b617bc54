"""The stream processing: from blocks of lines to windows, alerts and the live page.

`sums` parses and sums lines, `windows` and `conversations` merge sums, `worker` is the Faust worker with its
three hops, `alerts` has the detectors and `vpcflow notify`, `archive` has `vpcflow archive` and `query`,
`web` has the page, `topics` lists and reads the topics, `schemas` has the schemas of their messages, and
`replay` runs the whole system on one machine. `cli` is the command line and `commands` has its subcommands.
`records` defines the published aggregate and alert, `numbering` the message numbers, and `layout` the
partitions of interfaces; `compiled` and `kernel_cache` are for numba; `repeated_logs` filters log lines of
libraries.

A row belongs to the tumbling window that contains its `start`. The totals of a window are published at every
flush in which they changed, once more with `final: true` when the watermark passes the end of the window, and
again with a higher revision when a late row amends them. Totals are absolute and exact; estimates are marked.
"""
