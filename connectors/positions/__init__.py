"""`vpcflow connect positions` and `vpcflow connect reset`.

`table` reads all positions and owners from Kafka and writes new ones. `rows` makes rows for people of them,
and the changes of a reset (pure). `cli` prints both.
"""
