"""The conversations of the newest windows, with the newest revision of each interface and window. Pure.

A window is a table of the rows of all interfaces. New messages wait beside it and are merged when there are
`PENDING_MAX` of them, or before a read. At most `KEEP_WINDOWS` windows are kept, in at most the given
memory: the oldest window leaves first, so the kept time is shorter in a large network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from streams.conversations import published
from streams.conversations.published import PUBLISHED
from streams.web.state.history import ForeignMessage

KEEP_WINDOWS = 60
PENDING_MAX = 32
MEMORY_MB = 256
_REPEATED = ("eni", "account", "region", "action", "direction", "direction_rule", "port_rule")
_STORED = pl.Schema(
    {name: pl.Categorical() if name in _REPEATED else kind for name, kind in PUBLISHED.items()}
)


@dataclass(slots=True)
class _Window:
    table: pl.DataFrame
    revisions: dict[str, int] = field(default_factory=dict)
    pending: list[pl.DataFrame] = field(default_factory=list)
    size: int = 0

    def merge(self) -> pl.DataFrame:
        """Return the rows of the newest revision of each interface."""
        if self.pending:
            found = pl.concat([self.table, *self.pending])
            self.table = found.filter(pl.col("revision") == pl.col("revision").max().over("eni"))
            self.pending = []
            self.size = int(self.table.estimated_size())
        return self.table


class Conversations:
    """The newest windows; `memory_mb` is the limit in MiB."""

    def __init__(self, memory_mb: int = MEMORY_MB, keep_windows: int = KEEP_WINDOWS) -> None:
        self._max_bytes, self._keep = memory_mb << 20, keep_windows
        self._windows: dict[int, _Window] = {}
        self.superseded = 0
        """Rows of interfaces and windows of which a newer revision was known."""

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def size_bytes(self) -> int:
        """The approximate memory of all rows."""
        return sum(one.size for one in self._windows.values())

    @property
    def starts(self) -> list[int]:
        """The starts of the kept windows, epoch seconds, oldest first."""
        return sorted(self._windows)

    def take(self, value: bytes) -> None:
        """Apply one message. Raises `ForeignMessage`."""
        try:
            found = published.decode(value)
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            raise ForeignMessage(f"not a message of conversations: {error!r}") from error
        if not len(found) or found.select("eni", "window_start", "revision").null_count().sum_horizontal()[0]:
            raise ForeignMessage("not a message of conversations: it has no rows, or rows without a key")
        for (start,), part in found.partition_by("window_start", as_dict=True).items():
            self._take_window(int(start), part)
        self._limit()

    def _take_window(self, start: int, part: pl.DataFrame) -> None:
        if start not in self._windows and len(self._windows) >= self._keep and start < min(self._windows):
            self.superseded += len(part)
            return
        window = self._windows.setdefault(start, _Window(pl.DataFrame(schema=_STORED)))
        newest = dict(part.group_by("eni").agg(pl.col("revision").max()).iter_rows())
        newer = [eni for eni, revision in newest.items() if revision > window.revisions.get(eni, -1)]
        if len(newer) < len(newest):
            kept = part.filter(pl.col("eni").is_in(newer))
            self.superseded += len(part) - len(kept)
            part = kept
        if not newer:
            return
        window.revisions.update((eni, newest[eni]) for eni in newer)
        stored = part.cast(_STORED)
        window.pending.append(stored)
        window.size += int(stored.estimated_size())
        if len(window.pending) >= PENDING_MAX:
            window.merge()

    def _limit(self) -> None:
        while len(self._windows) > self._keep or (
            self.size_bytes > self._max_bytes and len(self._windows) > 1
        ):
            if any(one.pending for one in self._windows.values()):
                for one in self._windows.values():
                    one.merge()
                continue
            del self._windows[min(self._windows)]

    def tables(self, begin: int, end: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of the windows that start in [begin, end), epoch seconds, oldest first."""
        for start in self.starts:
            if begin <= start < end:
                yield self._windows[start].merge()
