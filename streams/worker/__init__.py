"""`vpcflow work`: the Faust worker and its three hops.

`work` opens assigned partitions, feeds the hops, flushes them, and ends the process at an unknown error.
`app` is the Faust app, with every setting that differs from Faust's default. `hops` is what the hops share:
opening, pacing, slots. `sum` sums lines, `merge` publishes windows, `detect` publishes alerts. `warm` loads
and compiles the kernels, and `metrics` counts.
"""
