"""Faults on demand, as FAULTS.md documents them.

`rules` decides which rule strikes a call (pure). `documents` reads rules from JSON or TOML and checks them.
Each service applies the decision itself; for Kinesis see `kinesis.faults`.
"""
