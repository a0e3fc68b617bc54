"""The resources of an account for a diagnosis, and the resolution of the names that a user types.

`inventory` has the records, `reading` makes the API calls, `described` converts their responses (pure), and
`ends` resolves a source or a destination (pure). `permissions` lists the IAM actions (pure). `corrections`
repairs what moto describes unlike AWS (pure).
"""
