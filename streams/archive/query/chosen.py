"""The tables that a query names, and the parts that a time range needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.archive.names import Current, Part, current, period_of
from streams.archive.tables import CONVERSATIONS, TABLES

MATRIX = {
    name.replace("conversations", "matrix"): name for name in TABLES if name.startswith("conversations")
}
"""The views of the matrix, each with its table of conversations."""

INVENTORY_VIEW = "inventory"
VIEWS = (*TABLES, *MATRIX, INVENTORY_VIEW)

_COUNT = re.compile(r"\bcount\s*\(\s*\*\s*\)")
_STAR = re.compile(r"(?:\b(?:select|distinct|all)|[.,(])\s*\*")
"""A star that stands for columns, and not for a multiplication."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Windows that start at `since` or later and before `until`: epoch seconds, None for no limit."""

    since: int | None = None
    until: int | None = None

    def has(self, start: int, length_s: int) -> bool:
        """Return True if a period has a second of the range."""
        is_after = self.since is None or start + length_s > self.since
        return is_after and (self.until is None or start < self.until)

    @property
    def texts(self) -> tuple[str, str]:
        """The limits as UTC times for SQL; empty for no limit."""
        since, until = (
            "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
            for at in (self.since, self.until)
        )
        return since, until


def tables_of(names: Iterable[str]) -> set[str]:
    """Return the tables below the views that a query names; all tables if it names no view."""
    found = {MATRIX.get(name, name) for name in names if name in VIEWS}
    return {name for name in found if name in TABLES} if found else set(TABLES)


def words(sql: str) -> set[str]:
    """Return the words of a query that may be columns, and `*` if it selects all columns."""
    bare = _COUNT.sub("", sql.lower())
    found = set(re.findall(r"\w+", bare))
    # DuckDB also accepts `FROM t`, which selects all columns.
    return found | {"*"} if _STAR.search(bare) or "select" not in found else found


def parts_of(table: str, parts: Iterable[Part | None], time: TimeRange) -> Current:
    """Return the current parts of a table with windows in a time range; None is a foreign file."""
    length_s = period_of(TABLES[table])
    return current(
        part for part in parts if part is not None and part.table == table and time.has(part.period, length_s)
    )


def is_conversations(table: str) -> bool:
    """Return True if a table has rows of conversations."""
    return TABLES[table].key == CONVERSATIONS.key
