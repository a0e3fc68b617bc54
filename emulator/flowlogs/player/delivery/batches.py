"""The records of one flow log and one interval, as fields for delivery and as rows for the ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from emulator.flowlogs.player.intervals import Portion
from emulator.flowlogs.player.rows import Rows, lines

ABOUT = ("eni", "action", "packets", "bytes", "start", "end", "peer", "port")


@dataclass(frozen=True, slots=True)
class IntervalBatch:
    """The records of one interval. `ends` is the first second after it, in seconds since the epoch.

    `frame` has the fields of the format, and `about` the columns `ABOUT`, one row for each record. For a
    NODATA or SKIPDATA record, `action` in `about` is that status.
    """

    ends: int
    frame: pl.DataFrame
    about: pl.DataFrame

    @property
    def height(self) -> int:
        """The number of records."""
        return self.frame.height

    def runs(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield each interface id with its rows. The columns are `line` and those of `about`."""
        together = self.about.with_columns(lines(self.frame))
        for (eni,), part in together.group_by("eni", maintain_order=True):
            yield str(eni), part


def batch(portion: Portion, rows: Rows) -> IntervalBatch:
    """Return an interval's records with the fields of a format."""
    last = portion.ends - 1
    found = portion.records
    frames = [rows.frame(found)]
    enis = [found.eni]
    about = [
        pl.DataFrame(
            {
                "action": pl.Series(["ACCEPT", "REJECT"]).gather(found.is_reject),
                "packets": found.packets,
                "bytes": np.where(found.is_blocked == 1, 0, found.bytes),
                "start": found.start,
                "end": found.end,
                "peer": rows.addresses(np.where(found.is_egress == 1, found.pkt_dst, found.pkt_src)),
                "port": np.minimum(found.srcport, found.dstport),
            }
        )
    ]
    for status, numbers in (("NODATA", portion.idle), ("SKIPDATA", portion.skipped)):
        if len(numbers):
            frames.append(rows.silence(numbers, portion.begins, last, status))
            enis.append(numbers)
            about.append(_about_silence(status, len(numbers), portion.begins, last))
    names = rows.interfaces(np.concatenate(enis))
    whole = pl.concat(about).with_columns(names.alias("eni")).select(ABOUT)
    return IntervalBatch(portion.ends, pl.concat(frames, how="vertical_relaxed"), whole)


def _about_silence(status: str, count: int, begins: int, last: int) -> pl.DataFrame:
    zeros = np.zeros(count, np.int64)
    return pl.DataFrame(
        {
            "action": [status] * count,
            "packets": zeros,
            "bytes": zeros,
            "start": zeros + begins,
            "end": zeros + last,
            "peer": ["-"] * count,
            "port": zeros,
        },
        schema_overrides={"action": pl.String, "peer": pl.String},
    )
