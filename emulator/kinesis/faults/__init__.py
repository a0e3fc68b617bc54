"""Faults of Kinesis calls.

`aims` finds the stream and shards of a request before it is answered; `faulty` is the service with the faults
that `emulator.faults` decides. Pure.
"""
