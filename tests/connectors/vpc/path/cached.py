"""Conversations by class: one evaluation for all flows that `FlowClasses` does not distinguish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from connectors.vpc.decisions import PacketPath, Record
from connectors.vpc.estate import Estate
from connectors.vpc.packets import Flow, Leg
from connectors.vpc.path.verdict import Conversation, FlowClasses, conversation


class Cached:
    """The conversations in one estate, evaluated once for each class of flows."""

    def __init__(self, estate: Estate) -> None:
        self._estate, self._classes = estate, FlowClasses(estate)
        self._patterns: dict[tuple[object, ...], tuple[Flow, Conversation]] = {}

    def conversation(self, flow: Flow) -> Conversation:
        """Return the conversation of the first flow of this class, with the addresses and ports of `flow`."""
        ports = self._classes.port_classes
        key = (
            *(flow.origin, flow.protocol, flow.icmp_type, flow.icmp_code, flow.is_answered, flow.is_mirrored),
            *(self._classes.address_class(flow.srcaddr), self._classes.address_class(flow.dstaddr)),
            *(ports[flow.srcport], ports[flow.dstport]),
        )
        if key not in self._patterns:
            self._patterns[key] = flow, conversation(self._estate, flow)
        return _like(*self._patterns[key], flow)


def _like(shown: Flow, pattern: Conversation, flow: Flow) -> Conversation:
    """Return the conversation of `shown` with the addresses and ports of another flow of its class."""
    addresses = {shown.srcaddr: flow.srcaddr, shown.dstaddr: flow.dstaddr}
    ports: dict[Leg, tuple[int, int]] = {
        "request": (flow.srcport, flow.dstport),
        "response": (flow.dstport, flow.srcport),
    }

    def renamed(path: PacketPath) -> PacketPath:
        return PacketPath(
            tuple(_renamed(one, addresses.get, ports[one.leg]) for one in path.records), path.outcome
        )

    response = renamed(pattern.response) if pattern.response else None
    return Conversation(renamed(pattern.request), response, pattern.tracked, pattern.succeeded)


def _renamed(record: Record, address: Callable[[str, str], str], ports: tuple[int, int]) -> Record:
    return replace(
        record,
        srcaddr=address(record.srcaddr, record.srcaddr),
        dstaddr=address(record.dstaddr, record.dstaddr),
        srcport=ports[0],
        dstport=ports[1],
        pkt_srcaddr=address(record.pkt_srcaddr, record.pkt_srcaddr),
        pkt_dstaddr=address(record.pkt_dstaddr, record.pkt_dstaddr),
    )
