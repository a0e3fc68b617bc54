"""When moto's process starts and ends, and what is answered without it."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from emulator.http.messages import Incoming
from emulator.moto import backend
from emulator.moto import health as health_page
from emulator.moto.backend import MotoBackend
from emulator.moto.health import health
from emulator.moto.requests import caller, forwarded
from tests.emulator.aws import Aws, call, calling

pytestmark = pytest.mark.socket

DEADLINE_S = 20.0


@asynccontextmanager
async def playing() -> AsyncIterator[tuple[MotoBackend, Aws]]:
    """A moto of the test's own, not started."""
    service = MotoBackend()
    async with calling(service.answer) as aws:
        try:
            yield service, aws
        finally:
            await service.stop()


async def until_gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the process is still there"
        await asyncio.sleep(0.02)


@pytest.mark.moto
async def test_it_starts_with_the_first_request_once_and_ends_with_stop() -> None:
    async with playing() as (service, aws):
        assert not service.is_running
        before = psutil.Process().children()
        sqs = [aws.client("sqs") for _ in range(8)]
        await asyncio.gather(*(call(client.list_queues) for client in sqs))
        pid = service.pid
        assert [child.pid for child in psutil.Process().children() if child not in before] == [pid]
        await service.stop()
        assert not service.is_running
        assert not psutil.pid_exists(pid)
        with pytest.raises(ClientError, match="is stopping"):
            await call(sqs[0].list_queues)


@pytest.mark.moto
async def test_a_crash_is_said_and_the_next_request_starts_another() -> None:
    async with playing() as (service, aws):
        sqs = aws.client("sqs")
        await call(sqs.create_queue, QueueName="q")
        first = service.pid
        os.kill(first, signal.SIGKILL)
        await until_gone(first)
        with capture_logs() as said:
            deadline = time.monotonic() + DEADLINE_S
            while service.is_running:  # until the loop has heard of it
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            assert "QueueUrls" not in await call(sqs.list_queues)
        assert "moto ended unexpectedly, its state is lost" in [line["event"] for line in said]
        assert service.pid not in {0, first}


ORPHANING = """
import asyncio
from emulator.moto.backend import MotoBackend
from emulator.http.messages import Incoming
async def main():
    service = MotoBackend()
    await service.answer(Incoming("GET", "/", {"host": "localhost"}, b""))
    print("pid", service.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.moto
@pytest.mark.process
async def test_no_process_is_left_when_the_emulator_is_killed() -> None:
    emulator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANING, stdout=asyncio.subprocess.PIPE
    )
    assert emulator.stdout is not None
    while not (line := await emulator.stdout.readline()).startswith(b"pid "):
        assert line, "it ended before it had started"
    pid = int(line.split()[1])
    assert psutil.pid_exists(pid)
    emulator.kill()
    await emulator.communicate()
    await until_gone(pid)


@pytest.mark.process
async def test_a_start_that_fails_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_CHILD", "emulator.no_such_module")
    async with playing() as (_, aws):
        with pytest.raises(ClientError, match=r"ended during its start: .*No module named"):
            await call(aws.client("sqs").list_queues)


async def test_without_moto_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_page, "_LIBRARIES", ("a_library_that_nobody_has",))
    answer: dict[str, Any] = health(running=False)
    assert answer["services"]["s3"] == "disabled"
    async with playing() as (service, aws):
        for name, operation in [
            ("ec2", "describe_vpcs"),
            ("s3", "list_buckets"),
            ("sns", "list_topics"),
            ("dynamodb", "list_tables"),
        ]:
            with pytest.raises(ClientError, match=r"install vpc-flow-streams\[local\]") as error:
                await call(getattr(aws.client(name), operation))
            assert error.value.response["Error"]["Code"] == "NotImplemented"
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert not service.is_running


async def test_kinesis_and_firehose_never_reach_moto() -> None:
    async with playing() as (service, aws):
        for name, operation in [("kinesis", "list_streams"), ("firehose", "list_delivery_streams")]:
            with pytest.raises(ClientError, match=f"its own {name}"):
                await call(getattr(aws.client(name), operation))
        assert not service.is_running


def test_health_reads_as_localstacks() -> None:
    services = {"kinesis": "running", "firehose": "running", "s3": "available", "ec2": "available"}
    answer: dict[str, Any] = health(running=False)
    assert services.items() <= answer["services"].items()
    assert set(answer) == {"services", "edition", "version"}
    running: dict[str, Any] = health(running=True)
    assert set(running["services"].values()) == {"running"}


def test_a_body_that_was_inflated_on_the_way_is_not_called_gzip_any_more() -> None:
    headers = {
        "content-encoding": "gzip",
        "authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/r/monitoring/aws4_request",
    }
    inflated = Incoming("POST", "/", headers, b"Action=PutMetricData")
    assert "content-encoding" not in forwarded(inflated, caller(inflated))[1]
    whole = Incoming("POST", "/", headers, gzip.compress(b"Action=PutMetricData"))
    assert forwarded(whole, caller(whole))[1]["content-encoding"] == "gzip"
