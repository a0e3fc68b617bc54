"""The flows that endpoints attempt, before any network verdict: one row for each flow.

`Flows` is the contract between the sources of traffic (`services`, incidents) and `records`, which derives
the flow-log records of each interface. `Directory` maps the numbers to interfaces and addresses.
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
    """The behaviour of the endpoints, if the network lets the flow pass.

    `REFUSED`: the destination answers with a reset. `UNANSWERED`: there is no host, or no answer is needed.
    `LATE`: the responder's packet after connection tracking ended; the row describes the connection.
    """

    ANSWERED = 0
    REFUSED = 1
    UNANSWERED = 2
    LATE = 3


class Ending(IntEnum):
    """The end of a TCP connection: both sides send FIN, or one side resets it."""

    FIN = 0
    CLIENT_RESET = 1
    SERVER_RESET = 2


@dataclass(frozen=True, slots=True)
class Flows(Columns):
    """Flows by column. The source opens the flow: `origin` is its interface, 0 for the internet.

    `src` and `dst` are addresses of the directory; `start` and `end` are epoch seconds, both within the flow.
    `packets` and `bytes` are the opener's, `packets_back` and `bytes_back` the responder's; bytes count from
    the IP header on. If there is no answer, the opener sends `tries` packets. A flow of more than a second
    has at least two packets each way; otherwise it is taken as lasting its first second only.
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

        A missing value is 0, except `tries` (3).
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
        """Return the flows as a Polars frame, with names and addresses as text."""
        spelled = {
            "origin": pl.Series([eni.interface_id for eni in directory.enis])[self.origin],
            "src": pl.Series(directory.addresses)[self.src],
            "dst": pl.Series(directory.addresses)[self.dst],
        }
        return pl.DataFrame(
            {name: spelled.get(name, pl.Series(getattr(self, name))) for name in self.__dataclass_fields__}
        )
