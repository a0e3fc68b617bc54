"""A selection of conversations: filters, a time, and the dimension of the rows. Pure.

The parameters of a request are a `Selection`: filters, a time, and the dimension of the rows. The filters
are values of dimensions, so that each row of a result is a filter of the next request. The interface of a
conversation has the owner, the subnet and the zone that the inventory has at the start of the window. The
peer is the other end: the source of ingress traffic, else the destination; the address of the packet
(`pkt-srcaddr`, `pkt-dstaddr`) comes before that of the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

GROUPS = ("interface", "resource", "peer", "port", "pair", "subnet", "zone", "conversation")
FILTERS = ("eni", "resource", "peer", "port", "pair", "subnet", "zone", "action")
ORDERS = ("bytes", "packets", "flows", "rejects")
ACTIONS = ("ACCEPT", "REJECT", "-")
ROWS_DEFAULT, ROWS_MAX = 10, 10_000
VALUE_MAX_CHARACTERS = 200
TIME_MAX = 1 << 40


class BadSelection(ValueError):
    """A parameter has a wrong value; the message says which, and the allowed values."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters, a time and a dimension.

    `begin` and `end` are epoch seconds, 0 for the newest `range_s`. `filters` maps a name of `FILTERS` to its
    value.
    """

    group: str = "interface"
    by: str = "bytes"
    n: int = ROWS_DEFAULT
    range_s: int = 3600
    begin: int = 0
    end: int = 0
    filters: Mapping[str, str] = field(default_factory=dict)

    def times(self, newest_end: int) -> tuple[int, int]:
        """Return the selected time; `newest_end` is the end of the newest window."""
        end = self.end or max(newest_end, self.begin)
        return self.begin or end - self.range_s, end


def parse(query: Mapping[str, str], ranges_s: Mapping[str, int]) -> Selection:
    """Return the selection of a query string. Raises `BadSelection`; unknown parameters are ignored."""
    one_of = _one_of(query)
    begin, end = (_time(query, name) for name in ("from", "to"))
    if begin and end and end <= begin:
        raise BadSelection(f"to={end} is not after from={begin}")
    filters = {name: query[name] for name in FILTERS if query.get(name)}
    for name, value in filters.items():
        if len(value) > VALUE_MAX_CHARACTERS:
            raise BadSelection(f"{name} has {len(value)} characters: use at most {VALUE_MAX_CHARACTERS}")
    if filters.get("action", "-") not in ACTIONS:
        raise BadSelection(f"action is {filters['action']!r}: use one of {', '.join(ACTIONS)}")
    return Selection(
        group=one_of("group", GROUPS),
        by=one_of("by", ORDERS),
        n=_count(query.get("n", str(ROWS_DEFAULT))),
        range_s=ranges_s[one_of("range", ("1h", *ranges_s))],
        begin=begin,
        end=end,
        filters=filters,
    )


def _one_of(query: Mapping[str, str]) -> Callable[[str, tuple[str, ...]], str]:
    def one_of(name: str, allowed: tuple[str, ...]) -> str:
        value = query.get(name, allowed[0])
        if value not in allowed:
            raise BadSelection(f"{name} is {value[:50]!r}: use one of {', '.join(dict.fromkeys(allowed))}")
        return value

    return one_of


def _count(text: str) -> int:
    if not (_is_number(text, 6) and 1 <= int(text) <= ROWS_MAX):
        raise BadSelection(f"n is {text[:50]!r}: use a number from 1 to {ROWS_MAX}")
    return int(text)


def _time(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "0") or "0"
    if not (_is_number(text, 13) and int(text) <= TIME_MAX):
        raise BadSelection(f"{name} is {text[:50]!r}: use epoch seconds")
    return int(text)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
