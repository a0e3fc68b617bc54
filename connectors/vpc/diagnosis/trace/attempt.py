"""One attempt of a connection between two interfaces or an interface and the internet, and its findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.vpc.addresses import is_ipv6
from connectors.vpc.diagnosis.trace.findings import TYPICAL_PORT, Cause, PathComponent
from connectors.vpc.network import ICMP, ICMPV6, Eni
from connectors.vpc.packets import Direction, Packet

_ECHO = {ICMP: 8, ICMPV6: 128}
_SERVICE_TYPES = frozenset({"nat_gateway", "lambda", "network_load_balancer", "load_balancer"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """The wanted connection: its ends, of which None is the internet, and its addresses.

    `client` is the address that filters see in place of `srcaddr`, if a load balancer preserves it, and
    `client_eni` its interface.
    """

    source: Eni | None
    destination: Eni | None
    srcaddr: str
    dstaddr: str
    protocol: int
    port: int = 0
    client: str = ""
    client_eni: Eni | None = None

    @property
    def packet(self) -> Packet:
        """Return the packet that opens the connection."""
        protocol = ICMPV6 if self.protocol == ICMP and is_ipv6(self.srcaddr) else self.protocol
        ports = (0, 0) if protocol in _ECHO else (TYPICAL_PORT, self.port)
        kind = (_ECHO[protocol], 0) if protocol in _ECHO else (-1, -1)
        return Packet(self.srcaddr, self.dstaddr, protocol, *ports, *kind)


@dataclass(frozen=True, slots=True)
class AttemptFindings:
    """The findings about one attempt. `arrived` is the interface that accepted the request.

    `seen_source` is the source address that it saw. `notes` are sentences on what is not evaluated, and
    `peers` is as in `TracedConnection`.
    """

    attempt: Attempt
    causes: tuple[Cause, ...]
    path: tuple[PathComponent, ...]
    return_path: tuple[PathComponent, ...]
    arrived: Eni | None = None
    seen_source: str = ""
    notes: tuple[str, ...] = ()
    peers: Mapping[tuple[str, Direction], bool] = field(default_factory=dict)


def is_service(eni: Eni) -> bool:
    """Return whether an AWS service opens connections from an interface, with its own range of ports."""
    return eni.interface_type in _SERVICE_TYPES or eni.description.startswith("ELB ")
