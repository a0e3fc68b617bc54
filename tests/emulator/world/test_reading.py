"""What is read back from an endpoint is what was described there, and packets can be judged by it."""

from __future__ import annotations

import re

import pytest

from connectors.vpc.addresses import number_of
from connectors.vpc.ec2 import reading
from connectors.vpc.network import Eni, SecurityGroupRule
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import Conversation, conversation
from emulator.world.builder.building import Built
from emulator.world.topology.interfaces import PlannedEni, interfaces
from emulator.world.topology.lines import RouteTarget, Rule, rule
from tests.emulator.world.stages import Stage

pytestmark = pytest.mark.moto

TCP = 6
OUTSIDE = "203.0.113.9"
KINDS = {"nat-gateway": "natgateway", "peering": "vpc-peering-connection", "interface": "network-interface"}


def target_id(built: Built, vpc: str, target: RouteTarget) -> str:
    """Return the id of what a route should lead to."""
    kind = KINDS.get(target.kind, target.kind)
    return built.id(kind, target.name or kind, "" if target.kind in ("peering", "transit-gateway") else vpc)


def test_routes_lead_where_they_should(stage: Stage) -> None:
    tables = {one.route_table_id: one for one in stage.estate.resources.route_tables}
    for vpc, plan in stage.built.topology.vpcs.items():
        for name, routes in plan.route_tables.items():
            table = tables[stage.built.id("route-table", name, vpc)]
            found = {one.destination.text: one.target for one in table.routes if one.destination}
            local = {block.text for block in stage.estate.vpcs[table.vpc_id].cidrs}
            assert {to: where for to, where in found.items() if to not in local} == {
                to: target_id(stage.built, vpc, target) for to, target in routes.items()
            }


def test_subnets_have_their_blocks_tables_and_acls(stage: Stage) -> None:
    tables = {subnet: t.route_table_id for t in stage.estate.resources.route_tables for subnet in t.subnets}
    acls = {subnet: a.network_acl_id for a in stage.estate.resources.network_acls for subnet in a.subnets}
    for vpc, plan in stage.built.topology.vpcs.items():
        for name, described in plan.subnets.items():
            subnet = stage.estate.subnets[stage.built.id("subnet", name, vpc)]
            assert (subnet.cidrs[0].text, subnet.zone) == (described.cidr, f"eu-west-1{described.zone}")
            assert len(subnet.cidrs) == (1 if described.ipv6 is None else 2)
            if described.route_table:
                assert tables[subnet.subnet_id] == stage.built.id("route-table", described.route_table, vpc)
            if described.network_acl:
                assert acls[subnet.subnet_id] == stage.built.id("network-acl", described.network_acl, vpc)


def test_security_groups_have_their_rules_and_refer_to_each_other(stage: Stage) -> None:
    built = stage.built
    groups = {one.group_id: one for one in stage.estate.resources.security_groups}
    for vpc, plan in built.topology.vpcs.items():

        def meant(rules: tuple[Rule, ...], vpc: str = vpc) -> set[tuple[object, ...]]:
            return {(one.protocol, one.from_port, one.to_port, peer(one, vpc)) for one in rules}

        def peer(rule: Rule, vpc: str) -> str:
            of, _, name = rule.peer.rpartition("/")
            return rule.peer if rule.is_block else built.id("security-group", name, of or vpc)

        everything = tuple(rule(f"all {block}") for block in ("0.0.0.0/0", "::/0")[: 1 + plan.ipv6])
        for name, described in plan.security_groups.items():
            group = groups[built.id("security-group", name, vpc)]
            assert _as_lines(group.ingress) == meant(described.ingress)
            assert _as_lines(group.egress) == meant(
                everything if described.egress is None else described.egress
            )


def _as_lines(rules: tuple[SecurityGroupRule, ...]) -> set[tuple[object, ...]]:
    return {(one.protocol, one.from_port, one.to_port, one.peer) for one in rules}


def test_network_acls_have_their_entries(shop: Stage) -> None:
    acls = {one.network_acl_id: one for one in shop.estate.resources.network_acls}
    found = acls[shop.built.id("network-acl", "data", "shop")]
    lines = [("out " if one.is_egress else "in ") + one.text for one in found.entries if one.number < 32767]
    assert sorted(lines) == [
        "in 100 allow tcp 5432 10.20.0.0/16",
        "in 110 allow tcp 6379 10.20.0.0/16",
        "in 120 allow tcp 5432 10.30.0.0/16",
        "in 130 allow tcp 1024-65535 10.20.0.0/16",
        "out 100 allow tcp 1024-65535 10.20.0.0/16",
        "out 110 allow tcp 1024-65535 10.30.0.0/16",
    ]
    public = acls[shop.built.id("network-acl", "public", "shop")]
    texts = {one.text for one in public.entries}
    assert {"90 deny tcp 22 0.0.0.0/0", "101 allow all ::/0"} <= texts


def test_gateways_peerings_and_attachments_stand(shop: Stage) -> None:
    estate, built = shop.estate, shop.built
    (peering,) = estate.resources.peerings
    assert peering.is_active
    ends = (built.id("vpc", "shop"), built.id("vpc", "tools"))
    assert (peering.requester_vpc_id, peering.accepter_vpc_id) == ends
    hub = built.id("transit-gateway", "hub")
    for vpc, subnets in (("shop", ("app-a", "app-b")), ("partner", ("inside",))):
        attachment = estate.attachment(hub, built.id("vpc", vpc))
        assert attachment
        assert attachment.is_available
        assert set(attachment.subnets) == {built.id("subnet", one, vpc) for one in subnets}
        for subnet in attachment.subnets:
            assert estate.attachment_eni(attachment, subnet)
    shop_vpc = built.id("vpc", "shop")
    assert estate.internet_gateway(shop_vpc).startswith("igw-")
    assert any(one.startswith("eigw-") and estate.is_attached(one, shop_vpc) for one in estate.gateways)


def test_endpoints_have_their_services_and_interfaces(shop: Stage) -> None:
    endpoints = {one.endpoint_id: one for one in shop.estate.resources.endpoints}
    secrets = endpoints[shop.built.id("vpc-endpoint", "secrets", "shop")]
    assert set(secrets.interface_ids) == {
        shop.built.id("network-interface", f"endpoint/secrets.app-{zone}", "shop") for zone in "ab"
    }
    # Others read the groups from the interfaces themselves, where moto put the default one.
    raw = shop.ec2.describe_network_interfaces(NetworkInterfaceIds=list(secrets.interface_ids))
    groups = [one["GroupId"] for eni in raw["NetworkInterfaces"] for one in eni["Groups"]]
    assert groups == [shop.built.id("security-group", "endpoints", "shop")] * 2
    s3 = endpoints[shop.built.id("vpc-endpoint", "s3", "shop")]
    assert (s3.endpoint_type, s3.interface_ids) == ("Gateway", ())
    tables = {one.route_table_id: one for one in shop.estate.resources.route_tables}
    for name in ("app-a", "app-b", "data"):
        routes = tables[shop.built.id("route-table", name, "shop")].routes
        listed = [one.prefix_list_id for one in routes if one.target == s3.endpoint_id]
        assert [shop.estate.prefix_lists[one].name for one in listed] == ["com.amazonaws.eu-west-1.s3"]


def test_nat_gateways_have_the_addresses_that_were_planned(stage: Stage) -> None:
    planned = {one.name: one for one in interfaces(stage.built.topology) if one.maker == "nat-gateway"}
    assert len(stage.estate.resources.nat_gateways) == len(planned)
    for one in planned.values():
        nat = stage.estate.nat_gateways[stage.built.id("natgateway", one.owner, one.vpc)]
        assert (nat.private_ip, nat.public_ip) == (one.address, one.public_ip)
        assert nat.subnet_id == stage.built.id("subnet", one.subnet, one.vpc)
        assert stage.eni(one.name, one.vpc).public_ips == ((one.address, one.public_ip),)


# By name → the description that AWS writes, the type, the requester and whether the requester manages it.
AS_AWS_WRITES = {
    "web-1": ("Primary network interface", "interface", "", False),
    "nat-gateway/nat-a": (r"Interface for NAT Gateway nat-\w+", "nat_gateway", r"\d{12}", True),
    "load-balancer/front.public-a": (r"ELB app/front/[0-9a-f]{16}", "interface", "amazon-elb", True),
    "load-balancer/internal.app-b": (
        *(r"ELB net/internal/[0-9a-f]{16}", "network_load_balancer"),
        *("amazon-elb", True),
    ),
    "database/orders": ("RDSNetworkInterface", "interface", "amazon-rds", True),
    "database/orders-standby": ("RDSNetworkInterface", "interface", "amazon-rds", True),
    "database/catalogue-2": ("RDSNetworkInterface", "interface", "amazon-rds", True),
    "cache/sessions-001": ("ElastiCache sessions-001", "interface", "amazon-elasticache", True),
    "function/reports.app-a": (
        *(r"AWS Lambda VPC ENI-reports-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "lambda"),
        *(r"AROA[0-9A-F]{17}:reports", False),
    ),
    "endpoint/secrets.app-a": (r"VPC Endpoint Interface vpce-\w+", "vpc_endpoint", r"\d{12}", True),
    "attachment/hub.app-b": (
        *(r"Network Interface for Transit Gateway Attachment tgw-attach-\w+", "transit_gateway"),
        *(r"\d{12}", True),
    ),
}


@pytest.mark.parametrize("name", AS_AWS_WRITES)
def test_an_interface_is_described_as_aws_does(shop: Stage, name: str) -> None:
    description, interface_type, requester, is_managed = AS_AWS_WRITES[name]
    eni = shop.eni(name, "shop")
    assert re.fullmatch(description, eni.description)
    assert eni.interface_type == interface_type
    if requester:
        assert re.fullmatch(requester, eni.requester_id)
    assert eni.is_requester_managed == is_managed
    assert bool(eni.instance_id) == (name == "web-1")


def test_every_interface_is_where_it_was_planned(stage: Stage) -> None:
    built = stage.built
    planned = interfaces(built.topology)
    assert len(stage.estate.enis) == len(planned)
    for one in planned:
        eni = stage.eni(one.name, one.vpc)
        assert (eni.private_ips, eni.subnet_id) == ((one.address,), built.id("subnet", one.subnet, one.vpc))
        assert [public for _, public in eni.public_ips] == ([one.public_ip] if one.public_ip else [])
        assert _groups(stage, one, eni) == {
            built.id("security-group", group, one.vpc) for group in one.groups
        }
        assert eni.source_dest_check == one.source_dest_check
        assert len(eni.ipv6_addresses) == one.has_ipv6
        for address in eni.ipv6_addresses:
            assert number_of(address) in stage.estate.subnets[eni.subnet_id].cidrs[1]


def _groups(stage: Stage, planned: PlannedEni, eni: Eni) -> set[str]:
    """Return its groups; without any it has its VPC's default one, if it has some at all."""
    default = {one.group_id for one in stage.estate.resources.security_groups if one.name == "default"}
    assert planned.has_groups or not eni.groups
    return set(eni.groups) - default


def test_instances_have_their_types(shop: Stage) -> None:
    instance = shop.told.instances[shop.built.id("instance", "api-1", "shop")]
    assert (instance.instance_type, instance.is_nitro) == ("m6i.large", True)
    assert instance.tags["Name"] == "shop/api-1"


def test_what_the_endpoint_does_not_play_is_said_and_not_asked_again(small: Stage) -> None:
    assert set(small.told.missing) == {
        "describe_vpc_block_public_access_exclusions",
        "describe_vpc_block_public_access_options",
    }
    asked: list[str] = []
    small.ec2.meta.events.register("before-call", lambda model, **_: asked.append(model.name), "count")
    try:
        again = reading.read(small.ec2, small.told.missing)
    finally:
        small.ec2.meta.events.unregister("before-call", unique_id="count")
    assert "DescribeVpcs" in asked
    assert not any("BlockPublicAccess" in one for one in asked)
    assert (again.missing, again.instances) == (small.told.missing, small.told.instances)
    assert again.estate.resources == small.estate.resources


def judged(stage: Stage, of: tuple[str, str], to: tuple[str, str], port: int) -> Conversation:
    """Judge TCP from one interface, (VPC, name), to another."""
    source, target = stage.eni(of[1], of[0]), stage.eni(to[1], to[0])
    flow = Flow(source.interface_id, source.private_ips[0], target.private_ips[0], TCP, 40000, port)
    return conversation(stage.estate, flow)


WEB, API = ("shop", "web-1"), ("shop", "api-2")
ORDERS, FRONT = ("shop", "database/orders"), ("shop", "load-balancer/front.public-a")


@pytest.mark.parametrize(
    ("of", "to", "port"),
    [
        (FRONT, WEB, 8080),
        (WEB, API, 9000),
        (API, ORDERS, 5432),
        (API, ("shop", "cache/sessions-001"), 6379),
        (("shop", "function/reports.app-a"), ORDERS, 5432),
        (WEB, ("shop", "endpoint/secrets.app-b"), 443),
        (("tools", "bastion"), WEB, 22),  # by the peering, and by a group of the other VPC
        (API, ("partner", "ledger"), 443),  # by the transit gateway
    ],
)
def test_the_shop_lets_through_what_it_means_to(
    shop: Stage, of: tuple[str, str], to: tuple[str, str], port: int
) -> None:
    told = judged(shop, of, to, port)
    assert told.succeeded, told.sentence


def test_a_security_group_rejects_what_it_does_not_name(shop: Stage) -> None:
    told = judged(shop, API, ("tools", "monitor"), 22)
    assert not told.succeeded
    told = judged(shop, WEB, ("shop", "api-1"), 22)
    last = told.records[-1]
    assert (last.action, last.flow_direction) == ("REJECT", "ingress")
    assert last.decision
    group = shop.built.id("security-group", "api", "shop")
    assert (last.decision.decider, last.decision.resource_id) == ("security group", group)


def test_the_data_subnets_reject_the_front_by_its_group(shop: Stage) -> None:
    told = judged(shop, FRONT, ORDERS, 5432)
    assert not told.succeeded
    assert [one.action for one in told.records] == ["ACCEPT", "REJECT"]
    assert told.records[-1].decision
    assert told.records[-1].decision.resource_id == shop.built.id("security-group", "orders", "shop")


def test_the_internet_is_reached_by_the_nat_gateway(shop: Stage) -> None:
    api = shop.eni("api-1", "shop")
    told = conversation(shop.estate, Flow(api.interface_id, api.private_ips[0], OUTSIDE, TCP, 40000, 443))
    assert told.succeeded, told.sentence
    nat = shop.eni("nat-gateway/nat-a", "shop")
    assert nat.interface_id in [one.interface_id for one in told.records]
    left = [one for one in told.records if one.leg == "request"][-1]
    assert (left.interface_id, left.pkt_dstaddr) == (nat.interface_id, OUTSIDE)


def test_ipv6_leaves_by_the_egress_only_gateway(shop: Stage) -> None:
    api = shop.eni("api-1", "shop")
    flow = Flow(api.interface_id, api.ipv6_addresses[0], "2001:db8:9::9", TCP, 40000, 443)
    told = conversation(shop.estate, flow)
    assert told.succeeded, told.sentence
    assert told.request.outcome.resource_id.startswith("eigw-")
    back = conversation(shop.estate, Flow("", "2001:db8:9::9", api.ipv6_addresses[0], TCP, 40000, 9000))
    assert not back.succeeded
