"""The records of one flow log: its interfaces, its traffic filter, its aggregation interval. Pure.

For an interface of a Nitro instance the interval is always 60 s; for others it is 60 or 600 s (VPC guide,
"Aggregation interval"). An interface without traffic in an interval gets a NODATA record, also if the filter
would have removed all its records. An interface with a gap gets a SKIPDATA record and loses half of its
records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from connectors.vpc.network import Eni
from emulator.flowlogs.flow_log import FlowLog
from emulator.world.simulation import Minute
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import Directory
from emulator.world.traffic.records import MINUTE_S, Records, merged

NITRO_S = 60


@dataclass(frozen=True, slots=True)
class Portion:
    """One interval of some interfaces of a flow log. `ends` is the first second after it (epoch).

    `idle` and `skipped` are the numbers of the interfaces that get a NODATA or a SKIPDATA record.
    """

    begins: int
    ends: int
    records: Records
    idle: Array
    skipped: Array


@dataclass(slots=True)
class Intervals:
    """The open intervals of one flow log. `use` sets the current interfaces."""

    flow_log: FlowLog
    _each_minute: Array = field(default_factory=lambda: np.zeros(0, np.bool_))
    _each_interval: Array = field(default_factory=lambda: np.zeros(0, np.bool_))
    _gathered: list[Minute] = field(default_factory=list)

    def use(self, directory: Directory) -> None:
        """Update the set of this flow log's interfaces from the directory's estate."""
        is_short = self.flow_log.settings.interval_s == NITRO_S
        existing = directory.estate.enis
        mine = [one.interface_id in existing and self._covers(one) for one in directory.enis]
        short = [is_short or bool(one.instance_id and one.is_nitro) for one in directory.enis]
        self._each_minute = np.array(mine) & np.array(short)
        self._each_interval = np.array(mine) & ~np.array(short)

    def add(self, minute: Minute) -> Iterator[Portion]:
        """Add a minute. Yield the intervals that it completes."""
        if self._each_minute.any():
            yield self._filtered([_of(minute, self._each_minute)], self._each_minute)
        if self._each_interval.any():
            self._gathered.append(_of(minute, self._each_interval))
        if (minute.minute + 1) * MINUTE_S % self.flow_log.settings.interval_s == 0:
            yield from self.rest()

    def rest(self) -> Iterator[Portion]:
        """Yield the incomplete interval at the end of a world."""
        gathered, self._gathered = self._gathered, []
        if gathered:
            yield self._filtered(gathered, self._each_interval)

    def _filtered(self, minutes: list[Minute], members: Array) -> Portion:
        portion = portion_of(minutes, members)
        wanted = self.flow_log.settings.filter
        if wanted == "ALL":
            return portion
        is_wanted = portion.records.is_reject == int(wanted == "REJECT")
        return replace(portion, records=portion.records.take(np.flatnonzero(is_wanted)))

    def _covers(self, eni: Eni) -> bool:
        level = self.flow_log.settings.resource_type
        own = {"VPC": eni.vpc_id, "Subnet": eni.subnet_id, "NetworkInterface": eni.interface_id}[level]
        return own == self.flow_log.resource_id


def portion_of(minutes: list[Minute], members: Array) -> Portion:
    """Return the interval that some minutes make. `members`: for each interface of the directory, a bool."""
    found = [minute.records for minute in minutes]
    together = found[0] if len(found) == 1 else merged(_by_eni(Records.joined(found)))
    is_busy = np.zeros(len(members), np.bool_)
    is_busy[together.eni] = True
    is_skipped = np.zeros(len(members), np.bool_)
    is_skipped[[number for minute in minutes for number in minute.skipped]] = True
    is_skipped &= members & is_busy
    if is_skipped.any():
        is_lost = is_skipped[together.eni] & (np.arange(len(together)) % 2 == 1)
        together = together.take(np.flatnonzero(~is_lost))
    return Portion(
        begins=minutes[0].begins,
        ends=minutes[-1].begins + MINUTE_S,
        records=together,
        idle=np.flatnonzero(members & ~is_busy),
        skipped=np.flatnonzero(is_skipped),
    )


def _of(minute: Minute, members: Array) -> Minute:
    """Return a minute with the records of some interfaces. They may be deleted before the interval ends."""
    return replace(minute, records=minute.records.take(np.flatnonzero(members[minute.records.eni])))


def _by_eni(records: Records) -> Records:
    return records.take(np.argsort(records.eni, kind="stable"))
