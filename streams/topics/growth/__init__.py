"""More partitions for a whole pipeline, as `vpcflow topics grow` makes them.

`grow` is the procedure, which stops at the first thing that is not safe. `moves` computes the new state of
every hop. `docs/topics.md` describes the procedure for users.
"""
