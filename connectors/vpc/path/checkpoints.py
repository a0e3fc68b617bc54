"""The filters at one interface in one direction: groups, network ACL and Block Public Access. Stateful."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.vpc.decisions import Decision
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, SubnetId, VpcId
from connectors.vpc.packets import Direction, Leg, Packet
from connectors.vpc.rules import network_acls, security_groups

NO_GROUPS = frozenset(
    {"nat_gateway", "transit_gateway", "gateway_load_balancer_endpoint", "gateway_load_balancer"}
)
"""The interface types without security groups. moto describes some of them with one."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a packet's path: an interface, or the gateway by which the packet left the estate.

    The answer starts there. `packet` is the packet on arrival, with translated addresses.
    """

    packet: Packet
    eni: Eni | None = None
    gateway_id: str = ""
    vpc_id: VpcId | None = None


@dataclass(slots=True)
class Memory:
    """The connection-tracking state of one conversation.

    `passed`: the interfaces whose groups let the request through, each with its direction. `established`:
    interfaces that already track this conversation, so that today's rules do not apply there. `translated`:
    NAT gateway → the source address that it replaced.
    """

    passed: set[tuple[EniId, Direction]] = field(default_factory=set)
    established: frozenset[EniId] = frozenset()
    tracked: set[EniId] = field(default_factory=set)
    translated: dict[EniId, str] = field(default_factory=dict)
    end: End | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One interface in one direction."""

    estate: Estate
    memory: Memory
    leg: Leg
    eni: Eni
    direction: Direction

    def ask(self, packet: Packet, peer: Eni | None, neighbour: SubnetId | None) -> tuple[Decision, ...]:
        """Return the decisions in evaluation order. The first rejection is the last decision.

        `peer` is the interface at the other end, if rules for groups can refer to it. `neighbour` is the
        subnet that the packet comes from or goes to, if it is in the same VPC.
        """
        by_acl = self._acl(packet, neighbour)
        if self.direction == "ingress":
            if by_acl and not by_acl.allowed:
                return (by_acl,)
            by_group = self._groups(packet, peer)
            return tuple(one for one in (by_acl, by_group) if one)
        by_group = self._groups(packet, peer)
        if by_group and not by_group.allowed:
            return (by_group,)
        return tuple(one for one in (by_group, by_acl) if one)

    def _acl(self, packet: Packet, neighbour: SubnetId | None) -> Decision | None:
        acl = self.estate.acl(self.eni.subnet_id)
        if acl is None or neighbour == self.eni.subnet_id:
            return None
        return network_acls.decide(acl, self.direction, packet)

    def _groups(self, packet: Packet, peer: Eni | None) -> Decision | None:
        eni, memory = self.eni, self.memory
        if not eni.groups or eni.interface_type in NO_GROUPS:
            return None
        found = [group for group in map(self.estate.group, eni.groups) if group]
        if eni.interface_id in memory.established:
            memory.tracked.add(eni.interface_id)
            return security_groups.passes_as_response(found, self.direction)
        other: Direction = "egress" if self.direction == "ingress" else "ingress"
        if self.leg == "response" and (eni.interface_id, other) in memory.passed:
            return security_groups.passes_as_response(found, self.direction)
        decision = security_groups.decide(found, self.direction, packet, peer)
        if decision.allowed:
            memory.passed.add((eni.interface_id, self.direction))
            if security_groups.is_tracked(found, eni, self.direction, packet):
                memory.tracked.add(eni.interface_id)
        return decision


def internet_block(estate: Estate, eni: Eni, direction: Direction, leg: Leg, by: str) -> Decision | None:
    """Return the rejection of VPC Block Public Access at an interface that uses an internet gateway, or None.

    VPC guide, “Block public access to VPCs and subnets”: ingress-only mode still lets NAT gateways and
    egress-only internet gateways work, because connections are opened from inside. An egress-only exclusion
    lets every connection be opened from inside.
    """
    mode = estate.block_public_access(eni)
    if mode == "off":
        return None
    is_from_inside = (leg == "request") == (direction == "egress")
    opens_only = by.startswith("eigw-") or eni.interface_id in estate.nat_of_eni
    if (mode == "allow-egress" and is_from_inside) or (mode == "block-ingress" and opens_only):
        return None
    return Decision("VPC Block Public Access", mode, direction, False, mode, mode)
