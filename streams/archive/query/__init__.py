"""`vpcflow query`: SQL over the archive through DuckDB, read-only.

`views` and `matrix` are the SQL of the views (pure), `chosen` selects the parts that a query needs (pure),
`session` runs a query in DuckDB, `copies` holds parts of S3 on this machine, and `output` prints a result.
"""
