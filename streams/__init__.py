"""The computation: from blocks of lines to windows, alerts and the page.

`sums` reads lines and sums them, `windows` merges sums, `worker` is the Faust worker with its three hops,
`alerts` has the detectors and `vpcflow notify`, `web` the page, `replay` the whole system on one machine.
`cli` is the command line and `commands` its subcommands. `records` are the published aggregate and alert,
`numbering` the numbers of a log; `compiled` and `kernel_cache` are for numba.

A row belongs to the tumbling window of its `start`. A window's totals are published on every flush in which
they changed, once more with `final: true` when the watermark passes its end, and again with a higher revision
when a late row amends them. Totals are absolute and exact; estimates are marked as estimates.
"""
