"""An independent count of the lines of a file, with which a replay compares the pipeline. Pure.

It applies the documented rules to one line at a time in plain Python. It is slow, but shares no code with the
parser that it checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.formats.flowlog import ENTITY_FIELDS, Format
from emulator.ledger.ledger import LOG_ACTIONS, WINDOW_S, Key, Ledger, Totals

NUMBER_MAX = 2**45  # More than any interval has; sums of smaller numbers fit into 64 bits.
PROTOCOL_MAX = 255
MILLISECONDS_FROM = 10**11  # The year 5138 in seconds. The library flowlogs-reader supports milliseconds.
FIRST_FLOW_LOG = 1_433_894_400  # 2015-06-10, the launch of VPC Flow Logs.
AHEAD_S = 120  # A minute for `start`, and one for differences between clocks.

_NUMBERS = ("dstport", "protocol", "packets", "bytes", "start", "end")
_ISO_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass(slots=True)
class FileLedger:
    """The totals of the lines so far, and the number of refused lines.

    A line is refused if its `start` is before `earliest` or after `latest` (epoch seconds). `disorder_s` is
    the maximum by which a line was older than the newest line before it.
    """

    earliest: int = FIRST_FLOW_LOG
    latest: int = MILLISECONDS_FROM
    totals: dict[Key, Totals] = field(default_factory=dict)
    refused: int = 0
    first_refused: bytes = b""
    first_refused_names: Format = ()
    disorder_s: int = 0
    _newest: int = 0

    def add(self, lines: Iterable[bytes], names: Format) -> None:
        """Count lines of one format, headers removed."""
        for line in lines:
            row = _read(line, names)
            if row is not None and self.earliest <= row.first <= self.latest:
                self._count(row)
                continue
            if not self.refused:
                self.first_refused, self.first_refused_names = line, names
            self.refused += 1

    def ledger(self) -> Ledger:
        """Return the totals as a ledger."""
        ledger = Ledger()
        ledger.add_totals(self.totals)
        return ledger

    def _count(self, row: _Row) -> None:
        self._newest = max(self._newest, row.first)
        self.disorder_s = max(self.disorder_s, self._newest - row.first)
        known = self.totals.get(row.key)
        if known is None:
            self.totals[row.key] = [1, row.packets, row.bytes, row.first, row.last]
            return
        known[0] += 1
        known[1] += row.packets
        known[2] += row.bytes
        known[3] = min(known[3], row.first)
        known[4] = max(known[4], row.last)


def entity_and_start(line: bytes, names: Format) -> tuple[str, int]:
    """Return the interface of a line and its start; `-` and 0 if the line violates a rule."""
    row = _read(line, names)
    return ("-", 0) if row is None else (row.key[0], row.first)


def field_count(line: bytes, names: Format) -> int:
    """Return the number of fields of a line, without a prefix of CloudWatch Logs."""
    return len(_tokens(line, names))


@dataclass(frozen=True, slots=True)
class _Row:
    key: Key
    packets: int
    bytes: int
    first: int
    last: int


class _Refused(Exception):
    """The line violates a documented rule. Internal to this module."""


def _read(line: bytes, names: Format) -> _Row | None:
    tokens = _tokens(line, names)
    if len(tokens) != len(names) or not any(one in names for one in ENTITY_FIELDS):
        return None
    values = dict(zip(names, tokens, strict=True))
    try:
        numbers = {name: _number(values.get(name, "-")) for name in _NUMBERS}
        action = _action(values)
        if (numbers["protocol"] or 0) > PROTOCOL_MAX:
            return None
    except _Refused:
        return None
    start = _seconds(numbers["start"])
    if start is None:
        return None
    end = _seconds(numbers["end"])
    entity = next((values[f] for f in ENTITY_FIELDS if values.get(f, "-") != "-"), "-")
    is_traffic = action not in LOG_ACTIONS
    return _Row(
        key=(entity, action, start - start % WINDOW_S),
        packets=(numbers["packets"] or 0) if is_traffic else 0,
        bytes=(numbers["bytes"] or 0) if is_traffic else 0,
        first=start,
        last=start if end is None else end,
    )


def _tokens(line: bytes, names: Format) -> list[str]:
    """Split a line. Exports and `aws logs tail` prepend a time, and `tail` also the log stream."""
    tokens = line.decode(errors="replace").split()
    if tokens and _ISO_TIMESTAMP.match(tokens[0]):
        tokens = tokens[1:]
        if len(tokens) > len(names) and ":" not in tokens[0] and not tokens[0].isdigit():
            tokens = tokens[1:]
    return tokens


def _number(token: str) -> int | None:
    if token in {"-", "None"}:
        return None
    # `isdigit` alone is also true for digits of other scripts.
    if not (token.isascii() and token.isdigit()) or len(token) > 20 or int(token) > NUMBER_MAX:
        raise _Refused
    return int(token)


def _action(values: dict[str, str]) -> str:
    status = values.get("log-status", "OK")
    if status in LOG_ACTIONS:
        return status
    if status not in {"OK", "-"}:
        raise _Refused
    action = values.get("action", "-")
    if action not in {"ACCEPT", "REJECT", "-"}:
        raise _Refused
    return action


def _seconds(time: int | None) -> int | None:
    return time // 1000 if time is not None and time >= MILLISECONDS_FROM else time
