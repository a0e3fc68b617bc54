"""The time of a world: it runs at the world's speed and never passes the present. Pure.

AWS delivers a record after its interval has ended, so a line must not be ahead of its arrival: the worker
refuses such a line as `implausible time`. A world that is faster than time therefore starts in the past. When
it has caught up with the present, it goes on at speed 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.world.settings import WorldSettings
from emulator.world.traffic.records import MINUTE_S

FAST_STARTS_S = 24 * 3600
"""How long ago a world that is faster than time starts. `connect s3` looks for objects of one day."""
BOUNDED_STARTS_S = 2 * 3600
"""How long ago a bounded load starts at the latest."""
PAST_MAX_S = 13 * 24 * 3600
"""PutLogEvents refuses events that are older than 14 days (API reference)."""
FIT_SHARE = 3
"""A bounded load is given this many times the minutes that it needs at the rate of its first minute: traffic
follows the time of day, and at its peak it is twice the mean."""


@dataclass(frozen=True, slots=True)
class WorldTime:
    """The clock of one world: its first second (epoch), and simulated seconds a second."""

    start: int
    speed: float

    def now(self, elapsed_s: float, present: float) -> float:
        """Return the world's time, `elapsed_s` real seconds after it began."""
        return min(self._unbounded(elapsed_s), present)

    def has_caught_up(self, elapsed_s: float, present: float) -> bool:
        """Return whether a world that is faster than time has reached the present."""
        return self.speed > 1 and self._unbounded(elapsed_s) >= present

    def _unbounded(self, elapsed_s: float) -> float:
        return self.start + elapsed_s * self.speed


def first_second(settings: WorldSettings, present: float) -> int:
    """Return where a world starts, on a whole minute: where its settings say, or by its speed and kind."""
    ago_s = BOUNDED_STARTS_S if settings.is_bounded else FAST_STARTS_S if settings.speed > 1 else 0
    return (settings.start or int(present) - ago_s) // MINUTE_S * MINUTE_S


def first_second_that_fits(settings: WorldSettings, present: float, records_a_minute: float) -> int:
    """Return where a bounded load starts so that it ends before the present, at about this rate."""
    latest = first_second(settings, present)
    if settings.start or records_a_minute <= 0:
        return latest
    needed_s = FIT_SHARE * settings.records / records_a_minute * MINUTE_S
    return min(latest, int(present - min(needed_s, PAST_MAX_S)) // MINUTE_S * MINUTE_S)
