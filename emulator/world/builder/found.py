"""The resources of a topology that exist already, recognised by their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.world.builder.calls import Calls
from emulator.world.topology.tags import BUILT, TOPOLOGY

# By the id, since `ResourceType` differs between endpoints: moto has `vpc-elastic-ip` and `nat-gateway`.
_KINDS = {
    "acl": "network-acl",
    "eigw": "egress-only-internet-gateway",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "rtb": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "tgw": "transit-gateway",
    "tgw-attach": "transit-gateway-attachment",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}


@dataclass(frozen=True, slots=True)
class TaggedResources:
    """The ids of the resources with the topology's tag, and the digests on its VPCs."""

    ids: Mapping[tuple[str, str], str]
    digests: tuple[str, ...]

    def is_built_as(self, digest: str, vpcs: int) -> bool:
        """Return whether exactly the topology with this digest is complete."""
        return list(self.digests) == [digest] * vpcs

    def refusal(self, name: str, endpoint: str) -> str:
        """Return why the topology cannot be built over the resources found."""
        kinds = Counter(kind for kind, _ in self.ids)
        there = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        why = "from another description" if self.digests else "by a build that was broken off"
        return (
            f"{endpoint} has {len(self.ids)} resources of the topology `{name}` ({there}, …), made {why}. "
            f"Delete what has the tag {TOPOLOGY}={name}, or start the emulator anew, or give the topology "
            "another name."
        )


async def look(calls: Calls, topology: str) -> TaggedResources:
    """Return the resources found. Their names are read only if there are any."""
    owned = {
        one["ResourceId"]: _KINDS.get(one["ResourceId"].rpartition("-")[0], one["ResourceType"])
        for one in await calls.pages("describe_tags", "Tags", Filters=_filters(TOPOLOGY, topology))
    }
    if not owned:
        return TaggedResources({}, ())
    names = await calls.pages("describe_tags", "Tags", Filters=_filters("Name"))
    digests = await calls.pages("describe_tags", "Tags", Filters=_filters(BUILT))
    return TaggedResources(
        {
            (owned[one["ResourceId"]], one["Value"]): one["ResourceId"]
            for one in names
            if one["ResourceId"] in owned
        },
        tuple(one["Value"] for one in digests if owned.get(one["ResourceId"]) == "vpc"),
    )


def _filters(key: str, value: str | None = None) -> list[dict[str, object]]:
    filters: list[dict[str, object]] = [{"Name": "key", "Values": [key]}]
    return [*filters, {"Name": "value", "Values": [value]}] if value else filters
