"""PutRecords: stores up to 500 records.

All records are checked before the first is stored: as in AWS, one invalid record refuses the whole request.
If AWS's limits are enabled, records above them fail individually and `FailedRecordCount` is their number.
"""

from __future__ import annotations

from typing import cast

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.protocol import cbor
from emulator.kinesis.protocol.wire import Format, Request
from emulator.kinesis.puts import PutBatch

MOST_BYTES = 10 << 20  # PutRecords: "up to a limit of 10 MiB for the entire request, with partition keys"


def put_records(call: Call) -> Output:
    """Put records. Answer with the shard and sequence number of each, in the request's order."""
    batch = PutBatch(call.active_stream(), call.format)
    for number, entry in enumerate(cast("list[Request]", call.request["Records"]), 1):
        batch.add(entry, number)
    if batch.payload_bytes > MOST_BYTES:
        # AWS's message was recorded with "5 MB", when that was the limit.
        raise errors.invalid_argument("Records size exceeds 10 MB limit")
    if call.flag("DryRun"):
        raise errors.dry_run()
    results = batch.put(call.store, call.now_ms)
    if call.format is Format.JSON:
        return b'{"FailedRecordCount":%d,"Records":[%b]}' % (batch.failed, b",".join(results))
    head = b"\xa2" + cbor.text("FailedRecordCount") + cbor.integer(batch.failed) + cbor.text("Records")
    return head + cbor.array_head(len(results)) + b"".join(results)
