"""Faults of Kinesis calls.

`call_targets` finds the stream and shards of a request before it is answered; `faulty` is the service with
the faults that `emulator.faults` decides. Pure.
"""
