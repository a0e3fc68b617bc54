"""Plays AWS on one port, makes the traffic, and keeps the ledger that everything is compared with.

Kinesis answers as AWS does for the ten calls in `kinesis/operations`; any other operation answers
`UnknownOperationException`. Nothing here is imported by `connectors` or `streams`, except by the command
line and the tests.
"""
