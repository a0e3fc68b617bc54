"""The code of a failed route: a black hole, or a route that hides one which works. Pure.

If the chosen route fails although the table has another one for the destination, the chosen route is more
specific or has a higher priority.
"""

from __future__ import annotations

from connectors.vpc.addresses import number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, Route
from connectors.vpc.packets import Packet
from connectors.vpc.path import hops
from connectors.vpc.path.hops import Hop
from connectors.vpc.rules import internet
from connectors.vpc.rules.routes import RoutingTable


def hidden_route(estate: Estate, eni: Eni, hop: Hop, packet: Packet) -> tuple[str, str]:
    """Return the code and the sentence for a hop that leads nowhere."""
    table = estate.routing(eni.subnet_id)
    number = number_of(packet.dstaddr)
    if hop.code == "BAD_STATE_ROUTE" and table and table.route_table_id == hop.at:
        line, why = hop.route.partition(": ")[2], hop.why.removesuffix(" (a black hole)")
        say = f"The route “{line}” of {hop.at} is a black hole, since {why}"
        chosen, found = _first_and_next(estate, table, eni, packet, number)
        if chosen and found:
            code = "HIGHER_PRIORITY_ROUTE" if chosen[0] == found[0] else "MORE_SPECIFIC_ROUTE"
            return code, f"{say}, and it precedes “{found[1]}”: delete it."
        return hop.code, f"{say}: repair or replace its target."
    if hop.code == "NO_ROUTE_TO_DESTINATION":
        return hop.code, f"{hop.at} has no route to {packet.dstaddr}: add one."
    return hop.code, f"{hop.why[:1].upper()}{hop.why[1:]}."


def _first_and_next(
    estate: Estate, table: RoutingTable, eni: Eni, packet: Packet, number: int
) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
    """Return (prefix length, text) of the chosen route, and of the next one that works."""
    fitting = [(block.length, route) for block, route in table.entries if number in block]
    if not fitting:
        return None, None
    chosen = (fitting[0][0], fitting[0][1].text)
    for length, route in fitting[1:]:
        if _works(estate, table, eni, route, packet, number):
            return chosen, (length, route.text)
    return chosen, None


def _works(estate: Estate, table: RoutingTable, eni: Eni, route: Route, packet: Packet, number: int) -> bool:
    """Return whether a route leads on, and can lead to the destination."""
    alone = RoutingTable(table.route_table_id, tuple(one for one in table.entries if one[1] is route))
    hop = hops.routed(estate, alone, eni, number, packet.protocol)
    if hop.way == "nowhere":
        return False
    is_outbound = hop.way == "internet" or route.target.startswith("nat-")
    return not (is_outbound and internet.is_private(number))
