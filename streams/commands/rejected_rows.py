"""The rejected rows of the topic `conversations` since a time, for `vpcflow rejects`."""

from __future__ import annotations

import asyncio
import time

import click
from aiokafka.errors import KafkaError

from connectors.kafka.clients.denials import MissingAcl
from connectors.kafka.topics import TopicError
from connectors.settings import Common
from streams.commands.account import fail
from streams.commands.running import settings_of
from streams.topics.decoding import Row
from streams.topics.moments import moment_ms
from streams.topics.reading import Choice, Reading


def rejected_rows(begin: str) -> list[Row]:
    """Return the newest rows of each window. Ends the process with status 2 if they cannot be read."""
    try:
        from_ms = moment_ms(begin, time.time_ns() // 1_000_000)
    except ValueError as error:
        fail(f"--from: {error}.")
    rows: list[Row] = []

    async def read() -> None:
        choice = Choice("conversations", from_ms, actions=frozenset({"REJECT"}))
        await Reading(settings_of(Common), choice, rows.extend, _warn).run()

    try:
        asyncio.run(read())
    except (TopicError, MissingAcl, KafkaError) as error:
        fail(f"The topic cannot be read: {error}.")
    return rows


def _warn(sentence: str) -> None:
    click.echo(f"vpcflow rejects: {sentence}", err=True)
