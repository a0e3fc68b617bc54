"""PutRecord: stores one record, routed as by `PutRecords`."""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.puts import PutBatch
from emulator.kinesis.state import sequence_numbers


def put_record(call: Call) -> Output:
    """Put a record. Answer with its shard and sequence number."""
    stream = call.active_stream()
    _check_ordering(call, stream.name)
    batch = PutBatch(stream, call.format)
    batch.add(call.request, "")
    if call.flag("DryRun"):
        raise errors.dry_run()
    throttle = call.store.throttle
    admit = None if throttle is None else throttle.admit(stream, call.now_ms)
    (result,) = batch.put(call.store, call.now_ms, admit)
    if batch.throttled is not None:
        raise errors.Refused(batch.throttled.code, batch.throttled.message)
    return result


def _check_ordering(call: Call, stream_name: str) -> None:
    """Refuse an invalid `SequenceNumberForOrdering`. A valid one needs no action: numbers always increase."""
    text = call.text("SequenceNumberForOrdering")
    if not text:
        return
    parsed = sequence_numbers.parse(text)
    if parsed is None or parsed.arrival_s * 1000 > call.now_ms:
        raise errors.invalid_argument(
            f"ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {stream_name} under account "
            f"{call.scope.account} is invalid."
        )
