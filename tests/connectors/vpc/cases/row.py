"""One documented case: a flow in an estate, what AWS says comes of it, and where it says so.

A record is written `web in ACCEPT 203.0.113.5>10.0.0.10`; when the packet's own addresses differ, they follow
as ` pkt 10.0.1.5>203.0.113.5`. Addresses may be left out. `inferred` marks our reading where AWS is silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.vpc.estate import Estate
from connectors.vpc.packets import Flow
from tests.connectors.vpc.estates import ENIS, ROUTES, estate

BASE = estate()
HOME = "203.0.113.12"
HOST = "203.0.113.5"
TCP, UDP, ICMP, ESP, ICMPV6 = 6, 17, 1, 50, 58
ADDRESSES = {one.interface_id.removeprefix("eni-"): one.private_ips[0] for one in ENIS}

EX_SG = "VPC guide, Flow log record examples: Security group and network ACL rules"
EX_NAT = "VPC guide, Flow log record examples: Traffic through a NAT gateway"
EX_TGW = "VPC guide, Flow log record examples: Traffic through a transit gateway"
EX_RDP = "VPC guide, Flow log record examples: Accepted and rejected traffic"
EX_V6 = "VPC guide, Flow log record examples: IPv6 traffic"
LIM = "VPC guide, Flow log limitations"
REC = "VPC guide, Flow log records: available fields"
SG = "VPC guide, Control traffic using security groups: basics"
SG_RULES = "VPC guide, Security group rules"
SG_PEER = "Peering guide, Update your security groups to reference peer security groups"
TRACK = "EC2 guide, Security group connection tracking"
NACL = "VPC guide, Network ACL basics"
NACL_RULES = "VPC guide, Network ACL rules"
EPHEMERAL = "VPC guide, Ephemeral ports"
PRIORITY = "VPC guide, How route priority works"
ROUTES_ = "VPC guide, Route table concepts: routes"
MIDDLEBOX = "VPC guide, Routing for a middlebox appliance"
IGW = "VPC guide, Internet gateways"
EIGW = "VPC guide, Egress-only internet gateways"
NAT = "VPC guide, NAT gateways"
NAT_IN = "re:Post knowledge centre, Is my public NAT gateway accepting inbound traffic from the internet?"
PEER = "Peering guide, VPC peering limitations"
TGW = "Transit Gateway guide, How transit gateways work: routing"
TGW_ACL = "Transit Gateway guide, Network ACLs for transit gateways"
TGW_SG = "Transit Gateway guide, Security group referencing"
BPA = "VPC guide, Block public access to VPCs and subnets"
ENDPOINT = "PrivateLink guide, Gateway endpoints: routing"
INTERFACE = "PrivateLink guide, Interface endpoints: security groups"
R42 = "VPC guide, Flow log limitations: addresses"
R43 = "VPC guide, Flow log records: action"


@dataclass(frozen=True)
class Case:
    """One row. `last` is how the last packet ended; `rule` is part of the sentence that says who decided."""

    name: str
    source: str
    flow: Flow
    records: tuple[str, ...]
    estate: Estate = BASE
    last: str = ""
    rule: str = ""


def flow(start: str, to: str, protocol: int = TCP, port: int = 0, **more: Any) -> Flow:
    """Return a flow between interfaces by name, or addresses; `start` outside is the internet's."""
    is_eni = start in ADDRESSES
    srcport = more.pop("srcport", 40000)
    ports = (srcport, port) if protocol in (TCP, UDP) else (0, 0)
    ends = (ADDRESSES.get(start, start), ADDRESSES.get(to, to))
    origin = more.pop("origin", f"eni-{start}" if is_eni else "")
    return Flow(origin, more.pop("srcaddr", ends[0]), ends[1], protocol, *ports, **more)


def group(
    name: str, ingress: tuple[str, ...], egress: tuple[str, ...] = ("all 0.0.0.0/0", "all ::/0")
) -> Any:
    """Return the estate with one group changed."""
    return estate(groups={name: (ingress, egress)})


def acl(subnet: str, *entries: str, **more: Any) -> Estate:
    """Return the estate with one network ACL changed."""
    return estate(acls={subnet: entries}, **more)


def routes(subnet: str, *lines: str, **more: Any) -> Estate:
    """Return the estate with routes put before a subnet's own."""
    return estate(routes={subnet: (*lines, *ROUTES[subnet])}, **more)


WEB = "198.51.100.10"
PING = flow(HOME, WEB, ICMP)
PING_IN = f"web in ACCEPT {HOME}>10.0.0.10"
PING_OUT = f"web out ACCEPT 10.0.0.10>{HOME}"
WEB_80 = ("web in ACCEPT", "web out ACCEPT")
PING_RULES = {"sg-web": (("icmp 0.0.0.0/0",), ())}
APP_DB = flow("app", "db", port=5432)
BOTH = ("app out ACCEPT", "db in ACCEPT", "db out ACCEPT", "app in ACCEPT")
DB_REFUSES = ("app out ACCEPT", "db in REJECT")
