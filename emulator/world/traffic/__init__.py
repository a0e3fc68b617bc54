"""The traffic of a world: flows, and what each interface records of them. Pure.

`edges` derives who talks to whom from the rules of an estate; `profiles` says how; `services` draws the flows
that begin in one minute, and `flows` holds them. `bulk_verdicts` finds the verdict on many flows at once, by
`shapes` that share one, and keeps its rows in `templates`. `records` finds what interfaces record in one
minute. `directory` numbers interfaces and addresses, `columns` are tables of columns, and `chance` draws
numbers from a seed and a place, the same ones on every machine.
"""
