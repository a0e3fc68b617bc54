"""`vpcflow check`: every setting with its origin, what the settings name is tested, and nothing is made."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import trustme
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner, Result

from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import ALL, ENV_PREFIX, OTHER_NAMES
from emulator.kafka.ports import free_port
from emulator.server import emulator
from streams.cli import main
from streams.commands.checks.plan import PARTS, parts
from tests.beside import beside

pytestmark = pytest.mark.usefixtures("bare_environment")

AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def aws() -> Iterator[dict[str, str]]:
    """The settings for an emulator of its own."""
    with beside(emulator()) as url:
        yield {**AWS, "AWS_ENDPOINT_URL": url}


def check(*arguments: str, **environment: str) -> Result:
    """Run the command; a setting or a trial is one line of its output."""
    result = CliRunner().invoke(main, ["check", *arguments], env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


async def in_thread(*arguments: str, **environment: str) -> Result:
    """Run the command beside the loop of a test: it has a loop of its own."""
    return await asyncio.to_thread(check, *arguments, **environment)


def verdicts(result: Result) -> dict[str, str]:
    """Return the verdict of every trial."""
    found = re.findall(r"^ *(ok|wrong)  (\w+): ", result.output, re.MULTILINE)
    return {name: verdict for verdict, name in found}


@pytest.mark.parametrize(
    ("wanted", "given", "tested"),
    [
        (None, [], ("kinesis",)),
        (None, ["VPCFLOW_S3_BUCKET"], ("s3",)),
        (None, ["VPCFLOW_S3_QUEUE"], ("s3",)),
        (None, ["VPCFLOW_S3_BUCKET", "VPCFLOW_STREAM"], ("kinesis", "s3")),
        (None, ["VPCFLOW_FIREHOSE_KEY"], ("firehose",)),
        (None, ["VPCFLOW_S3_PREFIX", "VPCFLOW_SLOTS"], ("kinesis",)),
        (None, ["VPCFLOW_WEBHOOK"], ("kinesis", "notify")),
        ("serve", ["VPCFLOW_S3_BUCKET"], ("serve",)),
    ],
)
def test_what_is_tested_follows_from_the_settings(
    wanted: str | None, given: list[str], tested: tuple[str, ...]
) -> None:
    assert parts(wanted, given) == tested


@pytest.mark.parametrize("part", PARTS)
def test_every_setting_of_every_subcommand_is_shown_with_its_origin(part: str) -> None:
    Path("vpcflow.env").write_text("VPCFLOW_FIREHOSE_KEY=hunter2\nVPCFLOW_WINDOW_S=120\n")
    closed = f"127.0.0.1:{free_port()}"
    output = check(
        part,
        "--kafka",
        closed,
        VPCFLOW_S3_BUCKET="s3://my-flow-logs/a",
        **AWS,
        AWS_ENDPOINT_URL=f"http://{closed}",
    ).output
    rows = {
        cells[1]: cells[2:4]
        for cells in ([c.strip() for c in line.split("│")] for line in output.splitlines())
        if len(cells) > 4
    }
    names = {ENV_PREFIX + name.upper() for group in ALL for name in group.model_fields}
    assert set(rows) == names | set(OTHER_NAMES)
    assert rows["VPCFLOW_KAFKA"] == [closed, "flag"]
    assert rows["VPCFLOW_S3_BUCKET"] == ["my-flow-logs", "environment"]
    assert rows["VPCFLOW_WINDOW_S"] == ["120", "vpcflow.env"]
    assert rows["VPCFLOW_FIREHOSE_KEY"] == ["***", "vpcflow.env"]
    assert rows["VPCFLOW_STREAM"] == ["flow-logs", "default"]
    assert "hunter2" not in output


def test_a_closed_port_is_told_from_a_tls_listener() -> None:
    closed = check("serve", VPCFLOW_KAFKA=f"127.0.0.1:{free_port()}", VPCFLOW_PORT="0")
    assert (closed.exit_code, verdicts(closed)) == (1, {"Kafka": "wrong", "serve": "ok"})
    assert "the port is closed: start one, or set VPCFLOW_KAFKA" in closed.output
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer, args=(server, context), daemon=True)
        answering.start()
        kafka = f"127.0.0.1:{server.getsockname()[1]}"
        tls = check("serve", VPCFLOW_KAFKA=kafka, VPCFLOW_PORT="0")
        answering.join()
    assert tls.exit_code == 1
    assert "the broker is reachable but requires TLS: set VPCFLOW_KAFKA_SECURITY" in tls.output


def _answer(server: socket.socket, context: ssl.SSLContext) -> None:
    """Answer the two connections of a probe: the first is no TLS, the second ends after a hello."""
    for _ in range(2):
        connection, _address = server.accept()
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()


@pytest.mark.kafka
async def test_check_creates_no_topic_and_names_the_commands_that_do(kafka: str, prefix: str) -> None:
    found = await in_thread("serve", VPCFLOW_KAFKA=kafka, VPCFLOW_PREFIX=prefix, VPCFLOW_PORT="0")
    assert (found.exit_code, verdicts(found)) == (0, {"Kafka": "ok", "serve": "ok"})
    assert f"missing topics: {prefix}blocks, " in found.output
    assert "`vpcflow connect`, `work`, `serve` and `notify` create them" in found.output
    assert not [name for name in await _topics(kafka) if name.startswith(prefix)]
    await ensure_topics(KafkaConnection(kafka), prefix, 8)
    found = await in_thread("serve", VPCFLOW_KAFKA=kafka, VPCFLOW_PREFIX=prefix, VPCFLOW_PORT="0")
    assert (found.exit_code, f"every topic of {prefix} is there" in found.output) == (0, True)


async def _topics(kafka: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


@pytest.mark.kafka
async def test_check_tells_topics_with_other_settings(kafka: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        settings = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.ms": "21600000"}
        await admin.create_topics([NewTopic(f"{prefix}partials", 8, 1, topic_configs=settings)])
        while f"{prefix}partials" not in await admin.list_topics():
            pass  # A broker learns of a new topic a moment after the controller has made it.
    finally:
        await admin.close()
    found = await in_thread("work", VPCFLOW_KAFKA=kafka, VPCFLOW_PREFIX=prefix)
    assert (found.exit_code, verdicts(found)) == (1, {"Kafka": "wrong", "work": "ok"})
    assert f"topic {prefix}partials has max.message.bytes=1048588" in found.output
    found = await in_thread("work", VPCFLOW_KAFKA=kafka, VPCFLOW_PREFIX=prefix, VPCFLOW_SLOTS="4")
    assert f"topic {prefix}partials has 8 partitions, not 4: set VPCFLOW_SLOTS=8" in found.output


@pytest.mark.kafka
def test_kinesis_is_tested_by_its_stream(kafka: str, prefix: str, aws: dict[str, str]) -> None:
    ours = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, **aws}
    found = check(**ours)
    assert (found.exit_code, verdicts(found)) == (1, {"Kafka": "ok", "kinesis": "wrong"})
    assert "no Kinesis stream 'flow-logs' at" in found.output
    _client("kinesis", aws).create_stream(StreamName="flow-logs", ShardCount=3)
    found = check(**ours)
    assert (found.exit_code, verdicts(found)) == (0, {"Kafka": "ok", "kinesis": "ok"})
    assert "flow-logs: 3 shards" in found.output


@pytest.mark.kafka
@pytest.mark.moto
def test_s3_is_tested_where_only_s3_is_set(kafka: str, prefix: str, aws: dict[str, str]) -> None:
    ours = {"VPCFLOW_KAFKA": kafka, "VPCFLOW_PREFIX": prefix, **aws}
    found = check(VPCFLOW_S3_BUCKET="s3://my-flow-logs/a/", **ours)
    assert (found.exit_code, verdicts(found)) == (1, {"Kafka": "ok", "s3": "wrong"})
    assert "no bucket for arn:aws:s3:::my-flow-logs" in found.output
    _client("s3", aws).create_bucket(Bucket="my-flow-logs")
    queue = _client("sqs", aws).create_queue(QueueName="flow-logs")["QueueUrl"]
    found = check(VPCFLOW_S3_BUCKET="s3://my-flow-logs/a/", VPCFLOW_S3_QUEUE=queue, **ours)
    assert (found.exit_code, verdicts(found)) == (0, {"Kafka": "ok", "s3": "ok"})
    assert "s3://my-flow-logs/a/AWSLogs/ has no objects yet" in found.output
    assert "about 0 messages" in found.output
    found = check(VPCFLOW_S3_QUEUE=f"{queue}-other", **ours)
    assert "no SQS queue" in found.output


def _client(service: str, aws: dict[str, str]) -> object:
    return boto3.client(
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_the_webhook_s_host_is_tried_and_nothing_is_posted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/hunter2"
        found = check("notify", VPCFLOW_KAFKA=f"127.0.0.1:{free_port()}", VPCFLOW_WEBHOOK=url)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100) == b""
    assert verdicts(found)["notify"] == "ok"
    assert "hunter2" not in found.output
    found = check("notify", VPCFLOW_KAFKA=f"127.0.0.1:{free_port()}", VPCFLOW_WEBHOOK=url)
    assert verdicts(found)["notify"] == "wrong"


def test_a_port_and_files_that_cannot_be_used_are_told() -> None:
    kafka = f"127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        found = check("serve", VPCFLOW_KAFKA=kafka, VPCFLOW_PORT=taken)
        assert verdicts(found)["serve"] == "wrong"
        assert f"cannot listen on VPCFLOW_HOST=127.0.0.1, VPCFLOW_PORT={taken}" in found.output
    found = check("firehose", VPCFLOW_KAFKA=kafka, VPCFLOW_FIREHOSE_HOST="0.0.0.0")
    assert "set VPCFLOW_FIREHOSE_KEY" in found.output
    found = check(
        "firehose", VPCFLOW_KAFKA=kafka, VPCFLOW_FIREHOSE_CERT="/none", VPCFLOW_FIREHOSE_CERT_KEY="/none"
    )
    assert "VPCFLOW_FIREHOSE_CERT=/none" in found.output


def test_a_format_that_cannot_be_used_is_told() -> None:
    kafka = f"127.0.0.1:{free_port()}"
    for part, name in (("kinesis", "LINE_FORMAT"), ("s3", "LINE_FORMAT"), ("firehose", "GROUP_FORMATS")):
        wrong = {f"VPCFLOW_{name}": "${version} ${version}", "VPCFLOW_S3_BUCKET": "my-flow-logs"}
        found = check(part, VPCFLOW_KAFKA=kafka, **wrong)
        assert verdicts(found)[part] == "wrong"
        assert f"wrong  {part}: VPCFLOW_{name}: " in found.output


@pytest.mark.parametrize("where", ["environment", "file"])
def test_with_a_bucket_and_no_stream_s3_is_tested_and_not_kinesis(where: str) -> None:
    environment = {"VPCFLOW_KAFKA": f"127.0.0.1:{free_port()}", **AWS}
    environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{free_port()}"
    if where == "file":
        Path("vpcflow.env").write_text("VPCFLOW_S3_BUCKET=my-flow-logs\n")
    else:
        environment["VPCFLOW_S3_BUCKET"] = "my-flow-logs"
    found = check(**environment)
    assert (found.exit_code, verdicts(found)) == (1, {"Kafka": "wrong", "s3": "wrong"})
