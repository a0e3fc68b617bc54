"""The committer of a slot, the same for all three sources.

A source puts its batches into the queue of `committer`, which writes them to Kafka in transactions. `content`
is what some batches write, and the transaction that it becomes (pure). `source_health` collects findings
about the sources between two transactions: delays, gaps and repeats.
"""
