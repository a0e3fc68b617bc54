"""Who decided, by which rule: as data, and as one English sentence each.

Sentences name resources and rules, never the packet's own addresses or ports: one verdict stands for every
packet of its class (see `verdict.Verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.vpc.network import EniId
from connectors.vpc.packets import Direction, Leg

Decider = Literal["security group", "network ACL", "VPC Block Public Access"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one group, ACL or block said at one interface. `rule` is empty when no rule matched."""

    decider: Decider
    resource_id: str
    direction: Direction
    allowed: bool
    rule: str = ""
    rule_id: str = ""
    is_response: bool = False

    @property
    def sentence(self) -> str:
        """One English sentence."""
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
    """What one interface notes of one direction of a flow. Field names are those of the flow log.

    `decisions` are in the order they were asked; `route` is the line of the route table that led on. The
    fields of `next_hop_interface_id` follow from it; it is None where the next hop has no interface.
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
        """The one that rejected, else the last that allowed, else None: nobody was asked."""
        return self.decisions[-1] if self.decisions else None

    @property
    def sentence(self) -> str:
        """One English sentence."""
        said = self.decision.sentence if self.decision else "Nothing filters here."
        return f"{self.action} {self.flow_direction} at {self.interface_id}: {said}"


Ending = Literal["delivered", "left", "rejected", "lost", "unlogged"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a packet ended. `delivered`: at `resource_id`, an interface; `left`: by `resource_id`, a gateway.

    `lost` is what a flow log cannot show: accepted, and yet it did not get there.
    """

    ending: Ending
    resource_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One packet's way through the network: what was noted, in order, and how it ended."""

    records: tuple[Record, ...]
    outcome: Outcome

    @property
    def arrived(self) -> bool:
        """Whether somebody got the packet."""
        return self.outcome.ending in ("delivered", "left")
