"""UpdateMaxRecordSize: changes the maximum record size of a stream."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output


def update_max_record_size(call: Call) -> Output:
    """Change the size. The answer is empty."""
    call.idle_stream().set_max_record(call.number("MaxRecordSizeInKiB", 0), call.now_ms)
    return None
