"""The names of parts: Hive folders, and the partition and the range of message numbers of a part. Pure.

A part is named after the partition q of `finals`, and the first and the last message number that it covers:
`totals/account=…/region=…/day=2026-11-30/hour=09/003-000000000017-000000000021.parquet`. A compacted part
covers the ranges of its inputs, so its name alone says which parts it replaces. All other files are foreign:
they are never read and never deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from streams.archive.tables import DAY_S, HOUR_S, TABLES, Table

UNKNOWN = "unknown"
STAGING = "_staging"
"""The folder of parts that are not published. Readers of a table do not see it."""

_NAME = re.compile(
    r"(?P<table>\w+)/account=(?P<account>[^/]+)/region=(?P<region>[^/]+)/day=(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:/hour=(?P<hour>[01]\d|2[0-3]))?/(?P<q>\d{3,})-(?P<first>\d{12,})-(?P<last>\d{12,})\.parquet"
)


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One Parquet file. `period` is the start of its hour or day, epoch seconds.

    `account` and `region` are as in the rows, empty if unknown. It holds rows of the messages `first` to
    `last` of partition `q`.
    """

    table: str
    period: int
    q: int
    first: int
    last: int
    account: str = ""
    region: str = ""

    @property
    def path(self) -> str:
        """The path in the archive, with slashes."""
        at = datetime.fromtimestamp(self.period, UTC)
        hour = "" if TABLES[self.table].is_daily else f"/hour={at:%H}"
        return (
            f"{self.table}/account={_escaped(self.account)}/region={_escaped(self.region)}/day={at:%Y-%m-%d}"
            f"{hour}/{self.q:03d}-{self.first:012d}-{self.last:012d}.parquet"
        )


def parse(path: str) -> Part | None:
    """Return the part at a path; None for a foreign file."""
    found = _NAME.fullmatch(path)
    table = TABLES.get(found["table"]) if found else None
    if found is None or table is None or (found["hour"] is None) != table.is_daily:
        return None
    try:
        at = datetime.fromisoformat(f"{found['day']}T{found['hour'] or '00'}:00:00+00:00")
    except ValueError:
        return None
    account, region = (_unescaped(found[name]) for name in ("account", "region"))
    q, first, last = (int(found[name]) for name in ("q", "first", "last"))
    return Part(table.name, int(at.timestamp()), q, first, last, account, region)


def period_of(table: Table) -> int:
    """Return the seconds that one folder of a table covers."""
    return DAY_S if table.is_daily else HOUR_S


def _escaped(value: str) -> str:
    return quote(value, safe="") or UNKNOWN


def _unescaped(value: str) -> str:
    return "" if value == UNKNOWN else unquote(value)


@dataclass(frozen=True, slots=True)
class Current:
    """The parts of a table that a reader reads. The parts of a compaction replace their inputs at once.

    In `settled`, each key has one version. In `unsettled`, a key may have several.
    """

    settled: tuple[Part, ...]
    unsettled: tuple[Part, ...]


def current(parts: Iterable[Part]) -> Current:
    """Return the parts of one table without those that others replace."""
    groups: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.period, part.q), []).append(part)
    settled: list[Part] = []
    pending: list[Part] = []
    for group in groups.values():
        left = _not_covered(group)
        target = settled if len({(part.first, part.last) for part in left}) == 1 else pending
        target += left
    return Current(tuple(sorted(settled)), tuple(sorted(pending)))


def _not_covered(group: list[Part]) -> list[Part]:
    """Return the parts of one period and partition whose range no other range contains."""
    kept: dict[tuple[int, int], None] = {}
    newest = -1
    for first, last in sorted({(part.first, part.last) for part in group}, key=lambda one: (one[0], -one[1])):
        if last > newest:
            kept[first, last] = None
            newest = last
    return [part for part in group if (part.first, part.last) in kept]


def by_table(parts: Iterable[Part]) -> Mapping[str, list[Part]]:
    """Return parts by the name of their table."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.table, []).append(part)
    return found
