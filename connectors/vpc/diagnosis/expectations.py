"""Expected connections: the content of a reachability file, and its evaluation. Pure.

An expectation holds if the diagnosis of its connection is as expected; an undetermined one does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account.connection_end import UnknownEnd
from connectors.vpc.diagnosis.diagnose import PROTOCOLS, Diagnosis
from connectors.vpc.diagnosis.flow_file import Record
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.diagnosis.trace.public_hosts import is_public
from connectors.vpc.network import TCP, UDP

Expected = Literal["allow", "deny"]
PORT_MAX = 65535
_KEYS = frozenset({"from", "to", "port", "protocol", "expect", "allow", "deny"})
_NAMES = {TCP: "tcp", UDP: "udp"}


class BadExpectation(Exception):
    """The error for an entry of a reachability file. The message is one sentence without the line."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expected connection. `port` is None for the destination's own port, and for ICMP."""

    source: str
    destination: str
    port: int | None
    protocol: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for an expectation. `found` is `unknown` if it is undetermined; `why` is a sentence."""

    expectation: Expectation
    found: Literal["allow", "deny", "unknown"]
    why: str = ""
    components: tuple[str, ...] = ()

    @property
    def is_as_expected(self) -> bool:
        """Return whether the expectation holds."""
        return self.found == self.expectation.expected

    def document(self) -> dict[str, Any]:
        """Return the result as an object for JSON."""
        one = self.expectation
        return {
            "from": one.source,
            "to": one.destination,
            "port": one.port,
            "protocol": one.protocol,
            "expect": one.expected,
            "found": self.found,
            "as_expected": self.is_as_expected,
            "why": self.why,
            "components": list(self.components),
        }


def expectation(entry: object) -> Expectation:
    """Return the expectation of one entry. Raises `BadExpectation`."""
    if not isinstance(entry, Mapping):
        raise BadExpectation("an entry must have the keys from, to, port and expect")
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    if unknown:
        raise BadExpectation(f"{unknown[0]} is no key: use from, to, port, protocol and expect")
    ends = [entry.get(key) for key in ("from", "to")]
    if not all(isinstance(one, str) and one for one in ends):
        raise BadExpectation("from and to must each be an id, an address, a name or internet")
    protocol = str(entry.get("protocol", "tcp")).lower()
    if protocol not in PROTOCOLS:
        raise BadExpectation(f"protocol is {protocol}, but must be tcp, udp or icmp")
    return Expectation(str(ends[0]), str(ends[1]), _port(entry.get("port")), protocol, _expected(entry))


def _port(given: object) -> int | None:
    if given is None:
        return None
    number = int(given) if isinstance(given, int | str) and str(given).isdigit() else 0
    if isinstance(given, bool) or not 1 <= number <= PORT_MAX:
        raise BadExpectation(f"port is {given}, but must be a number from 1 to {PORT_MAX}")
    return number


def _expected(entry: Mapping[str, object]) -> Expected:
    if isinstance(entry.get("allow"), bool) or isinstance(entry.get("deny"), bool):
        return "allow" if entry.get("allow") is True or entry.get("deny") is False else "deny"
    given = str(entry.get("expect", "allow")).lower()
    if given == "allow":
        return "allow"
    if given == "deny":
        return "deny"
    raise BadExpectation(f"expect is {given}, but must be allow or deny")


def evaluate(
    wanted: Iterable[Expectation], diagnosed: Callable[[str, str, str, int | None], Diagnosis]
) -> list[Outcome]:
    """Return the outcome of each expectation. `diagnosed` makes a diagnosis; its errors are outcomes."""
    return [_outcome(one, diagnosed) for one in wanted]


def _outcome(one: Expectation, diagnosed: Callable[[str, str, str, int | None], Diagnosis]) -> Outcome:
    try:
        found = diagnosed(one.source, one.destination, one.protocol, one.port)
    except (UnknownEnd, Undetermined) as error:
        return Outcome(one, "unknown", str(error))
    if found.is_reachable:
        return Outcome(one, "allow", "the connection works")
    components = tuple(dict.fromkeys(cause.component for cause in found.causes))
    return Outcome(one, "deny", found.causes[0].sentence, components)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table."""
    rows = [("", "from", "to", "protocol", "port", "expected", "found", "why")]
    rows += [
        (
            "ok" if one.is_as_expected else "NOT",
            one.expectation.source,
            one.expectation.destination,
            one.expectation.protocol,
            str(one.expectation.port or "-"),
            one.expectation.expected,
            one.found,
            "" if one.is_as_expected else one.why,
        )
        for one in outcomes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[7])).rstrip()
        for row in rows
    )


def suggested(records: Iterable[Record]) -> list[Expectation]:
    """Return the accepted conversations as expectations, those with the most records first.

    The lower port is that of the service. Any public address is `internet`.
    """
    found: Counter[tuple[str, str, int, str]] = Counter()
    for record in records:
        one = _conversation(record)
        if one and record.get("action") == "ACCEPT":
            found[one] += 1
    return [
        Expectation(source, destination, port, protocol, "allow")
        for (source, destination, port, protocol), _ in found.most_common()
    ]


def _conversation(record: Record) -> tuple[str, str, int, str] | None:
    texts = [record.get(name, "-") for name in ("protocol", "srcport", "dstport")]
    if not all(text.isascii() and text.isdigit() for text in texts) or int(texts[0]) not in _NAMES:
        return None
    protocol, srcport, dstport = map(int, texts)
    ends = [_end(record, "src"), _end(record, "dst")]
    if dstport > srcport:
        ends, dstport = ends[::-1], srcport
    if "" in ends or ends == ["internet", "internet"] or not 1 <= dstport <= PORT_MAX:
        return None
    return ends[0], ends[1], dstport, _NAMES[protocol]


def _end(record: Record, side: str) -> str:
    address = record.get(f"pkt-{side}addr", "-")
    address = record.get(f"{side}addr", "-") if address == "-" else address
    try:
        return "internet" if is_public(number_of(address)) else address
    except ValueError:
        return ""
