"""The whole pipeline on a secured Kafka is exact, with a user and the minimal ACLs for each process."""

from __future__ import annotations

import asyncio
import sys

import orjson
import pytest

DEADLINE_S = 180.0


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.parametrize("security", ["scram", "mtls", "oauthbearer"])
async def test_a_replay_on_a_secured_kafka_is_exact(security: str) -> None:
    replay = [sys.executable, "-m", "streams.cli", "replay", "--records", "20000", "--json"]
    process = await asyncio.create_subprocess_exec(
        *(*replay, "--kafka-security", security),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, (out, error)
    report = orjson.loads(out)
    assert report["exact"] is True
    assert report["windows"]["lines"] == 20_000
    assert report["restarts"] == 0
