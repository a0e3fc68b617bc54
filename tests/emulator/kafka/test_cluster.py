"""A cluster of three: replicas by the broker's default, checks of topics, and a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from structlog.testing import capture_logs

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import TOPICS, ensure_topics, examine_topics
from emulator.kafka.cluster import ClusterSettings, kafka_cluster
from emulator.kafka.errors import KafkaFailed

SLOTS = 2
HEAP_MB = 192


@pytest.mark.kafka
async def test_topics_have_three_replicas_and_one_replica_is_reported(tmp_path: Path) -> None:
    """Our topics and Kafka's own; a topic that another tool made with one replica is a warning."""
    async with kafka_cluster(tmp_path, ClusterSettings(brokers=3, heap_mb=HEAP_MB)) as cluster:
        kafka = KafkaConnection(cluster.bootstrap)
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic("p.blocks", SLOTS, 1)])
            with capture_logs() as logs:
                await ensure_topics(kafka, "q.", SLOTS)
            assert not logs
            described = await admin.describe_topics([f"q.{topic.name}" for topic in TOPICS])
            assert {len(one["replicas"]) for topic in described for one in topic["partitions"]} == {3}
            (only,) = (await examine_topics(kafka, "p.", SLOTS)).differences
            assert "topic p.blocks has 1 replica, so messages are lost" in only.sentence
        finally:
            await admin.close()
        assert {len(node.cluster_id) for node in cluster.nodes} == {22}
        assert len({node.cluster_id for node in cluster.nodes}) == 1
        assert all(node.rss_mb() < 450 for node in cluster.nodes)
    with pytest.raises(KafkaFailed, match="has the data of a Kafka with 3 brokers, not 1"):
        async with kafka_cluster(tmp_path, ClusterSettings()):
            pass
