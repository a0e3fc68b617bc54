"""Kinesis on HTTP."""
