"""`vpcflow read`: a topic as a table, JSON lines or CSV."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from streams.commands.running import KAFKA, run_with_settings, settings_of

if TYPE_CHECKING:
    from streams.topics.reading import Choice

TOPICS = ("aggregates", "conversations", "alerts", "health", "dead")
FORMATS = ("table", "json", "csv")
ACTIONS = ("ACCEPT", "REJECT", "-", "NODATA", "SKIPDATA")
FROM_DEFAULT = "1h"
ROWS_MAX = 1_000_000_000
INTERRUPTED = 130

EPILOG = """\b
Examples:
  vpcflow read aggregates --from 10m
  vpcflow read conversations --eni eni-0a1b2c3d4e5f60718 --action REJECT --follow
  vpcflow read alerts --from today --format json | jq .summary
  vpcflow read conversations --from 2026-11-30T14:00 --until 2026-11-30T15:00 --format csv > hour.csv
  vpcflow read dead --from 1d --limit 20
"""


@click.command(epilog=EPILOG)
@KAFKA
@click.argument("topic", type=click.Choice(TOPICS), metavar="TOPIC")
@click.option("--follow", "-f", is_flag=True, help="Continue with new messages until Ctrl-C.")
@click.option(
    "--from",
    "begin",
    metavar="TIME",
    help="Time of the first message: ISO 8601 (UTC without a zone), 10m, 2h or 1d ago, today, yesterday, now."
    f"  Default: {FROM_DEFAULT}; with --follow, now.",
)
@click.option(
    "--until", metavar="TIME", help="Time after the last message.  Default: now; with --follow, none."
)
@click.option(
    "--limit",
    type=click.IntRange(1, ROWS_MAX),
    metavar="N",
    help="Maximum number of rows: the newest ones; with --follow, the first ones.",
)
@click.option(
    "--eni",
    "enis",
    multiple=True,
    metavar="ID",
    help="Interface ID, or its name in the inventory; repeatable.",
)
@click.option("--action", "actions", multiple=True, type=click.Choice(ACTIONS), help="Action; repeatable.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format."
)
def read(topic: str, kafka: str | None, form: str, **options: Any) -> None:
    """Print a topic as a table, JSON lines or CSV.

    TOPIC is aggregates (totals for each interface, action and window), conversations (peers and ports),
    alerts, health (findings about the data) or dead (refused lines). Only committed messages are read. Times
    are those of publication, in UTC. Without --follow, each key has its newest revision. If `vpcflow
    inventory` runs, interfaces and addresses have names. Messages of another format are skipped and counted
    on standard error.
    """
    from connectors.kafka.messages import NewerFormat
    from connectors.kafka.topics import TopicError
    from connectors.settings import Common
    from streams.topics.printing import printer
    from streams.topics.reading import Reading

    choice = _choice(topic, **options)
    settings = settings_of(Common, kafka=kafka)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    async def start() -> None:
        try:
            await Reading(settings, choice, printer(form, topic, _write, width), _warn).run()
        except BrokenPipeError:
            # The reader of the pipe has enough, as `head` has. Python would report its last flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    try:
        run_with_settings(start, (TopicError, NewerFormat))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _choice(topic: str, *, follow: bool, begin: str | None, until: str | None, **filters: Any) -> Choice:
    """Return the chosen part of the topic. Raises `click.ClickException`."""
    from streams.topics.decoding import WITH_ACTION, WITH_ENI
    from streams.topics.reading import Choice

    enis, actions = frozenset(filters["enis"]), frozenset(filters["actions"])
    if enis and topic not in WITH_ENI:
        raise click.ClickException(f"{topic} has no interfaces: leave out --eni")
    if actions and topic not in WITH_ACTION:
        raise click.ClickException(f"{topic} has no actions: leave out --action")
    now_ms = int(time.time() * 1000)
    from_ms = _moment_ms("--from", begin or FROM_DEFAULT, now_ms) if begin or not follow else None
    until_ms = _moment_ms("--until", until, now_ms) if until else None
    if until_ms is not None and from_ms is not None and until_ms <= from_ms:
        raise click.ClickException(f"--until {until} is not after --from {begin or FROM_DEFAULT}")
    return Choice(topic, from_ms, until_ms, follow, filters["limit"], enis, actions)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _warn(sentence: str) -> None:
    click.echo(f"vpcflow read: {sentence}", err=True)


def _moment_ms(option: str, text: str, now_ms: int) -> int:
    from streams.topics.moments import moment_ms

    try:
        return moment_ms(text, now_ms)
    except ValueError as error:
        raise click.ClickException(f"{option}: {error}") from error
