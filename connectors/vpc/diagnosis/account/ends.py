"""The source and the destination of a diagnosis, resolved from what the user typed. Pure.

An end is an interface or the internet. `names` finds what a name stands for, and `named_ends` the interfaces
of a load balancer, a database or a service; `stand_ins` adds interfaces where none is described.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account import named_ends
from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd, UnknownEnd, UnknownName
from connectors.vpc.diagnosis.account.inventory import Database, Inventory, LoadBalancer, ServiceResource
from connectors.vpc.diagnosis.account.names import candidates, listed
from connectors.vpc.diagnosis.account.stand_ins import StandIns
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.diagnosis.trace.public_hosts import is_outside
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, SubnetId
from connectors.vpc.rules import internet

_GONE = ("terminated", "shutting-down")
_LIKE_AN_ADDRESS = re.compile(r"[0-9a-fA-F.:/]*")


@dataclass(slots=True)
class Resolver:
    """The resolution of names. `stand_ins` has the estate with the interfaces that it adds."""

    inventory: Inventory
    stand_ins: StandIns = field(init=False)

    def __post_init__(self) -> None:
        self.stand_ins = StandIns(self.inventory.estate, dict(self.inventory.aliases))

    @property
    def estate(self) -> Estate:
        """Return the estate with the stand-ins."""
        return self.stand_ins.estate

    @property
    def aliases(self) -> dict[str, PathComponent]:
        """Return the components that the stand-ins stand for."""
        return self.stand_ins.aliases

    def place(self, text: str, near: ConnectionEnd | None = None) -> ConnectionEnd:
        """Return the end that a text names. `near` is the source, in whose VPC an address is looked up first.

        Raises `UnknownEnd`.
        """
        text = text.strip()
        if text == "internet":
            return ConnectionEnd(text, "internet")
        for prefix, find in (
            ("i-", self._instance),
            ("eni-", self._interface),
            ("subnet-", self._subnet),
            ("vpce-", self._endpoint),
            ("nat-", self._nat_gateway),
        ):
            if text.startswith(prefix) and not candidates(self.inventory, text):
                return find(text)
        try:
            address = str(ip_address(text))
        except ValueError:
            return self._named(text)
        return self._address(text, address, near)

    def _instance(self, text: str) -> ConnectionEnd:
        enis = [eni for eni in self.estate.resources.enis if eni.instance_id == text]
        state = self.inventory.instances.get(text)
        if state is None and not enis:
            raise UnknownEnd(
                f"There is no instance {text} in this account and Region.{self._unread('instances')}"
            )
        if state in _GONE:
            say = f"{text} is terminated, so it is in no VPC: choose another instance."
            return ConnectionEnd(text, "instance", causes=(("UNASSOCIATED_COMPONENT", text, say),))
        if not enis:
            say = f"{text} has no network interface: attach one."
            return ConnectionEnd(text, "instance", causes=(("UNASSOCIATED_COMPONENT", text, say),))
        return ConnectionEnd(text, "instance", tuple(sorted(enis, key=lambda eni: eni.device_index)))

    def _interface(self, text: str) -> ConnectionEnd:
        eni = self.estate.enis.get(EniId(text))
        if eni is None:
            raise UnknownEnd(f"There is no network interface {text} in this account and Region.")
        return ConnectionEnd(text, "network-interface", (eni,))

    def _endpoint(self, text: str) -> ConnectionEnd:
        endpoint = self.estate.endpoints.get(text)
        enis = self._existing(endpoint.interface_ids if endpoint else ())
        if not enis:
            raise UnknownEnd(
                f"There is no VPC endpoint {text} with an interface in this account and Region."
                f"{self._unread('vpc_endpoints')}"
            )
        return ConnectionEnd(text, "vpc-endpoint", enis)

    def _nat_gateway(self, text: str) -> ConnectionEnd:
        nat = self.estate.nat_gateways.get(text)
        enis = self._existing((nat.interface_id,) if nat else ())
        if not enis:
            raise UnknownEnd(
                f"There is no NAT gateway {text} in this account and Region.{self._unread('nat_gateways')}"
            )
        return ConnectionEnd(text, "nat-gateway", enis)

    def _existing(self, interface_ids: tuple[EniId, ...]) -> tuple[Eni, ...]:
        return tuple(self.estate.enis[one] for one in interface_ids if one in self.estate.enis)

    def _subnet(self, text: str) -> ConnectionEnd:
        subnet = self.estate.subnets.get(SubnetId(text))
        if subnet is None:
            raise UnknownEnd(f"There is no subnet {text} in this account and Region.")
        hosts = [one for one in self.estate.resources.enis if one.subnet_id == text and one.instance_id]
        running = [one for one in hosts if one.is_running]
        if running:
            return ConnectionEnd(text, "subnet", tuple(running), blocks=subnet.cidrs)
        public = self.stand_ins.public_address(True)
        host = self.stand_ins.add(subnet, PathComponent(text, "subnet"), (), public)
        return ConnectionEnd(text, "subnet", (host,), blocks=subnet.cidrs)

    def _address(self, text: str, address: str, near: ConnectionEnd | None) -> ConnectionEnd:
        number = number_of(address)
        if is_outside(self.estate, address):
            public = self.estate.public(number)
            return ConnectionEnd(text, "address", (public[0],) if public else (), address)
        for vpc_id in dict.fromkeys(eni.vpc_id for eni in (near.enis if near else ())):
            eni = self.estate.eni_at(vpc_id, number) or self.inventory.moved.get((vpc_id, number))
            if eni:
                return ConnectionEnd(text, "address", (eni,), address)
            vpc = self.estate.vpcs.get(vpc_id)
            if vpc and any(number in block for block in vpc.cidrs):
                raise UnknownEnd(f"No network interface in {vpc_id} has the address {text}.")
        found = {vpc_id: eni for vpc_id in self.estate.vpcs if (eni := self.estate.eni_at(vpc_id, number))}
        if len(found) > 1 and near is None:
            several = ", ".join(sorted(f"{eni.interface_id} in {vpc_id}" for vpc_id, eni in found.items()))
            raise UnknownEnd(f"The address {text} is ambiguous: {several}. Name the interface.")
        within = [vpc for vpc in self.estate.vpcs.values() if any(number in block for block in vpc.cidrs)]
        if within and not found:
            raise UnknownEnd(f"No network interface in {within[0].vpc_id} has the address {text}.")
        if not found and not internet.is_private(number):
            raise UnknownEnd(f"{text} is no address of a host: name a private or a public address.")
        return ConnectionEnd(text, "address", tuple(found.values()), address)

    def _named(self, text: str) -> ConnectionEnd:
        found = candidates(self.inventory, text)
        if len(found) > 1:
            raise UnknownEnd(f"The name {text} is ambiguous: {listed(found)}. Use the id.")
        if not found:
            error = UnknownEnd if _LIKE_AN_ADDRESS.fullmatch(text) else UnknownName
            raise error(
                f"{text} is no id of an instance, interface or subnet, no address, not `internet`, and no"
                " load balancer or RDS instance of this account and Region has that name, nor has a cache,"
                f" function, task or tag.{self._unread('load_balancers')}{self._unread('db_instances')}"
            )
        one = found[0]
        if isinstance(one, LoadBalancer):
            return named_ends.load_balancer(self.stand_ins, text, one)
        if isinstance(one, Database):
            return named_ends.database(self.stand_ins, text, one)
        if isinstance(one, ServiceResource):
            return named_ends.service(self.stand_ins, text, one)
        finders = {"instance": self._instance, "subnet": self._subnet}
        return finders.get(one.kind, self._interface)(one.resource_id)

    def _unread(self, what: str) -> str:
        operation = f"describe_{what}"
        return f" {operation} is denied." if operation in self.estate.resources.unread else ""
