"""A packet and a flow, as far as a network judges them; and the answer that a packet gets."""

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
    """What of a packet decides its fate. Ports are 0 where the protocol has none."""

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
        """Return it with its source translated."""
        return replace(self, srcaddr=srcaddr)

    def sent_to(self, dstaddr: str) -> Packet:
        """Return it with its destination translated."""
        return replace(self, dstaddr=dstaddr)


@dataclass(frozen=True, slots=True)
class Flow:
    """The first packet of a conversation, and where it starts.

    `origin` is the id of the ENI that sends it, or of what lets it in from outside: `vgw-…`, `tgw-attach-…`
    (of a VPN, Direct Connect or peering), `igw-…`; empty is the internet. `dstaddr` from the internet is the
    public address. ICMP without a type is an echo request. `is_mirrored`: a copy by traffic mirroring.
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
        """The packet that opens it."""
        icmp_type, icmp_code = self.icmp_type, self.icmp_code
        if icmp_type == ANY and self.protocol in _ECHO:
            icmp_type, icmp_code = _ECHO[self.protocol], 0
        ends = (self.srcaddr, self.dstaddr, self.protocol, self.srcport, self.dstport)
        return Packet(*ends, icmp_type, icmp_code)

    @property
    def type(self) -> str:
        """As the field `type`."""
        return "IPv6" if is_ipv6(self.srcaddr) else "IPv4"
