"""The three hops of the worker: `sum`, `merge` and `detect`, each one partition with its slot.

They tie a pure module to a slot: `sums.Sums`, `windows.Windows`, `alerts.lives.Lives`. What they hold in
memory is what their last commit wrote plus what they have read since; a hop that fails is thrown away.
"""
