"""The SQL of the connectivity matrix: each conversation once, with both ends, its path and its cost. Pure.

Both ends of a conversation log it, and so does a gateway on the way. The rows of one conversation in one hour
(source, destination, protocol, service port) are counted at one interface: at one with egress rows, the side
of the source, if there is any, else at one of the destination; of several, the one with the least id. If the
destination has rejected all, the action is `REJECT`. An end is the packet's own address (`pkt_source`,
`pkt_destination`) where the format has it, so a NAT gateway does not hide it. The leg of a NAT gateway with
its own address is left out. Rows `is_other` have no ends, and are left out too.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.archive.query.views import owner, owner_of_address, owner_of_eni

GB = 2**30
"""Bytes of a GB of AWS's prices."""

_OWNER = ("name", "kind", "id", "vpc", "subnet", "zone", "account", "region")
_PRIVATE = (
    r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\."
    r"|169\.254\.|127\.|0\.|(22[4-9]|23[0-9]|255)\.|f[cd]|fe[89ab]|ff|::1?$)"
)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars per GB. Those of zones and of peering are charged at each end."""

    cross_zone: float
    nat: float
    internet: float
    peering: float
    cross_region: float


def matrix(rows: str, prices: Prices) -> str:
    """Return the SELECT of a matrix over `rows`, a table of conversations with all columns."""
    return f"WITH {_counted_once(rows)}, {_with_owners()} SELECT *, {_cost(prices)} AS cost FROM paths"


def _counted_once(rows: str) -> str:
    """Return the common table expressions up to `counted`, which has each conversation once."""
    return f"""
seen AS (
  SELECT rows.* REPLACE (coalesce(nullif(pkt_source, ''), source) AS source,
      coalesce(nullif(pkt_destination, ''), destination) AS destination),
    own.vpc AS own_vpc, own.kind IS NOT DISTINCT FROM 'nat-gateway' AS is_nat,
    pkt_source = '' AND pkt_destination = '' AS is_plain,
    (CASE direction WHEN 'egress' THEN '0' ELSE '1' END) || rows.eni AS side,
    date_trunc('hour', window_start) AS at_hour
  FROM {rows} rows {owner_of_eni()} WHERE NOT is_other AND source <> ''
), legs AS (SELECT * FROM seen WHERE NOT (is_nat AND is_plain)
), sides AS (
  SELECT at_hour, source, destination, protocol, port, min(side) AS side,
    coalesce(bool_and(action = 'REJECT') FILTER (direction = 'ingress'), false) AS is_rejected
  FROM legs GROUP BY ALL
), nat AS (
  SELECT window_start, source, destination, protocol, port, sum(bytes) AS nat_bytes
  FROM legs WHERE is_nat AND action <> 'REJECT' GROUP BY ALL
), once AS (
  SELECT legs.* REPLACE (CASE WHEN is_rejected THEN 'REJECT' ELSE action END AS action)
  FROM legs JOIN sides USING (at_hour, source, destination, protocol, port, side)
), counted AS (
  SELECT window_start, any_value(window_s) AS window_s, source, destination, protocol, port, action,
    any_value(eni) AS eni, sum(flows)::BIGINT AS flows, sum(packets)::BIGINT AS packets,
    sum(bytes)::BIGINT AS bytes
  FROM once GROUP BY window_start, source, destination, protocol, port, action
)"""


def _with_owners() -> str:
    """Return the common table expressions from `counted` to `paths`, which has the owners of both ends."""
    ends = ("source", "destination")
    columns = ", ".join(f"{owner(end, name)} AS {end}_{name}" for end in ends for name in _OWNER)
    joins = " ".join(owner_of_address(end, f"rows.{end}") for end in ends)
    return f"""owned AS (
  SELECT rows.* EXCLUDE (eni), rows.eni AS logged_by, {columns},
    regexp_matches(source, '{_PRIVATE}') AS is_source_private,
    regexp_matches(destination, '{_PRIVATE}') AS is_destination_private,
    CASE WHEN action = 'REJECT' THEN 0 ELSE coalesce(nat_bytes, 0) END::BIGINT AS nat_bytes
  FROM counted rows {owner_of_eni()} {joins}
  LEFT JOIN nat USING (window_start, source, destination, protocol, port)
), paths AS (
  SELECT * EXCLUDE (is_source_private, is_destination_private), CASE
    WHEN source_vpc IS NULL AND NOT is_source_private THEN 'from internet'
    WHEN destination_vpc IS NULL AND NOT is_destination_private THEN 'to internet'
    WHEN source_vpc IS NULL OR destination_vpc IS NULL THEN 'unknown'
    WHEN source_region <> destination_region THEN 'cross-region'
    WHEN source_vpc <> destination_vpc THEN 'peering'
    WHEN source_zone <> destination_zone THEN 'cross-zone'
    ELSE 'zone' END AS path
  FROM owned
)"""


def _cost(prices: Prices) -> str:
    """Return the expression of the cost of a row, US dollars."""
    return f"""CASE WHEN action = 'REJECT' THEN 0 ELSE (nat_bytes * {prices.nat!r} + bytes * CASE path
    WHEN 'to internet' THEN {prices.internet!r}
    WHEN 'cross-region' THEN {prices.cross_region!r}
    WHEN 'peering' THEN CASE WHEN source_zone = destination_zone THEN 0 ELSE {2 * prices.peering!r} END
    WHEN 'cross-zone' THEN {2 * prices.cross_zone!r}
    ELSE 0 END) / {GB} END"""
