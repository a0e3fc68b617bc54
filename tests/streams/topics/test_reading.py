"""`vpcflow read` on a real Kafka: what it prints, and that it ends quietly."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.inventory.rows import InterfaceRow, encode
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import TopicError, ensure_topics
from connectors.settings import Common
from streams.topics.reading import Choice, Reading
from tests.build import ENI
from tests.processes import environment
from tests.streams.topics.rows import T0, aggregate, conversations

SLOTS = 2
DEADLINE_S = 30.0
BEFORE_MS, AFTER_MS = 1_000, 2_000


async def rows_of(settings: Common, choice: Choice) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows and the warnings of one reading."""
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    await Reading(settings, choice, rows.extend, warnings.append).run()
    return rows, warnings


async def send(kafka: str, prefix: str) -> None:
    """Write two revisions, foreign messages, and a transaction that is aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{prefix}read")
    await producer.start()
    try:
        async with producer.transaction():
            for number in range(20):
                message = aggregate(eni=f"eni-{number}", action="ACCEPT", revision=1)
                await producer.send(
                    f"{prefix}aggregates", message.value, message.key, number % SLOTS, timestamp_ms=BEFORE_MS
                )
            web = InterfaceRow(ENI, T0 - 5, vpc="vpc-1", id="i-1", name="web")
            await producer.send(f"{prefix}inventory", encode(web), web.key, 0)
            await producer.send(f"{prefix}conversations", conversations({}, {"port": 22}), partition=1)
            await producer.send(
                f"{prefix}conversations", conversations({"port": 53, "revision": 2}), partition=1
            )
        async with producer.transaction():
            for number in (3, 5):
                message = aggregate(eni=f"eni-{number}", action="ACCEPT", revision=2, final=True)
                await producer.send(
                    f"{prefix}aggregates", message.value, message.key, number % SLOTS, timestamp_ms=AFTER_MS
                )
            for value in (b"foreign", b'{"eni": 5}', b""):
                await producer.send(f"{prefix}aggregates", value, partition=0, timestamp_ms=AFTER_MS)
        await producer.begin_transaction()
        await producer.send(f"{prefix}aggregates", aggregate(eni="eni-aborted").value, partition=0)
        await producer.abort_transaction()
    finally:
        await producer.stop()


@pytest.mark.kafka
async def test_read_prints_the_newest_committed_revisions_of_a_time(
    kafka: str, prefix: str, admin: AIOKafkaAdminClient
) -> None:
    settings = Common.model_validate({"kafka": kafka, "prefix": prefix, "slots": SLOTS})
    with pytest.raises(TopicError, match="does not exist"):
        await rows_of(settings, Choice("aggregates", 0))
    await ensure_topics(KafkaConnection(kafka), prefix, SLOTS)
    await admin.create_topics([NewTopic(f"{prefix}inventory", 1, 1)])
    await send(kafka, prefix)

    rows, warnings = await rows_of(settings, Choice("aggregates", 0))
    assert {row["eni"]: row["revision"] for row in rows} == {
        f"eni-{number}": 2 if number in {3, 5} else 1 for number in range(20)
    }
    assert "offset" in warnings[0]
    assert warnings[1:] == ["skipped 3 messages that are not messages of aggregates"]
    rows, warnings = await rows_of(settings, Choice("aggregates", 0, until_ms=AFTER_MS))
    assert ({row["revision"] for row in rows}, len(rows), warnings) == ({1}, 20, [])
    rows, _ = await rows_of(settings, Choice("aggregates", AFTER_MS))
    assert sorted(row["eni"] for row in rows) == ["eni-3", "eni-5"]
    rows, _ = await rows_of(settings, Choice("aggregates", 0, enis=frozenset({"eni-7"})))
    assert [row["eni"] for row in rows] == ["eni-7"]
    rows, _ = await rows_of(settings, Choice("aggregates", 0, actions=frozenset({"REJECT"})))
    assert rows == []
    rows, _ = await rows_of(settings, Choice("aggregates", 0, limit=4))
    assert len(rows) == 4
    rows, _ = await rows_of(settings, Choice("aggregates", 0, limit=22, follows=True))
    assert len(rows) == 22
    rows, _ = await rows_of(settings, Choice("conversations", 0, enis=frozenset({"web"})))
    assert [(row["port"], row["eni_name"]) for row in rows] == [(53, "web")]

    await _ends_quietly(kafka, prefix)


async def _ends_quietly(kafka: str, prefix: str) -> None:
    """A closed pipe and Ctrl-C end the command without a word."""
    shell = f"{sys.executable} -m streams.cli read aggregates --from 1970-01-01 --format json -f"
    env = {**os.environ, **environment(kafka, prefix, SLOTS)}
    process = await asyncio.create_subprocess_shell(f"{shell} 2>&1 | head -n 1", stdout=PIPE, env=env)
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert (process.returncode, orjson.loads(out)["window_start"]) == (0, T0)

    following = await asyncio.create_subprocess_exec(*shell.split(), stdout=PIPE, stderr=PIPE, env=env)
    assert following.stdout is not None
    seen = [await asyncio.wait_for(following.stdout.readline(), DEADLINE_S) for _ in range(22)]
    assert len({orjson.loads(line)["eni"] for line in seen}) == 20
    following.send_signal(signal.SIGINT)
    out, error = await asyncio.wait_for(following.communicate(), DEADLINE_S)
    assert (following.returncode, out) == (130, b"")
    assert error.splitlines()[1:] == [] or b"skipped" in error
    assert b"Traceback" not in error
