"""The source and the destination of a diagnosis, resolved from what the user typed. Pure.

An end is an interface or the internet. A subnet without a host, a load balancer and a database without
described interfaces get stand-ins, which are interfaces added to the estate; `aliases` names what they stand
for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from connectors.vpc.addresses import Cidr, is_ipv6, number_of
from connectors.vpc.diagnosis.account.inventory import Database, Inventory, LoadBalancer
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.diagnosis.trace.public_hosts import internet_address, is_outside
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, EniId, GroupId, Subnet, SubnetId
from connectors.vpc.rules import internet


class UnknownEnd(Exception):
    """The error for an end that cannot be resolved. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """An end. `enis` are the interfaces that it can be; none is the internet.

    `address` is the address that the user typed, or empty. `blocks` are those of a subnet. `causes` are
    (code, component, sentence) of a resource that has no interface any more.
    """

    name: str
    kind: str
    enis: tuple[Eni, ...] = ()
    address: str = ""
    load_balancer: LoadBalancer | None = None
    database: Database | None = None
    causes: tuple[tuple[str, str, str], ...] = ()
    blocks: tuple[Cidr, ...] = ()

    @property
    def is_internet(self) -> bool:
        """Return whether the end is outside the estate."""
        return not self.enis and not self.causes


@dataclass(slots=True)
class Resolver:
    """The resolution of names. It adds the stand-ins to `estate` and to `aliases`."""

    inventory: Inventory
    estate: Estate = field(init=False)
    aliases: dict[str, PathComponent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.estate = self.inventory.estate

    def place(self, text: str, near: ConnectionEnd | None = None) -> ConnectionEnd:
        """Return the end that a text names. `near` is the source, in whose VPC an address is looked up first.

        Raises `UnknownEnd`.
        """
        if text == "internet":
            return ConnectionEnd(text, "internet")
        for prefix, find in (("i-", self._instance), ("eni-", self._interface), ("subnet-", self._subnet)):
            if text.startswith(prefix):
                return find(text)
        if text.startswith("vpce-"):
            return self._endpoint(text)
        try:
            address = str(ip_address(text))
        except ValueError:
            return self._named(text)
        return self._address(text, address, near)

    def _instance(self, text: str) -> ConnectionEnd:
        state = self.inventory.instances.get(text)
        if state is None:
            raise UnknownEnd(f"There is no instance {text} in this account and Region.")
        if state == "terminated":
            say = f"{text} is terminated, so it is in no VPC: choose another instance."
            return ConnectionEnd(text, "instance", causes=(("UNASSOCIATED_COMPONENT", text, say),))
        enis = [eni for eni in self.estate.resources.enis if eni.instance_id == text]
        if not enis:
            say = f"{text} has no network interface: attach one."
            return ConnectionEnd(text, "instance", causes=(("UNASSOCIATED_COMPONENT", text, say),))
        return ConnectionEnd(text, "instance", (min(enis, key=lambda eni: eni.device_index),))

    def _interface(self, text: str) -> ConnectionEnd:
        eni = self.estate.enis.get(EniId(text))
        if eni is None:
            raise UnknownEnd(f"There is no network interface {text} in this account and Region.")
        return ConnectionEnd(text, "network-interface", (eni,))

    def _endpoint(self, text: str) -> ConnectionEnd:
        endpoint = self.estate.endpoints.get(text)
        enis = tuple(
            self.estate.enis[one]
            for one in (endpoint.interface_ids if endpoint else ())
            if one in self.estate.enis
        )
        if not enis:
            raise UnknownEnd(f"There is no VPC endpoint {text} with an interface in this account and Region.")
        return ConnectionEnd(text, "vpc-endpoint", enis)

    def _subnet(self, text: str) -> ConnectionEnd:
        subnet = self.estate.subnets.get(SubnetId(text))
        if subnet is None:
            raise UnknownEnd(f"There is no subnet {text} in this account and Region.")
        hosts = [one for one in self.estate.resources.enis if one.subnet_id == text and one.instance_id]
        running = [one for one in hosts if one.is_running]
        if running:
            return ConnectionEnd(text, "subnet", tuple(running), blocks=subnet.cidrs)
        public = internet_address(self.estate, len(self.aliases) + 1)
        host = self._stand_in(subnet, PathComponent(text, "subnet"), (), public)
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
            vpcs = ", ".join(sorted(found))
            raise UnknownEnd(f"Interfaces of several VPCs have the address {text} ({vpcs}): name one.")
        within = [vpc for vpc in self.estate.vpcs.values() if any(number in block for block in vpc.cidrs)]
        if within and not found:
            raise UnknownEnd(f"No network interface in {within[0].vpc_id} has the address {text}.")
        if not found and not internet.is_private(number):
            raise UnknownEnd(f"{text} is no address of a host: name a private or a public address.")
        return ConnectionEnd(text, "address", tuple(found.values()), address)

    def _named(self, text: str) -> ConnectionEnd:
        name = text.rpartition("loadbalancer/")[2].partition("/")[2].partition("/")[0] or text
        balancer = next(
            (one for one in self.inventory.load_balancers if name in (one.name, one.dns_name)), None
        )
        if balancer:
            return self._load_balancer(text, balancer)
        database = next((one for one in self.inventory.databases if text in (one.name, one.dns_name)), None)
        if database:
            return self._database(text, database)
        raise UnknownEnd(
            f"{text} is no id of an instance, interface or subnet, no address, not `internet`, and no load "
            "balancer or RDS instance of this account and Region has that name."
        )

    def _default_groups(self, subnets: tuple[SubnetId, ...]) -> tuple[GroupId, ...]:
        """Return the default group of the VPC: AWS uses it for a service without another."""
        vpcs = {subnet.vpc_id for subnet in map(self.estate.subnets.get, subnets) if subnet}
        groups = self.estate.resources.security_groups
        return tuple(one.group_id for one in groups if one.vpc_id in vpcs and one.name == "default")

    def _load_balancer(self, text: str, one: LoadBalancer) -> ConnectionEnd:
        starts = tuple(f"ELB {kind}/{one.name}/" for kind in ("app", "net"))
        enis = tuple(eni for eni in self.estate.resources.enis if eni.description.startswith(starts))
        if not enis:
            step = PathComponent(one.name, "load-balancer")
            groups = one.groups
            if one.kind == "application":
                groups = groups or self._default_groups(one.subnets)
            enis = tuple(
                self._stand_in(subnet, step, groups, self._public(one.is_public), one.interface_type)
                for subnet in map(self.estate.subnets.get, one.subnets)
                if subnet
            )
        return ConnectionEnd(text, "load-balancer", self._reachable(enis, one.is_public), load_balancer=one)

    def _database(self, text: str, one: Database) -> ConnectionEnd:
        enis = tuple(
            eni
            for eni in self.estate.resources.enis
            if eni.description == "RDSNetworkInterface"
            and eni.subnet_id in one.subnets
            and set(eni.groups) == set(one.groups)
        )
        if not enis:
            subnets = [found for found in map(self.estate.subnets.get, one.subnets) if found]
            subnets = [found for found in subnets if found.zone == one.zone] or subnets
            step = PathComponent(one.name, "db-instance")
            groups = one.groups or self._default_groups(one.subnets)
            enis = tuple(
                self._stand_in(subnet, step, groups, self._public(one.is_public)) for subnet in subnets[:1]
            )
        enis = self._reachable(enis, one.is_public)
        if not one.is_running:
            enis = tuple(replace(eni, is_running=False, instance_id="") for eni in enis)
            self._put(enis)
            for eni in enis:
                self.aliases.setdefault(eni.interface_id, PathComponent(one.name, "db-instance"))
        return ConnectionEnd(text, "db-instance", enis, database=one)

    def _reachable(self, enis: tuple[Eni, ...], is_public: bool) -> tuple[Eni, ...]:
        """Give the interfaces of a public service an address, as AWS does, if none is described."""
        if not is_public or any(eni.public_ips for eni in enis):
            return enis
        found = tuple(
            replace(eni, public_ips=((eni.private_ips[0], internet_address(self.estate, nth)),))
            for nth, eni in enumerate(enis, len(self.aliases) + 1)
            if eni.private_ips
        )
        self._put(found)
        return found

    def _public(self, is_public: bool) -> str:
        return internet_address(self.estate, len(self.aliases) + 1) if is_public else ""

    def _stand_in(
        self,
        subnet: Subnet,
        step: PathComponent,
        groups: tuple[GroupId, ...],
        public: str,
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
        self._put((eni,))
        return eni

    def _put(self, enis: tuple[Eni, ...]) -> None:
        by_id = {eni.interface_id: eni for eni in (*self.estate.resources.enis, *enis)}
        self.estate = self.estate.with_changes(enis=tuple(by_id.values()))

    def _free(self, subnet: Subnet, *, ipv6: bool) -> str:
        for block in subnet.cidrs:
            network = block.text.partition("/")[0]
            if is_ipv6(network) == ipv6:
                first, last = ip_address(network) + 4, block.last - block.first - 4
                candidates = (first + offset for offset in range(min(max(last, 1), 4096)))
                return next(
                    (
                        str(one)
                        for one in candidates
                        if not self.estate.eni_at(subnet.vpc_id, number_of(str(one)))
                    ),
                    "",
                )
        return ""
