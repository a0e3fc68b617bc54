"""Paths that leave the described network: undetermined, unless a cause is known before."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.trace.findings import Undetermined
from tests.connectors.vpc.diagnosis.lab import Lab
from tests.connectors.vpc.diagnosis.topologies.services import balancer, listen, targets

pytestmark = pytest.mark.moto
OTHER = "000000000992"


@pytest.fixture(scope="module")
def lab(lab_url: str) -> Lab:
    """A VPC with a virtual private gateway, a peering to another account, and endpoints with policies."""
    made, other = Lab(lab_url, "000000000991"), Lab(lab_url, OTHER)
    made.vpc("a", "10.0.0.0/16")
    made.subnet("s", "a", "10.0.0.0/24")
    made.vgw("vgw", "a")
    made.table("rtb", "a", {"0.0.0.0/0": "vgw"}, "s")
    made.group("sg", "a", "all 0.0.0.0/0")
    made.group("sg-shut", "a", egress=())
    made.host("host", "s", "sg")
    made.host("shut", "s", "sg-shut")
    other.vpc("b", "10.1.0.0/16")
    asked = made.ec2.create_vpc_peering_connection(
        VpcId=made.id("a"), PeerVpcId=other.id("b"), PeerOwnerId=OTHER
    )
    made.ids["pcx"] = asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    other.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made.id("pcx"))
    made.route("rtb", "10.1.0.0/16", "pcx")
    deny = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}
    for name, more in (("strict", {"PolicyDocument": json.dumps(deny)}), ("open", {})):
        found = made.ec2.create_vpc_endpoint(
            VpcId=made.id("a"),
            ServiceName="com.amazonaws.us-east-1.ssm",
            VpcEndpointType="Interface",
            SubnetIds=[made.id("s")],
            SecurityGroupIds=[made.id("sg")],
            **more,
        )
        made.ids[name] = found["VpcEndpoint"]["VpcEndpointId"]
    targets(made, "tg", "a", 8080, "host")
    listen(made, balancer(made, "web", ("s",), ("sg",), scheme="internal"), 80, "tg")
    return made


@pytest.fixture(scope="module")
def inventory(lab: Lab) -> Inventory:
    """The account as the APIs describe it."""
    return lab.read()


@pytest.mark.parametrize(
    ("destination", "sentence"),
    [
        ("internet", "leaves by vgw-"),
        ("203.0.113.9", "leaves by vgw-"),
        ("10.1.0.9", "another account or Region"),
    ],
)
def test_a_path_that_leaves_is_undetermined(
    lab: Lab, inventory: Inventory, destination: str, sentence: str
) -> None:
    with pytest.raises(Undetermined, match=sentence):
        diagnose(inventory, lab.id("host"), destination, "tcp", 443)


@pytest.mark.parametrize("destination", ["internet", "10.1.0.9"])
def test_a_cause_before_that_is_a_verdict(lab: Lab, inventory: Inventory, destination: str) -> None:
    found = diagnose(inventory, lab.id("shut"), destination, "tcp", 443)
    assert [(cause.code, cause.component) for cause in found.causes] == [
        ("SG_HAS_NO_RULES", lab.id("sg-shut"))
    ]
    assert "cannot be followed further" in " ".join(found.notes)


def test_a_policy_of_an_endpoint_is_reported_as_unknown(lab: Lab, inventory: Inventory) -> None:
    found = diagnose(inventory, lab.id("host"), lab.id("strict"), "tcp", 443)
    assert found.is_reachable
    assert lab.id("strict") in " ".join(found.notes)
    assert not diagnose(inventory, lab.id("host"), lab.id("open"), "tcp", 443).notes


def test_a_group_of_another_account_is_unknown(lab: Lab, inventory: Inventory) -> None:
    estate = inventory.estate
    foreign = replace(estate.enis[lab.id("eni-shut")], groups=("sg-foreign",))  # type: ignore[index,arg-type]
    enis = tuple(
        foreign if one.interface_id == foreign.interface_id else one for one in estate.resources.enis
    )
    changed = replace(inventory, estate=estate.with_changes(enis=enis))
    with pytest.raises(Undetermined, match="sg-foreign"):
        diagnose(changed, lab.id("host"), lab.id("shut"), "tcp", 443)
