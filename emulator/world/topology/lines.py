"""The short lines of a topology file: rules of security groups, entries of network ACLs, targets of routes.

tcp 443 0.0.0.0/0              a rule: protocol, ports (or ICMP type/code), and a block or a group
100 in allow tcp 80 0.0.0.0/0  an entry: number, way, action, and then as a rule
nat-gateway nat-a              a target: its kind, and its name unless the VPC has only one of it
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from connectors.vpc.network import ANY, ICMP, ICMPV6, TCP, UDP

PROTOCOLS: Final = {"all": ANY, "icmp": ICMP, "tcp": TCP, "udp": UDP, "icmpv6": ICMPV6}
UNNAMED_TARGETS: Final = ("internet-gateway", "egress-only-internet-gateway")
NAMED_TARGETS: Final = ("nat-gateway", "peering", "transit-gateway", "instance", "interface")
_PORT_MAX = 65535
_ENTRY_MAX = 32766  # VPC guide, “Network ACL rules”


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `peer` is a block or the name of a group. For ICMP the ports are type and code, -1 for any."""

    protocol: int
    from_port: int
    to_port: int
    peer: str

    @property
    def is_block(self) -> bool:
        """Return whether the peer is a block of addresses."""
        return is_block(self.peer)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a network ACL. The rule's peer is a block."""

    number: int
    is_egress: bool
    allows: bool
    rule: Rule


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """The target of a route: a kind, and the name of one of that kind or an empty text."""

    kind: str
    name: str = ""


def is_block(text: str) -> bool:
    """Return whether a rule's peer is a block. Names of groups contain no such slash."""
    last = text.rpartition("/")[2]
    return "/" in text and last.isdecimal() and (":" in text or text[0].isdigit())


def rule(text: object) -> Rule:
    """Read a rule. Raises ValueError with a sentence."""
    if isinstance(text, Rule):
        return text
    protocol, *middle, peer = _words(text, 2, 3, "`tcp 443 0.0.0.0/0`")
    if protocol not in PROTOCOLS and not (protocol.isdecimal() and int(protocol) < 256):
        raise ValueError(f"`{protocol}` is no protocol: all, tcp, udp, icmp, icmpv6 or a number.")
    number = PROTOCOLS.get(protocol)
    number = int(protocol) if number is None else number
    low, high = _ports(middle[0] if middle else "", number)
    if is_block(peer):
        try:
            peer = str(ip_network(peer))
        except ValueError as error:
            raise ValueError(f"{peer} is not a CIDR block: {error}.") from None
    return Rule(number, low, high, peer)


def entry(text: object) -> Entry:
    """Read an entry of a network ACL. Raises ValueError with a sentence."""
    if isinstance(text, Entry):
        return text
    number, way, action, *rest = _words(text, 5, 6, "`100 in allow tcp 80 0.0.0.0/0`")
    if not number.isdecimal() or not 1 <= int(number) <= _ENTRY_MAX:
        raise ValueError(f"`{number}` is no rule number: it goes from 1 to {_ENTRY_MAX}.")
    if way not in ("in", "out") or action not in ("allow", "deny"):
        raise ValueError(f"`{way} {action}` must be `in` or `out`, and then `allow` or `deny`.")
    meant = rule(" ".join(rest))
    if not meant.is_block:
        raise ValueError(f"`{meant.peer}` is not a CIDR block; a network ACL knows no groups.")
    return Entry(int(number), way == "out", action == "allow", meant)


def target(text: object) -> RouteTarget:
    """Read the target of a route. Raises ValueError with a sentence."""
    if isinstance(text, RouteTarget):
        return text
    kind, *name = _words(text, 1, 2, "`nat-gateway nat-a`")
    if kind in UNNAMED_TARGETS and not name:
        return RouteTarget(kind)
    if kind in NAMED_TARGETS and name:
        return RouteTarget(kind, name[0])
    known = ", ".join((*UNNAMED_TARGETS, *(f"{one} NAME" for one in NAMED_TARGETS)))
    raise ValueError(f"`{text}` is no target of a route. There are: {known}.")


def _words(text: object, least: int, most: int, example: str) -> list[str]:
    words = text.split() if isinstance(text, str) else []
    if not least <= len(words) <= most:
        raise ValueError(f"`{text}` should look like {example}.")
    return words


def _ports(text: str, protocol: int) -> tuple[int, int]:
    is_icmp = protocol in (ICMP, ICMPV6)
    if not text:
        return (ANY, ANY) if is_icmp or protocol == ANY else (0, _PORT_MAX)
    if protocol not in (TCP, UDP, ICMP, ICMPV6):
        raise ValueError(f"`{text}`: this protocol has no ports.")
    low, _, high = text.partition("/" if is_icmp else "-")
    if not low.isdecimal() or (high and not high.isdecimal()):
        raise ValueError(f"`{text}` should be a port, `80`, a range, `1024-65535`, or for ICMP `8/0`.")
    first, last = int(low), int(high) if high else (ANY if is_icmp else int(low))
    if (not is_icmp and not first <= last <= _PORT_MAX) or (is_icmp and max(first, last) > 255):
        raise ValueError(f"`{text}` is out of range.")
    return first, last
