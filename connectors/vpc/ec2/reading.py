"""The reader of a network from any EC2 endpoint.

It reads each list page by page. Calls that an endpoint does not implement (LocalStack and moto lack some) or
that the caller may not make are in `EstateReading.missing`; the model then has AWS's defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from connectors.vpc.ec2.described_estate import Answers, resources
from connectors.vpc.ec2.stand_ins import as_aws
from connectors.vpc.estate import Estate

_AT_ONCE = 4
_NOT_FOR_US = frozenset(
    {"UnauthorizedOperation", "AccessDenied", "UnsupportedOperation", "InvalidAction", "NotImplemented"}
    | {"InternalFailure", "InternalError", "Unknown", "404", "500", "501"}
)
ESSENTIAL = frozenset(
    {"describe_vpcs", "describe_subnets", "describe_network_interfaces", "describe_security_groups"}
    | {"describe_route_tables", "describe_network_acls"}
)
# The key of the answer where it is not the call's name in AWS's spelling.
_KEYS = {"managed_prefix_lists": "PrefixLists", "instances": "Reservations"}
_SINGLE = {"vpc_block_public_access_options": "VpcBlockPublicAccessOptions"}
_BY_TABLE = (
    "managed_prefix_list_entries",
    "transit_gateway_routes",
    "transit_gateway_route_table_associations",
    "transit_gateway_route_table_propagations",
)

Description = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance: its state, its type, and its tags, which flow logs of version 11 report."""

    instance_id: str
    instance_type: str
    is_nitro: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    state: str = "running"


@dataclass(frozen=True, slots=True)
class EstateReading:
    """The result of reading an endpoint. `missing`: each call that failed, with the reason.

    `answers` are the responses themselves, for a caller that needs more of them than the estate.
    """

    estate: Estate
    instances: Mapping[str, Instance]
    missing: Mapping[str, str]
    answers: Answers


def read(
    client: Any, missing: Mapping[str, str] | None = None, essential: frozenset[str] = ESSENTIAL
) -> EstateReading:
    """Return the network that an EC2 client can see. Raises botocore's errors if the endpoint is unreachable.

    `missing` is that of an earlier reading: its calls are not repeated. The `essential` calls must succeed.
    """
    reader = _Reader(client, missing or {}, essential)
    answers = reader.answers()
    instances = reader.instances(answers.instances)
    return EstateReading(Estate(resources(answers)), instances, dict(reader.missing), answers)


class _Reader:
    """The calls to one client, and those that it does not implement."""

    def __init__(self, client: Any, missing: Mapping[str, str], essential: frozenset[str]) -> None:
        self._client = client
        self._essential = essential
        self.missing = dict(missing)

    def answers(self) -> Answers:
        """Return the responses of all calls."""
        single = [one.name for one in fields(Answers) if one.name not in (*_BY_TABLE, *_SINGLE)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            lists: dict[str, Any] = dict(zip(single, pool.map(self._listed, single), strict=True))
        lists |= {name: self._one(f"describe_{name}").get(key) or {} for name, key in _SINGLE.items()}
        lists["instances"] = [one for some in lists["instances"] for one in some.get("Instances") or ()]
        lists["network_interfaces"] = [as_aws(one) for one in lists["network_interfaces"]]
        lists["nat_gateways"] = list(_nat_gateways(lists["nat_gateways"], lists["network_interfaces"]))
        lists["managed_prefix_list_entries"] = {
            one["PrefixListId"]: self._paged(
                "get_managed_prefix_list_entries", "Entries", PrefixListId=one["PrefixListId"]
            )
            for one in lists["managed_prefix_lists"]
        }
        tables = [one["TransitGatewayRouteTableId"] for one in lists["transit_gateway_route_tables"]]
        lists["transit_gateway_routes"] = {table: self._routes(table) for table in tables}
        for kind in ("associations", "propagations"):
            name = f"transit_gateway_route_table_{kind}"
            key = f"TransitGatewayRouteTable{kind.capitalize()}"
            key = "Associations" if kind == "associations" else key
            lists[name] = {
                table: self._paged(f"get_{name}", key, TransitGatewayRouteTableId=table) for table in tables
            }
        return Answers(**lists)

    def instances(self, found: Sequence[Description]) -> dict[str, Instance]:
        """Return the instances by their id, with what their types decide."""
        types = sorted({one["InstanceType"] for one in found if one.get("InstanceType")})
        xen = {
            one["InstanceType"]
            for place in range(0, len(types), 100)  # DescribeInstanceTypes takes a hundred names
            for one in self._paged(
                "describe_instance_types", "InstanceTypes", InstanceTypes=types[place : place + 100]
            )
            if one.get("Hypervisor") == "xen"
        }
        return {
            one["InstanceId"]: Instance(
                one["InstanceId"],
                one.get("InstanceType", ""),
                one.get("InstanceType") not in xen,
                {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()},
                (one.get("State") or {}).get("Name", "running"),
            )
            for one in found
        }

    def _listed(self, name: str) -> list[Description]:
        return self._paged(f"describe_{name}", _KEYS.get(name) or _spelled(name))

    def _routes(self, table: str) -> list[Description]:
        # SearchTransitGatewayRoutes must have a filter.
        wanted = [{"Name": "state", "Values": ["active", "blackhole"]}]
        return self._paged(
            "search_transit_gateway_routes", "Routes", TransitGatewayRouteTableId=table, Filters=wanted
        )

    def _one(self, operation: str, **request: Any) -> Description:
        found: Description = self._tried(operation, lambda: getattr(self._client, operation)(**request)) or {}
        return found

    def _paged(self, operation: str, key: str, **request: Any) -> list[Description]:
        def ask() -> list[Description]:
            if not self._client.can_paginate(operation):
                return self._by_token(operation, key, request)
            pages = self._client.get_paginator(operation).paginate(**request)
            return [one for page in pages for one in page.get(key) or ()]

        return self._tried(operation, ask) or []

    def _by_token(self, operation: str, key: str, request: dict[str, Any]) -> list[Description]:
        found: list[Description] = []
        while True:  # boto3 has no paginator for some calls that have pages
            answer = getattr(self._client, operation)(**request)
            found += answer.get(key) or ()
            token = answer.get("NextToken")
            if not token or token == request.get("NextToken"):
                return found
            request = {**request, "NextToken": token}

    def _tried(self, operation: str, ask: Callable[[], Any]) -> Any:
        """Make a call. Note a call that the endpoint does not implement; raise any other error.

        moto answers an unknown call with a web page and status 500. The essential lists cannot be missing, so
        for them every error is raised.
        """
        if operation in self.missing:
            return None
        try:
            return ask()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if operation in self._essential or (code not in _NOT_FOR_US and status not in (404, 500, 501)):
                raise
            self.missing[operation] = f"{code}: {error.response.get('Error', {}).get('Message', '')}".strip()
        except AttributeError as error:  # this version of boto3 does not know the call
            self.missing[operation] = str(error)
        except ResponseParserError as error:
            if operation in self._essential:
                raise
            self.missing[operation] = f"not an answer of EC2's: {str(error).partition(chr(10))[0]}"
        return None


def _spelled(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _nat_gateways(described: list[Description], interfaces: list[Description]) -> Iterator[Description]:
    """Take the address of each NAT gateway from its interface, which a tag can have corrected."""
    addresses = {one["NetworkInterfaceId"]: one.get("PrivateIpAddress") for one in interfaces}
    for one in described:
        if one.get("State") in ("deleted", "failed"):
            continue
        yield {
            **one,
            "NatGatewayAddresses": [
                {
                    **each,
                    "PrivateIp": addresses.get(each.get("NetworkInterfaceId")) or each.get("PrivateIp", ""),
                }
                for each in one.get("NatGatewayAddresses") or ()
            ],
        }
