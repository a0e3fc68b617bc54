"""The calls on queues and channels, which this emulator does not play: a refusal that says so."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def not_played(call: Call) -> Output:
    """Refuse the call."""
    raise errors.unknown_operation(
        f"{call.operation} is not played by this emulator: it plays streams, but neither queues nor channels."
    )
