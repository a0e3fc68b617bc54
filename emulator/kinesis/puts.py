"""The storing of records: they are checked, routed to shards, and encoded in the form in which they are read.

`PutBatch.add` and `_put_to` are the hottest code of the emulator and avoid every call, even `cast`.
The data of a JSON request is stored as its base64 text: it is decoded once, for validation and for its size,
and needs no escaping in JSON. The data of a CBOR request is stored as bytes (see `record_texts`).

A limit may throttle some records of a request while others are stored: `Admit` decides for each record, and
its entry in the answer has the code and message of the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybase64 import b64decode

from emulator.kinesis import errors
from emulator.kinesis.admission import Admit, Throttled
from emulator.kinesis.protocol import cbor
from emulator.kinesis.protocol.record_texts import NUMBER_HEAD, Writer
from emulator.kinesis.protocol.wire import Format, write
from emulator.kinesis.shapes.validation import not_base64, shown_blob
from emulator.kinesis.state.sequence_numbers import INDEX_STEP
from emulator.kinesis.state.shards import MAX_HASH_KEY, Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store


class PutBatch:
    """The records of one request for one stream. `put` stores them."""

    def __init__(self, stream: Stream, format: Format = Format.JSON) -> None:
        self.payload_bytes = 0
        self.failed = 0
        self.throttled: Throttled | None = None
        self._stream = stream
        self._format = format
        self._is_cbor = format is Format.CBOR
        self._most_bytes = stream.max_record_bytes
        self._keys: list[str] = []
        self._data: list[str | bytes] = []
        self._sizes: list[int] = []
        self._members: dict[int, list[int]] = {}

    def add(self, entry: Mapping[str, Any], number: int | str) -> None:
        """Check and route a record that has passed `validation.check`. Error messages contain `number`."""
        key, data = entry["PartitionKey"], entry["Data"]
        if type(data) is bytes:
            data_bytes = len(data)
        else:
            try:
                raw = b64decode(data, None, True)
            except ValueError:
                raise not_base64(data) from None
            data_bytes = len(raw)
            if self._is_cbor:
                data = raw
        size = data_bytes + (len(key) if key.isascii() else len(key.encode()))
        if size > self._most_bytes:
            raise self._too_large(data_bytes, number)
        hash_key = entry.get("ExplicitHashKey")
        if hash_key is None:
            place = self._stream.place_of_key(key)
        else:
            place = self._stream.place_of_hash(_hash_key(hash_key))
        members = self._members.get(place)
        if members is None:
            members = self._members[place] = []
        members.append(len(self._keys))
        self._keys.append(key)
        self._data.append(data)
        self._sizes.append(size)
        self.payload_bytes += size

    def put(self, store: Store, now_ms: int, admit: Admit | None = None) -> list[bytes]:
        """Store the records. Return the answer's entry of each, in the order of `add`."""
        if admit is None and store.throttle is not None:
            admit = store.throttle.admit(self._stream, now_ms)
        results = [b""] * len(self._keys)
        for place, members in self._members.items():
            shard = self._stream.open_shards[place]
            if admit is not None:
                members = self._admitted(shard, members, admit, results)  # noqa: PLW2901
            if members:
                self._put_to(store, shard, members, now_ms, results)
        store.tidy(now_ms)
        return results

    def _admitted(self, shard: Shard, members: list[int], admit: Admit, results: list[bytes]) -> list[int]:
        """Return the members that the shard admits. Write the errors of the others to `results`."""
        admitted = []
        for at in members:
            throttled = admit(shard, self._sizes[at])
            if throttled is None:
                admitted.append(at)
            else:
                self.failed += 1
                self.throttled = throttled
                failure = {"ErrorCode": throttled.code, "ErrorMessage": throttled.message}
                results[at] = write(failure, self._format)
        return admitted

    def _put_to(
        self, store: Store, shard: Shard, members: list[int], now_ms: int, results: list[bytes]
    ) -> None:
        arrival_ms = shard.arrival_ms(now_ms)
        sequence_number = shard.next_number(arrival_ms)
        keys, data, all_sizes = self._keys, self._data, self._sizes
        kind = self._stream.encryption_type.replace(
            "NONE", ""
        )  # AWS omits the field for unencrypted records.
        write = Writer(self._format, arrival_ms, kind).write
        before, after = _result_frame(shard.shard_id, self._format, kind)
        texts: list[bytes] = []
        for at in members:
            number = b"%d" % sequence_number
            texts.append(write(number, keys[at], data[at]))
            results[at] = before + number + after
            sequence_number += INDEX_STEP
        store.append(shard, texts, [all_sizes[at] for at in members], arrival_ms)

    def _too_large(self, data_bytes: int, number: int | str) -> errors.Refused:
        where = f"records.{number}.member.data" if number else "data"
        return errors.validation(
            [
                f"Value '{shown_blob(data_bytes)}' at '{where}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {self._most_bytes}"
            ]
        )


def _hash_key(text: str) -> int:
    value = int(text)
    if value > MAX_HASH_KEY:
        raise errors.invalid_argument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value "
            f"was {text}"
        )
    return value


def _result_frame(shard_id: str, format: Format, kind: str) -> tuple[bytes, bytes]:
    """Return the bytes before and after the sequence number in an answer's entry."""
    if format is Format.JSON:
        rest = b',"EncryptionType":"%b"}' % kind.encode() if kind else b"}"
        return b'{"SequenceNumber":"', b'","ShardId":"%b"%b' % (shard_id.encode(), rest)
    encryption = cbor.text("EncryptionType") + cbor.text(kind) if kind else b""
    head = cbor.head(_MAP, 3 if kind else 2) + _SEQUENCE_NUMBER + NUMBER_HEAD
    return head, _SHARD_ID + cbor.text(shard_id) + encryption


_MAP = 0xA0
_SEQUENCE_NUMBER, _SHARD_ID = cbor.text("SequenceNumber"), cbor.text("ShardId")
