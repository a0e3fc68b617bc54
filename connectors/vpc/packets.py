"""The fields of a packet and of a flow that a network evaluates, and the answer to a packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from connectors.vpc.addresses import is_ipv6
from connectors.vpc.network import ANY, ICMP, ICMPV6

Direction = Literal["ingress", "egress"]
Leg = Literal["request", "response"]

# Query types and the types that answer them: RFC 792, RFC 950, RFC 4443 section 4.
_ICMP_ANSWERS = {ICMP: {8: 0, 13: 14, 15: 16, 17: 18}, ICMPV6: {128: 129}}
_ECHO = {ICMP: 8, ICMPV6: 128}


@dataclass(frozen=True, slots=True)
class Packet:
    """The evaluated fields of a packet. Ports are 0 if the protocol has none."""

    srcaddr: str
    dstaddr: str
    protocol: int
    srcport: int = 0
    dstport: int = 0
    icmp_type: int = ANY
    icmp_code: int = ANY

    def answer(self) -> Packet | None:
        """Return the answer packet, or None for an ICMP message without an answer."""
        icmp_type, icmp_code = self.icmp_type, self.icmp_code
        if self.protocol in _ICMP_ANSWERS:
            icmp_type, icmp_code = _ICMP_ANSWERS[self.protocol].get(self.icmp_type, ANY), 0
            if icmp_type == ANY:
                return None
        return Packet(
            self.dstaddr, self.srcaddr, self.protocol, self.dstport, self.srcport, icmp_type, icmp_code
        )

    def sent_from(self, srcaddr: str) -> Packet:
        """Return the packet with its source translated."""
        return replace(self, srcaddr=srcaddr)

    def sent_to(self, dstaddr: str) -> Packet:
        """Return the packet with its destination translated."""
        return replace(self, dstaddr=dstaddr)


@dataclass(frozen=True, slots=True)
class Flow:
    """The first packet of a conversation, and its origin.

    `origin` is the id of the sending ENI, or of the gateway or attachment that admits the packet: `vgw-…`,
    `tgw-attach-…` (of a VPN, Direct Connect or peering), `igw-…`. An empty `origin` is the internet; then
    `dstaddr` is the public address. ICMP without a type is an echo request. `is_mirrored` marks a copy by
    traffic mirroring.
    """

    origin: str
    srcaddr: str
    dstaddr: str
    protocol: int
    srcport: int = 0
    dstport: int = 0
    icmp_type: int = ANY
    icmp_code: int = ANY
    is_answered: bool = True
    is_mirrored: bool = False

    @property
    def packet(self) -> Packet:
        """The packet that opens the flow."""
        icmp_type, icmp_code = self.icmp_type, self.icmp_code
        if icmp_type == ANY and self.protocol in _ECHO:
            icmp_type, icmp_code = _ECHO[self.protocol], 0
        ends = (self.srcaddr, self.dstaddr, self.protocol, self.srcport, self.dstport)
        return Packet(*ends, icmp_type, icmp_code)

    @property
    def type(self) -> str:
        """The value of the flow-log field `type`."""
        return "IPv6" if is_ipv6(self.srcaddr) else "IPv4"
