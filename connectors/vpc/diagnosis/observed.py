"""Flow-log records beside a diagnosis: counts, agreement with the configuration, and hints. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from connectors.vpc.diagnosis.exchanges import Exchange, SeenRecord, State, Way, exchanges
from connectors.vpc.diagnosis.flow_file import Record, records
from connectors.vpc.network import TCP

Match = Callable[[str], bool]
_WORKING = ("works", "reset")


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


def compare(text: str, wanted: ConnectionFilter, *, is_reachable: bool) -> dict[str, Any]:
    """Return the fields `seen`, `agreement`, `hints` and `interfaces`. Raises `BadFlows`."""
    seen: list[SeenRecord] = []
    is_skipped = False
    for place, record in enumerate(records(text)):
        is_skipped |= record.get("log-status") == "SKIPDATA"
        found = _seen(wanted, record, place)
        seen += [found] if found else []
    return compared(seen, wanted, is_reachable=is_reachable, is_skipped=is_skipped)


def compared(
    seen: Sequence[SeenRecord], wanted: ConnectionFilter, *, is_reachable: bool, is_skipped: bool = False
) -> dict[str, Any]:
    """Return the fields for records of the connection."""
    found = exchanges(seen)
    fields = {"seen": _counts(seen), "interfaces": _interfaces(seen)}
    hints = ["RECORDS_SKIPPED"] if is_skipped else []
    if not found:
        return {**fields, "agreement": "no_traffic", "hints": ["NO_TRAFFIC_SEEN", *hints]}
    newest, is_changed = _newest(found)
    is_contradiction = (newest in _WORKING) != is_reachable and newest != "silent"
    hints += _hints(found, newest, wanted)
    if is_contradiction or is_changed:
        hints.append("RECENT_CHANGE")
    return {
        **fields,
        "agreement": "contradicts" if is_contradiction else "agrees",
        "hints": list(dict.fromkeys(hints)),
    }


def _seen(wanted: ConnectionFilter, record: Record, place: int) -> SeenRecord | None:
    """Return a record of the connection, or None for any other."""
    if record.get("log-status", "OK") != "OK" or record["action"] not in ("ACCEPT", "REJECT"):
        return None
    way = _way(wanted, record)
    if way is None:
        return None
    is_forward = way == "forward"
    port = record.get("srcport" if is_forward else "dstport", "-") if wanted.port is not None else ""
    start = _number(record.get("start"), place)
    flags = record.get("tcp-flags", "-") if TCP in wanted.protocols else "-"
    return SeenRecord(
        way,
        (_address(record, "src" if is_forward else "dst"), port),
        record.get("interface-id", ""),
        record["action"] == "ACCEPT",
        start,
        max(start, _number(record.get("end"), start)),
        int(flags) if flags.isascii() and flags.isdigit() else None,
    )


def _way(wanted: ConnectionFilter, record: Record) -> Way | None:
    """Return the direction of a record in the wanted connection, or None."""
    if "protocol" in record and _number(record["protocol"], -1) not in wanted.protocols:
        return None
    src, dst = _address(record, "src"), _address(record, "dst")
    ways: tuple[tuple[Way, Match, Match, str], ...] = (
        ("forward", wanted.is_source, wanted.is_destination, "dstport"),
        ("return", wanted.is_destination, wanted.is_source, "srcport"),
    )
    for way, first, second, port in ways:
        is_port = wanted.port is None or port not in record or record[port] == str(wanted.port)
        if is_port and src != "-" and dst != "-" and first(src) and second(dst):
            return way
    return None


def _address(record: Record, side: str) -> str:
    found = record.get(f"pkt-{side}addr", "-")
    return found if found != "-" else record.get(f"{side}addr", "-")


def _number(text: str | None, default: float) -> float:
    return float(text) if text and text.isascii() and text.isdigit() else float(default)


def _counts(seen: Iterable[SeenRecord]) -> dict[str, dict[str, int]]:
    found = {way: {"accepted": 0, "rejected": 0} for way in ("forward", "return")}
    for one in seen:
        found[one.way]["accepted" if one.is_accepted else "rejected"] += 1
    return found


def _interfaces(seen: Sequence[SeenRecord]) -> list[dict[str, Any]]:
    """Return the counts at each interface, and the times of its last accepted and first rejected record."""
    found = []
    for interface_id in dict.fromkeys(one.interface_id for one in seen):
        here = [one for one in seen if one.interface_id == interface_id]
        accepted = [one.end for one in here if one.is_accepted]
        rejected = [one.start for one in here if not one.is_accepted]
        found.append(
            {
                "interface": interface_id,
                **_counts(here),
                "last_accepted": max(accepted, default=None),
                "first_rejected": min(rejected, default=None),
            }
        )
    return found


def _newest(found: list[Exchange]) -> tuple[State, bool]:
    """Return the state that the newest exchanges show, and whether the oldest show another.

    Exchanges without a response decide only if there are no others. A rejected late packet decides never.
    """
    has_working = any(one.state in _WORKING for one in found)
    deciding = [one for one in found if one.state != "silent" and not (has_working and one.is_stray)]
    if not deciding:
        return "silent", False
    kinds = [one.state == "refused" for one in deciding]
    is_changed = kinds[0] != kinds[-1] and sum(first != second for first, second in pairwise(kinds)) == 1
    if kinds[0] != kinds[-1] and not is_changed and kinds[-1]:
        # One more REJECT among working connections: a late packet, as those before it.
        deciding = [one for one in deciding if one.state != "refused"]
    is_silent_now = found[-1].state == "silent" and found[-1].start > deciding[-1].end
    return deciding[-1].state, is_changed or (is_silent_now and deciding[-1].state == "works")


def _hints(found: list[Exchange], newest: State, wanted: ConnectionFilter) -> Iterable[str]:
    refused = [one for one in found if one.blocked == {"return"} and not one.is_stray]
    if newest == "refused" and refused and any(one.total("forward", 0) for one in found):
        yield "RETURN_BLOCKED"
    if newest in ("silent", "reset") or (found[-1].state == "silent" and newest != "refused"):
        yield "HOST_NOT_LISTENING"
    ways: dict[str, set[Way]] = {}
    for one in found:
        for way, interface in one.at:
            ways.setdefault(interface, set()).add(way)
    all_ways = set().union(*ways.values())
    known = wanted.ends | wanted.carriers | {""}
    if len(all_ways) > 1 and any(len(some) == 1 for name, some in ways.items() if name not in known):
        yield "ASYMMETRIC"
