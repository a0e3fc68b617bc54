"""A store in a folder: all that was answered is there at the next start, and what was let go is not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import lmdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kinesis import service
from emulator.kinesis.persistence import batches, codec
from emulator.kinesis.persistence.folder import FolderError
from emulator.kinesis.persistence.journal import Journal, JournalFailed, open_journal
from emulator.kinesis.protocol.wire import ACCOUNT, DEFAULT_REGION
from emulator.kinesis.state.consumers import Consumer
from emulator.kinesis.state.resharding import Merge, Scale, Split
from emulator.kinesis.state.settings import Commitment
from emulator.kinesis.state.shards import Shard
from emulator.kinesis.state.streams import Encryption, Stream, Wanted
from emulator.kinesis.store import Store, StoreLimits
from emulator.scope import Scope

NOW_MS = 1_700_000_000_000
SCOPE = Scope(ACCOUNT, DEFAULT_REGION)
ARN = f"arn:aws:kinesis:{DEFAULT_REGION}:{ACCOUNT}:stream/s"
HOUR_MS = 3_600_000


class Emulator:
    """A store kept in a folder, asked without HTTP, at the time a test says."""

    def __init__(self, path: Path, now_ms: int = NOW_MS, **limits: int) -> None:
        self.now_ms = now_ms
        self.store = Store(StoreLimits(**{"transition_ms": 0, **limits}))
        self.journal = open_journal(self.store, path, now_ms)

    async def __call__(self, operation: str, **request: object) -> dict[str, Any]:
        body = orjson.dumps(request)
        asked = service.HttpRequest(operation, SCOPE, "application/x-amz-json-1.1", body)
        answer = service.answer(self.store, asked, self.now_ms)
        self.journal.changed()
        await self.journal.committed()
        assert isinstance(answer.body, bytes)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body) if answer.body else {}

    async def put(self, count: int, data: str = "eA==") -> None:
        records = [{"PartitionKey": str(at), "Data": data} for at in range(count)]
        await self("PutRecords", StreamName="s", Records=records)

    async def read(self, shard: int = 0) -> list[dict[str, Any]]:
        iterator = await self(
            "GetShardIterator", StreamName="s", ShardId=str(shard), ShardIteratorType="TRIM_HORIZON"
        )
        records: list[dict[str, Any]] = (await self("GetRecords", **iterator))["Records"]
        return records


@asynccontextmanager
async def kept(path: Path, now_ms: int = NOW_MS, **limits: int) -> AsyncIterator[Emulator]:
    emulator = Emulator(path, now_ms, **limits)
    try:
        yield emulator
    finally:
        emulator.journal.close()


def batches_in(path: Path) -> int:
    """Return how many batches of records lie in a folder."""
    with lmdb.open(str(path), max_dbs=4, lock=False) as env:
        records = env.open_db(b"records")
        with env.begin() as transaction:
            return int(transaction.stat(records)["entries"])


async def test_records_numbers_iterators_and_tokens_are_those_of_before(tmp_path: Path) -> None:
    async with kept(tmp_path) as before:
        await before("CreateStream", StreamName="s", ShardCount=2)
        for _ in range(3):
            await before.put(40)
        read = [await before.read(shard) for shard in (0, 1)]
        iterator = await before(
            "GetShardIterator",
            StreamName="s",
            ShardId="0",
            ShardIteratorType="AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber=read[0][4]["SequenceNumber"],
        )
        page = await before("ListShards", StreamName="s", MaxResults=1)
        described = await before("DescribeStream", StreamName="s")
    async with kept(tmp_path, NOW_MS + 1000) as after:
        assert [await after.read(shard) for shard in (0, 1)] == read
        assert (await after("GetRecords", **iterator))["Records"] == read[0][5:]
        following = await after("ListShards", NextToken=page["NextToken"])
        assert [shard["ShardId"] for shard in following["Shards"]] == ["shardId-000000000001"]
        assert await after("DescribeStream", StreamName="s") == described
        await after.put(1)
        numbers = [int(record["SequenceNumber"]) for record in await after.read(0) + await after.read(1)]
        assert len(set(numbers)) == 121


async def test_everything_about_a_stream_is_kept(tmp_path: Path) -> None:
    async with kept(tmp_path) as before:
        await before("CreateStream", StreamName="s", ShardCount=2, Tags={"a": "1"})
        await before("IncreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=48)
        consumer = (await before("RegisterStreamConsumer", StreamARN=ARN, ConsumerName="c"))["Consumer"]
        await before("StartStreamEncryption", StreamName="s", EncryptionType="KMS", KeyId="alias/k")
        await before("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey="5")
        await before.put(20)
        summary = await before("DescribeStreamSummary", StreamName="s")
        shards = await before("ListShards", StreamName="s")
    async with kept(tmp_path, NOW_MS + 60_000) as after:
        assert await after("DescribeStreamSummary", StreamName="s") == summary
        assert await after("ListShards", StreamName="s") == shards
        assert (await after("ListTagsForStream", StreamName="s"))["Tags"] == [{"Key": "a", "Value": "1"}]
        described = await after("DescribeStreamConsumer", ConsumerARN=consumer["ConsumerARN"])
        assert described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
        assert sum([len(await after.read(shard)) for shard in range(4)]) == 20
        await after("MergeShards", StreamName="s", ShardToMerge="2", AdjacentShardToMerge="3")


async def test_a_change_under_way_takes_effect_after_the_restart(tmp_path: Path) -> None:
    async with kept(tmp_path, transition_ms=1000) as before:
        await before("CreateStream", StreamName="s", ShardCount=1)
        before.now_ms += 1000
        await before("SplitShard", StreamName="s", ShardToSplit="0", NewStartingHashKey="5")
    async with kept(tmp_path, NOW_MS + 2000, transition_ms=1000) as after:
        assert len((await after("ListShards", StreamName="s"))["Shards"]) == 3


async def test_a_deleted_stream_leaves_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as before:
        await before("CreateStream", StreamName="s", ShardCount=1)
        await before.put(10)
        await before("DeleteStream", StreamName="s")
    assert batches_in(tmp_path) == 0
    async with kept(tmp_path, NOW_MS + 1) as after:
        assert (await after("ListStreams"))["StreamNames"] == []
        await after("CreateStream", StreamName="s", ShardCount=1)
        assert await after.read() == []


async def test_retention_trims_the_folder_and_a_loaded_store(tmp_path: Path) -> None:
    async with kept(tmp_path) as before:
        await before("CreateStream", StreamName="s", ShardCount=1)
        for _ in range(10):
            await before.put(5)
            before.now_ms += HOUR_MS
        before.now_ms += 19 * HOUR_MS
        before.journal.trim_soon()
        await before.put(5)
        left = await before.read()
    assert batches_in(tmp_path) == 6
    async with kept(tmp_path, NOW_MS + 29 * HOUR_MS) as after:
        assert await after.read() == left
        assert after.store.all_streams(after.now_ms)[0].shards[0].trimmed_records == 25
        after.now_ms += 48 * HOUR_MS
        after.journal.trim_soon()
        await after.put(1)
    async with kept(tmp_path, after.now_ms + 48 * HOUR_MS) as last:
        assert await last.read() == []
        await last.put(1)
        assert last.store.all_streams(last.now_ms)[0].shards[0].next_index == 58


async def test_a_batch_of_which_a_part_was_trimmed_is_loaded_without_it(tmp_path: Path) -> None:
    async with kept(tmp_path, memory_cap_bytes=100_000) as before:
        await before("CreateStream", StreamName="s", ShardCount=1)
        for _ in range(8):
            await before.put(100)
            before.journal.trim_soon()
        left = [record["SequenceNumber"] for record in await before.read()]
        assert len(left) < 500
    async with kept(tmp_path, memory_cap_bytes=100_000) as after:
        assert [record["SequenceNumber"] for record in await after.read()] == left


def commits(journal: Journal) -> int:
    """Return the number of commits to the data folder, as LMDB counts them."""
    return int(journal._folder.env.info()["last_txnid"])


async def test_requests_of_one_turn_share_a_commit(tmp_path: Path) -> None:
    async with kept(tmp_path) as emulator:
        await emulator("CreateStream", StreamName="s", ShardCount=1)
        before = commits(emulator.journal)
        await asyncio.gather(*(emulator.put(1) for _ in range(20)))
        assert commits(emulator.journal) == before + 1


async def test_who_waits_for_records_is_woken_when_they_are_on_disk(tmp_path: Path) -> None:
    async with kept(tmp_path) as emulator:
        await emulator("CreateStream", StreamName="s", ShardCount=1)
        shard = emulator.store.all_streams(NOW_MS)[0].shards[0]
        before, woken = commits(emulator.journal), asyncio.Event()
        shard.watch(woken.set)

        async def subscriber() -> int:
            await woken.wait()
            return commits(emulator.journal) - before

        waiting = asyncio.create_task(subscriber())
        await asyncio.sleep(0)  # let it begin to wait
        await emulator.put(1)
        assert await waiting == 1


async def test_after_an_error_of_the_disk_nothing_is_committed(tmp_path: Path) -> None:
    async with kept(tmp_path) as emulator:
        await emulator("CreateStream", StreamName="s", ShardCount=1)
        emulator.journal._folder.env.close()
        for _ in range(2):
            with pytest.raises(JournalFailed):
                await emulator.put(1)


@pytest.mark.process
def test_a_second_process_is_refused_with_a_sentence(tmp_path: Path) -> None:
    journal = open_journal(Store(), tmp_path, NOW_MS)
    code = (
        "import sys; from pathlib import Path; from emulator.kinesis.store import Store\n"
        "from emulator.kinesis.persistence.journal import open_journal\n"
        "from emulator.kinesis.persistence.folder import FolderError\n"
        "try: open_journal(Store(), Path(sys.argv[1]), 1)\n"
        "except FolderError as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout == (
        f"Another emulator uses the data folder {tmp_path}. Stop it, or choose another folder.\n"
    )
    journal.close()
    open_journal(Store(), tmp_path, NOW_MS).close()


def fill(path: Path) -> None:
    """Put something in a folder that can be damaged."""

    async def put() -> None:
        async with kept(path) as emulator:
            await emulator("CreateStream", StreamName="s", ShardCount=1)
            for _ in range(20):
                await emulator.put(100, "eHh4" * 100)

    asyncio.run(put())


def cut(path: Path) -> None:
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data[: len(data) // 2])


def garble(path: Path) -> None:
    (path / "data.mdb").write_bytes(b"no database" * 4096)


def change(path: Path, table: bytes, key: bytes, value: bytes) -> None:
    with lmdb.open(str(path), max_dbs=4, lock=False) as env, env.begin(write=True) as transaction:
        transaction.put(key, value, db=env.open_db(table, txn=transaction) if table else None)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        (cut, "is damaged"),
        (garble, "is damaged"),
        (lambda path: change(path, b"streams", bytes(7) + b"\x01", b"{}"), "is damaged"),
        (lambda path: change(path, b"records", bytes(7) + b"\x01" + bytes(12), b"vfb1"), "is damaged"),
        (lambda path: change(path, b"", b"format", b"later"), "was written by another version"),
    ],
)
def test_a_damaged_folder_is_refused_with_a_sentence(tmp_path: Path, how: Any, what: str) -> None:
    fill(tmp_path)
    how(tmp_path)
    with pytest.raises(FolderError, match=what):
        open_journal(Store(), tmp_path, NOW_MS)
    with pytest.raises(FolderError, match=what):  # and it was left unlocked
        open_journal(Store(), tmp_path, NOW_MS)


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FolderError, match="does not contain an emulator"):
        open_journal(Store(), tmp_path, NOW_MS)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]
    other = tmp_path / "other"
    other.mkdir()
    with lmdb.open(str(other), lock=False) as env, env.begin(write=True) as transaction:
        transaction.put(b"theirs", b"1")
    with pytest.raises(FolderError, match="does not contain an emulator"):
        open_journal(Store(), other, NOW_MS)
    with pytest.raises(FolderError, match="cannot be used"):
        open_journal(Store(), tmp_path / "letter.txt", NOW_MS)


def test_every_field_of_a_stream_can_be_written_down() -> None:
    """A field that somebody adds is kept without a word, or this fails."""
    stream = Stream(SCOPE, Wanted("s", 2, tags=(("a", "b"),)), NOW_MS, HOUR_MS, 50)
    stream.register("c", {"x": "y"}, NOW_MS)
    for change in (Split(0, 2**127), Merge(0, 1), Scale(3), Encryption("k"), None):
        stream.pending = change
        copy = codec.loads(codec.dumps(stream), Stream)
        copy.route()
        assert copy == stream
        assert isinstance(copy.consumers["c"], Consumer)
    commitments = {"_commitments": {SCOPE: Commitment(1, 2)}}
    assert codec.loads(codec.dumps(commitments), dict) == commitments


def test_all_of_a_shard_is_written_down_that_does_not_follow_from_its_records() -> None:
    """A field that somebody adds to a shard is looked at here once: is it kept, or found again?"""
    assert {each.name for each in fields(Shard)} - codec._TRANSIENT[Shard] == {
        *("number", "starting_hash_key", "ending_hash_key", "opened_ms", "parents", "ended_ms", "created_s"),
    }


@given(st.lists(st.tuples(st.binary(max_size=50), st.integers(0, 2**24)), max_size=20), st.integers(0, 2**50))
def test_a_batch_is_read_as_it_was_written(records: list[tuple[bytes, int]], arrival_ms: int) -> None:
    texts, sizes = [text for text, _ in records], [size for _, size in records]
    value = batches.pack(texts, sizes, arrival_ms)
    assert batches.unpack(value) == batches.JournalBatch(texts, sizes, arrival_ms)
    assert batches.count(value) == len(records)
    for wrong in (value[:-1] if records else b"", value + b"x", b"", b"\x00" + value[1:]):
        with pytest.raises(batches.BadBatch):
            batches.unpack(wrong)
