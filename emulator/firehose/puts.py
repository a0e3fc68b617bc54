"""PutRecord and PutRecordBatch: add records to the buffer and return their ids. Pure.

A batch is accepted as a whole or refused as a whole, so `FailedPutCount` is always 0. The only throttling is
for a stream whose buffers are full because its destination fails.
"""

from __future__ import annotations

from typing import cast

import pybase64

from emulator.firehose import errors
from emulator.firehose.buffers import BufferedRecord
from emulator.firehose.call import Call
from emulator.firehose.streams import BUFFERED_MAX_BYTES, DeliveryStream
from emulator.kinesis.protocol.wire import Request

BATCH_MAX_BYTES = 4 << 20  # PutRecordBatch: "up to a limit of 4 MiB for the entire request"
_ID_BYTES = 168  # 224 characters in base64, about the length of AWS's ids


def put_record(call: Call) -> Request:
    """Accept one record."""
    ids, is_encrypted = _put(call, [cast("Request", call.request["Record"])])
    return {"RecordId": ids[0], "Encrypted": is_encrypted}


def put_record_batch(call: Call) -> Request:
    """Accept up to 500 records."""
    ids, is_encrypted = _put(call, cast("list[Request]", call.request["Records"]))
    responses = [{"RecordId": each} for each in ids]
    return {"FailedPutCount": 0, "Encrypted": is_encrypted, "RequestResponses": responses}


def take(stream: DeliveryStream, records: list[BufferedRecord]) -> None:
    """Buffer records for the destination, and for the backup of all records if it is enabled."""
    stream.buffer.add(records)
    if stream.destination.backup is not None:
        stream.backup_buffer.add(records)
    stream.counts.taken += len(records)


def _put(call: Call, entries: list[Request]) -> tuple[list[str], bool]:
    payloads = [pybase64.b64decode(cast("str", entry["Data"])) for entry in entries]
    if sum(map(len, payloads)) > BATCH_MAX_BYTES:
        raise errors.invalid_argument("Records size exceeds 4 MB limit")
    stream = call.stream()
    if stream.status(call.now_ms) != "ACTIVE":
        raise errors.not_found(stream.name, call.scope.account)
    if stream.source is not None:
        raise errors.invalid_argument(
            f"This operation is not permitted on {stream.type} delivery stream type."
        )
    if stream.buffered_bytes >= BUFFERED_MAX_BYTES:
        raise errors.slow_down()
    ids = [pybase64.b64encode(call.random.randbytes(_ID_BYTES)).decode("ascii") for _ in payloads]
    now_ms = call.now_ms
    take(
        stream,
        [
            BufferedRecord(data, now_ms, now_ms, f"{each[:40]}.0")
            for each, data in zip(ids, payloads, strict=True)
        ],
    )
    return ids, stream.encryption_status(now_ms) == "ENABLED"
