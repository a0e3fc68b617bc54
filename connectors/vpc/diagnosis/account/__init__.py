"""The resources of an account for a diagnosis, and the resolution of the names that a user types.

`inventory` has the records, `reading` and `services` make the API calls, `described` converts their responses
(pure), and `ends` resolves a source or a destination to a `connection_end` (pure), with `names`, `named_ends`
and `stand_ins`. `permissions` lists the IAM actions (pure). `corrections` repairs what moto describes unlike
AWS (pure).
"""
