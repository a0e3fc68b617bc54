"""The verdict on a flow: its records at each interface on the path, and the rule that decided.

`conversation` evaluates a flow and its answer; `FlowClasses` classifies flows, so that a caller evaluates one
flow of each class. An estate is the network at one moment; evaluate another moment with another estate. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.decisions import PacketPath, PathOutcome, Record
from connectors.vpc.estate import Estate
from connectors.vpc.network import EniId
from connectors.vpc.packets import Flow, Packet
from connectors.vpc.path.checkpoints import End, Memory
from connectors.vpc.path.packet_path import Walk
from connectors.vpc.rules import unlogged

PORTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Conversation:
    """The paths of a flow and of its answer, `None` without an answer.

    `succeeded`: the answer reached the sender of the flow. `tracked`: the interfaces at which the flow is
    tracked, so that it continues there if the rules change.
    """

    request: PacketPath
    response: PacketPath | None
    tracked: frozenset[EniId] = frozenset()
    succeeded: bool = False

    @property
    def records(self) -> tuple[Record, ...]:
        """All records of both directions, in path order."""
        return self.request.records + (self.response.records if self.response else ())

    @property
    def sentence(self) -> str:
        """Return how the conversation ended, and what decided that, as one English sentence."""
        if not self.request.arrived or self.response is None:
            return f"Request: {self.request.outcome.sentence}"
        if self.response.arrived and not self.succeeded:
            return (
                f"Response: {self.response.outcome.sentence.rstrip('.')}, but not the sender of the request."
            )
        return f"Response: {self.response.outcome.sentence}"


def conversation(estate: Estate, flow: Flow, established: frozenset[EniId] = frozenset()) -> Conversation:
    """Evaluate a flow and its answer.

    `established` are the interfaces that already track the flow (`tracked` of its last verdict). There a rule
    that was removed since does not interrupt it.
    """
    memory = Memory(established=established)
    request = _request(estate, flow, memory)
    response, succeeded = None, False
    if request.arrived and flow.is_answered and memory.end:
        answer = memory.end.packet.answer()
        response = _answered(estate, memory, answer) if answer else None
        succeeded = response is not None and response.arrived and _is_sender(estate, flow, memory.end)
    elif request.outcome.ending == "unlogged" and flow.is_answered:
        response = PacketPath((), request.outcome)
    return Conversation(request, response, frozenset(memory.tracked), succeeded)


def _is_sender(estate: Estate, flow: Flow, end: End) -> bool:
    """Return whether an answer ended at the sender of the flow, with the addresses that the sender expects.

    VPC peering guide, "Routing for response traffic": a route can lead it to another host.
    """
    if (end.packet.srcaddr, end.packet.dstaddr) != (flow.dstaddr, flow.srcaddr):
        return False
    if EniId(flow.origin) in estate.enis:
        return end.eni is not None and end.eni.interface_id == flow.origin
    is_internet = not flow.origin or flow.origin.startswith("igw-")
    return end.eni is None and (not is_internet or end.gateway_id.startswith(("igw-", "eigw-")))


def late_answer(estate: Estate, flow: Flow) -> PacketPath | None:
    """Evaluate an answer after its connection expired. To groups and NAT gateways it is a new flow.

    AWS logs REJECT for packets that arrive after a connection was closed (VPC guide, "Flow log records",
    `action`). Return None if the request did not arrive or has no answer.
    """
    memory = Memory()
    _request(estate, flow, memory)
    answer = memory.end.packet.answer() if memory.end else None
    return _answered(estate, Memory(end=memory.end), answer) if answer else None


def _request(estate: Estate, flow: Flow, memory: Memory) -> PacketPath:
    if is_ipv6(flow.srcaddr) != is_ipv6(flow.dstaddr):
        why = "Lost: there is no packet with one IPv4 and one IPv6 address."
        return PacketPath((), PathOutcome("lost", flow.origin, why))
    walk = Walk(estate, "request", memory, flow.is_mirrored)
    eni = estate.enis.get(EniId(flow.origin))
    if eni:
        return walk.from_interface(eni, flow.packet)
    gateway = estate.gateways.get(flow.origin)
    if flow.origin and not gateway and flow.origin not in estate.attachments:
        return PacketPath((), PathOutcome("lost", flow.origin, f"Lost: {flow.origin} is not there."))
    return walk.from_outside(flow.origin, gateway.vpc_id if gateway else None, flow.packet)


def _answered(estate: Estate, memory: Memory, answer: Packet) -> PacketPath:
    end = memory.end or End(answer)
    walk = Walk(estate, "response", memory)
    if end.eni:
        return walk.from_interface(end.eni, answer)
    return walk.from_outside(end.gateway_id, end.vpc_id, answer)


class FlowClasses:
    """The classes of addresses and ports. The estate cannot distinguish flows between the same classes.

    Each interface address is a class. The blocks that rules and routes name classify other addresses, and the
    ranges that rules name classify ports.
    """

    def __init__(self, estate: Estate) -> None:
        self.use(estate)

    @property
    def estate(self) -> Estate:
        """The estate in use."""
        return self._estate

    def use(self, estate: Estate) -> None:
        """Classify by this estate from now on."""
        self._estate = estate
        edges = set(unlogged.boundaries())
        for block in estate.referenced_cidrs():
            edges |= {block.first, block.last + 1}
        self._addresses = sorted(edges)
        self.port_classes = _port_classes(estate)

    def address_class(self, address: str) -> int:
        """Return the class of an address: the address itself if an interface has it, else its block."""
        number = number_of(address)
        return number if self._estate.is_known(number) else self.block_class(address)

    def block_class(self, address: str) -> int:
        """Return the class of an address by the blocks that rules and routes name; negative."""
        return -1 - bisect_right(self._addresses, number_of(address))


def _port_classes(estate: Estate) -> list[int]:
    """Return the class of each port."""
    edges = sorted({0, *(port for port in estate.referenced_ports() if 0 < port < PORTS)})
    classes: list[int] = []
    for place, (first, end) in enumerate(pairwise([*edges, PORTS])):
        classes += [place] * (end - first)
    return classes
