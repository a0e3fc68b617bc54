"""The builder of a topology by ordinary EC2 calls, at any endpoint: the emulator, LocalStack, AWS.

Each resource has the tag `vpcflow:topology=<name>`. After the last one, each VPC gets the digest of the
topology. So a second build finds the resources of the first and makes none; an incomplete build, or another
topology of the same name, is an error. The phases have AWS's order: a resource is made after those that it
refers to. `calls` bounds, counts and waits; `interfaces` makes the interfaces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Any

from emulator.world.builder.calls import BuildError, Calls, Progress
from emulator.world.builder.found import TaggedResources, look
from emulator.world.builder.interfaces import Interfaces
from emulator.world.builder.requests import acl_entry, permission
from emulator.world.topology.interfaces import PlannedEni, interfaces
from emulator.world.topology.lines import Entry, RouteTarget, Rule, entry
from emulator.world.topology.model import Subnet, Topology, Vpc
from emulator.world.topology.tags import BUILT, name_tag

__all__ = ["BuildError", "Built", "Progress", "build"]

_TARGET_FIELDS = {
    "internet-gateway": "GatewayId",
    "egress-only-internet-gateway": "EgressOnlyInternetGatewayId",
    "nat-gateway": "NatGatewayId",
    "peering": "VpcPeeringConnectionId",
    "transit-gateway": "TransitGatewayId",
    "instance": "NetworkInterfaceId",
    "interface": "NetworkInterfaceId",
}


@dataclass(frozen=True, slots=True)
class Built:
    """The ids of the built resources: `(kind, "vpc/name")` → id, with the kinds of `DescribeTags`."""

    topology: Topology
    ids: Mapping[tuple[str, str], str]
    was_there: bool

    def id(self, kind: str, name: str, vpc: str = "") -> str:
        """Return an id. Raises KeyError if the topology has no such resource."""
        return self.ids[kind, name_tag(vpc, name) if vpc else name]


def digest(topology: Topology) -> str:
    """Return the digest of a topology. Only equal topologies have equal digests."""
    return hashlib.sha256(repr(topology).encode()).hexdigest()[:32]


async def build(client: Any, topology: Topology, progress: Progress | None = None) -> Built:
    """Build a topology, or find its resources. Raises `BuildError` and botocore's errors."""
    planned = interfaces(topology)
    async with Calls(client, topology.name, _steps(topology, planned), progress) as calls:
        found: TaggedResources = await look(calls, topology.name)
        mark = digest(topology)
        if found.is_built_as(mark, len(topology.vpcs)):
            return Built(topology, found.ids, True)
        if found.ids:
            raise BuildError(found.refusal(topology.name, client.meta.endpoint_url))
        await _Builder(calls, topology, planned).run()
        vpcs = [calls.ids["vpc", name] for name in topology.vpcs]
        await calls.ask("create_tags", Resources=vpcs, Tags=[{"Key": BUILT, "Value": mark}])
        return Built(topology, calls.ids, False)


def _steps(topology: Topology, planned: tuple[PlannedEni, ...]) -> int:
    parts = (
        len(v.subnets) + len(v.route_tables) + len(v.security_groups) + 1 for v in topology.vpcs.values()
    )
    return sum(parts) + len(planned)


class _Builder:
    """One build. Each phase uses the ids of the phases before it."""

    def __init__(self, calls: Calls, topology: Topology, planned: tuple[PlannedEni, ...]) -> None:
        self._calls, self._topology = calls, topology
        self._planned = planned
        self._ids = calls.ids
        self._zones: list[str] = []
        self._ipv6: dict[str, IPv6Network] = {}

    async def run(self) -> None:
        """Run all phases."""
        answer = await self._calls.ask("describe_availability_zones")
        self._zones = sorted(zone["ZoneName"] for zone in answer["AvailabilityZones"])
        vpcs = self._topology.vpcs
        await self._calls.each(vpcs.items(), self._vpc)
        await self._calls.each(self._things("security_groups"), self._group)
        await self._calls.each(self._things("route_tables"), self._table)
        await self._calls.each(self._things("network_acls"), self._acl)
        await self._calls.each(self._things("subnets"), self._subnet)
        await self._calls.each(self._topology.peerings, self._peering)
        await self._calls.each(self._topology.transit_gateways, self._transit_gateway)
        await self._calls.each(self._things("security_groups"), self._rules)
        await Interfaces(self._calls, self._topology, self._ipv6).make(self._planned)
        await self._calls.each(self._things("route_tables"), self._routes)

    def _things(self, kind: str) -> list[tuple[str, str, Any]]:
        """Return (VPC, name, record) of each resource of a kind in all VPCs."""
        return [
            (vpc, *one) for vpc, plan in self._topology.vpcs.items() for one in getattr(plan, kind).items()
        ]

    async def _vpc(self, item: tuple[str, Vpc]) -> None:
        name, plan = item
        ask = self._calls.ask
        vpc = await self._calls.make(
            ("vpc", name), "create_vpc", CidrBlock=plan.cidrs[0], AmazonProvidedIpv6CidrBlock=plan.ipv6
        )
        await self._calls.settled("describe_vpcs", "Vpcs", VpcIds=[vpc])
        for block in plan.cidrs[1:]:
            await ask("associate_vpc_cidr_block", VpcId=vpc, CidrBlock=block)
        await ask("modify_vpc_attribute", VpcId=vpc, EnableDnsHostnames={"Value": True})
        if plan.ipv6:
            self._ipv6[name] = await self._ipv6_block(vpc)
            await self._open_default_acl(vpc)
        if plan.internet_gateway:
            gateway = await self._calls.make(
                ("internet-gateway", name_tag(name, "internet-gateway")), "create_internet_gateway"
            )
            await ask("attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
        if plan.egress_only_internet_gateway:
            key = ("egress-only-internet-gateway", name_tag(name, "egress-only-internet-gateway"))
            await self._calls.make(key, "create_egress_only_internet_gateway", VpcId=vpc)
        self._calls.step()

    async def _ipv6_block(self, vpc: str) -> IPv6Network:
        def block(answer: Mapping[str, Any]) -> str:
            sets = answer["Vpcs"][0].get("Ipv6CidrBlockAssociationSet") or ()
            return next((one["Ipv6CidrBlock"] for one in sets if one.get("Ipv6CidrBlock")), "")

        return IPv6Network(await self._calls.until(block, "describe_vpcs", VpcIds=[vpc]))

    async def _open_default_acl(self, vpc: str) -> None:
        """Allow IPv6 in the default network ACL, as AWS does: VPC guide, “Default network ACL”."""
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}]
        answer = await self._calls.ask("describe_network_acls", Filters=filters)
        (acl,) = answer["NetworkAcls"]
        if any(one.get("Ipv6CidrBlock") for one in acl["Entries"]):
            return
        for way in ("in", "out"):
            request = acl_entry(entry(f"101 {way} allow all ::/0"))
            await self._calls.ask("create_network_acl_entry", NetworkAclId=acl["NetworkAclId"], **request)

    async def _subnet(self, item: tuple[str, str, Subnet]) -> None:
        vpc, name, plan = item
        request: dict[str, Any] = {
            "VpcId": self._ids["vpc", vpc],
            "CidrBlock": plan.cidr,
            "AvailabilityZone": self._zones[(ord(plan.zone) - ord("a")) % len(self._zones)],
        }
        if plan.ipv6 is not None:
            request["Ipv6CidrBlock"] = str(list(self._ipv6[vpc].subnets(new_prefix=64))[plan.ipv6])
        subnet = await self._calls.make(("subnet", name_tag(vpc, name)), "create_subnet", **request)
        if plan.maps_public_ip:
            await self._calls.ask(
                "modify_subnet_attribute", SubnetId=subnet, MapPublicIpOnLaunch={"Value": True}
            )
        if plan.route_table:
            table = self._ids["route-table", name_tag(vpc, plan.route_table)]
            await self._calls.ask("associate_route_table", RouteTableId=table, SubnetId=subnet)
        if plan.network_acl:
            await self._use_acl(subnet, self._ids["network-acl", name_tag(vpc, plan.network_acl)])
        self._calls.step()

    async def _use_acl(self, subnet: str, acl: str) -> None:
        answer = await self._calls.ask(
            "describe_network_acls", Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
        )
        now = next(
            one["NetworkAclAssociationId"]
            for described in answer["NetworkAcls"]
            for one in described["Associations"]
            if one["SubnetId"] == subnet
        )
        await self._calls.ask("replace_network_acl_association", AssociationId=now, NetworkAclId=acl)

    async def _table(self, item: tuple[str, str, object]) -> None:
        vpc, name, _ = item
        key = ("route-table", name_tag(vpc, name))
        await self._calls.make(key, "create_route_table", VpcId=self._ids["vpc", vpc])
        self._calls.step()

    async def _acl(self, item: tuple[str, str, tuple[Entry, ...]]) -> None:
        vpc, name, entries = item
        key = ("network-acl", name_tag(vpc, name))
        acl = await self._calls.make(key, "create_network_acl", VpcId=self._ids["vpc", vpc])
        for one in entries:
            await self._calls.ask("create_network_acl_entry", NetworkAclId=acl, **acl_entry(one))

    async def _group(self, item: tuple[str, str, Any]) -> None:
        vpc, name, plan = item
        await self._calls.make(
            ("security-group", name_tag(vpc, name)),
            "create_security_group",
            VpcId=self._ids["vpc", vpc],
            GroupName=name,
            Description=plan.description,
        )
        self._calls.step()

    async def _rules(self, item: tuple[str, str, Any]) -> None:
        vpc, name, plan = item
        group = self._ids["security-group", name_tag(vpc, name)]
        if plan.ingress:
            await self._calls.ask(
                "authorize_security_group_ingress",
                GroupId=group,
                IpPermissions=[self._permission(vpc, rule) for rule in plan.ingress],
            )
        if plan.egress is None:
            return
        # A new group lets everything out, in IPv6 too if its VPC has that: EC2 guide, “Security group rules”.
        everything: dict[str, Any] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        if self._topology.vpcs[vpc].ipv6:
            everything["Ipv6Ranges"] = [{"CidrIpv6": "::/0"}]
        await self._calls.ask("revoke_security_group_egress", GroupId=group, IpPermissions=[everything])
        if plan.egress:
            await self._calls.ask(
                "authorize_security_group_egress",
                GroupId=group,
                IpPermissions=[self._permission(vpc, rule) for rule in plan.egress],
            )

    def _permission(self, vpc: str, rule: Rule) -> dict[str, Any]:
        if rule.is_block:
            return permission(rule)
        of, _, group = rule.peer.rpartition("/")
        return permission(rule, self._ids["security-group", name_tag(of or vpc, group)])

    async def _peering(self, name: str) -> None:
        plan = self._topology.peerings[name]
        peering = await self._calls.make(
            ("vpc-peering-connection", name),
            "create_vpc_peering_connection",
            VpcId=self._ids["vpc", plan.requester],
            PeerVpcId=self._ids["vpc", plan.accepter],
        )
        await self._calls.until(
            lambda answer: answer["VpcPeeringConnections"][0]["Status"]["Code"] == "pending-acceptance",
            "describe_vpc_peering_connections",
            VpcPeeringConnectionIds=[peering],
        )
        await self._calls.ask("accept_vpc_peering_connection", VpcPeeringConnectionId=peering)

    async def _transit_gateway(self, name: str) -> None:
        plan = self._topology.transit_gateways[name]
        gateway = await self._calls.make(("transit-gateway", name), "create_transit_gateway")
        await self._calls.settled("describe_transit_gateways", "TransitGateways", TransitGatewayIds=[gateway])

        async def attach(item: tuple[str, tuple[str, ...]]) -> None:
            vpc, subnets = item
            attachment = await self._calls.make(
                ("transit-gateway-attachment", name_tag(vpc, name)),
                "create_transit_gateway_vpc_attachment",
                TransitGatewayId=gateway,
                VpcId=self._ids["vpc", vpc],
                SubnetIds=[self._ids["subnet", name_tag(vpc, subnet)] for subnet in subnets],
            )
            await self._calls.settled(
                "describe_transit_gateway_vpc_attachments",
                "TransitGatewayVpcAttachments",
                TransitGatewayAttachmentIds=[attachment],
            )
            await self._calls.tag(attachment, name_tag(vpc, name))  # moto takes them here only

        await self._calls.each(plan.attachments.items(), attach)

    async def _routes(self, item: tuple[str, str, Mapping[str, RouteTarget]]) -> None:
        vpc, name, routes = item
        table = self._ids["route-table", name_tag(vpc, name)]
        for destination, target in routes.items():
            field = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
            where = {_TARGET_FIELDS[target.kind]: self._target(vpc, target)}
            await self._calls.ask("create_route", RouteTableId=table, **{field: destination}, **where)

    def _target(self, vpc: str, target: RouteTarget) -> str:
        if target.kind in ("peering", "transit-gateway"):
            kind = "vpc-peering-connection" if target.kind == "peering" else target.kind
            return self._ids[kind, target.name]
        if target.kind in ("instance", "interface"):
            prefix = "interface/" if target.kind == "interface" else ""
            return self._ids["network-interface", name_tag(vpc, f"{prefix}{target.name}")]
        kind = "natgateway" if target.kind == "nat-gateway" else target.kind
        return self._ids[kind, name_tag(vpc, target.name or target.kind)]
