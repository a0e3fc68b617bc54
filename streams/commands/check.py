"""`vpcflow check`: every setting with its origin, and one sentence for each problem."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from streams.commands.checks.plan import PARTS
from streams.commands.running import KAFKA, run, set_up_logs, settings_of

if TYPE_CHECKING:
    from connectors.settings import Common


@click.command()
@KAFKA
@click.argument("part", required=False, type=click.Choice(PARTS))
def check(kafka: str | None, part: str | None) -> None:
    """Print the settings and test the connections.

    PART is the part of the system to test in addition to Kafka: kinesis, s3, firehose, inventory, work,
    archive, serve or notify. Default: every source that the settings name. The command creates no topic,
    starts no process and posts no alert. It exits with 1 if there is a problem.
    """
    from connectors.settings import (
        Archive,
        Connect,
        ConnectFirehose,
        ConnectS3,
        Inventory,
        Notify,
        Query,
        Serve,
        Work,
    )
    from streams.commands.checks import report

    set_up_logs()
    groups: Mapping[str, Common] = {
        "kinesis": settings_of(Connect, kafka=kafka),
        "s3": settings_of(ConnectS3, kafka=kafka),
        "firehose": settings_of(ConnectFirehose, kafka=kafka),
        "inventory": settings_of(Inventory, kafka=kafka),
        "work": settings_of(Work, kafka=kafka),
        "archive": settings_of(Archive, kafka=kafka),
        "query": settings_of(Query, kafka=kafka),
        "serve": settings_of(Serve, kafka=kafka),
        "notify": settings_of(Notify, kafka=kafka),
    }
    flags = ["kafka"] if kafka is not None else []
    outcome: list[int] = []

    async def start() -> None:
        outcome.append(await report.run(groups, part, flags))

    run(start, ())
    sys.exit(1 if outcome[0] else 0)
