"""The tests of `vpcflow check`: each returns its findings in one line, or raises `Problem` with a sentence.

A test has no side effects: it creates no topic, starts no process, posts no alert and receives no message.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from botocore.exceptions import BotoCoreError, ClientError
from yarl import URL

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.errors import FAILURES, user_error
from connectors.aws.session import make_client
from connectors.errors import ConnectError
from connectors.firehose.listener import access_keys, tls
from connectors.formats.by_log_group import parse_group_formats
from connectors.formats.flowlog import BadFormat, parse_format
from connectors.inventory import geo
from connectors.kafka.clients.access import missing_acls
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.clients.denials import MissingAcl, refusals
from connectors.kafka.topics import TopicError, examine_topics
from connectors.kinesis.client import StreamReader, stream_error
from connectors.kinesis.stream_choice import BadChoice, parse_choice
from connectors.kinesis.stream_finder import StreamFinder
from connectors.s3.discovery.notifications import queue_region
from connectors.s3.keys import folder
from connectors.settings import (
    Archive,
    Common,
    Connect,
    ConnectFirehose,
    ConnectS3,
    Inventory,
    Notify,
    Serve,
    SettingsError,
)
from streams.commands.checks.inventory import NotReadable, read_once

REACH_S = 5.0
CREATES = "`vpcflow connect`, `work`, `serve` and `notify` create them when they start"


class Problem(Exception):
    """A part of the system does not work; the message names the setting and the remedy."""


async def try_kafka(settings: Common, processes: Iterable[str]) -> str:
    """Connect to Kafka, compare its topics with the expected settings, and look for missing ACLs."""
    kafka = KafkaConnection.of(settings)
    try:
        found = await examine_topics(kafka, settings.prefix, settings.slots)
        for process in processes:
            if missing := await missing_acls(kafka, process, settings.prefix):
                raise Problem(f"for `vpcflow {process}`, {'; '.join(refusals(kafka, missing))}")
    except (TopicError, MissingAcl, SettingsError) as error:
        raise Problem(str(error)) from error
    except KafkaError as error:
        raise Problem(f"{kafka.servers} answers, and then refuses a request: {error}") from error
    notes = [f"note: {one.sentence}" for one in found.differences if not one.is_fatal]
    if fatal := [one.sentence for one in found.differences if one.is_fatal]:
        raise Problem("; ".join([*fatal, *notes]))
    findings = [f"{settings.kafka} answers"]
    if found.missing:
        findings.append(f"missing topics: {', '.join(found.missing)} ({CREATES})")
    else:
        findings.append(f"every topic of {settings.prefix or 'the empty prefix'} is there")
    return "; ".join([*findings, *notes])


def _check_formats(line_format: str, group_formats: str = "") -> None:
    try:
        parse_format(line_format)
    except BadFormat as error:
        raise Problem(f"VPCFLOW_LINE_FORMAT: {error}") from error
    try:
        parse_group_formats(group_formats)
    except BadFormat as error:
        raise Problem(f"VPCFLOW_GROUP_FORMATS: {error}") from error


async def try_kinesis(settings: Connect) -> str:
    """Find the streams and list their shards."""
    _check_formats(settings.line_format, settings.group_formats)
    try:
        choice = parse_choice(settings.stream)
        client = make_client("kinesis")
    except (BadChoice, ConnectError) as error:
        raise Problem(str(error)) from error
    caller = Caller(metrics.CALLS)
    try:
        named = await StreamFinder(client, choice, caller).find()
        shards = [await caller.call("ListShards", StreamReader(client, name).shards) for name in named]
    except FAILURES as error:
        endpoint = client.meta.endpoint_url
        problem = stream_error(error, endpoint, settings.stream)
        raise Problem(str(problem or f"Kinesis at {endpoint} refuses: {error}")) from error
    if not named:
        raise Problem(f"no stream matches VPCFLOW_STREAM={settings.stream} at {client.meta.endpoint_url}")
    return f"{client.meta.endpoint_url}; {', '.join(named)}: {sum(map(len, shards))} shards"


async def try_s3(settings: ConnectS3) -> str:
    """List the bucket, and read the attributes of the queue."""
    if not settings.s3_bucket and not settings.s3_queue:
        raise Problem("no bucket and no queue is set: set VPCFLOW_S3_BUCKET or VPCFLOW_S3_QUEUE")
    _check_formats(settings.line_format)
    findings = []
    if settings.s3_bucket:
        findings.append(await _listed(settings))
    if settings.s3_queue:
        request = {"QueueUrl": settings.s3_queue, "AttributeNames": ["ApproximateNumberOfMessages"]}
        answer = await _asked(
            "sqs", "get_queue_attributes", "sqs:GetQueueAttributes", settings.s3_queue, request
        )
        findings.append(
            f"{settings.s3_queue}: about {answer['Attributes']['ApproximateNumberOfMessages']} messages"
        )
    return "; ".join(findings)


async def _listed(settings: ConnectS3) -> str:
    logs = f"{folder(settings.s3_prefix)}AWSLogs/"
    arn = f"arn:aws:s3:::{settings.s3_bucket}"
    request = {"Bucket": settings.s3_bucket, "Prefix": logs, "MaxKeys": 1}
    answer = await _asked("s3", "list_objects_v2", "s3:ListBucket", arn, request)
    there = "has objects" if answer.get("KeyCount") else "has no objects yet"
    return f"s3://{settings.s3_bucket}/{logs} {there}"


async def _asked(
    service: str, operation: str, action: str, resource: str, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Call S3 or SQS once, and return the response."""
    try:
        client = make_client(service, queue_region(resource))  # None unless `resource` is a queue URL of AWS
        function: Callable[..., dict[str, Any]] = getattr(client, operation)
        return await asyncio.to_thread(function, **request)
    except ConnectError as error:
        raise Problem(str(error)) from error
    except (ClientError, BotoCoreError, ValueError) as error:
        problem = user_error(error, action, resource)
        raise Problem(str(problem or f"{action} on {resource} fails: {error}")) from error


async def try_firehose(settings: ConnectFirehose) -> str:
    """Read the access keys and the certificate, and test whether the port is free."""
    _check_formats(settings.line_format, settings.group_formats)
    try:
        keys, context = access_keys(settings), tls(settings)
    except SettingsError as error:
        raise Problem(str(error)) from error
    protocol = "TLS" if context else "plain HTTP"
    port = _port("VPCFLOW_FIREHOSE", settings.firehose_host, settings.firehose_port)
    return f"{protocol}, {len(keys)} access keys, {port}"


async def try_serve(settings: Serve) -> str:
    """Test whether the port of the page is free, and the databases of addresses can be used."""
    files = {"VPCFLOW_COUNTRY_FILE": settings.country_file, "VPCFLOW_ASN_FILE": settings.asn_file}
    for name, path in files.items():
        if path and (why := geo.problem(name, path)):
            raise Problem(why)
    return _port("VPCFLOW", settings.host, settings.port)


async def try_notify(settings: Notify) -> str:
    """Connect to the host of the webhook without a request."""
    if not settings.webhook:
        return "alerts go to the log only; VPCFLOW_WEBHOOK is not set"
    url = URL(settings.webhook)
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(url.host, url.port)
    except (OSError, UnicodeError) as error:
        raise Problem(
            f"the webhook's host {url.origin()} cannot be reached: {error or 'no answer'}"
        ) from error
    writer.close()
    return f"the webhook's host {url.origin()} is reachable; nothing was posted"


def _port(prefix: str, host: str, port: int) -> str:
    """Return a line if the port is free, else raise `Problem`; `vpcflow` itself may use the port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise Problem(
            f"cannot listen on {prefix}_HOST={host}, {prefix}_PORT={port}: {error.strerror};"
            " ignore this if `vpcflow` already runs there, else choose another port"
        ) from error
    return f"{host}:{port} is free"


async def try_work(settings: Common) -> str:
    """Return the folder of the compiled kernels."""
    from streams.kernel_cache import described

    return described()


async def try_archive(settings: Archive) -> str:
    """Return the place of the archive, which must exist and accept files."""
    from streams.archive.storage.places import place_of

    try:
        return await asyncio.to_thread(place_of(settings.archive).check)
    except ConnectError as error:
        raise Problem(str(error)) from error


async def try_inventory(settings: Inventory) -> str:
    """Read every account and Region once, and write nothing."""
    try:
        return await read_once(settings)
    except NotReadable as error:
        raise Problem(str(error)) from error


TRIALS: Mapping[str, Callable[[Any], Awaitable[str]]] = {
    "kinesis": try_kinesis,
    "s3": try_s3,
    "firehose": try_firehose,
    "inventory": try_inventory,
    "work": try_work,
    "archive": try_archive,
    "serve": try_serve,
    "notify": try_notify,
}
