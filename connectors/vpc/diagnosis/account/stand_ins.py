"""Interfaces that stand for a resource whose own interface is not described. Pure.

A subnet without a host, and a load balancer, database or service in an emulator, get an interface with a free
address of the subnet. `aliases` names the component that it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from connectors.vpc.addresses import is_ipv6, number_of
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.diagnosis.trace.public_hosts import internet_address
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, GroupId, Subnet, SubnetId

_TRIES = 4096


@dataclass(slots=True)
class StandIns:
    """The estate with the stand-ins that were added. `aliases`: interface id → component."""

    estate: Estate
    aliases: dict[str, PathComponent] = field(default_factory=dict)

    def add(
        self,
        subnet: Subnet,
        step: PathComponent,
        groups: tuple[GroupId, ...],
        public: str = "",
        interface_type: str = "interface",
    ) -> Eni:
        """Add an interface with a free address in a subnet."""
        ipv4, ipv6 = self._free(subnet, ipv6=False), self._free(subnet, ipv6=True)
        eni = Eni(
            EniId(f"{step.component}@{subnet.subnet_id}"),
            subnet.subnet_id,
            subnet.vpc_id,
            (ipv4,) if ipv4 else (),
            (ipv6,) if ipv6 else (),
            ((ipv4, public),) if ipv4 and public else (),
            groups,
            interface_type=interface_type,
        )
        self.aliases[eni.interface_id] = step
        self.put((eni,))
        return eni

    def put(self, enis: tuple[Eni, ...]) -> None:
        """Add interfaces to the estate, or replace those with the same id."""
        by_id = {eni.interface_id: eni for eni in (*self.estate.resources.enis, *enis)}
        self.estate = self.estate.with_changes(enis=tuple(by_id.values()))

    def public_address(self, is_public: bool) -> str:
        """Return a public address of its own for a public resource, else an empty text."""
        return internet_address(self.estate, len(self.aliases) + 1) if is_public else ""

    def reachable(self, enis: tuple[Eni, ...], is_public: bool) -> tuple[Eni, ...]:
        """Give the interfaces of a public service an address, as AWS does, if none is described."""
        if not is_public or any(eni.public_ips for eni in enis):
            return enis
        found = tuple(
            replace(eni, public_ips=((eni.private_ips[0], internet_address(self.estate, nth)),))
            for nth, eni in enumerate(enis, len(self.aliases) + 1)
            if eni.private_ips
        )
        self.put(found)
        return found

    def default_groups(self, subnets: tuple[SubnetId, ...]) -> tuple[GroupId, ...]:
        """Return the default group of the VPC: AWS uses it for a service without another."""
        vpcs = {subnet.vpc_id for subnet in map(self.estate.subnets.get, subnets) if subnet}
        groups = self.estate.resources.security_groups
        return tuple(one.group_id for one in groups if one.vpc_id in vpcs and one.name == "default")

    def _free(self, subnet: Subnet, *, ipv6: bool) -> str:
        for block in subnet.cidrs:
            network = block.text.partition("/")[0]
            if is_ipv6(network) == ipv6:
                first, last = ip_address(network) + 4, block.last - block.first - 4
                candidates = (str(first + offset) for offset in range(min(max(last, 1), _TRIES)))
                free = (one for one in candidates if not self.estate.eni_at(subnet.vpc_id, number_of(one)))
                return next(free, "")
        return ""
