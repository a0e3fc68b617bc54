"""Records on their way in: checked, routed to shards, and written as they will be read.

`Batch.add` is the hottest code of the emulator, and written for that. A record's data
stays the base64 text it came as: it is decoded once, to be sure that it is base64 and to learn its size,
and can then stand in JSON without escaping.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import orjson
from pybase64 import b64decode

from emulator.kinesis import errors
from emulator.kinesis.sequence_numbers import INDEX_STEP
from emulator.kinesis.shards import MAX_HASH_KEY, Shard
from emulator.kinesis.store import Store
from emulator.kinesis.streams import Stream
from emulator.kinesis.validation import not_base64, shown_blob
from emulator.kinesis.wire import Request


class Batch:
    """Records for one stream, nothing stored until `put`."""

    def __init__(self, stream: Stream) -> None:
        self.payload_bytes = 0
        self._stream = stream
        self._most_bytes = stream.max_record_bytes
        self._keys: list[str] = []
        self._data: list[str] = []
        self._sizes: list[int] = []
        self._members: dict[int, list[int]] = {}

    def add(self, entry: Request, number: int | str) -> None:
        """Check and route a record that has passed `validation.check`; `number` is for the sentence."""
        key, data = cast("str", entry["PartitionKey"]), cast("str", entry["Data"])
        try:
            data_bytes = len(b64decode(data, validate=True))
        except ValueError:
            raise not_base64(data) from None
        size = data_bytes + (len(key) if key.isascii() else len(key.encode()))
        if size > self._most_bytes:
            raise self._too_large(data_bytes, number)
        hash_key = entry.get("ExplicitHashKey")
        if hash_key is None:
            place = self._stream.place_of_key(key)
        else:
            place = self._stream.place_of_hash(_hash_key(cast("str", hash_key)))
        self._members.setdefault(place, []).append(len(self._keys))
        self._keys.append(key)
        self._data.append(data)
        self._sizes.append(size)
        self.payload_bytes += size

    def put(self, store: Store, now_ms: int) -> list[bytes]:
        """Store the records; return the entry of each in the answer, in the order they were added."""
        results = [b""] * len(self._keys)
        for place, members in self._members.items():
            self._put_to(store, self._stream.open_shards[place], members, now_ms, results)
        store.tidy(now_ms)
        return results

    def _put_to(
        self, store: Store, shard: Shard, members: Iterable[int], now_ms: int, results: list[bytes]
    ) -> None:
        arrival_ms = shard.arrival_ms(now_ms)
        sequence_number = shard.next_number(arrival_ms)
        arrived = f'","ApproximateArrivalTimestamp":{arrival_ms / 1000},"Data":"'
        in_shard = f'","ShardId":"{shard.shard_id}"}}'
        keys, data, dumps = self._keys, self._data, orjson.dumps
        texts: list[bytes] = []
        sizes: list[int] = []
        for at in members:
            head = f'{{"SequenceNumber":"{sequence_number}'
            sequence_number += INDEX_STEP
            texts.append(b'%s","PartitionKey":%s}' % ((head + arrived + data[at]).encode(), dumps(keys[at])))
            results[at] = (head + in_shard).encode()
            sizes.append(self._sizes[at])
        store.append(shard, texts, sizes, arrival_ms)

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
