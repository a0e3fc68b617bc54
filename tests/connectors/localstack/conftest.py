"""One test's part of the LocalStack and the Kafka of the run; nothing of this machine's own settings."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from tests.connectors.arrived import Topics
from tests.connectors.localstack.site import Site
from tests.emulator.aws import Aws

FOREIGN = ("AWS_", "LOCALSTACK_", "VPCFLOW_")


@pytest.fixture
async def site(
    localstack_url: str, kafka: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """LocalStack with nothing in it that has this test's names, and empty topics."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    topics, aws = Topics(kafka, prefix), Aws(localstack_url)
    await ensure_topics(KafkaConnection(kafka), prefix, topics.slots)
    yield Site(localstack_url, topics, tmp_path, aws)
    aws.close()
