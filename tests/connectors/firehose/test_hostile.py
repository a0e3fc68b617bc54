"""Whatever is sent, the endpoint answers it in time, with no error of its own, and serves on."""

from __future__ import annotations

import pytest

from connectors.firehose.body_reader import RequestLimits
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import ConnectFirehose
from tests.connectors.firehose.hostile import HANGS, NO_ANSWER, attack
from tests.connectors.firehose.posting import Post, Reader, receiving, send

pytestmark = pytest.mark.kafka

ALLOWED = {NO_ANSWER, 200, 400, 401, 405, 408, 503}


@pytest.mark.parametrize("seed", [1, 2])
async def test_hostile_requests_get_an_answer_and_never_an_error_of_ours(
    kafka: str, prefix: str, committed: Reader, seed: int
) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    settings = ConnectFirehose.model_validate(
        {"kafka": kafka, "prefix": prefix, "slots": 1, "firehose_port": 0}
    )
    post = Post([b"2 at last"])
    async with receiving(settings, RequestLimits(pause_s=0.3, body_s=0.6)) as url:
        statuses = await attack(url, seed, 400)
        assert (await send(url, post)).status == 200
    assert statuses[HANGS] == 0
    assert set(statuses) <= ALLOWED, statuses
    assert {200, 400, 405} <= set(statuses), "the attack is too tame"
    assert [m for m in await committed(f"{prefix}blocks") if m.value.endswith(b"2 at last")]
