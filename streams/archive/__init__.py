"""`vpcflow archive` and `vpcflow query`: final windows as Parquet, exactly once, and SQL over them.

Pure: `tables` has the tables, `names` the paths of parts, `finals` reads a message, `batch` collects rows,
`rollups` sums them, `compaction` combines parts, `ledger` is the committed state, and `history` is the table
`inventory`. Edges: `archive` is the process and its consumer group, `partition` is one owned partition, and
`writer` stages and publishes its files. `inventory_table` writes that table. `storage` is the place,
`parquet` encodes parts, `metrics` counts, and `query` is `vpcflow query`.
"""
