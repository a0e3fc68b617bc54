"""The table `inventory`: all versions of an interface, as long as the archive keeps windows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from connectors.inventory.rows import InterfaceRow, encode
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from streams.archive.history import History
from streams.archive.parquet import decode_inventory, encode_inventory
from streams.archive.query.session import Session
from streams.archive.storage.folder import Folder
from tests.streams.archive.archived import ALL_TIMES, LIMITS
from tests.streams.archive.test_process import archiving, until

OLD = InterfaceRow("eni-1", 0, 60, name="old", private=("10.0.0.1",), tags={"team": "a"})
NEW = InterfaceRow("eni-1", 60, name="new", private=("10.0.0.1", "10.0.0.2"), kind="instance")


def test_versions_are_kept_when_the_topic_forgets_them() -> None:
    history = History()
    for row in (OLD, NEW):
        assert history.apply(row.key, encode(row))
    assert history.has_changed
    again = History(decode_inventory(encode_inventory(history.frame())))
    assert not history.has_changed
    assert again.apply(OLD.key, None)
    assert again.apply(NEW.key, encode(NEW))
    assert not again.has_changed
    assert again.apply(NEW.key, encode(replace(NEW, valid_to=90)))
    assert again.has_changed
    rows = again.frame().select("eni", "name", "valid_to", "private", "tags").rows()
    assert rows == [
        ("eni-1", "old", datetime(1970, 1, 1, 0, 1), ["10.0.0.1"], '{"team":"a"}'),
        ("eni-1", "new", datetime(1970, 1, 1, 0, 1, 30), ["10.0.0.1", "10.0.0.2"], "{}"),
    ]
    again.expire(datetime(1970, 1, 1, 0, 1, 1))
    assert again.frame()["name"].to_list() == ["new"]


@pytest.mark.parametrize(
    ("key", "value", "is_ours"),
    [
        (None, b"x", True),
        (b"network|x", b"x", True),
        (b"interface|eni-1|0", b"no JSON", False),
        (b"interface|eni-1|0", encode(replace(NEW, valid_from=10**18)), False),
    ],
)
def test_other_messages_change_nothing(key: bytes | None, value: bytes, is_ours: bool) -> None:
    history = History()
    assert history.apply(key, value) is is_ours
    assert not history.has_changed


def newest(session: Session) -> str:
    """Return the name of the newest version."""
    rows = session.run("SELECT name FROM inventory ORDER BY valid_from DESC LIMIT 1", ALL_TIMES).rows
    return str(rows[0][0]) if rows else ""


@pytest.mark.kafka
async def test_the_process_writes_the_table_when_it_changes(kafka: str, prefix: str, tmp_path: Path) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    session = Session(Folder(tmp_path), tmp_path, LIMITS)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        async with archiving(kafka, prefix, Folder(tmp_path)):
            now = int(time.time())
            for row in (replace(OLD, valid_from=now - 90, valid_to=now), replace(NEW, valid_from=now)):
                await producer.send_and_wait(f"{prefix}inventory", encode(row), row.key, partition=0)
                await until(lambda: newest(session) == row.name, "the newest version")  # noqa: B023
    finally:
        await producer.stop()
    found = await asyncio.to_thread(session.run, "SELECT count(*) FROM inventory", ALL_TIMES)
    assert found.rows == [(2,)]
