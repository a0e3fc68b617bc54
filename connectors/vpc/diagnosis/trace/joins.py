"""The connections between VPCs, whatever the routes are. Pure."""

from __future__ import annotations

from connectors.vpc.diagnosis.trace.findings import Loss
from connectors.vpc.diagnosis.trace.transit import reference_loss
from connectors.vpc.estate import Estate
from connectors.vpc.network import Peering, VpcId


def are_connected(estate: Estate, first: str, second: str) -> bool:
    """Return whether peerings and transit gateways join two VPCs, directly or over others."""
    groups: list[set[str]] = [
        {one.requester_vpc_id, one.accepter_vpc_id}
        for one in estate.resources.peerings
        if one.is_active or one.is_pending
    ]
    hubs: dict[str, set[str]] = {}
    for attachment in estate.resources.attachments:
        hubs.setdefault(attachment.transit_gateway_id, set()).add(attachment.resource_id)
    groups += hubs.values()
    reached, before = {first}, 0
    while before != len(reached):
        before = len(reached)
        for group in groups:
            if group & reached:
                reached |= group
    return second in reached


def peerings_between(estate: Estate, first: str, second: str, *, ended: bool = False) -> list[Peering]:
    """Return the active and pending peerings of two VPCs, active ones first; `ended`: also deleted ones."""
    ends = {VpcId(first), VpcId(second)}
    found = [
        one
        for one in estate.resources.peerings
        if {one.requester_vpc_id, one.accepter_vpc_id} == ends and (ended or one.is_active or one.is_pending)
    ]
    return sorted(found, key=lambda one: (not one.is_active, not one.is_pending))


def transit_between(estate: Estate, first: str, second: str) -> tuple[bool, Loss | None]:
    """Return whether one transit gateway joins two VPCs, and whether it loses references to groups."""
    for gateway_id in dict.fromkeys(one.transit_gateway_id for one in estate.resources.attachments):
        ends = [estate.attachment(gateway_id, one) for one in (first, second)]
        if ends[0] and ends[1] and ends[0].is_available and ends[1].is_available:
            return True, reference_loss(estate, ends[0], ends[1])
    return False, None
