"""The IAM actions of a diagnosis: the list is exact, and each denial has a defined result."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connectors.vpc.diagnosis.account.connection_end import UnknownEnd
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.account.permissions import ACTIONS, ESSENTIAL_ACTIONS, NAME_ACTIONS, action_of
from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.trace.findings import Cause, Undetermined
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.between import TABLES
from tests.connectors.vpc.diagnosis.topologies.case import Topology
from tests.connectors.vpc.diagnosis.topologies.internet import WEB_AND_APP
from tests.connectors.vpc.diagnosis.topologies.services import BALANCING

pytestmark = pytest.mark.moto
PREFIXES = {"elbv2": "elasticloadbalancing"}


NOT_BALANCED = {one for one in ACTIONS if one.startswith("elasticloadbalancing:Describe")} - {
    "elasticloadbalancing:DescribeLoadBalancers"
}
NO_TRANSIT = {
    "ec2:SearchTransitGatewayRoutes",
    "ec2:GetTransitGatewayRouteTableAssociations",
    "ec2:GetTransitGatewayRouteTablePropagations",
}
UNUSED = {
    TABLES.name: NOT_BALANCED,
    BALANCING.name: NO_TRANSIT,
    WEB_AND_APP.name: NOT_BALANCED | NO_TRANSIT,
}
"""The actions that are needed only if there is a load balancer or a transit gateway."""
DECIDING = {"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeNetworkAcls"}
"""The actions without which a network with one VPC has no verdict but a negative one."""


class Denier:
    """A hook of a client: it notes every action, and answers those that are denied as AWS does."""

    def __init__(self, denied: frozenset[str]) -> None:
        self.seen: set[str] = set()
        self._denied = denied

    def __call__(self, event_name: str, **more: Any) -> Any:
        """Answer a call, or return None to let it through."""
        service, operation = event_name.split(".")[1:]
        action = f"{PREFIXES.get(_service(service), _service(service))}:{operation}"
        self.seen.add(action)
        if action not in self._denied:
            return None
        error = {"Code": "UnauthorizedOperation", "Message": f"You may not {action}."}
        return SimpleNamespace(status_code=403), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}


def _service(event: str) -> str:
    return {"elastic-load-balancing-v2": "elbv2"}.get(event, event)


def read(lab: Lab, denied: frozenset[str] = frozenset()) -> tuple[Any, set[str]]:
    """Read an account without some permissions; return the inventory and the actions that were used."""
    hook = Denier(denied)
    clients = (lab.ec2, lab.elbv2, lab.rds)
    for client in clients:
        client.meta.events.register("before-call", hook)
    try:
        return lab.read(), hook.seen
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", hook)


def test_the_list_of_actions_is_exact(built: Built) -> None:
    seen: set[str] = set()
    for topology in (TABLES, BALANCING):
        seen |= read(built(topology)[0])[1]
    assert seen == ACTIONS


@pytest.mark.parametrize("action", sorted(ESSENTIAL_ACTIONS))
def test_an_essential_action_that_is_denied_is_an_error(built: Built, action: str) -> None:
    with pytest.raises(ClientError, match=action):
        read(built(TABLES)[0], frozenset({action}))


def answers(lab: Lab, inventory: Inventory, topology: Topology) -> dict[str, frozenset[Cause] | str]:
    """Return the causes of each case, or the message if there is no verdict."""
    found: dict[str, frozenset[Cause] | str] = {}
    for case in topology.cases:
        source, destination, protocol, *port = case.ask.split()
        number = int(port[0]) if port else None
        try:
            told = diagnose(inventory, lab.id(source), lab.id(destination), protocol, number)
            found[case.ask] = frozenset(told.causes)
        except (UnknownEnd, Undetermined) as error:
            found[case.ask] = str(error)
    return found


@pytest.mark.parametrize("action", sorted(ACTIONS - ESSENTIAL_ACTIONS))
@pytest.mark.parametrize("topology", [TABLES, BALANCING, WEB_AND_APP], ids=lambda one: one.name)
def test_without_an_action_the_rest_is_answered(built: Built, topology: Topology, action: str) -> None:
    """Each answer is as before, or names what is unknown; no component is a cause that was none before."""
    lab, whole = built(topology)
    inventory, _ = read(lab, frozenset({action}))
    assert action in {action_of(one) for one in inventory.unread} or action in UNUSED.get(topology.name, ())
    before, now = answers(lab, whole, topology), answers(lab, inventory, topology)
    for ask, causes in now.items():
        if isinstance(causes, str):
            operation = next(one for one in inventory.unread if action_of(one) == action)
            assert operation in causes or "cannot be read" in causes, (ask, causes)
        else:
            known = before[ask]
            assert isinstance(known, frozenset)
            assert causes <= known, (ask, causes)
    assert topology is not WEB_AND_APP or action in DECIDING or any(now[ask] == before[ask] for ask in now)


def test_the_page_lists_every_action() -> None:
    page = (Path(__file__).parents[4] / "docs/diagnose.md").read_text("utf-8")
    named = set(re.findall(r"`((?:ec2|elasticloadbalancing|rds|elasticache|lambda|ecs):\w+)`", page))
    assert named == ACTIONS | NAME_ACTIONS
