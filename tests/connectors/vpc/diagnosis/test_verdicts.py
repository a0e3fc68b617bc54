"""The diagnosis and the verdict of the network model agree: two walks through one network."""

from __future__ import annotations

from itertools import product

import pytest

from connectors.vpc.diagnosis.trace.attempt import Attempt
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import TYPICAL_PORT
from connectors.vpc.diagnosis.trace.states import is_of_service
from connectors.vpc.network import Eni
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import conversation
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.topologies import TOPOLOGIES
from tests.connectors.vpc.diagnosis.topologies.case import Topology

pytestmark = pytest.mark.moto
OUTSIDE = "198.18.0.77"
PORTS = (22, 80, 443, 5432, 8080)


def hosts(enis: tuple[Eni, ...]) -> list[Eni]:
    """Return the interfaces that can take part; the verdict does not require an attachment."""
    return [eni for eni in enis if eni.instance_id and not is_of_service(eni)]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda one: one.name.replace(" ", "-"))
def test_all_pairs_agree(built: Built, topology: Topology) -> None:
    lab, inventory = built(topology)
    estate = inventory.estate
    here = hosts(estate.resources.enis)
    different = []
    for (source, to), port in product(product([*here, None], repeat=2), PORTS):
        if source is to:
            continue
        if source and source.interface_id == lab.ids.get("eni-c4"):
            continue  # its NAT instance: the verdict takes an appliance for one that does not translate
        srcaddr = source.private_ips[0] if source else OUTSIDE
        dstaddr = (
            to.private_ips[0] if to and source else to.public_ips[0][1] if to and to.public_ips else OUTSIDE
        )
        if srcaddr == OUTSIDE == dstaddr:
            continue
        flow = Flow(source.interface_id if source else "", srcaddr, dstaddr, 6, TYPICAL_PORT, port)
        told = conversation(estate, flow)
        found = examine(estate, Attempt(source, to, srcaddr, dstaddr, 6, port), {})
        if any(cause.code == "INGRESS_RTB_TRAFFIC_REDIRECTION" for cause in found.causes):
            continue  # the verdict does not know that a middlebox drops what it did not see
        is_there = not to or told.request.outcome.resource_id == to.interface_id
        if (told.succeeded and is_there) != (not found.causes):
            different.append((flow, told.sentence, found.causes))
    assert not different
