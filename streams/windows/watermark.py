"""The watermark of the worker: the event time of each slot, and the minimum of all slots. Pure.

The connectors decide how far their sources are read (`connectors/progress.py`), and every block carries their
watermark. The worker adds the newest `start` of all lines, which only it knows: a connector samples its
lines, so at the tip its watermark may be some seconds behind the newest line. If all sources are at the tip,
the exact newest `start` counts, at most `CLOSE_S` ahead of the connectors' watermark.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connectors.progress import NONE

CLOSE_S = 120


@dataclass(frozen=True, slots=True)
class Time:
    """The event time of one slot: the newest `start` of its lines, and the watermark of its blocks.

    Both are epoch seconds. The watermark is `NONE` until the connectors of all slots have one. With
    `is_caught_up`, every source of every slot was at the tip when the watermark was reported.
    """

    newest: int = NONE
    watermark: int = NONE
    is_caught_up: bool = False

    def after(self, other: Time) -> Time:
        """Return the event time after a later message of the same slot. A watermark never moves back."""
        newest, watermark = max(self.newest, other.newest), max(self.watermark, other.watermark)
        return Time(newest, watermark, other.is_caught_up)


def combined_watermark(times: Collection[Time], slots: int) -> int:
    """Return the event time up to which all slots are read; `NONE` while a slot has no watermark.

    A silent slot holds the result at its last watermark. No clock is involved.
    """
    known = [time for time in times if time.watermark != NONE]
    if len(known) < slots:
        return NONE
    watermark = min(time.watermark for time in known)
    if not all(time.is_caught_up for time in known):
        return watermark
    return max(watermark, min(max(time.newest for time in known), watermark + CLOSE_S))
