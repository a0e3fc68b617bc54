"""Faults of Kinesis calls."""
