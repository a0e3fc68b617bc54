"""The filter decisions about a packet: the resource, the rule, and one English sentence for each decision.

Sentences name resources and rules, never the addresses or ports of the packet: one verdict applies to every
packet of its class (see `verdict.FlowClasses`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.vpc.network import EniId
from connectors.vpc.packets import Direction, Leg

Decider = Literal["security group", "network ACL", "VPC Block Public Access"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one group, ACL or block at one interface. `rule` is empty if no rule matched."""

    decider: Decider
    resource_id: str
    direction: Direction
    allowed: bool
    rule: str = ""
    rule_id: str = ""
    is_response: bool = False

    @property
    def sentence(self) -> str:
        """Return the decision as one English sentence."""
        way = "in" if self.direction == "ingress" else "out"
        verb = "lets it" if self.allowed else "does not let it"
        start = f"{self.decider[0].upper()}{self.decider[1:]} {self.resource_id} {verb} {way}"
        if self.is_response:
            return f"{start} because it answers traffic that the group allowed."
        if self.rule:
            return f"{start} by rule “{self.rule}”."
        return f"{start}: no {'in' if way == 'in' else 'out'}bound rule matches."


@dataclass(frozen=True, slots=True)
class Record:
    """One interface's flow-log record for one direction of a flow. Fields have the names of the flow log.

    `decisions` are in evaluation order. `route` is the route that forwarded the packet. The other next-hop
    fields follow from `next_hop_interface_id`, which is None if the next hop has no interface.
    """

    leg: Leg
    interface_id: EniId
    flow_direction: Direction
    action: Literal["ACCEPT", "REJECT"]
    srcaddr: str
    dstaddr: str
    srcport: int
    dstport: int
    protocol: int
    pkt_srcaddr: str
    pkt_dstaddr: str
    traffic_path: int | None = None
    reject_reason: Literal["BPA"] | None = None
    next_hop_interface_id: EniId | None = None
    route: str = ""
    decisions: tuple[Decision, ...] = ()

    @property
    def decision(self) -> Decision | None:
        """Return the rejection, else the last decision that allowed the packet, else None (no filter)."""
        return self.decisions[-1] if self.decisions else None

    @property
    def sentence(self) -> str:
        """Return the action and its decision as one English sentence."""
        said = self.decision.sentence if self.decision else "Nothing filters here."
        return f"{self.action} {self.flow_direction} at {self.interface_id}: {said}"


Ending = Literal["delivered", "left", "rejected", "lost", "unknown", "unlogged"]


@dataclass(frozen=True, slots=True)
class PathOutcome:
    """The end of a packet's path: `delivered` at interface `resource_id`, or `left` by gateway `resource_id`.

    `lost` is invisible in a flow log: the packet was accepted, but did not reach its destination. `unknown`:
    the estate does not describe where the packet went.
    """

    ending: Ending
    resource_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PacketPath:
    """The path of one packet through the network: the records in order, and the outcome."""

    records: tuple[Record, ...]
    outcome: PathOutcome

    @property
    def arrived(self) -> bool:
        """Return whether the packet was delivered or left the estate."""
        return self.outcome.ending in ("delivered", "left")
