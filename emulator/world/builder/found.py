"""What of a topology is there already, from the tags of what was built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.world.builder.calls import Calls
from emulator.world.topology.tags import BUILT, TOPOLOGY

# Told by the id, for `ResourceType` is not the same everywhere: moto has `vpc-elastic-ip` and `nat-gateway`.
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
class Found:
    """The ids of what has the topology's tag, and the digests that its VPCs carry."""

    ids: Mapping[tuple[str, str], str]
    digests: tuple[str, ...]

    def is_built_as(self, digest: str, vpcs: int) -> bool:
        """Whether the whole of just this description stands."""
        return list(self.digests) == [digest] * vpcs

    def refusal(self, name: str, endpoint: str) -> str:
        """Say why nothing can be built over what is there."""
        kinds = Counter(kind for kind, _ in self.ids)
        there = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        why = "from another description" if self.digests else "by a build that was broken off"
        return (
            f"{endpoint} has {len(self.ids)} resources of the topology `{name}` ({there}, …), made {why}. "
            f"Delete what has the tag {TOPOLOGY}={name}, or start the emulator anew, or give the topology "
            "another name."
        )


async def look(calls: Calls, topology: str) -> Found:
    """Return what is there. Its names are read only if there is something."""
    owned = {
        one["ResourceId"]: _KINDS.get(one["ResourceId"].rpartition("-")[0], one["ResourceType"])
        for one in await calls.pages("describe_tags", "Tags", Filters=_filters(TOPOLOGY, topology))
    }
    if not owned:
        return Found({}, ())
    names = await calls.pages("describe_tags", "Tags", Filters=_filters("Name"))
    digests = await calls.pages("describe_tags", "Tags", Filters=_filters(BUILT))
    return Found(
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
