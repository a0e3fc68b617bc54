"""The choice of a route in a route table. VPC guide, “How route priority works”.

The longest prefix wins. Among equal prefixes a static route precedes a prefix list's, and that a propagated
one. A propagated route inside the local route never wins (“the local route is most preferred even if the
propagated routes are more specific”). A black hole takes part like other routes, and drops its packets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.vpc.addresses import Cidr
from connectors.vpc.network import PrefixList, Route, RouteTable


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """The blocks of a table with their routes. The first block that contains an address decides."""

    route_table_id: str
    entries: tuple[tuple[Cidr, Route], ...]

    def lookup(self, number: int) -> Route | None:
        """Return the route for an address."""
        for block, route in self.entries:
            if block.first <= number <= block.last:
                return route
        return None


def compiled(table: RouteTable, prefix_lists: Mapping[str, PrefixList]) -> RoutingTable:
    """Return the table in order of priority, with its prefix lists expanded."""
    entries: list[tuple[int, int, Cidr, Route]] = []
    for route in table.routes:
        rank = 2 if route.is_propagated else 1 if route.prefix_list_id else 0
        if route.destination:
            entries.append((-route.destination.length, rank, route.destination, route))
        elif route.prefix_list_id in prefix_lists:
            blocks = prefix_lists[route.prefix_list_id].cidrs
            entries += [(-block.length, rank, block, route) for block in blocks]
    local = [block for _, _, block, route in entries if route.target == "local"]
    entries = [
        entry for entry in entries if not (entry[1] == 2 and any(own.covers(entry[2]) for own in local))
    ]
    entries.sort(key=lambda entry: (entry[0], entry[1], entry[2], entry[3].text))
    return RoutingTable(table.route_table_id, tuple((block, route) for _, _, block, route in entries))
