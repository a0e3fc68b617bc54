"""The rejected conversations of flow-log records or of windows, and the component that refuses each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account.connection_end import UnknownEnd
from connectors.vpc.diagnosis.diagnose import Diagnosis
from connectors.vpc.diagnosis.flow_file import Record
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.network import ICMP, ICMPV6, TCP, UDP, EniId

_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmp"}
_SYN_ACK = 18
_SYN = 2


@dataclass(frozen=True, slots=True)
class RejectedConversation:
    """A conversation, as its client opens it. `is_response`: an interface rejects the response.

    `is_certain` is False if the port could also be that of the source: then the packet was a response.
    """

    interface_id: str
    source: str
    destination: str
    protocol: str
    port: int | None
    is_response: bool
    is_certain: bool = True

    @property
    def reversed(self) -> RejectedConversation:
        """Return the conversation whose response was rejected."""
        return replace(
            self, source=self.destination, destination=self.source, is_response=True, is_certain=True
        )


@dataclass(slots=True)
class Rejection:
    """A conversation with its rejected records and packets, and the explanation, if asked for."""

    conversation: RejectedConversation
    records: int = 0
    packets: int = 0
    code: str = ""
    component: str = ""
    rule: int | None = None
    sentence: str = ""

    def document(self) -> dict[str, Any]:
        """Return the rejection as an object for JSON."""
        one = self.conversation
        return {
            "interface": one.interface_id,
            "source": one.source,
            "destination": one.destination,
            "protocol": one.protocol,
            "port": one.port,
            "direction": "return" if one.is_response else "forward",
            "records": self.records,
            "packets": self.packets,
            "code": self.code or None,
            "component": self.component or None,
            "rule": self.rule,
            "sentence": self.sentence,
        }


def rejections(records: Iterable[Record], limit: int) -> list[Rejection]:
    """Return the largest rejected conversations."""
    found: dict[RejectedConversation, Rejection] = {}
    for record in records:
        one = _conversation(record) if record.get("action") == "REJECT" else None
        if one is None:
            continue
        rejection = found.setdefault(one, Rejection(one))
        rejection.records += 1
        rejection.packets += _number(record.get("packets")) or 1
    return _largest(found, limit)


def of_windows(rows: Iterable[Mapping[str, Any]], limit: int) -> list[Rejection]:
    """Return the largest rejected conversations of rows of the topic `conversations`."""
    found: dict[RejectedConversation, Rejection] = {}
    for row in rows:
        protocol = _NAMES.get(row["protocol"])
        if row["is_other"] or row["action"] != "REJECT" or protocol is None:
            continue
        ends = row["pkt_source"] or row["source"], row["pkt_destination"] or row["destination"]
        port = row["port"] if row["port"] > 0 else None
        one = RejectedConversation(
            row["eni"], *ends, protocol, port, is_response=False, is_certain=row["port_rule"] == "syn"
        )
        one = one.reversed if row["port_rule"] == "syn-ack" else one
        rejection = found.setdefault(one, Rejection(one))
        rejection.records += row["flows"]
        rejection.packets += row["packets"]
    return _largest(found, limit)


def _largest(found: Mapping[RejectedConversation, Rejection], limit: int) -> list[Rejection]:
    in_order = sorted(found.values(), key=lambda one: (-one.packets, -one.records, repr(one.conversation)))
    return in_order[:limit]


def _conversation(record: Record) -> RejectedConversation | None:
    protocol = _NAMES.get(_number(record.get("protocol")) or 0)
    ends = _address(record, "src"), _address(record, "dst")
    if protocol is None or "" in ends:
        return None
    interface_id = record.get("interface-id", "")
    if protocol == "icmp":
        return RejectedConversation(interface_id, *ends, protocol, None, is_response=False)
    ports = _number(record.get("srcport")), _number(record.get("dstport"))
    if None in ports:
        return None
    flags = _number(record.get("tcp-flags")) or 0
    is_response = flags & _SYN_ACK == _SYN_ACK or (not flags & _SYN and (ports[0] or 0) < (ports[1] or 0))
    source, destination = ends[::-1] if is_response else ends
    port = ports[0] if is_response else ports[1]
    return RejectedConversation(interface_id, source, destination, protocol, port, is_response)


def _address(record: Record, side: str) -> str:
    address = record.get(f"pkt-{side}addr", "-")
    address = record.get(f"{side}addr", "-") if address == "-" else address
    try:
        number_of(address)
    except ValueError:
        return ""
    return address


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def explain(
    rejection: Rejection,
    addresses: Callable[[EniId], tuple[str, ...]],
    diagnosed: Callable[[str, str, str, int | None], Diagnosis],
) -> None:
    """Add the cause to a rejection. `addresses` returns those of an interface, `diagnosed` a diagnosis."""
    one = rejection.conversation
    own = addresses(EniId(one.interface_id))
    source = one.interface_id if one.source in own else one.source
    destination = one.interface_id if one.destination in own else one.destination
    try:
        found = diagnosed(source, destination, one.protocol, one.port or None)
    except (UnknownEnd, Undetermined) as error:
        rejection.sentence = str(error)
        return
    wanted = "return" if one.is_response else "forward"
    if not (found.causes or one.is_certain):
        rejection.conversation = one.reversed
        explain(rejection, addresses, diagnosed)
        return
    causes = sorted(found.causes, key=lambda cause: (cause.direction != wanted, cause.filtered is None))
    if not causes:
        rejection.sentence = (
            "The configuration allows it now: it changed since, or the packets came too late."
        )
        return
    cause = causes[0]
    rejection.code, rejection.component = cause.code, cause.component
    rejection.rule, rejection.sentence = cause.rule, cause.sentence
