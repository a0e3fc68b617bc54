"""The processes that a replay needs: Kafka, the emulator, and each subcommand of the pipeline.

Each process is the one that production runs, with the same settings. What was started is stopped when the
stage is left, however that happens.
"""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import boto3
from botocore.config import Config
from rich.console import Console

from connectors.kafka.topics import ensure_topics
from emulator.kafka.ports import free_port
from streams.replay import world
from streams.replay.load import Loaded, ReplayError, ReplayOptions, load
from streams.replay.observer import Observer
from streams.replay.processes import Child
from streams.replay.secured import ReplayKafka, replay_kafka

WORLD_AGE_MAX_DAYS = 14  # A world starts at most 13 days in the past.
SLOTS = 8
READY_S = 90.0


@dataclass(slots=True)
class Stage:
    """The running parts of a replay."""

    options: ReplayOptions
    console: Console
    folder: Path
    loaded: Loaded
    kafka: ReplayKafka | None = None
    prefix: str = "vpcflow."
    endpoint: str = ""
    page: str = ""
    stream: str = "flow-logs"
    children: list[Child] = field(default_factory=list)
    readiness: list[str] = field(default_factory=list)
    observer: Observer = field(default_factory=Observer)
    began: float = field(default_factory=time.monotonic)


@asynccontextmanager
async def open_stage(options: ReplayOptions, console: Console) -> AsyncIterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="vpcflow-replay-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stage = Stage(options, console, folder, await asyncio.to_thread(load, options))
        await _start(stage, stack)
        yield stage


async def _start(stage: Stage, stack: AsyncExitStack) -> None:
    options = stage.options
    emulator = _add_emulator(stage, stack)
    if emulator is not None:
        await emulator.start()
    with stage.console.status("starting Kafka"):
        opening = replay_kafka(stage.folder / "kafka", options.kafka_security, stage.prefix)
        stage.kafka = await stack.enter_async_context(opening)
        stage.prefix = stage.kafka.prefix
        await ensure_topics(stage.kafka.connection, stage.prefix, SLOTS)
    if options.external_endpoint:
        stage.stream = f"vpcflow-replay-{secrets.token_hex(4)}"
    delivery = world.delivery(options, stage.stream)
    if options.world:
        await _until(stage, lambda: _answers(f"{stage.endpoint}/_localstack/health"), "the emulator")
        await world.prepare(options, stage.endpoint, delivery.wanted, stage.console)
    else:
        await _create_stream(stage)
    if options.external_endpoint:
        stack.push_async_callback(_delete_stream, stage)
    _add_pipeline(stage, stack, delivery)
    await asyncio.gather(*(child.start() for child in stage.children if not child.pid))
    await _await_page(stage)
    following = asyncio.ensure_future(stage.observer.follow(stage.kafka.connection, stage.prefix, SLOTS))
    stack.callback(following.cancel)


def _add_emulator(stage: Stage, stack: AsyncExitStack) -> Child | None:
    if stage.options.external_endpoint:
        stage.endpoint = stage.options.external_endpoint
        return None
    port = free_port()
    stage.endpoint = f"http://127.0.0.1:{port}"
    return _add_child(stage, stack, "emulate", ["emulate", "--port", str(port)], {})


def _add_pipeline(stage: Stage, stack: AsyncExitStack, delivery: world.FlowLogDelivery) -> None:
    port = stage.options.port or free_port()
    stage.page = f"http://127.0.0.1:{port}/"
    for index in range(stage.options.workers):
        worker = {"VPCFLOW_WORKER_ID": f"replay-{index}", "VPCFLOW_HEALTH_PORT": _health_port(stage)}
        _add_child(stage, stack, f"work-{index}" if index else "work", ["work"], worker)
    # The emulator of a replay has no limits: the pipeline is measured, not a shard's 2 MB a second.
    limits = "aws" if stage.options.external_endpoint else "none"
    source = {
        "AWS_ENDPOINT_URL": stage.endpoint,
        "VPCFLOW_HEALTH_PORT": _health_port(stage),
        "VPCFLOW_SHARD_LIMITS": limits,
    }
    _add_child(stage, stack, "connect", delivery.arguments, {**source, **delivery.env})
    if stage.options.inventory or (stage.options.inventory is None and stage.options.world):
        # The world's interfaces have been there since before its first record, which lies in the past.
        since = (datetime.now(UTC) - timedelta(days=WORLD_AGE_MAX_DAYS)).isoformat(timespec="seconds")
        inventory = {"AWS_ENDPOINT_URL": stage.endpoint, "VPCFLOW_INVENTORY_SINCE": since}
        _add_child(stage, stack, "inventory", ["inventory"], inventory)
    _add_child(stage, stack, "notify", ["notify"], {"VPCFLOW_URL": stage.page})
    _add_child(stage, stack, "serve", ["serve", "--port", str(port)], {})


def _health_port(stage: Stage) -> str:
    port = free_port()
    stage.readiness.append(f"http://127.0.0.1:{port}/readyz")
    return str(port)


def _add_child(
    stage: Stage, stack: AsyncExitStack, name: str, arguments: list[str], env: dict[str, str]
) -> Child:
    common = {
        **(stage.kafka.variables(arguments[0]) if stage.kafka else {}),
        "VPCFLOW_PREFIX": stage.prefix,
        "VPCFLOW_SLOTS": str(SLOTS),
        "VPCFLOW_STREAM": stage.stream,
        "VPCFLOW_LINE_FORMAT": stage.loaded.line_format,
        **_credentials(stage),
    }
    child = Child(name, arguments, {**common, **env}, stage.folder)
    stage.children.append(child)
    stack.push_async_callback(child.stop)
    return child


def _credentials(stage: Stage) -> dict[str, str]:
    """Return credentials for AWS's SDK. The emulator does not check them; AWS gets those of the user."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    found = {"AWS_DEFAULT_REGION": region}
    if not stage.options.external_endpoint or "AWS_ACCESS_KEY_ID" not in os.environ:
        found |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return found


def kinesis_client(stage: Stage) -> Any:
    names = {
        "AWS_ACCESS_KEY_ID": "aws_access_key_id",
        "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
        "AWS_DEFAULT_REGION": "region_name",
    }
    given = {names[name]: value for name, value in _credentials(stage).items()}
    # The SDK must not retry a call: after a lost answer, the records would be written twice (feed.py).
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
    return boto3.client("kinesis", endpoint_url=stage.endpoint, config=config, **given)


async def _create_stream(stage: Stage) -> None:
    await _until(stage, lambda: _answers(f"{stage.endpoint}/_localstack/health"), "the Kinesis endpoint")
    client = kinesis_client(stage)
    await asyncio.to_thread(client.create_stream, StreamName=stage.stream, ShardCount=stage.options.shards)
    waiter = client.get_waiter("stream_exists")
    await asyncio.to_thread(
        waiter.wait, StreamName=stage.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


async def _delete_stream(stage: Stage) -> None:
    await asyncio.to_thread(kinesis_client(stage).delete_stream, StreamName=stage.stream)


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status < 500
    except aiohttp.ClientError:
        return False


async def _await_page(stage: Stage) -> None:
    with stage.console.status("starting connector, worker and page"):
        for url in (f"{stage.page}livez", *stage.readiness):
            await _until(stage, functools.partial(_answers, url), url)
    stage.console.print(f"ready in {time.monotonic() - stage.began:.1f} s")


async def _until(stage: Stage, is_ready: Any, what: str) -> None:
    deadline = time.monotonic() + READY_S
    while not await is_ready():
        for child in stage.children:
            if child.returncode:
                raise ReplayError(f"{child.name} did not start; its log ends with:\n{child.tail()}")
        if time.monotonic() > deadline:
            raise ReplayError(f"{what} does not answer after {READY_S:.0f} s")
        await asyncio.sleep(0.1)
