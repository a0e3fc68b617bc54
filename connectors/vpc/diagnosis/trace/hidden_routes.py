"""The cause of a failed route: no route, a black hole, or a route that precedes one which works. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, Route
from connectors.vpc.packets import Packet
from connectors.vpc.path import hops
from connectors.vpc.path.hops import Hop
from connectors.vpc.rules import internet
from connectors.vpc.rules.routes import RoutingTable


@dataclass(frozen=True, slots=True)
class Precedence:
    """A route that takes a packet elsewhere although its table has another route which works."""

    code: str
    table_id: str
    sentence: str


def failed_route(estate: Estate, eni: Eni, hop: Hop, packet: Packet) -> tuple[str, str, str]:
    """Return the code, the component and the sentence for a hop that leads nowhere.

    A black hole is the cause itself, unless another route for the same block would work.
    """
    found = precedence(estate, eni, packet)
    if hop.code == "BAD_STATE_ROUTE":
        line, why = hop.route.partition(": ")[2], hop.why.removesuffix(" (a black hole)")
        if found and found.code == "HIGHER_PRIORITY_ROUTE":
            return found.code, found.table_id, found.sentence
        say = f"The route “{line}” of {hop.at} is a black hole, since {why}: repair or replace its target."
        return hop.code, hop.at, say
    if hop.code == "NO_ROUTE_TO_DESTINATION":
        return hop.code, hop.at, f"{hop.at} has no route to {packet.dstaddr}: add one."
    if found:
        return found.code, found.table_id, found.sentence
    return hop.code, hop.at, f"{hop.why[:1].upper()}{hop.why[1:]}."


def precedence(estate: Estate, eni: Eni, packet: Packet) -> Precedence | None:
    """Return the precedence of the chosen route over one that works, or None."""
    table, number = estate.routing(eni.subnet_id), number_of(packet.dstaddr)
    if table is None:
        return None
    fitting = [(block.length, route) for block, route in table.entries if number in block]
    for length, route in fitting[1:]:
        if _works(estate, table, eni, route, packet, number):
            chosen = fitting[0]
            code = "HIGHER_PRIORITY_ROUTE" if chosen[0] == length else "MORE_SPECIFIC_ROUTE"
            say = (
                f"The route “{chosen[1].text}” of {table.route_table_id} precedes “{route.text}”: delete it."
            )
            return Precedence(code, table.route_table_id, say)
    return None


def _works(estate: Estate, table: RoutingTable, eni: Eni, route: Route, packet: Packet, number: int) -> bool:
    """Return whether a route leads on, and can lead to the destination."""
    alone = RoutingTable(table.route_table_id, tuple(one for one in table.entries if one[1] is route))
    hop = hops.routed(estate, alone, eni, number, packet.protocol)
    if hop.way == "nowhere":
        return False
    is_outbound = hop.way == "internet" or route.target.startswith("nat-")
    return not (is_outbound and internet.is_private(number))
