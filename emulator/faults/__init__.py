"""Injected faults, documented in docs/faults.md.

`rules` decides which rules apply to a call (pure). `documents` parses and checks rules from JSON or TOML.
Each service carries out the faults itself; for Kinesis see `kinesis.faults`.
"""
