"""An archive in a folder with the rows of a test, written part by part as a partition writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from streams.archive import compaction, finals
from streams.archive.batch import Batch
from streams.archive.names import Part
from streams.archive.parquet import decode, encode
from streams.archive.query.chosen import TimeRange
from streams.archive.query.matrix import Prices
from streams.archive.query.session import Limits, Session
from streams.archive.storage.folder import Folder
from streams.archive.tables import BASES, INVENTORY, INVENTORY_PATH, TABLES
from streams.numbering import Output
from streams.numbering import Sequence as Numbers
from tests.streams.archive import made

PRICES = Prices(cross_zone=0.01, nat=0.045, internet=0.09, peering=0.01, cross_region=0.02)
LIMITS = Limits(memory_mb=512, threads=2, prices=PRICES)


def write(folder: Folder, files: compaction.Files) -> dict[Part, pl.DataFrame]:
    """Write parts, and return their rows as they are read from the files."""
    found = {}
    for part, rows in files:
        data = encode(rows, TABLES[part.table])
        folder.stage("_staging/000/x.parquet", data)
        assert folder.publish("_staging/000/x.parquet", part.path)
        found[part] = decode(data, part)
    return found


def archive(
    root: Path,
    messages: Iterable[tuple[Sequence[made.Row], Sequence[made.Row]]],
    *,
    rolled: bool = False,
) -> Session:
    """Write a part for each message (totals, conversations); with `rolled`, compact and roll up all."""
    folder, output, read = Folder(root), Output(), Numbers()
    folder.check()
    parts: dict[Part, pl.DataFrame] = {}
    for totals, conversations in messages:
        message = made.read(made.message(output, "finals", 0, 0, totals, conversations), read.offset + 1)
        read.advance(message)
        batch = Batch(Numbers())
        batch.add(message, finals.read(message), read, 0.0)
        parts |= write(folder, batch.files(0))
    if rolled:
        hourly: dict[Part, pl.DataFrame] = {}
        for hour in {part.period for part in parts}:
            hourly |= write(
                folder, compaction.of_hour({p: rows for p, rows in parts.items() if p.period == hour})
            )
        for day in {part.period // 86_400 for part in hourly}:
            write(
                folder,
                compaction.of_day({p: rows for p, rows in hourly.items() if p.period // 86_400 == day}),
            )
        assert {table.split("_")[0] for table in {part.table for part in hourly}} <= {b.name for b in BASES}
    return Session(folder, root, LIMITS)


def inventory(root: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table `inventory`; `valid_from` and `valid_to` are minutes after `made.MINUTE_0`."""
    lists = {name: [] for name in ("private", "ipv6", "public", "security_groups")}
    filled = [
        {
            **dict.fromkeys(INVENTORY, ""),
            **lists,
            **row,
            **{name: _time(row.get(name)) for name in ("valid_from", "valid_to")},
        }
        for row in rows
    ]
    path = root / INVENTORY_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(filled, schema=dict(INVENTORY)).write_parquet(path)


def _time(minute: Any) -> datetime | None:
    if minute is None:
        return None
    return datetime.fromtimestamp(made.MINUTE_0 + 60 * minute, UTC).replace(tzinfo=None)


ALL_TIMES = TimeRange()
