"""The process `vpcflow archive` with faults: foreign messages and files, a full disk, deleted parts, S3.

Parts are closed every tenth of a second.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from connectors.aws.session import make_client
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.slots import read_compacted
from connectors.kafka.topics import ensure_topics
from connectors.settings import Archive
from emulator import server
from streams.archive.archive import ArchiveProcess
from streams.archive.ledger import POSITION_KEY, Publication
from streams.archive.query.copies import Copies
from streams.archive.query.session import Session
from streams.archive.storage.bucket import Bucket
from streams.archive.storage.folder import Folder
from streams.archive.storage.interface import ArchiveError, Writing
from streams.archive.storage.places import place_of
from streams.archive.writer import Writer
from streams.numbering import Output
from tests.beside import beside
from tests.connectors.s3.doorway import doorway
from tests.emulator.flowlogs.account import REGION, Account
from tests.streams.archive import made
from tests.streams.archive.archived import ALL_TIMES, LIMITS

DEADLINE_S = 60.0
_NUMBERS = count(640_000_000_000)


class FullDisk(Folder):
    """A folder whose disk is full until the test makes room."""

    is_full = False

    def stage(self, path: str, data: bytes) -> None:
        with self._naming("write to"):
            if self.is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().stage(path, data)


class Feeder:
    """The messages of partition 0, sent as they are made."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic, self._output = producer, topic, Output()

    async def send(self, minute: int, totals: Sequence[made.Row]) -> None:
        """Send a message whose watermark is that minute."""
        await self.raw(made.message(self._output, self._topic, 0, minute, totals))

    async def raw(self, message: Message) -> None:
        headers = list(message.headers)
        await self._producer.send_and_wait(message.topic, message.value, partition=0, headers=headers)

    def foreign(self, value: bytes, **headers: bytes) -> Message:
        return Message(self._topic, 0, None, value, tuple(headers.items()))


@pytest.fixture
async def feeder(kafka: str, prefix: str) -> AsyncIterator[Feeder]:
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    yield Feeder(producer, f"{prefix}finals")
    await producer.stop()


@asynccontextmanager
async def archiving(kafka: str, prefix: str, storage: Writing, **more: Any) -> AsyncIterator[ArchiveProcess]:
    """Run the process; it must end well."""
    settings = Archive(kafka=kafka, prefix=prefix, slots=1, archive_part_s=0.1, **more)
    process, stop = ArchiveProcess(settings, storage), asyncio.Event()
    running = asyncio.ensure_future(process.run(stop))
    try:
        yield process
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await running


async def until(is_so: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(is_so):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


def parts(root: Path, table: str = "totals") -> list[Path]:
    """Return the files of a table."""
    return sorted(root.rglob(f"{table}/**/*.parquet"))


def sums(root: Path, table: str = "totals") -> tuple[Any, ...]:
    """Return the number of rows and their bytes."""
    session = Session(Folder(root), root, LIMITS)
    return session.run(f"SELECT count(*), sum(bytes)::BIGINT FROM {table}", ALL_TIMES).rows[0]


@pytest.mark.kafka
async def test_faults_are_reported_and_no_row_is_lost(
    kafka: str, prefix: str, tmp_path: Path, feeder: Feeder, admin: AIOKafkaAdminClient
) -> None:
    disk = FullDisk(tmp_path)
    notes = tmp_path / "totals/notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("of an operator")
    with capture_logs() as logs:
        async with archiving(kafka, prefix, disk) as process:
            await feeder.raw(feeder.foreign(b"hello"))
            await feeder.raw(feeder.foreign(b"no Arrow", number=b"0", watermark=b"0", v=b"x"))
            await feeder.send(1, [made.totals(0, "eni-1", bytes=5)])
            await until(lambda: sums(tmp_path) == (1, 5), "the first part")
            assert process.is_ready

            disk.is_full = True
            await feeder.send(2, [made.totals(1, "eni-1", bytes=7)])
            await until(lambda: not process.is_ready, "not ready with a full disk")
            state = await read_compacted(KafkaConnection(kafka), f"{prefix}archive-state", 0)
            assert state[POSITION_KEY].startswith(b"[0,")
            disk.is_full = False
            await until(lambda: sums(tmp_path) == (2, 12), "the second part")

            parts(tmp_path)[0].unlink()
            await feeder.send(61, [made.totals(2, "eni-1", bytes=9)])
            await until(
                lambda: sums(tmp_path, "totals_1h") == (1, 16), "the roll-up without the deleted part"
            )
            assert sums(tmp_path) == (2, 16)
            await until(lambda: len(parts(tmp_path)) == 1, "one compacted part")

            await feeder.send(65, [made.totals(1, "eni-1", bytes=70, revision=2)])
            await until(lambda: sums(tmp_path, "totals_1h") == (1, 79), "the roll-up of the amendment")
        await feeder.send(70, [made.totals(64, "eni-1", bytes=1)])
        await admin.delete_records({TopicPartition(f"{prefix}finals", 0): RecordsToDelete(7)})
        await feeder.send(71, [made.totals(65, "eni-1", bytes=3)])
        async with archiving(kafka, prefix, disk):
            await until(lambda: sums(tmp_path)[1] == 82, "the part after the gap")
    events = [log["event"] for log in logs]
    assert events.count("message is not of merge") == 2
    (full,) = [log["why"] for log in logs if log["event"] == "archive operation is retried"]
    assert full.endswith(f"VPCFLOW_ARCHIVE={tmp_path}: No space left on device; free space on it")
    assert "part is missing" in events
    (lost,) = [log for log in logs if log["event"] == "data lost to retention"]
    assert (lost["messages"], lost["rows"]) == (1, 1)
    assert notes.read_text() == "of an operator"
    assert not parts(tmp_path, "_staging")


@pytest.mark.kafka
async def test_a_table_is_kept_for_its_days(kafka: str, prefix: str, tmp_path: Path, feeder: Feeder) -> None:
    """By event time, and the roll-ups of a day that is gone stay."""
    day = 24 * 60
    async with archiving(kafka, prefix, Folder(tmp_path), archive_days="totals=1,totals_10m=0"):
        await feeder.send(1, [made.totals(0, "eni-1", bytes=5)])
        await feeder.send(day + 1, [made.totals(day, "eni-1", bytes=7)])
        await until(lambda: sums(tmp_path, "totals_1d") == (1, 5), "the roll-up of the day")
        assert sums(tmp_path) == (2, 12)
        await feeder.send(2 * day + 1, [made.totals(2 * day, "eni-1", bytes=9)])
        await until(lambda: sums(tmp_path) == (2, 16), "the windows of the first day are gone")
    assert sums(tmp_path, "totals_10m") == (2, 12)


@pytest.mark.kafka
async def test_an_archive_of_deleted_topics_is_not_written(
    kafka: str, prefix: str, tmp_path: Path, feeder: Feeder
) -> None:
    """The numbers of the parts would be used twice."""
    part = tmp_path / "totals/account=1/region=r/day=2026-01-01/hour=00/000-000000000000-000000000004.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"")
    with pytest.raises(ArchiveError, match="its topics were deleted, or belong to another prefix"):
        async with archiving(kafka, prefix, Folder(tmp_path)) as process:
            await until(lambda: process.is_ready, "ready")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with beside(server.emulator()) as url:
        yield url


@contextmanager
def account_of(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = Account(url, str(next(_NUMBERS)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.number)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    yield account


@pytest.mark.kafka
@pytest.mark.moto
async def test_s3_may_be_missing_refuse_or_stop_and_no_row_is_lost_or_repeated(
    kafka: str, prefix: str, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, feeder: Feeder
) -> None:
    with account_of(url, monkeypatch) as account, capture_logs() as logs:
        async with doorway(url) as door:
            monkeypatch.setenv("AWS_ENDPOINT_URL", door.url)
            name = f"archive-{account.number}"
            storage = place_of(f"s3://{name}/vpcflow")
            assert isinstance(storage, Bucket)
            with pytest.raises(ArchiveError, match=f"no bucket {name}: create it"):
                await asyncio.to_thread(storage.check)
            where = {"LocationConstraint": REGION}
            s3 = account.client("s3")
            await asyncio.to_thread(s3.create_bucket, Bucket=name, CreateBucketConfiguration=where)
            monkeypatch.setattr("streams.archive.writer.PAUSE_FIRST_S", 0.05)
            async with archiving(kafka, prefix, storage) as process:
                await until(lambda: process.is_ready, "ready")
                for minute in range(12):
                    door.refuse = 3 * (minute % 2)
                    door.cuts, door.cut_after = minute % 3, 0
                    await feeder.send(minute * 6, [made.totals(minute, "eni-1", bytes=1 << minute)])
                copies = Copies(storage, name, tmp_path, 1 << 20)
                session = Session(storage, tmp_path, LIMITS, copies)
                sql = "SELECT count(*), sum(bytes)::BIGINT FROM {}"
                for table, rows in (("totals", 12), ("totals_1h", 1)):
                    await until(
                        lambda: _answer(session, sql.format(table)) == (rows, (1 << 12) - 1),  # noqa: B023
                        f"all rows of {table}",
                    )
            found = await asyncio.to_thread(lambda: list(storage.files("_staging")))
            assert not found
    assert any(log["event"] == "archive operation is retried" for log in logs)


def _answer(session: Session, sql: str) -> tuple[Any, ...] | None:
    try:
        return session.run(sql, ALL_TIMES).rows[0]
    except ArchiveError:  # The doorway refuses this call, too.
        return None


@pytest.mark.moto
async def test_a_publication_may_be_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a crash in its middle; a file that is gone is reported."""
    with account_of(url, monkeypatch) as account, capture_logs() as logs:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        name = f"archive-{account.number}"
        s3 = account.client("s3")
        where = {"LocationConstraint": REGION}
        await asyncio.to_thread(s3.create_bucket, Bucket=name, CreateBucketConfiguration=where)
        bucket = Bucket(make_client("s3"), name, "")
        await asyncio.to_thread(bucket.stage, "_staging/000/a", b"rows")
        await asyncio.to_thread(bucket.stage, "_staging/000/stray", b"rows")
        publication = Publication(
            (("_staging/000/a", "totals/x"), ("_staging/000/gone", "totals/y")), ("totals/z",)
        )
        writer = Writer(bucket, 0)
        for _ in range(2):
            await writer.finish(publication)
        await writer.clear(publication)
        assert await asyncio.to_thread(bucket.read, "totals/x") == b"rows"
        assert await asyncio.to_thread(lambda: [one.path for one in bucket.files("_staging")]) == []
    assert [log["path"] for log in logs if log["event"] == "part is missing"] == ["totals/y", "totals/y"]
