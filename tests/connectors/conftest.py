"""What tests of the connectors share."""

from __future__ import annotations

import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose
from tests.connectors.firehose.posting import configured


@pytest.fixture
async def settings(kafka: str, prefix: str) -> ConnectFirehose:
    """Settings for topics of one partition, which are there, and any port."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    return configured(kafka, prefix)
