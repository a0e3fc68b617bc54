"""`vpcflow work`: the Faust worker and its three hops.

`work` opens the assigned partitions, feeds and flushes the hops, and ends the process at an unknown error.
`app` is the Faust app, with every setting that differs from Faust's default; `delivery` hands messages to its
streams. `hops` has the interface of a hop, its pause between flushes, and its slot; `gaps` reads dropped
messages again; `group_offsets` commits offsets for lag tools. `sum` sums lines, `merge` publishes windows,
and `detect` publishes alerts. `warm` loads and compiles the kernels, and `metrics` counts.
"""
