"""The steps of `vpcflow rejects`: read the records or the topic `conversations`, explain, print."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import click
from aiokafka.errors import KafkaError

from connectors.kafka.clients.denials import MissingAcl
from connectors.kafka.topics import TopicError
from connectors.settings import Common
from connectors.vpc.diagnosis.flow_file import BadFlows, records
from connectors.vpc.diagnosis.rejections import Rejection, explain, of_windows, rejections
from streams.commands.reachability.account import fail, read_account, report_denied
from streams.commands.reachability.diagnosis import diagnosed, flow_text
from streams.commands.running import settings_of
from streams.topics.decoding import Row
from streams.topics.moments import moment_ms
from streams.topics.reading import Choice, Reading


def read(flows: str | None, begin: str, limit: int) -> list[Rejection]:
    """Return the largest rejections of a file, or of the topic since a time.

    Ends the process with status 2 if they cannot be read.
    """
    if not flows:
        return of_windows(_rows(begin), limit)
    try:
        return rejections(records(flow_text(flows)), limit)
    except BadFlows as error:
        fail(str(error))


def explain_all(found: list[Rejection]) -> None:
    """Read the account, and add the cause to each rejection."""
    if not found:
        return
    inventory = read_account()
    report_denied(inventory.unread)
    enis = inventory.estate.enis
    for one in found:
        explain(
            one,
            lambda eni_id: enis[eni_id].addresses if eni_id in enis else (),
            partial(diagnosed, inventory),
        )


def text(found: list[Rejection]) -> str:
    """Return the rejections as lines."""
    return "\n".join(map(_line, found))


def _line(one: Rejection) -> str:
    at, port = one.conversation, f" port {one.conversation.port}" if one.conversation.port else ""
    way = " (response)" if at.is_response else ""
    size = f"{one.packets} packets in {one.records} records"
    why = f"\n    {f'{one.code} at {one.component}: ' if one.code else ''}{one.sentence}"
    shown = f"{at.source} → {at.destination}, {at.protocol}{port}{way}: {size}"
    return shown + (why if one.sentence else "")


def _rows(begin: str) -> list[Row]:
    """Return the newest rows of each window. Ends the process with status 2 if they cannot be read."""
    try:
        from_ms = moment_ms(begin, time.time_ns() // 1_000_000)
    except ValueError as error:
        fail(f"--from: {error}.")
    rows: list[Row] = []

    async def collect() -> None:
        choice = Choice("conversations", from_ms, actions=frozenset({"REJECT"}))
        await Reading(settings_of(Common), choice, rows.extend, _warn).run()

    try:
        asyncio.run(collect())
    except (TopicError, MissingAcl, KafkaError) as error:
        fail(f"The topic cannot be read: {error}.")
    return rows


def _warn(sentence: str) -> None:
    click.echo(f"vpcflow rejects: {sentence}", err=True)
