"""The calls on queues and channels, which this emulator does not support."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output


def not_supported(call: Call) -> Output:
    """Refuse the call."""
    raise errors.unknown_operation(
        f"{call.operation} is not supported by this emulator, which has streams, but neither queues nor "
        "channels."
    )
