"""The reachability of all pairs of interfaces on one port, by classes of equivalent interfaces. Pure.

Interfaces are in one place if they have the same subnet (so the same route table and network ACL) and state,
and no rule or route tells their addresses apart. The path between two places is examined once, without
groups; the groups of both ends then decide for each two sets of groups. An interface that forwards packets
for others is a place of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from connectors.vpc.diagnosis.trace.attempt import Attempt, is_service
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import Undetermined
from connectors.vpc.diagnosis.trace.states import is_of_service
from connectors.vpc.estate import Estate
from connectors.vpc.network import TCP, Eni, EniId
from connectors.vpc.packets import Direction, Packet
from connectors.vpc.path.checkpoints import NO_GROUPS
from connectors.vpc.path.verdict import FlowClasses
from connectors.vpc.rules import security_groups

Verdict = bool | None
"""True: reachable; False: not reachable; None: undetermined."""


@dataclass(frozen=True, slots=True)
class PairVerdicts:
    """The verdicts on one port. `classes` are the interfaces of each class, `between` two class numbers."""

    classes: tuple[tuple[EniId, ...], ...]
    class_of: dict[EniId, int]
    between: dict[tuple[int, int], Verdict]

    def verdict(self, source: EniId, destination: EniId) -> Verdict:
        """Return the verdict for two different interfaces. Raises KeyError for an unknown one."""
        return self.between[self.class_of[source], self.class_of[destination]]

    def count(self, verdict: Verdict) -> int:
        """Return the number of pairs with a verdict."""
        return sum(
            len(self.classes[first]) * (len(self.classes[second]) - (first == second))
            for (first, second), found in self.between.items()
            if found is verdict
        )


def all_pairs(
    estate: Estate, port: int, protocol: int = TCP, enis: Sequence[Eni] | None = None
) -> PairVerdicts:
    """Return the verdicts for connections between the private IPv4 addresses of interfaces.

    `enis` are all interfaces with such an address by default.
    """
    wanted = [one for one in (estate.resources.enis if enis is None else enis) if one.private_ips]
    forwarding = _forwarding(estate)
    places = _grouped(estate, wanted, forwarding)
    paths = _Paths(estate, port, protocol, forwarding)
    grouped: list[tuple[int, list[Eni]]] = []
    for number, members in enumerate(places):
        by_groups: dict[tuple[str, frozenset[str]], list[Eni]] = {}
        for eni in members:
            by_groups.setdefault((eni.subnet_id, frozenset(eni.groups)), []).append(eni)
        grouped += [(number, some) for some in by_groups.values()]
    between: dict[tuple[int, int], Verdict] = {}
    for (first, (here, sources)), (second, (there, targets)) in product(enumerate(grouped), repeat=2):
        pair = _two(sources, targets) if first == second else (sources[0], targets[0])
        if pair:
            between[first, second] = paths.verdict(here, there, *pair)
    classes = tuple(tuple(one.interface_id for one in members) for _, members in grouped)
    class_of = {eni_id: number for number, group in enumerate(classes) for eni_id in group}
    return PairVerdicts(classes, class_of, between)


def _two(sources: Sequence[Eni], targets: Sequence[Eni]) -> tuple[Eni, Eni] | None:
    return (sources[0], targets[1]) if len(sources) > 1 else None


@dataclass(slots=True)
class _Path:
    """The path between two places if all groups allow the packet. `is_open` is None if undetermined."""

    is_open: Verdict
    seen_source: str = ""
    names_target: bool = False
    names_source: bool = False


class _Paths:
    """The paths between places, evaluated once for each two, and the decisions of groups on them."""

    def __init__(self, estate: Estate, port: int, protocol: int, forwarding: frozenset[str]) -> None:
        self._estate, self._port, self._protocol = estate, port, protocol
        enis = tuple(
            one if one.interface_id in forwarding else replace(one, groups=())
            for one in estate.resources.enis
        )
        self._open = estate.with_changes(enis=enis)
        self._paths: dict[tuple[int, int, bool], _Path] = {}
        self._decisions: dict[tuple[object, ...], bool] = {}

    def verdict(self, here: int, there: int, source: Eni, target: Eni) -> Verdict:
        """Return the verdict for two interfaces in two places."""
        key = here, there, source.subnet_id == target.subnet_id
        if key not in self._paths:
            self._paths[key] = self._path(source, target)
        path = self._paths[key]
        if not path.is_open:
            return path.is_open
        packet = Attempt(
            source, target, source.private_ips[0], target.private_ips[0], self._protocol, self._port
        ).packet
        seen = packet.sent_from(path.seen_source) if path.seen_source else packet
        return self._allows(source, "egress", packet, target if path.names_target else None) and self._allows(
            target, "ingress", seen, source if path.names_source else None
        )

    def _path(self, source: Eni, target: Eni) -> _Path:
        ends = [self._open.enis[one.interface_id] for one in (source, target)]
        attempt = Attempt(
            ends[0], ends[1], source.private_ips[0], target.private_ips[0], self._protocol, self._port
        )
        try:
            found = examine(self._open, attempt, {}, explains=False)
        except Undetermined:
            return _Path(None)
        is_translated = found.seen_source not in source.private_ips
        return _Path(
            not found.causes,
            found.seen_source if is_translated else "",
            found.peers.get((source.interface_id, "egress"), False),
            found.peers.get((target.interface_id, "ingress"), False),
        )

    def _allows(self, eni: Eni, direction: Direction, packet: Packet, peer: Eni | None) -> bool:
        if not eni.groups or eni.interface_type in NO_GROUPS:
            return True
        address = packet.srcaddr if direction == "ingress" else packet.dstaddr
        key = (eni.groups, direction, address, peer.groups if peer else None)
        if key not in self._decisions:
            groups = [group for group in map(self._estate.group, eni.groups) if group]
            self._decisions[key] = security_groups.decide(groups, direction, packet, peer).allowed
        return self._decisions[key]


def _forwarding(estate: Estate) -> frozenset[str]:
    """Return the interfaces that routes name: they see packets of others."""
    targets = {route.target for table in estate.resources.route_tables for route in table.routes}
    return frozenset(
        one.interface_id
        for one in estate.resources.enis
        if one.interface_id in targets or one.instance_id in targets or one.interface_id in estate.nat_of_eni
    )


def _grouped(estate: Estate, enis: Iterable[Eni], forwarding: frozenset[str]) -> list[list[Eni]]:
    """Return the interfaces by place: all but their groups is equal. In the order of their first one.

    Subnets are equal if they have one route table, network ACL and zone, except for those through which
    packets of others pass.
    """
    classes = FlowClasses(estate.with_changes(subnets=()))  # The block of a subnet itself decides nothing.
    passed = {estate.enis[EniId(one)].subnet_id for one in forwarding if one in estate.enis}
    passed |= {subnet for one in estate.resources.attachments for subnet in one.subnets}
    found: dict[tuple[object, ...], list[Eni]] = {}
    for eni in enis:
        table, acl = estate.routing(eni.subnet_id), estate.acl(eni.subnet_id)
        subnet = estate.subnets.get(eni.subnet_id)
        key = (
            eni.interface_id if eni.interface_id in forwarding or len(eni.private_ips) > 1 else "",
            eni.subnet_id if eni.subnet_id in passed else "",
            eni.vpc_id,
            table.route_table_id if table else eni.subnet_id,
            acl.network_acl_id if acl else "",
            (subnet.zone_id or subnet.zone) if subnet else "",
            eni.interface_type == "vpc_endpoint",
            is_service(eni),
            eni.source_dest_check,
            eni.is_running,
            bool(eni.instance_id) or is_of_service(eni),
            bool(eni.public_ips),
            classes.block_class(eni.private_ips[0]),
        )
        found.setdefault(key, []).append(eni)
    return list(found.values())
