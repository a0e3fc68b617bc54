"""Flow-log records beside a diagnosis: counts, agreement with the configuration, and hints. Pure.

The records of one client port are one exchange. It works if a response was accepted and no interface rejected
all of its packets; a REJECT at an interface that accepted the same direction is a late packet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["works", "reset", "silent", "refused"]
Match = Callable[[str], bool]
Record = Mapping[str, str]

_RST, _SYN = 4, 2
_WORKING = ("works", "reset")


class BadFlows(Exception):
    """The error for a file that is no flow log. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ConnectionFilter:
    """The connection to look for. `is_source` and `is_destination` test an address.

    `ends` are the interfaces of both ends, and `carriers` those that can see one direction only by design.
    """

    protocols: frozenset[int]
    port: int | None
    is_source: Match
    is_destination: Match
    ends: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()


@dataclass(slots=True)
class Exchange:
    """The records of one client port. `at`: (way, interface) → accepted and rejected records."""

    start: float = float("inf")
    end: float = 0.0
    at: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    has_flags: bool = False

    def total(self, way: str, place: int) -> int:
        """Return the number of accepted (0) or rejected (1) records of a direction."""
        return sum(counts[place] for (one, _), counts in self.at.items() if one == way)

    @property
    def blocked(self) -> set[str]:
        """Return the directions that some interface rejects without having accepted them."""
        return {way for (way, _), (accepted, rejected) in self.at.items() if rejected and not accepted}

    @property
    def is_stray(self) -> bool:
        """Return whether all records are rejected packets of a connection that was opened before."""
        is_opening = bool(self.flags.get("forward", 0) & _SYN)
        accepted = self.total("forward", 0) + self.total("return", 0)
        return self.has_flags and not accepted and not is_opening

    @property
    def state(self) -> State:
        """Return what the records show."""
        if self.blocked:
            return "refused"
        if not self.total("return", 0):
            return "silent"
        flags = self.flags.get("return", 0)
        return "reset" if flags & _RST and not flags & _SYN else "works"


def compare(text: str, wanted: ConnectionFilter, *, is_reachable: bool) -> dict[str, Any]:
    """Return the fields `seen`, `agreement` and `hints`. Raises `BadFlows`."""
    exchanges: dict[tuple[str, str], Exchange] = {}
    is_skipped = False
    for place, record in enumerate(records(text)):
        is_skipped |= record.get("log-status") == "SKIPDATA"
        _add(exchanges, wanted, record, place)
    seen = {
        way: {
            "accepted": sum(one.total(way, 0) for one in exchanges.values()),
            "rejected": sum(one.total(way, 1) for one in exchanges.values()),
        }
        for way in ("forward", "return")
    }
    hints = ["RECORDS_SKIPPED"] if is_skipped else []
    if not exchanges:
        return {"seen": seen, "agreement": "no_traffic", "hints": ["NO_TRAFFIC_SEEN", *hints]}
    newest, is_changed = _newest(list(exchanges.values()))
    is_contradiction = (newest in _WORKING) != is_reachable and newest != "silent"
    hints += _hints(list(exchanges.values()), newest, wanted)
    if is_contradiction or is_changed:
        hints.append("RECENT_CHANGE")
    return {
        "seen": seen,
        "agreement": "contradicts" if is_contradiction else "agrees",
        "hints": list(dict.fromkeys(hints)),
    }


def records(text: str) -> Iterator[Record]:
    """Yield the records of a flow-log text whose first line names the fields. Raises `BadFlows`."""
    lines = iter(text.removeprefix("\ufeff").splitlines())
    fields = tuple(name.strip("${}").replace("_", "-") for name in next(lines, "").split())
    has_addresses = {"srcaddr", "dstaddr"} <= {*fields} or {"pkt-srcaddr", "pkt-dstaddr"} <= {*fields}
    if not has_addresses or "action" not in fields:
        raise BadFlows(
            "The first line of the flow-log file must name its fields, with srcaddr, dstaddr and action."
        )
    if len(set(fields)) != len(fields):
        raise BadFlows("The first line of the flow-log file names a field twice.")
    for number, line in enumerate(lines, 2):
        values = line.split()
        if values and len(values) != len(fields):
            raise BadFlows(
                f"Line {number} of the flow-log file has {len(values)} values, but its first line names "
                f"{len(fields)} fields."
            )
        if values:
            yield dict(zip(fields, values, strict=True))


def _add(
    exchanges: dict[tuple[str, str], Exchange], wanted: ConnectionFilter, record: Record, place: int
) -> None:
    if record.get("log-status", "OK") != "OK" or record["action"] not in ("ACCEPT", "REJECT"):
        return
    way = _way(wanted, record)
    if way is None:
        return
    is_forward = way == "forward"
    client = _address(record, "src" if is_forward else "dst")
    port = record.get("srcport" if is_forward else "dstport", "-")
    one = exchanges.setdefault((client, port if wanted.port is not None else ""), Exchange())
    counts = one.at.setdefault((way, record.get("interface-id", "")), [0, 0])
    counts[record["action"] == "REJECT"] += 1
    one.start = min(one.start, _number(record.get("start"), place))
    one.end = max(one.end, _number(record.get("end") or record.get("start"), place))
    if record.get("tcp-flags", "-").isdigit():
        one.has_flags = True
        one.flags[way] = one.flags.get(way, 0) | int(record["tcp-flags"])


def _way(wanted: ConnectionFilter, record: Record) -> str | None:
    """Return the direction of a record in the wanted connection, or None."""
    if "protocol" in record and _number(record["protocol"], -1) not in wanted.protocols:
        return None
    src, dst = _address(record, "src"), _address(record, "dst")
    for way, first, second, port in (
        ("forward", wanted.is_source, wanted.is_destination, "dstport"),
        ("return", wanted.is_destination, wanted.is_source, "srcport"),
    ):
        is_port = wanted.port is None or port not in record or record[port] == str(wanted.port)
        if is_port and src != "-" and dst != "-" and first(src) and second(dst):
            return way
    return None


def _address(record: Record, side: str) -> str:
    found = record.get(f"pkt-{side}addr", "-")
    return found if found != "-" else record.get(f"{side}addr", "-")


def _number(text: str | None, default: float) -> float:
    return float(text) if text and text.isdigit() else float(default)


def _newest(exchanges: list[Exchange]) -> tuple[State, bool]:
    """Return the state that the newest exchanges show, and whether older ones show another.

    Exchanges without a response decide only if there are no others.
    """
    working = [one for one in exchanges if one.state in _WORKING]
    refused = [one for one in exchanges if one.state == "refused" and not (working and one.is_stray)]
    if not working and not refused:
        return "silent", False
    if not refused:
        return _last(working).state, False
    if not working:
        return "refused", False
    is_refused = max(one.start for one in refused) >= max(one.end for one in working)
    is_working = max(one.start for one in working) >= max(one.end for one in refused)
    return ("refused" if is_refused else _last(working).state), is_refused or is_working


def _last(exchanges: list[Exchange]) -> Exchange:
    return max(exchanges, key=lambda one: one.end)


def _hints(exchanges: list[Exchange], newest: State, wanted: ConnectionFilter) -> Iterable[str]:
    if newest == "refused" and any(
        one.blocked == {"return"} and one.total("forward", 0) for one in exchanges if not one.is_stray
    ):
        yield "RETURN_BLOCKED"
    if newest in ("silent", "reset"):
        yield "HOST_NOT_LISTENING"
    ways: dict[str, set[str]] = {}
    for one in exchanges:
        for way, interface in one.at:
            ways.setdefault(interface, set()).add(way)
    all_ways = set().union(*ways.values())
    known = wanted.ends | wanted.carriers | {""}
    if len(all_ways) > 1 and any(len(found) == 1 for name, found in ways.items() if name not in known):
        yield "ASYMMETRIC"
