"""The interfaces of a load balancer, a database, a cache, a function or a task. Pure.

The description of an interface names its service. If no interface is described, the subnets and security
groups of the resource are used instead.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd
from connectors.vpc.diagnosis.account.inventory import Database, LoadBalancer, ServiceResource
from connectors.vpc.diagnosis.account.stand_ins import StandIns
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.network import Eni

_TYPES = {"function": "lambda"}


def load_balancer(stand_ins: StandIns, text: str, one: LoadBalancer) -> ConnectionEnd:
    """Return the end of an Application or Network Load Balancer."""
    enis = nodes(stand_ins, one)
    return ConnectionEnd(text, "load-balancer", enis, load_balancer=one)


def nodes(stand_ins: StandIns, one: LoadBalancer) -> tuple[Eni, ...]:
    """Return the interfaces of a load balancer, one in each subnet."""
    estate = stand_ins.estate
    starts = tuple(f"ELB {kind}/{one.name}/" for kind in ("app", "net"))
    enis = tuple(eni for eni in estate.resources.enis if eni.description.startswith(starts))
    if not enis:
        step = PathComponent(one.name, "load-balancer")
        known = tuple(eni for eni in estate.resources.enis if stand_ins.aliases.get(eni.interface_id) == step)
        if known:
            return known
        groups = one.groups
        if one.kind == "application":
            groups = groups or stand_ins.default_groups(one.subnets)
        enis = tuple(
            stand_ins.add(subnet, step, groups, stand_ins.public_address(one.is_public), one.interface_type)
            for subnet in map(estate.subnets.get, one.subnets)
            if subnet
        )
    return stand_ins.reachable(enis, one.is_public)


def database(stand_ins: StandIns, text: str, one: Database) -> ConnectionEnd:
    """Return the end of an RDS instance."""
    estate = stand_ins.estate
    enis = tuple(
        eni
        for eni in estate.resources.enis
        if eni.description == "RDSNetworkInterface"
        and eni.subnet_id in one.subnets
        and set(eni.groups) == set(one.groups)
    )
    step = PathComponent(one.name, "db-instance")
    if not enis:
        subnets = [found for found in map(estate.subnets.get, one.subnets) if found]
        subnets = [found for found in subnets if found.zone == one.zone] or subnets
        groups = one.groups or stand_ins.default_groups(one.subnets)
        public = stand_ins.public_address(one.is_public)
        enis = tuple(stand_ins.add(subnet, step, groups, public) for subnet in subnets[:1])
    enis = stand_ins.reachable(enis, one.is_public)
    enis = enis if one.is_running else _halted(stand_ins, enis, step)
    causes = () if enis else _without_interface(text, "its subnets are not described")
    return ConnectionEnd(text, "db-instance", enis, database=one, port=one.port, causes=causes)


def service(stand_ins: StandIns, text: str, one: ServiceResource) -> ConnectionEnd:
    """Return the end of a cache, a function or a task."""
    estate, step = stand_ins.estate, PathComponent(one.name, one.kind)
    enis = tuple(
        eni
        for eni in estate.resources.enis
        if eni.interface_id in one.interfaces
        or any(
            eni.description == text or (text.endswith("-") and eni.description.startswith(text))
            for text in one.descriptions
        )
    )
    if not enis:
        groups = one.groups or stand_ins.default_groups(one.subnets)
        enis = tuple(
            stand_ins.add(subnet, step, groups, interface_type=_TYPES.get(one.kind, "interface"))
            for subnet in map(estate.subnets.get, one.subnets)
            if subnet
        )
    enis = enis if one.is_running else _halted(stand_ins, enis, step)
    causes = () if enis else _without_interface(one.name, "no subnet of a VPC is configured for it")
    return ConnectionEnd(text, one.kind, enis, causes=causes, port=one.port)


def _halted(stand_ins: StandIns, enis: tuple[Eni, ...], step: PathComponent) -> tuple[Eni, ...]:
    enis = tuple(replace(eni, is_running=False, instance_id="") for eni in enis)
    stand_ins.put(enis)
    for eni in enis:
        stand_ins.aliases.setdefault(eni.interface_id, step)
    return enis


def _without_interface(name: str, why: str) -> tuple[tuple[str, str, str], ...]:
    say = f"{name} has no network interface, since {why}: connect it to a VPC."
    return (("UNASSOCIATED_COMPONENT", name, say),)
