"""Conversations as the two ends have them, before any network judges them: one row for each.

`Flows` is the contract between whoever makes traffic (`services`, incidents) and `records`, which finds out
what each interface notes of it. What the numbers of interfaces and addresses mean is `Directory`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import polars as pl

from emulator.world.traffic.chance import Array
from emulator.world.traffic.columns import Columns
from emulator.world.traffic.directory import Directory


class Kind(IntEnum):
    """What the ends do, if the network lets them.

    `REFUSED`: the destination answers with a reset. `UNANSWERED`: nobody is there, or nobody has to answer.
    `LATE`: the responder's packet after the connection was forgotten; the row describes the connection.
    """

    ANSWERED = 0
    REFUSED = 1
    UNANSWERED = 2
    LATE = 3


class Ending(IntEnum):
    """How a TCP connection ends: both send FIN, or one side resets it."""

    FIN = 0
    CLIENT_RESET = 1
    SERVER_RESET = 2


@dataclass(frozen=True, slots=True)
class Flows(Columns):
    """Flows by column. The source is who opens it: `origin` is its interface, 0 for the internet.

    `src` and `dst` are addresses of the directory; `start` and `end` are epoch seconds, both within the flow.
    `packets` and `bytes` are the opener's, `packets_back` and `bytes_back` the responder's; bytes count from
    the IP header on. Who gets no answer sends `tries` packets. With more than a second there are at least
    two packets each way, or the flow is taken as lasting its first second only.
    """

    kind: Array
    origin: Array
    src: Array
    dst: Array
    protocol: Array
    srcport: Array
    dstport: Array
    start: Array
    end: Array
    packets: Array
    bytes: Array
    packets_back: Array
    bytes_back: Array
    ending: Array
    tries: Array

    @classmethod
    def of(cls, directory: Directory, rows: Iterable[dict[str, Any]]) -> Flows:
        """Return flows of rows with `origin` (an ENI id, or empty), `src`, `dst` as text; the rest as above.

        What a row leaves out is 0, but for `tries` (3).
        """
        made = [
            {
                **row,
                "origin": directory.eni(row.get("origin", "")),
                "src": directory.address(row["src"]),
                "dst": directory.address(row["dst"]),
                "tries": row.get("tries", 3),
            }
            for row in rows
        ]
        names = cls.__dataclass_fields__
        return cls(*(np.array([row.get(name, 0) for row in made], np.int64) for name in names))

    def frame(self, directory: Directory) -> pl.DataFrame:
        """Return them as a Polars frame, names and addresses spelled."""
        spelled = {
            "origin": pl.Series([eni.interface_id for eni in directory.enis])[self.origin],
            "src": pl.Series(directory.addresses)[self.src],
            "dst": pl.Series(directory.addresses)[self.dst],
        }
        return pl.DataFrame(
            {name: spelled.get(name, pl.Series(getattr(self, name))) for name in self.__dataclass_fields__}
        )
