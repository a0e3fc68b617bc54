"""What a store holds, kept on disk while it changes, and read back at the next start.

A put leaves its records here before readers can see them (`Store.append`), and asks the loop for a commit
when it has done what it is doing; all requests that are answered in one turn of the loop share it. Streams
are written whole when they have changed. `committed` returns when everything before it is on disk.

On disk: a row for each stream; a row for each shard that was trimmed; a row for each batch of records, by
stream, shard and first index. Trimming deletes batches none of whose records are left, once a second at most.
An error of the disk is for good: nothing is answered any more that may not be kept.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import lmdb
import structlog

from emulator.kinesis.persistence import batches, codec
from emulator.kinesis.persistence.batches import BadBatch
from emulator.kinesis.persistence.codec import BadText
from emulator.kinesis.persistence.folder import Folder, damaged, open_folder
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Stream
from emulator.kinesis.store import Store

TRIM_EVERY_S = 1.0
SPARE_BYTES = 64 << 20
_PLACE = struct.Struct(">QI")  # stream, shard
_KEY = struct.Struct(">QIQ")  # stream, shard, index of the first record
_TRIMMED = struct.Struct(">QQQ")  # first index, records trimmed so far, payload before the first
_SETTINGS_KEY = struct.pack(">Q", 0)
_NO_SETTINGS = {
    *("limits", "retained_bytes", "capped", "_streams", "_next_sweep_ms", "throttle", "journal"),
}

log = structlog.get_logger("emulator")


def open_journal(store: Store, path: Path, now_ms: int) -> Journal:
    """Fill a store, which is empty, from a folder, and keep it there from now on. Raises `FolderError`."""
    folder = open_folder(path)
    journal = Journal(store, folder)
    try:
        records = journal.load(now_ms)
    except BaseException:
        folder.close()
        raise
    store.journal = journal
    log.info("data folder opened", folder=str(path), records=records)
    return journal


class JournalFailed(Exception):
    """The disk has refused a commit; what was not committed may be lost."""


@dataclass(slots=True)
class _Kept:
    """A shard that is on disk: where, and from which index on."""

    shard: Shard
    place: bytes
    first_index: int


class Journal:
    """The disk's copy of one store. `store.journal` is this one."""

    def __init__(self, store: Store, folder: Folder) -> None:
        self._store, self._folder = store, folder
        self._pending: list[tuple[Shard, int, bytes]] = []
        self._is_changed = False
        self._waiting: asyncio.Future[None] | None = None
        self._failure: JournalFailed | None = None
        self._ids: dict[int, tuple[Stream, int]] = {}
        self._written: dict[int, bytes] = {}
        self._kept: dict[int, _Kept] = {}
        self._next_id = 1
        self._next_trim_s = 0.0
        self._room_bytes = 0
        self._written_mark: list[tuple[int, int, int | None, int | None]] = []
        self.commits = 0

    # What the store and the edge tell.

    def records(self, shard: Shard, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> None:
        """Keep records that are about to be added to a shard."""
        value = batches.pack(texts, payload_bytes, arrival_ms)
        self._pending.append((shard, shard.next_index, value))
        self._ask()

    def changed(self) -> None:
        """Say that a stream, a consumer or a setting may have changed."""
        self._is_changed = True
        self._ask()

    def looked(self) -> None:
        """Say that a call may have met a change whose time had come, and done it."""
        if self._mark() != self._written_mark:
            self.changed()

    def trim_soon(self) -> None:
        """Delete with the next commit what the store has let go of, however long ago the last time was."""
        self._next_trim_s = 0.0

    async def committed(self) -> None:
        """Return when all that was told so far is on disk. Raises `JournalFailed`."""
        if self._failure is not None:
            raise self._failure
        if self._waiting is not None:
            await asyncio.shield(self._waiting)

    def _ask(self) -> None:
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            self._waiting.add_done_callback(lambda done: done.exception())  # there may be no waiter
            loop.call_soon(self._answer)

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        try:
            self.commit()
        except JournalFailed as failure:
            waiting.set_exception(failure)
        else:
            waiting.set_result(None)

    # Writing.

    def commit(self) -> None:
        """Put all that was told on disk. Raises `JournalFailed`, from then on every time."""
        if self._failure is not None:
            raise self._failure
        pending, self._pending = self._pending, []
        try:
            self._make_room(sum(len(value) for _, _, value in pending))
            with self._folder.env.begin(write=True) as transaction:
                self._write(transaction, pending)
        except Exception as error:
            # A full disk, or a bug of ours: either way a caller waits for data that will not be kept.
            log.exception("data folder cannot be written, no call is answered from now on")
            self._failure = JournalFailed(str(error))
            raise self._failure from None
        self._is_changed = False
        self.commits += 1

    def close(self) -> None:
        """Commit what is left, and let another process have the folder."""
        try:
            if self._failure is None:
                self.trim_soon()
                self.commit()
        finally:
            self._folder.close()

    def _make_room(self, more_bytes: int) -> None:
        """Have room for twice what is to be written, and for what streams and trimming take beside it."""
        more_bytes = 2 * more_bytes + SPARE_BYTES
        if self._room_bytes < more_bytes:
            self._room_bytes = self._folder.make_room(2 * more_bytes)
        self._room_bytes -= more_bytes - SPARE_BYTES

    def _write(self, transaction: lmdb.Transaction, pending: list[tuple[Shard, int, bytes]]) -> None:
        if self._is_changed or any(id(shard) not in self._kept for shard, _, _ in pending):
            self._write_streams(transaction)
        for shard, index, value in pending:
            kept = self._kept.get(id(shard))
            if kept is not None:  # else its stream was deleted since
                transaction.put(kept.place + index.to_bytes(8, "big"), value, db=self._folder.records)
        if time.monotonic() >= self._next_trim_s:
            self._next_trim_s = time.monotonic() + TRIM_EVERY_S
            self._trim(transaction)

    def _mark(self) -> list[tuple[int, int, int | None, int | None]]:
        """Return what time changes of streams."""
        streams = self._store._streams.values()
        return [(id(each), len(each.shards), each.updating_ms, each.deleted_ms) for each in streams]

    def _write_streams(self, transaction: lmdb.Transaction) -> None:
        self._written_mark = self._mark()
        streams = list(self._store._streams.values())
        for stream in streams:
            if id(stream) not in self._ids:
                self._ids[id(stream)] = (stream, self._next_id)
                self._next_id += 1
            number = self._ids[id(stream)][1]
            text = codec.dumps(stream)
            if self._written.get(number) != text:
                transaction.put(struct.pack(">Q", number), text, db=self._folder.streams)
                self._written[number] = text
            for shard in stream.shards:
                if id(shard) not in self._kept:
                    self._kept[id(shard)] = _Kept(shard, _PLACE.pack(number, shard.number), 1)
        settings = codec.dumps({name: getattr(self._store, name) for name in _settings()})
        transaction.put(_SETTINGS_KEY, settings, db=self._folder.streams)
        self._forget(transaction, streams)

    def _forget(self, transaction: lmdb.Transaction, streams: list[Stream]) -> None:
        """Delete what is on disk of streams and shards that are no more."""
        alive = {id(stream) for stream in streams}
        for key in [key for key in self._ids if key not in alive]:
            _, number = self._ids.pop(key)
            self._written.pop(number, None)
            transaction.delete(struct.pack(">Q", number), db=self._folder.streams)
        shards = {id(shard) for stream in streams for shard in stream.shards}
        for key in [key for key in self._kept if key not in shards]:
            kept = self._kept.pop(key)
            transaction.delete(kept.place, db=self._folder.shards)
            self._delete_batches(transaction, kept.place, None)

    def _trim(self, transaction: lmdb.Transaction) -> None:
        for kept in self._kept.values():
            shard = kept.shard
            if shard.first_index == kept.first_index:
                continue
            row = _TRIMMED.pack(shard.first_index, shard.trimmed_records, shard.trimmed_bytes)
            transaction.put(kept.place, row, db=self._folder.shards)
            self._delete_batches(transaction, kept.place, shard.first_index)
            kept.first_index = shard.first_index

    def _delete_batches(self, transaction: lmdb.Transaction, place: bytes, until: int | None) -> None:
        """Delete a shard's batches, or those all of whose records are before an index."""
        with transaction.cursor(db=self._folder.records) as cursor:
            there = cursor.set_range(place + bytes(8))
            while there and bytes(cursor.key()).startswith(place):
                first = int.from_bytes(cursor.key()[len(place) :], "big")
                if until is not None and (first >= until or first + batches.count(cursor.value()) > until):
                    return
                there = cursor.delete()

    # Reading.

    def load(self, now_ms: int) -> int:
        """Fill the store, which is empty, with what is on disk; return how many records that is.

        Raises `FolderError` when something there cannot be.
        """
        try:
            with self._folder.env.begin(buffers=True) as transaction:
                for key, text in transaction.cursor(db=self._folder.streams):
                    self._load_row(struct.unpack(">Q", key)[0], bytes(text))
                places = {kept.place: kept for kept in self._kept.values()}
                self._load_trimmed(transaction, places)
                self._load_records(transaction, places)
        except (lmdb.Error, BadBatch, BadText, struct.error, KeyError) as error:
            raise damaged(self._folder.path, error) from None
        store = self._store
        shards = [kept.shard for kept in self._kept.values()]
        store.retained_bytes = sum(shard.retained_bytes for shard in shards)
        store.tidy(now_ms)
        self._is_changed = True  # what `tidy` has ended need not stay
        self.commit()
        return sum(shard.record_count for shard in shards)

    def _load_row(self, number: int, text: bytes) -> None:
        if not number:
            for name, value in codec.loads(text, dict).items():
                if name in _settings():
                    setattr(self._store, name, value)
            return
        stream = codec.loads(text, Stream)
        stream.route()
        self._store._streams[stream.scope, stream.name] = stream
        self._ids[id(stream)], self._written[number] = (stream, number), text
        self._next_id = max(self._next_id, number + 1)
        for shard in stream.shards:
            self._kept[id(shard)] = _Kept(shard, _PLACE.pack(number, shard.number), 1)

    def _load_trimmed(self, transaction: lmdb.Transaction, places: dict[bytes, _Kept]) -> None:
        for place, row in transaction.cursor(db=self._folder.shards):
            kept = places[bytes(place)]
            first_index, trimmed_records, trimmed_bytes = _TRIMMED.unpack(row)
            kept.shard.begin_at(first_index, trimmed_records, trimmed_bytes)
            kept.first_index = first_index

    def _load_records(self, transaction: lmdb.Transaction, places: dict[bytes, _Kept]) -> None:
        for key, value in transaction.cursor(db=self._folder.records):
            shard = places[bytes(key[: _PLACE.size])].shard
            batch = batches.unpack(value)
            index = _KEY.unpack(key)[2]
            gone = shard.next_index - index  # of a batch that is trimmed in part
            if gone < 0:
                raise BadBatch(f"records of {shard.shard_id} are missing before number {index}")
            shard.append(batch.texts[gone:], batch.payload_bytes[gone:], batch.arrival_ms)


def _settings() -> Iterator[str]:
    """Yield the fields of a store that are settings: all that is not known to be something else."""
    return (each.name for each in fields(Store) if each.name not in _NO_SETTINGS)
