"""`vpcflow query`: SQL over the archive."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.commands.running import settings_of

if TYPE_CHECKING:
    from connectors.settings import Query
    from streams.archive.query.chosen import TimeRange
    from streams.archive.query.session import Session

EXAMPLES = """
\b
Views: totals, conversations, matrix; with a suffix _10m, _1h or _1d, their roll-ups; and inventory.
Times are UTC. Roll-ups have the columns of their views.

\b
Examples:
  Top pairs of an hour:
    vpcflow query --from 2026-11-30T10:00 --to 2026-11-30T11:00 \\
      "SELECT source, destination, sum(bytes) AS bytes FROM conversations
       GROUP BY ALL ORDER BY bytes DESC LIMIT 10"
  Top resources of a day by name, from the daily roll-up:
    vpcflow query "SELECT source_name, destination_name, sum(bytes) AS bytes
       FROM conversations_1d WHERE window_start = '2026-11-30' GROUP BY ALL ORDER BY 3 DESC LIMIT 10"
  One interface over a day, by 10 minutes, as CSV:
    vpcflow query --csv "SELECT window_start, action, sum(bytes) AS bytes FROM totals_10m
       WHERE eni = 'eni-0123456789abcdef0' GROUP BY ALL ORDER BY ALL"
  Rejected ports of one address, as JSON:
    vpcflow query --json "SELECT port, sum(flows) AS flows FROM conversations_1h
       WHERE action = 'REJECT' AND '203.0.113.7' IN (source, destination) GROUP BY ALL ORDER BY 2 DESC"
  What crosses zones, and its cost:
    vpcflow query --from 2026-11-30 --to 2026-12-01 \\
      "SELECT source_zone, destination_zone, sum(bytes) / 2**30 AS gb, sum(cost) AS usd
       FROM matrix_1d WHERE path = 'cross-zone' GROUP BY ALL ORDER BY usd DESC"
"""


@click.command(epilog=EXAMPLES)
@click.argument("sql")
@click.option("--archive", help="Folder, or s3://bucket/prefix.  [VPCFLOW_ARCHIVE]")
@click.option("--from", "since", help="Windows from this time on, ISO 8601, UTC. Default: all.")
@click.option("--to", "until", help="Windows before this time. Default: all.")
@click.option("--json", "form", flag_value="json", help="Print one JSON object a row.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
def query(sql: str, archive: str | None, since: str | None, until: str | None, form: str | None) -> None:
    """Run an SQL query on the archive.

    DuckDB runs it, and the archive is not changed.

    `--from` and `--to` limit the files that are read: use them on a large archive.
    """
    from connectors.errors import ConnectError
    from connectors.settings import Query

    settings = settings_of(Query, archive=archive)
    try:
        import duckdb  # noqa: F401
    except ModuleNotFoundError as error:
        raise click.ClickException(
            "`vpcflow query` needs the Python package duckdb: install the extra `query`,"
            " pip install 'vpc-flow-streams[query]'"
        ) from error
    from streams.archive.query.output import FORMATS
    from streams.archive.query.session import QueryError

    try:
        answer = _session(settings).run(sql, _time(since, until))
    except (ConnectError, QueryError) as error:
        raise click.ClickException(str(error)) from error
    FORMATS[form or "table"](answer, sys.stdout)


def _session(settings: Query) -> Session:
    from connectors.archive_settings import bucket_of
    from streams.archive.query.copies import Copies, default_folder
    from streams.archive.query.matrix import Prices
    from streams.archive.query.session import Limits, Session
    from streams.archive.storage.places import place_of

    prices = Prices(
        settings.price_cross_zone,
        settings.price_nat,
        settings.price_internet,
        settings.price_peering,
        settings.price_cross_region,
    )
    limits = Limits(settings.query_memory_mb, settings.query_threads, prices)
    storage = place_of(settings.archive)
    if bucket_of(settings.archive) is None:
        return Session(storage, Path(settings.archive).expanduser(), limits)
    cache = Path(settings.query_cache).expanduser() if settings.query_cache else default_folder(os.environ)
    copies = Copies(storage, settings.archive, cache, settings.query_cache_mb << 20)
    return Session(storage, cache, limits, copies)


def _time(since: str | None, until: str | None) -> TimeRange:
    from connectors.setting_values import time_ms
    from streams.archive.query.chosen import TimeRange

    limits = []
    for name, text in (("--from", since), ("--to", until)):
        try:
            limits.append(None if text is None else time_ms(text) // 1000)
        except ValueError as error:
            raise click.ClickException(
                f"{name} {text} is wrong: write a time like 2026-11-30T10:00"
            ) from error
    return TimeRange(*limits)
