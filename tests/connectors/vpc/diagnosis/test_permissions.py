"""The IAM actions of a diagnosis: the list is exact, and each denial has a defined result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connectors.vpc.diagnosis.account.permissions import ACTIONS, ESSENTIAL_ACTIONS
from tests.connectors.vpc.diagnosis.conftest import Built
from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.between import TABLES
from tests.connectors.vpc.diagnosis.topologies.services import BALANCING

pytestmark = pytest.mark.moto
PREFIXES = {"elbv2": "elasticloadbalancing"}


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


def test_the_others_are_reported_and_the_rest_is_read(built: Built) -> None:
    inventory, _ = read(built(BALANCING)[0], ACTIONS - ESSENTIAL_ACTIONS)
    assert inventory.estate.enis
    assert {"describe_instances", "describe_load_balancers", "describe_db_instances"} <= set(inventory.unread)
    for action in ("ec2:DescribeInternetGateways", "elasticloadbalancing:DescribeTargetHealth"):
        denied, _ = read(built(BALANCING)[0], frozenset({action}))
        assert any("UnauthorizedOperation" in reason for reason in denied.unread.values())
