"""The time of a world: it runs at the world's speed and never passes the present. Pure.

AWS delivers a record after its interval has ended, so a line must not be ahead of its arrival: the worker
refuses such a line as `implausible time`. A world with a speed above 1 therefore starts in the past. When it
has reached the present, it continues at speed 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.world.settings import WorldSettings
from emulator.world.traffic.records import MINUTE_S

FAST_STARTS_S = 24 * 3600
"""The age of the start of a world with a speed above 1. `connect s3` looks for objects of one day."""
BOUNDED_STARTS_S = 2 * 3600
"""The minimum age of the start of a bounded load."""
PAST_MAX_S = 13 * 24 * 3600
"""PutLogEvents refuses events that are older than 14 days (API reference)."""
FIT_SHARE = 3
"""The reserve for a bounded load, as a multiple of the minutes needed at the rate of its first minute.
Traffic depends on the time of day, and its peak is twice the mean."""


@dataclass(frozen=True, slots=True)
class WorldTime:
    """The clock of one world: its first second (epoch), and its speed in simulated seconds per second."""

    start: int
    speed: float

    def now(self, elapsed_s: float, present: float) -> float:
        """Return the world's time, `elapsed_s` real seconds after it began."""
        return min(self._unbounded(elapsed_s), present)

    def has_caught_up(self, elapsed_s: float, present: float) -> bool:
        """Return True if a world with a speed above 1 has reached the present."""
        return self.speed > 1 and self._unbounded(elapsed_s) >= present

    def _unbounded(self, elapsed_s: float) -> float:
        return self.start + elapsed_s * self.speed


def first_second(settings: WorldSettings, present: float) -> int:
    """Return the start of a world on a whole minute: the configured one, or a default by speed and kind."""
    ago_s = BOUNDED_STARTS_S if settings.is_bounded else FAST_STARTS_S if settings.speed > 1 else 0
    return (settings.start or int(present) - ago_s) // MINUTE_S * MINUTE_S


def first_second_that_fits(settings: WorldSettings, present: float, records_a_minute: float) -> int:
    """Return the start of a bounded load so that, at about this rate, it ends before the present."""
    latest = first_second(settings, present)
    if settings.start or records_a_minute <= 0:
        return latest
    needed_s = FIT_SHARE * settings.records / records_a_minute * MINUTE_S
    return min(latest, int(present - min(needed_s, PAST_MAX_S)) // MINUTE_S * MINUTE_S)
