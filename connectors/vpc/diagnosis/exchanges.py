"""The exchanges in flow-log records: each is one connection of a client, and works or does not. Pure.

The records of one client port belong together until they pause for `PAUSE_S`, or until a request is opened
again and rejected. A REJECT at an interface that accepted the same direction before is a late packet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["forward", "return"]
State = Literal["works", "reset", "silent", "refused"]
PAUSE_S = 60.0
"""VPC guide, "Flow log records": `start` and `end` are up to 60 s off."""
SYN, RST, ACK = 2, 4, 16


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """A record of the connection. `flags` is None without the field. `client` is its address and port."""

    way: Way
    client: tuple[str, str]
    interface_id: str
    is_accepted: bool
    start: float
    end: float
    flags: int | None = None

    @property
    def opens(self) -> bool:
        """Return whether the record has the first packet of a connection."""
        return self.way == "forward" and self.flags is not None and self.flags & (SYN | ACK) == SYN


@dataclass(slots=True)
class Exchange:
    """The records of one connection. `at`: (way, interface) → accepted and rejected records."""

    start: float = float("inf")
    end: float = 0.0
    at: dict[tuple[Way, str], list[int]] = field(default_factory=dict)
    flags: dict[Way, int] = field(default_factory=dict)
    has_flags: bool = False

    def add(self, record: SeenRecord) -> None:
        """Add a record."""
        self.at.setdefault((record.way, record.interface_id), [0, 0])[not record.is_accepted] += 1
        self.start, self.end = min(self.start, record.start), max(self.end, record.end)
        if record.flags is not None:
            self.has_flags = True
            self.flags[record.way] = self.flags.get(record.way, 0) | record.flags

    def continues(self, record: SeenRecord) -> bool:
        """Return whether a record belongs to this connection."""
        accepted = self.at.get((record.way, record.interface_id), [0, 0])[0]
        is_new = record.opens and not record.is_accepted and accepted > 0 and record.start > self.start
        return not is_new and record.start - self.end <= PAUSE_S

    def total(self, way: Way, place: int) -> int:
        """Return the number of accepted (0) or rejected (1) records of a direction."""
        return sum(counts[place] for (one, _), counts in self.at.items() if one == way)

    @property
    def blocked(self) -> set[Way]:
        """Return the directions that some interface rejects without having accepted them."""
        return {way for (way, _), (accepted, rejected) in self.at.items() if rejected and not accepted}

    @property
    def is_stray(self) -> bool:
        """Return whether all records are rejected packets of a connection that was opened before."""
        is_opening = any(flags & SYN for flags in self.flags.values())
        accepted = self.total("forward", 0) + self.total("return", 0)
        return self.has_flags and not accepted and not is_opening

    @property
    def state(self) -> State:
        """Return the state that the records show."""
        if self.blocked:
            return "refused"
        if not self.total("return", 0):
            return "silent"
        flags = self.flags.get("return", 0)
        return "reset" if flags & RST and not flags & SYN else "works"


def exchanges(records: Iterable[SeenRecord]) -> list[Exchange]:
    """Return the exchanges in the order of their start."""
    found: list[Exchange] = []
    current: dict[tuple[str, str], Exchange] = {}
    in_order = sorted(records, key=lambda one: (one.start, one.way == "return", not one.is_accepted, one.end))
    for record in in_order:
        one = current.get(record.client)
        if one is None or not one.continues(record):
            one = current[record.client] = Exchange()
            found.append(one)
        one.add(record)
    return sorted(found, key=lambda one: (one.start, one.end))
