"""The output of one flush of windows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from streams.conversations.frames import Published
from streams.sums.partials import Row
from streams.windows.aggregate_encoding import FINALS

NO_FINALS = pl.DataFrame(schema=FINALS)


@dataclass(slots=True)
class Flushed:
    """The output of one flush: aggregates as Kafka keys and values, detector rows, late rows, and state.

    `conversations` are messages for the topic `conversations`. `detector_rows` is a frame of `FINALS`: all
    rows of each interface and final window that changed, and of each open window in which a rule whose value
    only grows may fire. In `state`, None deletes a key.
    """

    published: list[tuple[bytes, bytes]]
    detector_rows: pl.DataFrame
    late: list[Row]
    state: dict[bytes, bytes | None]
    conversations: list[Published]
