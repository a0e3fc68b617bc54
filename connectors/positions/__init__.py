"""`vpcflow connect positions` and `vpcflow connect reset`.

`table` reads all positions and owners from Kafka and writes new ones. `rows` converts them to the
rows of the table, and computes the changes of a reset (pure). `cli` prints both.
"""
