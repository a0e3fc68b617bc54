"""The interfaces of a topology: those of instances, gateways and endpoints, and replacements of services'.

AWS makes and describes the interface of a NAT gateway, an endpoint or an attachment. moto makes it with an
address of its own choice and no description, or not at all. This module adds what is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from ipaddress import IPv6Network
from typing import Any

from botocore.exceptions import ClientError

from connectors.vpc.ec2.stand_ins import AS_AWS
from emulator.world.builder.calls import Calls
from emulator.world.topology.interfaces import Maker, PlannedEni
from emulator.world.topology.model import Topology
from emulator.world.topology.tags import as_aws_tag, name_tag

# RunInstances takes a public parameter of Systems Manager for an image: EC2 guide, “Reference AMIs using
# Systems Manager parameters”. moto takes any text.
IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
FILTER_VALUES_MAX = 200
"""EC2 API reference, “Filtering”: so many values at most."""
_OWNERS: dict[Maker, str] = {
    "nat-gateway": "natgateway",
    "endpoint": "vpc-endpoint",
    "attachment": "transit-gateway-attachment",
}


class Interfaces:
    """The maker of interfaces. `ipv6` has the IPv6 block of each VPC."""

    def __init__(self, calls: Calls, topology: Topology, ipv6: Mapping[str, IPv6Network]) -> None:
        self._calls, self._topology, self._ipv6 = calls, topology, ipv6
        self._ids = calls.ids
        self._region = ""
        self._owners: dict[str, str] = {}  # an interface's id or description → its owner

    async def make(self, planned: tuple[PlannedEni, ...]) -> None:
        """Make all interfaces, each before the resource that uses it, and the addresses before the routes."""
        by_maker: dict[Maker, list[PlannedEni]] = defaultdict(list)
        for eni in planned:
            by_maker[eni.maker].append(eni)
        await self._calls.each(by_maker["nobody"] + by_maker["instance"], self._eni)
        await self._calls.each(by_maker["instance"], self._instance)
        await self._calls.each([eni for eni in planned if _has_own_address(eni)], self._public_address)
        await self._calls.each(by_maker["nat-gateway"], self._nat_gateway)
        await self._endpoints(by_maker["endpoint"])
        await self._adopt([eni for eni in planned if eni.maker in _OWNERS])

    async def _eni(self, eni: PlannedEni, description: str = "") -> None:
        request: dict[str, Any] = {
            "SubnetId": self._subnet(eni),
            "PrivateIpAddress": eni.address,
            "Description": description or eni.description,
        }
        if eni.groups:
            request["Groups"] = self._groups(eni)
        if eni.has_ipv6:
            request["Ipv6Addresses"] = [{"Ipv6Address": self._ipv6_address(eni)}]
        tag = as_aws_tag(eni)
        key = ("network-interface", name_tag(eni.vpc, eni.name))
        made = await self._calls.make(
            key, "create_network_interface", {AS_AWS: tag} if tag else None, **request
        )
        if not eni.source_dest_check and eni.maker == "instance":
            await self._calls.ask(
                "modify_network_interface_attribute",
                NetworkInterfaceId=made,
                SourceDestCheck={"Value": False},
            )
        self._calls.step()

    async def _instance(self, eni: PlannedEni) -> None:
        interface = self._ids["network-interface", name_tag(eni.vpc, eni.name)]
        await self._calls.make(
            ("instance", name_tag(eni.vpc, eni.name)),
            "run_instances",
            ImageId=IMAGE,
            InstanceType=eni.instance_type,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
        )

    async def _public_address(self, eni: PlannedEni) -> None:
        allocation = await self._address(eni)
        interface = self._ids["network-interface", name_tag(eni.vpc, eni.name)]
        await self._calls.ask("associate_address", AllocationId=allocation, NetworkInterfaceId=interface)

    async def _address(self, eni: PlannedEni) -> str:
        """Allocate a public address: the planned one, or another one if the endpoint refuses it."""
        key = ("elastic-ip", name_tag(eni.vpc, eni.name))
        try:
            return await self._calls.make(key, "allocate_address", Domain="vpc", Address=eni.public_ip)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if not code.startswith(("InvalidAddress", "InvalidParameter", "AuthFailure")):
                raise
        return await self._calls.make(key, "allocate_address", Domain="vpc")

    async def _nat_gateway(self, eni: PlannedEni) -> None:
        request: dict[str, Any] = {"ConnectivityType": "private", "PrivateIpAddress": eni.address}
        if eni.public_ip:
            request |= {"ConnectivityType": "public", "AllocationId": await self._address(eni)}
        gateway = await self._calls.make(
            ("natgateway", name_tag(eni.vpc, eni.owner)),
            "create_nat_gateway",
            SubnetId=self._subnet(eni),
            **request,
        )
        settled = await self._calls.settled("describe_nat_gateways", "NatGateways", NatGatewayIds=[gateway])
        addresses = settled["NatGatewayAddresses"]
        self._owners |= {one["NetworkInterfaceId"]: gateway for one in addresses if one["NetworkInterfaceId"]}

    async def _endpoints(self, planned: list[PlannedEni]) -> None:
        session_region = (await self._calls.ask("describe_availability_zones"))["AvailabilityZones"][0]
        self._region = session_region["RegionName"]
        of: dict[tuple[str, str], list[PlannedEni]] = defaultdict(list)
        for eni in planned:
            of[eni.vpc, eni.owner].append(eni)
        names = [(vpc, name) for vpc, plan in self._topology.vpcs.items() for name in plan.endpoints]

        async def endpoint(named: tuple[str, str]) -> None:
            await self._endpoint(*named, of[named])

        await self._calls.each(names, endpoint)

    async def _endpoint(self, vpc: str, name: str, enis: list[PlannedEni]) -> None:
        plan = self._topology.vpcs[vpc].endpoints[name]
        request: dict[str, Any] = {
            "VpcId": self._ids["vpc", vpc],
            "ServiceName": f"com.amazonaws.{self._region}.{plan.service}",
            "VpcEndpointType": plan.type.capitalize(),
        }
        if plan.type == "gateway":
            tables = [self._ids["route-table", name_tag(vpc, one)] for one in plan.route_tables]
            request["RouteTableIds"] = tables
        else:
            request["SubnetIds"] = [self._subnet(eni) for eni in enis]
            request["SubnetConfigurations"] = [
                {"SubnetId": self._subnet(eni), "Ipv4": eni.address} for eni in enis
            ]
            if plan.groups:
                request["SecurityGroupIds"] = self._groups(enis[0])
        made = await self._calls.make(("vpc-endpoint", name_tag(vpc, name)), "create_vpc_endpoint", **request)
        if not enis:
            return

        def all_of_them(answer: Mapping[str, Any]) -> list[str] | None:
            found: list[str] = answer["VpcEndpoints"][0].get("NetworkInterfaceIds") or []
            return found if len(found) >= len(enis) else None

        found = await self._calls.until(all_of_them, "describe_vpc_endpoints", VpcEndpointIds=[made])
        self._owners |= dict.fromkeys(found or (), made)

    async def _adopt(self, planned: list[PlannedEni]) -> None:
        """Keep the interfaces that the endpoint made for gateways, endpoints, attachments; make the others.

        One call reads many of them, because moto scans all interfaces at each call, and AWS throttles.
        """
        for eni in planned:
            if eni.maker == "attachment":
                self._owners[self._described(eni)] = self._owner(eni)
        there: dict[tuple[str, str], Mapping[str, Any]] = {}
        ids = [one for one in self._owners if one.startswith("eni-")]
        texts = [one for one in self._owners if not one.startswith("eni-")]
        for field, values in (("network-interface-id", ids), ("description", texts)):
            for place in range(0, len(values), FILTER_VALUES_MAX):
                filters = [{"Name": field, "Values": values[place : place + FILTER_VALUES_MAX]}]
                for one in await self._calls.pages(
                    "describe_network_interfaces", "NetworkInterfaces", Filters=filters
                ):
                    owner = self._owners.get(one["NetworkInterfaceId"]) or self._owners[one["Description"]]
                    there[owner, one["SubnetId"]] = one

        async def keep_or_put(eni: PlannedEni) -> None:
            found = there.get((self._owner(eni), self._subnet(eni)))
            await (self._keep(eni, found) if found else self._eni(eni, self._described(eni)))

        await self._calls.each(planned, keep_or_put)

    async def _keep(self, eni: PlannedEni, found: Mapping[str, Any]) -> None:
        """Tag an interface that the endpoint made. If the endpoint did not describe it, do so as AWS does."""
        name, interface = name_tag(eni.vpc, eni.name), found["NetworkInterfaceId"]
        self._ids["network-interface", name] = interface
        if found.get("Description") == self._described(eni):
            await self._calls.tag(interface, name)
        else:
            # One attribute at a time, says the API.
            attributes: list[dict[str, Any]] = [{"Description": {"Value": self._described(eni)}}]
            attributes += [{"Groups": self._groups(eni)}] if eni.groups else []
            for attribute in attributes:
                await self._calls.ask(
                    "modify_network_interface_attribute", NetworkInterfaceId=interface, **attribute
                )
            await self._calls.tag(interface, name, {AS_AWS: as_aws_tag(eni)})
        self._calls.step()

    def _owner(self, eni: PlannedEni) -> str:
        return self._ids[_OWNERS[eni.maker], name_tag(eni.vpc, eni.owner)]

    def _described(self, eni: PlannedEni) -> str:
        return eni.description.format(id=self._owner(eni))

    def _subnet(self, eni: PlannedEni) -> str:
        return self._ids["subnet", name_tag(eni.vpc, eni.subnet)]

    def _groups(self, eni: PlannedEni) -> list[str]:
        return [self._ids["security-group", name_tag(eni.vpc, group)] for group in eni.groups]

    def _ipv6_address(self, eni: PlannedEni) -> str:
        """Return the address in the subnet's /64 with the same last number as in IPv4."""
        number = self._topology.vpcs[eni.vpc].subnets[eni.subnet].ipv6 or 0
        first = int(self._ipv6[eni.vpc].network_address) + (number << 64)
        return str(IPv6Network((first + eni.host, 128)).network_address)


def _has_own_address(eni: PlannedEni) -> bool:
    return bool(eni.public_ip) and eni.maker in ("nobody", "instance")
