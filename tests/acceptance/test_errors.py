"""What a person can mend is one sentence on stderr and a failure, from the real command line."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from emulator.kafka.ports import free_port
from emulator.server import emulator

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0
OURS = ("VPCFLOW_", "AWS_", "LOCALSTACK_")
PROCESSES = [("connect", "kinesis"), ("work",), ("serve",), ("notify",)]
KEY = "AWS_ACCESS_KEY_ID"
AWS = {KEY: "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    status: int
    stderr: str

    def is_sentence(self, *parts: str) -> bool:
        """Whether it failed with one sentence that holds these parts; says on stdout why not."""
        print(self)
        one = self.stderr.count("\n") == 1 and self.stderr.startswith("Error: ")
        return self.status != 0 and one and all(part in self.stderr for part in parts)


Command = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def vpcflow(tmp_path: Path) -> Command:
    """A function that runs a subcommand with only the settings that it is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    # No credentials from this machine, and no metadata service.
    clean |= {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}

    async def run(*arguments: str, **settings: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "streams.cli",
            *arguments,
            cwd=tmp_path,
            env=clean | settings,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                _, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(process.returncode or 0, stderr.decode())

    return run


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.fixture
async def kinesis() -> AsyncIterator[dict[str, str]]:
    """The settings for an emulator that has no stream."""
    async with emulator() as url:
        yield {**AWS, "AWS_ENDPOINT_URL": url}


async def test_no_kafka(vpcflow: Command) -> None:
    where = f"127.0.0.1:{free_port()}"
    for outcome in await asyncio.gather(
        *(vpcflow(*process, **AWS, VPCFLOW_KAFKA=where) for process in PROCESSES)
    ):
        assert outcome.is_sentence(f"no Kafka answers at {where}", "VPCFLOW_KAFKA")


async def test_an_unknown_variable(vpcflow: Command) -> None:
    processes = [("connect", "kinesis"), ("work",), ("check",), ("replay",)]
    for outcome in await asyncio.gather(*(vpcflow(*process, VPCFLOW_KAFAK="x") for process in processes)):
        assert outcome.is_sentence("VPCFLOW_KAFAK is not a setting; did you mean VPCFLOW_KAFKA?")


async def test_a_wrong_value(vpcflow: Command) -> None:
    wrong = [
        (("work",), "VPCFLOW_SLOTS", "many"),
        (("serve",), "VPCFLOW_PORT", "70000"),
        (("connect", "kinesis"), "VPCFLOW_START", "SOON"),
        (("connect", "kinesis"), "VPCFLOW_LINE_FORMAT", "${version} ${VERSION}"),
    ]
    runs = (vpcflow(*process, **{name: value}) for process, name, value in wrong)
    for (_, name, _), outcome in zip(wrong, await asyncio.gather(*runs), strict=True):
        assert outcome.is_sentence(name)


async def test_another_partition_count(vpcflow: Command, kafka: str, prefix: str) -> None:
    await ensure_topics(KafkaConnection(kafka), prefix, 2)
    settings = {**AWS, "VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, "VPCFLOW_SLOTS": "3"}
    for outcome in await asyncio.gather(*(vpcflow(*process, **settings) for process in PROCESSES)):
        assert outcome.is_sentence(f"topic {prefix}", "has 2 partitions, not 3: set VPCFLOW_SLOTS=2")


async def test_the_port_of_emulate_is_taken(vpcflow: Command, taken: str) -> None:
    assert (await vpcflow("emulate", "--port", taken)).is_sentence(taken, "in use")


async def test_the_port_of_serve_is_taken(vpcflow: Command, taken: str, kafka: str, prefix: str) -> None:
    outcome = await vpcflow("serve", "--port", taken, VPCFLOW_KAFKA=kafka, VPCFLOW_PREFIX=prefix)
    assert outcome.is_sentence(taken, "taken by another process")


async def test_the_port_of_health_is_taken(vpcflow: Command, taken: str, kafka: str, prefix: str) -> None:
    settings = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, "VPCFLOW_HEALTH_PORT": taken}
    processes = [("connect", "kinesis"), ("work",)]
    for outcome in await asyncio.gather(*(vpcflow(*process, **AWS, **settings) for process in processes)):
        assert outcome.is_sentence(f"VPCFLOW_HEALTH_PORT={taken}")


async def test_no_such_stream(vpcflow: Command, kafka: str, prefix: str, kinesis: dict[str, str]) -> None:
    settings = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, "VPCFLOW_STREAM": "not-there"}
    outcome = await vpcflow("connect", "kinesis", **kinesis, **settings)
    assert outcome.is_sentence("no Kinesis stream 'not-there'", kinesis["AWS_ENDPOINT_URL"])


async def test_no_kinesis(vpcflow: Command, kafka: str, prefix: str) -> None:
    """No region, no credentials, nobody at the endpoint."""
    aws = AWS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    lacking = [{n: v for n, v in aws.items() if n != name} for name in ("AWS_DEFAULT_REGION", KEY)] + [aws]
    kafkas = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix}
    for outcome in await asyncio.gather(*(vpcflow("connect", "kinesis", **kafkas, **has) for has in lacking)):
        assert outcome.is_sentence("Kinesis")
