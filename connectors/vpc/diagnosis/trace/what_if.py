"""The route that takes a lost packet elsewhere although another route of its table works. Pure.

The walk is repeated without each route that it took. If the packet then arrives, that route is the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from connectors.vpc.diagnosis.trace.findings import TakenRoute, Trace, Undetermined
from connectors.vpc.estate import Estate
from connectors.vpc.network import Route

_CODES = {
    (False, False): "MORE_SPECIFIC_ROUTE",
    (False, True): "HIGHER_PRIORITY_ROUTE",
    (True, False): "TGW_RTB_MORE_SPECIFIC_ROUTE",
    (True, True): "TGW_RTB_HIGHER_PRIORITY_ROUTE",
}
_OWN_CAUSE = ("BAD_STATE", "HIGHER_", "MORE_SPECIFIC_", "TGW_RTB_HIGHER_", "TGW_RTB_MORE_", "TGW_RTB_BAD_")


def misleading_route(
    estate: Estate, trace: Trace, arrives: Callable[[Estate], bool]
) -> tuple[str, str, str] | None:
    """Return the code, table and sentence of the first route without which the packet arrives.

    `arrives` repeats the walk in an estate.
    """
    if not trace.causes or trace.causes[-1].code.startswith(_OWN_CAUSE):
        return None
    for taken in trace.taken:
        others = [one for one in taken.fitting if one[1] != taken.fitting[0][1]]
        (block, route), is_local = taken.fitting[0], taken.fitting[0][1].target == "local"
        if not others or is_local or not _is_arriving(arrives, _without(estate, taken)):
            continue
        other_block, other = others[0]
        code = _CODES[taken.is_transit, block.length == other_block.length]
        kind = "Transit gateway route table" if taken.is_transit else "Route table"
        say = f"{kind} {taken.table_id} prefers “{route.text}” to “{other.text}”, which leads on"
        return code, taken.table_id, f"{say}: delete the first one."
    return None


def _is_arriving(arrives: Callable[[Estate], bool], estate: Estate) -> bool:
    try:
        return arrives(estate)
    except Undetermined:
        return False


def _without(estate: Estate, taken: TakenRoute) -> Estate:
    return _without_route(estate, taken.table_id, taken.fitting[0][1])


@lru_cache(maxsize=64)
def _without_route(estate: Estate, table_id: str, route: Route) -> Estate:
    resources = estate.resources
    tables = tuple(
        replace(one, routes=tuple(each for each in one.routes if each != route))
        if one.route_table_id == table_id
        else one
        for one in resources.route_tables
    )
    transit = tuple(
        replace(
            one,
            routes=tuple(
                each
                for each in one.routes
                if (each.destination, each.attachment_id) != (route.destination, route.target)
            ),
        )
        if one.route_table_id == table_id
        else one
        for one in resources.transit_gateway_route_tables
    )
    return estate.with_changes(route_tables=tables, transit_gateway_route_tables=transit)
