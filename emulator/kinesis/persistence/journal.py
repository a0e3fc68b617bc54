"""The journal of a store: it commits changes to disk, and loads them at the next start.

A put adds its records here before readers can see them (`Store.append`), and schedules a commit in the event
loop. All requests that are answered in one iteration of the loop share the commit. A changed stream is
written as a whole. `committed` returns when all earlier changes are on disk.

Tables: a row for each stream; a row for each trimmed shard; a row for each batch of records, by stream, shard
and first index. Trimming deletes batches without retained records, at most once a second. After a disk error,
all later calls fail.
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
_TRIMMED = struct.Struct(">QQQ")  # first index, trimmed records, trimmed payload bytes
_SETTINGS_KEY = struct.pack(">Q", 0)
_NO_SETTINGS = {
    *("limits", "retained_bytes", "capped", "_streams", "_next_sweep_ms", "throttle", "journal"),
}

log = structlog.get_logger("emulator")


def open_journal(store: Store, path: Path, now_ms: int) -> Journal:
    """Load a store from a folder, and journal its changes from now on. Raises `FolderError`.

    The store must be empty.
    """
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
    """A commit has failed. Uncommitted changes may be lost."""


@dataclass(slots=True)
class _StoredShard:
    """A shard on disk, with its key prefix and the first index of its last trim."""

    shard: Shard
    place: bytes
    first_index: int


class Journal:
    """The journal of one store. `store.journal` refers to it."""

    def __init__(self, store: Store, folder: Folder) -> None:
        self._store, self._folder = store, folder
        self._pending: list[tuple[Shard, int, bytes]] = []
        self._is_changed = False
        self._waiting: asyncio.Future[None] | None = None
        self._failure: JournalFailed | None = None
        self._ids: dict[int, tuple[Stream, int]] = {}
        self._written: dict[int, bytes] = {}
        self._kept: dict[int, _StoredShard] = {}
        self._next_id = 1
        self._next_trim_s = 0.0
        self._room_bytes = 0
        self._written_mark: list[tuple[int, int, int | None, int | None]] = []

    # Called by the store and the edge.

    def records(self, shard: Shard, texts: list[bytes], payload_bytes: list[int], arrival_ms: int) -> None:
        """Add records that are about to be appended to a shard."""
        value = batches.pack(texts, payload_bytes, arrival_ms)
        self._pending.append((shard, shard.next_index, value))
        self._schedule_commit()

    def changed(self) -> None:
        """Schedule a commit because a stream, a consumer or a setting may have changed."""
        self._is_changed = True
        self._schedule_commit()

    def check_time_changes(self) -> None:
        """Schedule a commit if a read call has applied a change whose time had come."""
        if self._mark() != self._written_mark:
            self.changed()

    def trim_soon(self) -> None:
        """Delete trimmed batches with the next commit, regardless of the last time."""
        self._next_trim_s = 0.0

    async def committed(self) -> None:
        """Wait until all changes so far are on disk. Raises `JournalFailed`."""
        if self._failure is not None:
            raise self._failure
        if self._waiting is not None:
            await asyncio.shield(self._waiting)

    def _schedule_commit(self) -> None:
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            self._waiting.add_done_callback(lambda done: done.exception())  # There may be no waiter.
            loop.call_soon(self._run_commit)

    def _run_commit(self) -> None:
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
        """Write all changes so far to disk. After one `JournalFailed`, every call raises it."""
        if self._failure is not None:
            raise self._failure
        pending, self._pending = self._pending, []
        try:
            self._make_room(sum(len(value) for _, _, value in pending))
            with self._folder.env.begin(write=True) as transaction:
                self._write(transaction, pending)
        except Exception as error:
            # A full disk, or a bug: in both cases the changes of this commit are not stored.
            log.exception("data folder cannot be written, all later calls fail")
            self._failure = JournalFailed(str(error))
            raise self._failure from None
        self._is_changed = False

    def close(self) -> None:
        """Commit the remaining changes and close the folder."""
        try:
            if self._failure is None:
                self.trim_soon()
                self.commit()
        finally:
            self._folder.close()

    def _make_room(self, more_bytes: int) -> None:
        """Ensure space for twice the data, and a reserve for streams and trimming."""
        more_bytes = 2 * more_bytes + SPARE_BYTES
        if self._room_bytes < more_bytes:
            self._room_bytes = self._folder.make_room(2 * more_bytes)
        self._room_bytes -= more_bytes - SPARE_BYTES

    def _write(self, transaction: lmdb.Transaction, pending: list[tuple[Shard, int, bytes]]) -> None:
        if self._is_changed or any(id(shard) not in self._kept for shard, _, _ in pending):
            self._write_streams(transaction)
        for shard, index, value in pending:
            kept = self._kept.get(id(shard))
            if kept is not None:  # Otherwise its stream was deleted in the meantime.
                transaction.put(kept.place + index.to_bytes(8, "big"), value, db=self._folder.records)
        if time.monotonic() >= self._next_trim_s:
            self._next_trim_s = time.monotonic() + TRIM_EVERY_S
            self._trim(transaction)

    def _mark(self) -> list[tuple[int, int, int | None, int | None]]:
        """Return the parts of streams that change by time alone."""
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
                    self._kept[id(shard)] = _StoredShard(shard, _PLACE.pack(number, shard.number), 1)
        settings = codec.dumps({name: getattr(self._store, name) for name in _settings()})
        transaction.put(_SETTINGS_KEY, settings, db=self._folder.streams)
        self._forget(transaction, streams)

    def _forget(self, transaction: lmdb.Transaction, streams: list[Stream]) -> None:
        """Delete streams and shards that no longer exist from disk."""
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
        """Delete a shard's batches. If `until` is set, delete only batches that end before this index."""
        with transaction.cursor(db=self._folder.records) as cursor:
            found = cursor.set_range(place + bytes(8))
            while found and bytes(cursor.key()).startswith(place):
                first = int.from_bytes(cursor.key()[len(place) :], "big")
                if until is not None and (first >= until or first + batches.count(cursor.value()) > until):
                    return
                found = cursor.delete()

    # Reading.

    def load(self, now_ms: int) -> int:
        """Load the store from disk. The store must be empty. Return the number of records.

        Raises `FolderError` if the data is damaged.
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
        self._is_changed = True  # Streams that `tidy` has deleted are removed from disk.
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
            self._kept[id(shard)] = _StoredShard(shard, _PLACE.pack(number, shard.number), 1)

    def _load_trimmed(self, transaction: lmdb.Transaction, places: dict[bytes, _StoredShard]) -> None:
        for place, row in transaction.cursor(db=self._folder.shards):
            kept = places[bytes(place)]
            first_index, trimmed_records, trimmed_bytes = _TRIMMED.unpack(row)
            kept.shard.begin_at(first_index, trimmed_records, trimmed_bytes)
            kept.first_index = first_index

    def _load_records(self, transaction: lmdb.Transaction, places: dict[bytes, _StoredShard]) -> None:
        for key, value in transaction.cursor(db=self._folder.records):
            shard = places[bytes(key[: _PLACE.size])].shard
            batch = batches.unpack(value)
            index = _KEY.unpack(key)[2]
            gone = shard.next_index - index  # The trimmed records of the batch.
            if gone < 0:
                raise BadBatch(f"records of {shard.shard_id} are missing before number {index}")
            shard.append(batch.texts[gone:], batch.payload_bytes[gone:], batch.arrival_ms)


def _settings() -> Iterator[str]:
    """Yield the fields of a store that are settings: all except `_NO_SETTINGS`."""
    return (each.name for each in fields(Store) if each.name not in _NO_SETTINGS)
