"""A local Kafka starts, keeps what was committed through a crash, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from emulator.kafka.cluster import KafkaFailed, Node, kafka_node

pytestmark = pytest.mark.kafka

TOPIC = "numbers"
MAX_RSS_MB = 450
WITHIN_S = 20.0


async def _make_topic(node: Node) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=node.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _produce(node: Node, values: list[bytes], *, commit: bool = True) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=node.bootstrap, transactional_id="numbers-0")
    await producer.start()
    try:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(TOPIC, value)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def _read(node: Node, count: int) -> list[bytes]:
    """Read the first `count` committed messages."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=node.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


def _is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_committed_is_kept_through_a_crash_and_aborted_is_never_seen(tmp_path: Path) -> None:
    """The property that every hop stands on."""
    async with kafka_node(tmp_path) as node:
        await _make_topic(node)
        await _produce(node, [b"1", b"2"])
        await _produce(node, [b"lost"], commit=False)
        assert 0 < node.start_s < WITHIN_S
        assert 0 < node.rss_mb() < MAX_RSS_MB
        port, pid = node.port, node.pid

        await node.kill()
        assert node.pid == 0
        assert not _is_alive(pid)
        await node.restart()

        assert node.port == port
        await _produce(node, [b"3"])
        assert await _read(node, 3) == [b"1", b"2", b"3"]


async def test_a_folder_is_started_again_and_not_by_two_at_once(tmp_path: Path) -> None:
    """Storage is formatted once; while a node runs in it, a second one says why it cannot."""
    async with kafka_node(tmp_path) as node:
        await _make_topic(node)
        await _produce(node, [b"1"])
        formatted = (tmp_path / "log" / "meta.properties").read_bytes()
    async with kafka_node(tmp_path) as node:
        assert (tmp_path / "log" / "meta.properties").read_bytes() == formatted
        assert await _read(node, 1) == [b"1"]
        with pytest.raises(KafkaFailed, match="another Kafka runs in"):
            async with kafka_node(tmp_path):
                pass


async def test_two_nodes_run_side_by_side_and_leave_nothing() -> None:
    """Ports and folders are each one's own; after the end there is no process and no folder."""
    async with kafka_node() as first, kafka_node() as second:
        assert first.bootstrap != second.bootstrap
        await asyncio.gather(_make_topic(first), _make_topic(second))
        await _produce(first, [b"first"])
        await _produce(second, [b"second"])
        assert await _read(first, 1) == [b"first"]
        assert await _read(second, 1) == [b"second"]
        # A node whose port answers, but for another cluster, is not ready.
        mistaken = Node(first._installed, second.data_dir, first.place, "")
        assert await first._answers()
        assert not await mistaken._answers()
        pids = [first.pid, second.pid]
    assert not any(map(_is_alive, pids))
    assert not first.data_dir.exists()
    assert not second.data_dir.exists()
