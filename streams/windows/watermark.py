"""The watermark of the worker: what the slots say of event time, and how far windows are complete. Pure.

The connectors decide how far their sources are read (`connectors/progress.py`), and every block carries their
watermark. The worker adds one thing that it alone knows: the newest `start` of all lines. A connector has
sampled its lines, so when nothing is left to read, its watermark may be some seconds short of the newest
line. The exact newest `start` then counts, at most `CLOSE_S` ahead of the connectors' watermark.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connectors.progress import NONE

CLOSE_S = 120


@dataclass(frozen=True, slots=True)
class Time:
    """The event time of one slot: the newest `start` in its lines, and the watermark of its blocks.

    The watermark is `NONE` until the connectors of all slots know theirs. With `is_caught_up` it stands there
    because no source of any slot had anything left to read.
    """

    newest: int = NONE
    watermark: int = NONE
    is_caught_up: bool = False

    def after(self, other: Time) -> Time:
        """Return the time after a later message of the same slot. A watermark never goes back."""
        newest, watermark = max(self.newest, other.newest), max(self.watermark, other.watermark)
        return Time(newest, watermark, other.is_caught_up)


def reached(times: Collection[Time], slots: int) -> int:
    """Return the event time up to which the lines of all slots are read; `NONE` while one has not said.

    A slot that is silent holds the result at its last watermark. No clock takes part.
    """
    told = [time for time in times if time.watermark != NONE]
    if len(told) < slots:
        return NONE
    watermark = min(time.watermark for time in told)
    if not all(time.is_caught_up for time in told):
        return watermark
    return max(watermark, min(max(time.newest for time in told), watermark + CLOSE_S))
