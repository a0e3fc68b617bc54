"""The archive after 20 SIGKILLs: each final row exactly once, roll-ups included. Parts are closed often."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiokafka import AIOKafkaProducer

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.messages import Message
from connectors.kafka.topics import ensure_topics
from streams.archive import tables
from streams.archive.names import Part, by_table, current, parse
from streams.archive.parquet import decode
from streams.archive.storage.folder import Folder
from streams.archive.tables import BASES, TABLES, rollup_of
from streams.numbering import Output
from tests.streams.archive import made
from tests.streams.archive.owners import start

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

KILLS, SLOTS = 20, 2
MINUTES = 3 * 24 * 60
STEP = 12  # minutes of windows in a message
DEADLINE_S = 90.0


class Feed:
    """The messages of each partition, and the rows that they hold."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._outputs = [Output() for _ in range(SLOTS)]
        self.totals: list[list[made.Row]] = []
        self.conversations: list[list[made.Row]] = []

    def messages(self, minute: int, chance: random.Random) -> list[Message]:
        """Return a message for each partition, with final windows and sometimes amendments."""
        found = []
        for q, output in enumerate(self._outputs):
            eni, other = f"eni-{q}", f"eni-{q}-other"
            windows = range(minute, minute + STEP, 3)
            sums = [made.totals(w, e, bytes=chance.randrange(1000)) for w in windows for e in (eni, other)]
            pairs = [
                made.conversation(w, eni, "10.0.0.1", f"10.0.0.{n}", bytes=chance.randrange(1000))
                for w in windows
                for n in range(3)
            ]
            if minute > 90 and chance.random() < 0.3:
                late, revision = minute - chance.choice((12, 60, 84)), 1 + chance.randrange(1, 9)
                sums.append(made.totals(late, eni, revision=revision, bytes=7, account=""))
                pairs += [
                    made.conversation(late, eni, "10.0.0.1", f"10.0.0.{n}", revision=revision, bytes=n)
                    for n in range(4)
                ]
            sums.append(made.totals(minute + STEP, eni, final=False, bytes=10_000))
            found.append(made.message(output, self._topic, q, minute + STEP, sums, pairs))
            self.totals.append([row for row in sums if row["final"]])
            self.conversations.append(pairs)
        return found


async def test_twenty_kills_lose_and_repeat_no_row(kafka: str, prefix: str, tmp_path: Path) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    chance, feed = random.Random(7), Feed(f"{prefix}finals")
    settings: dict[str, Any] = {
        **{"kafka": kafka, "prefix": prefix, "slots": SLOTS, "archive": str(tmp_path / "archive")},
        **{"archive_part_s": 0.05, "archive_id": "one"},
    }
    log = tmp_path / "archive.log"
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        minutes = iter(range(0, MINUTES, STEP))
        for kill in range(KILLS):
            # Half of the owners die between a commit and its publication.
            owner = start(settings, log, chance.randrange(1, 9) if kill % 2 else 0)
            before = _published(tmp_path / "archive")
            for minute in [m for _, m in zip(range(MINUTES // STEP // KILLS), minutes, strict=False)]:
                for message in feed.messages(minute, chance):
                    await _send(producer, message)
                await asyncio.sleep(0.02)
            async with asyncio.timeout(DEADLINE_S):
                while owner.is_alive() and _published(tmp_path / "archive") == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            owner.kill()
            owner.join()
            assert owner.exitcode == -9, log.read_text()
        for minute in minutes:
            for message in feed.messages(minute, chance):
                await _send(producer, message)
        owner = start(settings, log)
        try:
            async with asyncio.timeout(DEADLINE_S):
                while (wrong := await asyncio.to_thread(_difference, tmp_path / "archive", feed)) is not None:
                    assert owner.is_alive(), log.read_text()
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError(f"{wrong}\n{log.read_text()[-3000:]}") from None
        finally:
            owner.terminate()
            owner.join()
        assert owner.exitcode == 0, log.read_text()
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, message: Message) -> None:
    await producer.send(
        message.topic, message.value, partition=message.partition, headers=list(message.headers)
    )


def _published(root: Path) -> int:
    return sum(1 for table in TABLES for _ in (root / table).rglob("*.parquet"))


def _difference(root: Path, feed: Feed) -> str | None:
    """Return how the archive differs from the rows that were sent; None if it does not."""
    folder = Folder(root)
    parts = [part for table in TABLES for found in folder.files(table) if (part := parse(found.path))]
    found = by_table(parts)
    for base, sent in zip(BASES, (feed.totals, feed.conversations), strict=True):
        shown = current(found.get(base.name, []))
        rows = _rows(folder, (*shown.settled, *shown.unsettled))
        if rows is None or (wrong := _versions(rows, base, sent)) is not None:
            return f"{base.name}: {'a part is gone' if rows is None else wrong}"
        for period in ("10m", "1h", "1d"):
            rolled = rollup_of(base, period)
            shown = current(found.get(rolled.name, []))
            sums = _rows(folder, shown.settled)
            end = MINUTES if period == "1d" else MINUTES // STEP * STEP
            last = made.MINUTE_0 + 60 * end
            wanted = {k: v for k, v in _sums(tables.newest(rows, base), rolled.period_s).items() if k < last}
            got = {k: v for k, v in _sums(sums, rolled.period_s).items() if k < last}
            if shown.unsettled or wanted != got:
                different = sorted(k for k in wanted | got if wanted.get(k) != got.get(k))
                return f"{rolled.name}: {len(shown.unsettled)} open, {len(different)} differ"
    return None


def _rows(folder: Folder, parts: Sequence[Part]) -> pl.DataFrame | None:
    read = [(part, folder.read(part.path)) for part in parts]
    if not read:
        return pl.DataFrame()
    if any(data is None for _, data in read):
        return None  # Compaction has deleted it since it was listed.
    return pl.concat([decode(data, part) for part, data in read if data is not None])


def _versions(rows: pl.DataFrame, base: tables.Table, sent: list[list[made.Row]]) -> str | None:
    """Compare the newest versions, after a check that no version is there twice."""
    columns = [*(c for c in ("source", "destination") if c in rows.columns), "eni", "window_start", "action"]
    if rows.select(*columns, "revision", "message").is_duplicated().any():
        return "a row is there twice"
    newest = tables.newest(rows, base)
    keys = newest.select(
        *(c for c in base.key if c != "window_start"),
        pl.col("window_start").dt.epoch("s"),
        "bytes",
        "revision",
    )
    got = sorted(tuple(row[c] for c in (*base.key, "bytes", "revision")) for row in keys.to_dicts())
    wanted = sorted(
        tuple(row[c] for c in (*base.key, "bytes", "revision"))
        for key in made.expected(sent, base.key).values()
        for row in key
    )
    return None if got == wanted else f"{len(got)} rows, not {len(wanted)}"


def _sums(rows: pl.DataFrame | None, period_s: int) -> dict[int, int]:
    if rows is None or not len(rows):
        return {}
    start = pl.col("window_start").dt.epoch("s")
    sums = rows.group_by(start - start % period_s).agg(pl.col("bytes").sum())
    return {int(period): int(total) for period, total in sums.rows()}
