"""Synthetic traffic for a bounded load: who talks, what goes wrong on purpose, and how it is put on Kinesis.

`traffic` and `incidents` are pure and seeded: the same `Load` is the same bytes everywhere. `file` reads
somebody's own flow logs instead. `feed` puts either on a stream. `emulator.ledger.ledger` keeps what was
handed out.
"""
