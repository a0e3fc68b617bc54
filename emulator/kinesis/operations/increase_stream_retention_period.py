"""IncreaseStreamRetentionPeriod: extends the retention, up to a year. Expired records stay expired."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.descriptions import MS_IN_HOUR
from emulator.kinesis.state.streams import Stream

LEAST_HOURS, MOST_HOURS = 24, 8760


def increase_stream_retention_period(call: Call) -> Output:
    """Extend the retention. The answer is empty."""
    stream, hours = stream_and_hours(call)
    have = stream.retention_ms // MS_IN_HOUR
    if hours < have:
        raise errors.invalid_argument(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be shorter than "
            f"existing retention period ({have} hours). Use DecreaseRetentionPeriod API."
        )
    call.store.set_retention(stream, hours * MS_IN_HOUR, call.now_ms)
    return None


def stream_and_hours(call: Call) -> tuple[Stream, int]:
    """Return the stream and the retention in a request. Raises `Refused` for a value out of range."""
    stream, hours = call.idle_stream(), call.number("RetentionPeriodHours", 0)
    if hours < LEAST_HOURS:
        raise errors.invalid_argument(
            f"Minimum allowed retention period is {LEAST_HOURS} hours. Requested retention period "
            f"({hours} hours) is too short."
        )
    if hours > MOST_HOURS:
        raise errors.invalid_argument(
            f"Maximum allowed retention period is {MOST_HOURS} hours. Requested retention period "
            f"({hours} hours) is too long."
        )
    return stream, hours
