"""The committed state of one partition, in `archive-state`: its position, parts and publication. Pure.

The Kafka commit of this state is the commit of the archive. Before it, the files of a batch are staged, where
no reader sees them. The commit names them (`Publication`). After it, they are published, and the files that
they replace are deleted. The next owner repeats a publication that a crash has interrupted; each of its steps
can be repeated. An owner that was fenced cannot commit, so none of its files is ever published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from streams.archive.names import Part, by_table, parse
from streams.archive.tables import DAY_S, HOUR_S
from streams.numbering import Sequence

POSITION_KEY, PUBLICATION_KEY = b"place", b"publication"
KEPT_S = 7 * DAY_S
"""Event time for which the parts of an hour are remembered. An older amendment is archived, and the windows
have its values; roll-ups do not."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Files to publish, from the name of the staged file to the path of the part, and paths to delete."""

    publish: tuple[tuple[str, str], ...] = ()
    delete: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the JSON of the publication."""
        return orjson.dumps({"publish": self.publish, "delete": self.delete})

    @classmethod
    def decode(cls, value: bytes) -> Publication:
        """Return the publication of a state value."""
        found = orjson.loads(value)
        return cls(tuple((name, path) for name, path in found["publish"]), tuple(found["delete"]))


@dataclass(slots=True)
class Period:
    """The parts of one hour, or of one day: the daily roll-ups.

    `is_stale` is true if rows have arrived since the roll-up.
    """

    parts: list[Part] = field(default_factory=list)
    is_stale: bool = True
    has_rolled: bool = False

    def encode(self) -> bytes:
        """Return the JSON of the period."""
        paths = [part.path for part in self.parts]
        return orjson.dumps({"parts": paths, "is_stale": self.is_stale, "has_rolled": self.has_rolled})

    @classmethod
    def decode(cls, value: bytes) -> Period:
        """Return the period of a state value."""
        found = orjson.loads(value)
        parts = [part for path in found["parts"] if (part := parse(path)) is not None]
        return cls(parts, found["is_stale"], found["has_rolled"])


@dataclass(slots=True)
class Ledger:
    """The state of one partition. `watermark` is that of the newest committed message, epoch seconds."""

    read: Sequence = field(default_factory=Sequence)
    watermark: int = 0
    hours: dict[int, Period] = field(default_factory=dict)
    days: dict[int, Period] = field(default_factory=dict)
    publication: Publication | None = None
    is_new: bool = True
    _changed: set[bytes] = field(default_factory=set)

    @classmethod
    def load(cls, state: Mapping[bytes, bytes]) -> Ledger:
        """Load the state that earlier commits wrote."""
        ledger = cls()
        for key, value in state.items():
            if key == POSITION_KEY:
                number, offset, counted, ledger.watermark = orjson.loads(value)
                ledger.read = Sequence(number, offset, counted)
                ledger.is_new = False
            elif key == PUBLICATION_KEY:
                ledger.publication = Publication.decode(value)
            elif key[:1] in b"hd" and key[1:].isdigit():
                periods = ledger.hours if key[:1] == b"h" else ledger.days
                periods[int(key[1:])] = Period.decode(value)
        return ledger

    def add(self, parts: Iterable[Part]) -> int:
        """Add parts of windows to their hours; the roll-ups of these hours are stale.

        Return the number of parts of hours behind `KEPT_S`, which no roll-up will contain.
        """
        behind = 0
        for part in parts:
            if part.period not in self.hours and not self._is_kept(part.period):
                behind += 1
                continue
            hour = self._hour(part.period)
            hour.parts.append(part)
            hour.is_stale = True
        return behind

    def _hour(self, start: int) -> Period:
        self._changed.add(b"h%d" % start)
        if start not in self.hours:
            self.hours[start] = Period()
        return self.hours[start]

    def replace_hour(self, start: int, parts: Iterable[Part]) -> None:
        """Record the parts of an hour after its compaction; the daily roll-up is stale."""
        hour = self._hour(start)
        hour.parts, hour.is_stale, hour.has_rolled = list(parts), False, True
        day = start - start % DAY_S
        self._changed.add(b"d%d" % day)
        self.days.setdefault(day, Period()).is_stale = True

    def replace_day(self, start: int, parts: Iterable[Part]) -> None:
        """Record the daily roll-ups of a day."""
        self._changed.add(b"d%d" % start)
        self.days[start] = Period(list(parts), is_stale=False, has_rolled=True)

    def remove(self, parts: Iterable[Part]) -> None:
        """Forget parts that were deleted."""
        gone = set(parts)
        for letter, periods in ((b"h", self.hours), (b"d", self.days)):
            for start, period in periods.items():
                if gone.intersection(period.parts):
                    period.parts = [part for part in period.parts if part not in gone]
                    self._changed.add(letter + b"%d" % start)

    def due_hours(self) -> list[int]:
        """Return the hours whose windows are final and whose roll-ups are stale, oldest first."""
        stale = (start for start, hour in self.hours.items() if hour.is_stale)
        return sorted(start for start in stale if start + HOUR_S <= self.watermark)

    def due_days(self) -> list[int]:
        """Return the days whose hours are all rolled up, and whose own roll-up is stale, oldest first."""
        stale_hours = {start - start % DAY_S for start, hour in self.hours.items() if hour.is_stale}
        return sorted(
            start
            for start, day in self.days.items()
            if day.is_stale and start + DAY_S <= self.watermark and start not in stale_hours
        )

    def hours_of(self, day: int) -> list[Part]:
        """Return the parts of all hours of a day."""
        return [p for start, hour in self.hours.items() if day <= start < day + DAY_S for p in hour.parts]

    def _is_kept(self, start: int) -> bool:
        return start - start % DAY_S > self.watermark - KEPT_S

    def changes(self, publication: Publication) -> dict[bytes, bytes | None]:
        """Return the state to commit with a publication. Rolled-up periods behind `KEPT_S` are deleted."""
        for letter, periods in ((b"h", self.hours), (b"d", self.days)):
            old = (start for start, period in periods.items() if not period.is_stale)
            for start in [start for start in old if not self._is_kept(start)]:
                del periods[start]
                self._changed.add(letter + b"%d" % start)
        read = self.read
        state: dict[bytes, bytes | None] = {
            POSITION_KEY: orjson.dumps([read.number, read.offset, read.counted, self.watermark]),
            PUBLICATION_KEY: publication.encode(),
        }
        for key in self._changed:
            periods = self.hours if key[:1] == b"h" else self.days
            period = periods.get(int(key[1:]))
            state[key] = period.encode() if period else None
        self._changed.clear()
        return state


def replaced(old: Iterable[Part], new: Iterable[Part]) -> tuple[str, ...]:
    """Return the paths of parts that other parts of the same tables replace."""
    tables = by_table(new)
    kept = {part.path for part in new}
    return tuple(part.path for part in old if part.table in tables and part.path not in kept)
