"""DecreaseStreamRetentionPeriod: shortens the retention to at least a day. Older records expire at once."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import MS_IN_HOUR
from emulator.kinesis.operations.increase_stream_retention_period import stream_and_hours


def decrease_stream_retention_period(call: Call) -> Output:
    """Shorten the retention. The answer is empty."""
    stream, hours = stream_and_hours(call)
    have = stream.retention_ms // MS_IN_HOUR
    if hours > have:
        raise errors.invalid_argument(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be longer than "
            f"existing retention period ({have} hours). Use IncreaseRetentionPeriod API."
        )
    call.store.set_retention(stream, hours * MS_IN_HOUR, call.now_ms)
    return None
