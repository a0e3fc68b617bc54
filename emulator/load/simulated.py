"""A bounded load from the simulation of an estate: its traffic, a port scan, and a removed rule. Pure.

The estate is a preset, described without EC2: `shop`, or `estate` for a large load. The simulated time is
always the same, and only the times in the lines are moved, so that the same seed gives the same lines at any
hour. The rates are scaled until the load takes the minutes that it should: a few minutes are simulated before
it begins, which also fills the cache of verdicts. Flow logs deliver an interface's minute late now and then,
and so does a load.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from connectors.formats.flowlog import DEFAULT_FORMAT
from connectors.vpc.estate import Estate
from emulator.flowlogs.player.intervals import Portion, portion_of
from emulator.flowlogs.player.rows import Rows, Surroundings, lines
from emulator.ledger.labels import Label
from emulator.load.line_batch import LineBatch
from emulator.world.incidents.changes import changed
from emulator.world.incidents.schedule import Staged
from emulator.world.incidents.targets import cast
from emulator.world.simulation import World
from emulator.world.topology import described
from emulator.world.topology.model import Topology
from emulator.world.traffic.chance import Array, mixed, mixed_number
from emulator.world.traffic.records import MINUTE_S

ACTIONS = pl.Enum(["ACCEPT", "REJECT", "NODATA", "SKIPDATA"])
ENDS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("srcaddr", "dstaddr"), pl.String),
    **dict.fromkeys(("srcport", "dstport", "protocol"), pl.Int64),
}
"""The columns of both ends of a flow; null in lines about the log."""
ESTATE_MIN_RECORDS = 1_000_000
"""A load of so many records has the 2,000 interfaces of `estate`; a smaller one the 32 of `shop`."""
INCIDENTS_MIN_RECORDS = 10_000
"""In a smaller load, incidents would be most of the traffic."""
INCIDENT_RECORDS = 2_500
"""About so many lines are of incidents."""
KINDS = ("port_scan", "removed_rule", "delivery_gap")
"""The incidents that a detector looks for, and one that makes SKIPDATA lines."""
SPAN_MIN, SPAN_MAX = 40, 60
"""Minutes of a load. Windows wait ten minutes for late lines; the incidents, in the middle, become final."""
DENSE_RECORDS, MINUTE_MAX_RECORDS = 100_000, 1_000_000
"""Records a minute. A load with more than the first lasts longer, up to `SPAN_MAX`; no minute has many more
than the second, which bounds the memory."""
BATCH_LINES = 65_536
SCAN_BEFORE = 3
"""Minutes from the scan to the removed rule."""
QUIET_MINUTES = 13
"""Minutes before the rule is removed: ten windows of warm-up of `reject_ratio`, and a reserve."""
_BEGINS = 28_332_600
"""The first simulated minute: 10:00 UTC on a Tuesday, when traffic hardly changes for hours."""
TRIALS = 12
"""Minutes before the load. Afterwards, long flows are under way and the rate is known."""
_SCALED_AFTER = (2, 4, 8)
_STEP_MAX = 2.0
_SPARE = 1.05
"""A load is given more minutes than it should take, for no line may be ahead of time."""
_USUAL_RECORDS = {"shop": 5_000, "estate": 590_000}
"""About so many records a minute have the presets at 100 %; a wrong figure costs accuracy, no lines."""
_TRAFFIC = ("ACCEPT", "REJECT")
_LATE_EVERY, _LATE_MAX = 20, 5
"""Every 20th interface's minute is late, by up to five minutes."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load of `records` lines whose last minute is over about `end` (epoch seconds)."""

    records: int
    seed: int
    end: int

    @property
    def minutes(self) -> int:
        """The minutes that the load should take."""
        span = min(SPAN_MAX, max(SPAN_MIN, self.records // DENSE_RECORDS))
        return max(span, self.records // MINUTE_MAX_RECORDS)

    @property
    def preset(self) -> str:
        """The name of the preset that the load is made for."""
        return "estate" if self.records >= ESTATE_MIN_RECORDS else "shop"


@dataclass(frozen=True, slots=True)
class _Late:
    """Lines that are sent in a later minute."""

    minute: int
    frame: pl.DataFrame


class SimulatedLoad:
    """The lines of a load, made while they are read, and the `labels` of its incidents, known before."""

    def __init__(self, load: Load, topology: Topology) -> None:
        self.load = load
        self.labels: tuple[Label, ...] = ()
        self._world = World(Estate(described.resources(topology)), load.seed)
        self._enis = np.array([bool(eni.addresses) for eni in self._world.directory.enis])
        self._rows = Rows(
            self._world.directory, Surroundings(described.ACCOUNT_ID, described.REGION), DEFAULT_FORMAT
        )
        ids = [eni.interface_id for eni in self._world.directory.enis]
        self._ids = pl.Series(ids, dtype=pl.Enum(ids))
        self._staged = Staged()
        self._late: list[_Late] = []
        self._has_incidents = load.records >= INCIDENTS_MIN_RECORDS
        minutes = self._calibrate() if load.records else 0
        self._shift_s = (load.end // MINUTE_S - minutes - _BEGINS) * MINUTE_S
        if self._has_incidents:
            self._plant(minutes)

    def batches(self) -> Iterator[LineBatch]:
        """Yield the lines, once: minute after minute, late ones with those of a later minute."""
        first, minute = 0, _BEGINS
        while first < self.load.records:
            frame = self._sent(minute).head(self.load.records - first)
            for part in frame.iter_slices(BATCH_LINES):
                if part.height:
                    yield LineBatch(first, part)
                    first += part.height
            minute += 1

    def _calibrate(self) -> int:
        """Scale the rates in the minutes before the load; return how many minutes the load then takes.

        What does not scale is measured first: noise from the internet, and lines of idle interfaces.
        """
        planted = INCIDENT_RECORDS if self._has_incidents else 0
        wanted = (self.load.records - planted) / self.load.minutes
        self._world.busy_thousandths = 0
        noise, idle = self._trial(0)
        usual = max(wanted - noise - idle, 1)
        self._world.busy_thousandths = round(100_000 * usual / _USUAL_RECORDS[self.load.preset])
        rates = []
        for nth in range(1, TRIALS):
            made, idle = self._trial(nth)
            rates.append(made)
            if nth in _SCALED_AFTER:
                mean = sum(rates) / len(rates)
                step = (wanted - idle - noise) / max(mean - noise, 1)
                step = min(_STEP_MAX, max(1 / _STEP_MAX, step))
                self._world.busy_thousandths = round(self._world.busy_thousandths * step)
                rates = []
        expected = max(wanted, noise + idle)
        return math.ceil(_SPARE * (self.load.records - planted) / expected) + 2

    def _trial(self, nth: int) -> tuple[int, int]:
        """Simulate a minute before the load; return the numbers of records and of idle interfaces."""
        portion = portion_of([self._world.minute(_BEGINS - TRIALS + nth)], self._enis)
        return len(portion.records), len(portion.idle)

    def _plant(self, minutes: int) -> None:
        """Stage the incidents: a port scan after a third of the load, and a removed rule soon after."""
        at = _BEGINS + max(QUIET_MINUTES, minutes // 3)
        world = self._world
        found = cast(world.estate, world.edges, self.load.seed, at - SCAN_BEFORE, KINDS, SCAN_BEFORE)
        self._staged = Staged(tuple(found), self.load.seed)
        world.stage(self._staged)
        self.labels = tuple(
            replace(
                one, window_start=one.window_start + self._shift_s, window_end=one.window_end + self._shift_s
            )
            for one in self._staged.labels
        )

    def _sent(self, minute: int) -> pl.DataFrame:
        """Return the lines that are sent in a simulated minute."""
        if changes := self._staged.changes(minute):
            self._world.use(changed(self._world.estate, changes))
        portion = portion_of([self._world.minute(minute)], self._enis)
        frame = self._lines(portion)
        lateness = _lateness(self.load.seed, minute, len(self._enis))
        frame = frame.with_columns(late=pl.Series(lateness).gather(frame["eni"].to_physical()))
        self._late += [
            _Late(minute + int(late), part.drop("late"))
            for (late,), part in frame.filter(pl.col("late") > 0).partition_by("late", as_dict=True).items()
        ]
        due = [one.frame for one in self._late if one.minute == minute]
        self._late = [one for one in self._late if one.minute > minute]
        return pl.concat([*due, frame.filter(late=0).drop("late")])

    def _lines(self, portion: Portion) -> pl.DataFrame:
        """Return the lines of a minute with the columns of a batch, at the load's own time."""
        shift, rows = self._shift_s, self._rows
        found = portion.records
        found = replace(found, start=found.start + shift, end=found.end + shift)
        fields = rows.frame(found)
        parts = [
            pl.DataFrame(
                {
                    "line": lines(fields),
                    "eni": self._ids.gather(found.eni),
                    "action": pl.Series(_TRAFFIC, dtype=ACTIONS).gather(found.is_reject),
                    "packets": found.packets,
                    "bytes": found.bytes,
                    "start": found.start,
                    "end": found.end,
                    **{name: fields[name].cast(kind) for name, kind in ENDS.items()},
                }
            )
        ]
        begins, last = portion.begins + shift, portion.ends - 1 + shift
        for status, enis in (("NODATA", portion.idle), ("SKIPDATA", portion.skipped)):
            if len(enis):
                text = lines(rows.silence(enis, begins, last, status))
                parts.append(_about_the_log(status, text, self._ids.gather(enis), (begins, last)))
        return pl.concat(parts)


def _about_the_log(status: str, text: pl.Series, enis: pl.Series, times: tuple[int, int]) -> pl.DataFrame:
    """Return the columns of NODATA or SKIPDATA lines."""
    zeros = np.zeros(len(enis), np.int64)
    return pl.DataFrame(
        {
            "line": text,
            "eni": enis,
            "action": pl.Series([status], dtype=ACTIONS).new_from_index(0, len(enis)),
            "packets": zeros,
            "bytes": zeros,
            "start": zeros + times[0],
            "end": zeros + times[1],
            **{
                name: pl.Series([None], dtype=kind).new_from_index(0, len(enis))
                for name, kind in ENDS.items()
            },
        }
    )


def _lateness(seed: int, minute: int, enis: int) -> Array:
    """Return for each interface by how many minutes its lines of a minute are late; most are not."""
    draw = mixed(np.arange(enis, dtype=np.uint64) + np.uint64(mixed_number(seed, minute)))
    by = (1 + (draw >> np.uint64(32)) % np.uint64(_LATE_MAX)).astype(np.int64)
    return np.where(draw % np.uint64(_LATE_EVERY) == 0, by, 0)
