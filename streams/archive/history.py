"""The table `inventory`: every version of a network interface, its addresses and its owner. Pure.

The topic `inventory` forgets old versions. The table keeps them as long as the archive keeps windows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from connectors.inventory.rows import INTERFACE, ForeignRow, InterfaceRow, decode_interface
from streams.archive.tables import INVENTORY

_LISTS = ("private", "ipv6", "public", "security_groups")


class History:
    """The versions of interfaces by interface and start. `has_changed` is true until `frame` is called."""

    def __init__(self, rows: pl.DataFrame | None = None) -> None:
        found: Iterable[dict[str, Any]] = rows.to_dicts() if rows is not None else ()
        self._rows = {(row["eni"], row["valid_from"]): row for row in found}
        self.has_changed = False

    def apply(self, key: bytes | None, value: bytes | None) -> bool:
        """Apply one message of the topic; return False for a foreign one.

        A tombstone deletes a version from the topic only.
        """
        if key is None or not key.startswith(INTERFACE) or value is None:
            return True
        try:
            row = _row(decode_interface(value))
        except (ForeignRow, ValueError, OverflowError, OSError):
            return False
        name = (row["eni"], row["valid_from"])
        if self._rows.get(name) != row:
            self._rows[name] = row
            self.has_changed = True
        return True

    def expire(self, before: datetime) -> None:
        """Delete the versions that ended before a time, UTC."""
        old = [name for name, row in self._rows.items() if row["valid_to"] and row["valid_to"] < before]
        for name in old:
            del self._rows[name]

    def frame(self) -> pl.DataFrame:
        """Return the table, sorted by interface and time."""
        self.has_changed = False
        rows = [self._rows[name] for name in sorted(self._rows)]
        return pl.DataFrame(rows, schema=dict(INVENTORY))


def _row(version: InterfaceRow) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(version, name) for name in INVENTORY}
    row |= {name: list(row[name]) for name in _LISTS}
    row["tags"] = orjson.dumps(dict(version.tags), option=orjson.OPT_SORT_KEYS).decode()
    row["valid_from"] = _time(version.valid_from)
    row["valid_to"] = None if version.valid_to is None else _time(version.valid_to)
    return row


def _time(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None)
