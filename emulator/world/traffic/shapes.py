"""The flows that share a verdict although their endpoints differ: those between interchangeable interfaces.

Interfaces of one subnet with the same groups are interchangeable, unless one has a public address, is the
target of a route, or forwards packets. A verdict costs a hundred times what it costs to rename the interfaces
in it, and a large estate has tens of thousands of pairs, but few hundred shapes. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import NamedTuple

from connectors.vpc.network import Eni, EniId
from connectors.vpc.packets import Flow
from connectors.vpc.path.verdict import FlowClasses
from emulator.world.traffic.directory import Directory

Shape = Hashable
"""Equal for two flows that have the same verdict but for the interfaces at their ends."""

_FORWARDING = frozenset(
    {"nat_gateway", "transit_gateway", "gateway_load_balancer", "gateway_load_balancer_endpoint"}
)


class Ends(NamedTuple):
    """The interfaces at the ends of a flow, by id; empty for an end that is no interface, or not only one."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A template's content, for the interfaces at `ends`."""

    course: int
    rows: list[tuple[int, ...]]
    tracked: frozenset[EniId]
    ends: Ends

    def passes(self, enis: Collection[int]) -> bool:
        """Return whether it has no step, or one at one of these interfaces, by number."""
        return not self.rows or any(row[1] in enis for row in self.rows)

    def of(self, ends: Ends, directory: Directory) -> tuple[int, list[tuple[int, ...]], frozenset[EniId]]:
        """Return the same for other ends of the same shape."""
        if ends == self.ends:
            return self.course, self.rows, self.tracked
        names = {old: new for old, new in zip(self.ends, ends, strict=True) if old}
        numbers = {directory.eni(old): directory.eni(new) for old, new in names.items()}

        def number(one: int) -> int:
            return numbers.get(one, one)

        rows = [(row[0], number(row[1]), *row[2:6], number(row[6]), *row[7:]) for row in self.rows]
        return self.course, rows, frozenset(EniId(names.get(one, one)) for one in self.tracked)


class Shapes:
    """The interchangeable interfaces of one estate."""

    def __init__(self, directory: Directory, classes: FlowClasses) -> None:
        self._classes = classes
        estate = classes.estate
        targets = {route.target for table in estate.resources.route_tables for route in table.routes}
        self._kinds: dict[str, Hashable] = {}
        self._owners: dict[str, str] = {}
        for eni in estate.resources.enis:
            self._kinds[eni.interface_id] = _kind(eni, targets)
            for address in eni.addresses:
                is_shared = address in self._owners
                self._owners[address] = "" if is_shared else eni.interface_id

    def ends(self, flow: Flow) -> Ends:
        """Return the interfaces at the ends of a flow."""
        source = flow.origin if self._owners.get(flow.srcaddr) == flow.origin else ""
        destination = self._owners.get(flow.dstaddr, "")
        return Ends(source, "" if destination == source else destination)

    def shape(self, key: tuple[int, ...], flow: Flow, ends: Ends, established: frozenset[EniId]) -> Shape:
        """Return the shape of a flow. `key`: its origin, both addresses' classes, and the rest."""
        origin, src, dst, *rest = key
        source: Hashable = (origin, src)
        destination: Hashable = dst
        if ends.source:
            source = (self._kinds[ends.source], self._classes.block_class(flow.srcaddr))
        if ends.destination:
            destination = (self._kinds[ends.destination], self._classes.block_class(flow.dstaddr))
        at = {name: place for place, name in enumerate(ends) if name}
        since = frozenset(at.get(one, one) for one in established)
        return source, destination, *rest, since


def _kind(eni: Eni, targets: set[str]) -> Hashable:
    """Return what is equal for interchangeable interfaces only."""
    if eni.public_ips or eni.interface_type in _FORWARDING or eni.interface_id in targets:
        return eni.interface_id
    groups = frozenset(eni.groups)
    return eni.vpc_id, eni.subnet_id, groups, eni.interface_type, eni.source_dest_check, eni.is_running
