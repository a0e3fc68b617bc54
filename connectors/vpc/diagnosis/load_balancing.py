"""The path from a load balancer's interface to a target: listener, target group, zones, filters. Pure.

One reachable target is sufficient. If none is reachable, the result is that of the target with the fewest
causes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account.inventory import Listener, LoadBalancer, Target, TargetGroup
from connectors.vpc.diagnosis.trace.conversation import Attempt, AttemptFindings, examine
from connectors.vpc.diagnosis.trace.findings import Cause, PathComponent
from connectors.vpc.estate import Estate
from connectors.vpc.network import TCP, UDP, Eni

_PROTOCOLS = {TCP: {"HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP", "TCP_QUIC"}, UDP: {"UDP", "TCP_UDP", "QUIC"}}


@dataclass(frozen=True, slots=True)
class Balanced:
    """The load balancer that a request reached, and the port and protocol of the request."""

    estate: Estate
    balancer: LoadBalancer
    aliases: Mapping[str, PathComponent]


def behind(balanced: Balanced, result: AttemptFindings, node: Eni) -> AttemptFindings:
    """Continue a request that reached an interface of a load balancer; add what happens behind it."""
    balancer, attempt = balanced.balancer, result.attempt
    shown = PathComponent(balancer.name, "load-balancer")
    if not result.causes and shown not in result.path:
        result = replace(result, path=(*result.path, shown))
    if not balancer.is_running:
        return _with(result, _cause("BAD_STATE", balancer, "is not active"))
    listener = next((one for one in balancer.listeners if _accepts(one, attempt)), None)
    if listener is None:
        what = f"has no listener for port {attempt.port} and this protocol: add one"
        return _with(result, _cause("ELBV2_LISTENERS_MISMATCH", balancer, what))
    if listener.answers:
        return result
    if not listener.groups:
        what = "has a listener whose actions name no target group: add one"
        return _with(result, _cause("ELBV2_LISTENER_REQUIRES_TG_ACCEPT", balancer, what))
    if not any(group.targets for group in listener.groups):
        what = f"has a listener on port {listener.port} whose target groups have no targets: register one"
        return _with(result, _cause("ELBV2_LISTENER_HAS_NO_TG", balancer, what))
    found = list(_targets(balanced, result, node, listener))
    return min(found, key=lambda one: len(one.causes))


def _accepts(listener: Listener, attempt: Attempt) -> bool:
    return listener.port == attempt.port and listener.protocol in _PROTOCOLS.get(attempt.protocol, ())


def _targets(
    balanced: Balanced, result: AttemptFindings, node: Eni, listener: Listener
) -> Iterator[AttemptFindings]:
    for group in listener.groups:
        for target in group.targets:
            yield _to_target(balanced, result, node, group, target)


def _to_target(
    balanced: Balanced, result: AttemptFindings, node: Eni, group: TargetGroup, target: Target
) -> AttemptFindings:
    balancer, estate, attempt = balanced.balancer, balanced.estate, result.attempt
    eni = _interface(estate, node, target)
    if eni is None:
        what = f"has the target {target.target_id}, which has no network interface: register another"
        return _with(result, _cause("TARGET_ADDRESS_RESTRICTION", balancer, what))
    causes = list(_zone_causes(balanced, node, group, eni))
    client = attempt.srcaddr if group.keeps_client else ""
    address = target.target_id if number_or_none(target.target_id) is not None else eni.private_ips[0]
    onward = Attempt(node, eni, node.private_ips[0], address, attempt.protocol, target.port, client)
    told = examine(estate, onward, balanced.aliases)
    causes += told.causes
    at = PathComponent(target.target_id, "instance") if eni.instance_id == target.target_id else None
    behind_node = (*((at,) if at else ()), *told.path[1:])
    path = (*result.path, *behind_node) if not result.causes and not causes else result.path
    back = (*told.return_path, *result.return_path[1:]) if not causes else result.return_path
    return replace(result, causes=_unique((*result.causes, *causes)), path=path, return_path=back)


def _zone_causes(balanced: Balanced, node: Eni, group: TargetGroup, eni: Eni) -> Iterator[Cause]:
    balancer, estate = balanced.balancer, balanced.estate
    zones = {one.zone for one in map(estate.subnets.get, balancer.subnets) if one}
    here, there = estate.subnets.get(node.subnet_id), estate.subnets.get(eni.subnet_id)
    if there is None or eni.vpc_id != node.vpc_id:
        return
    if there.zone not in zones:
        what = f"is not enabled in the Availability Zone {there.zone} of {eni.interface_id}: enable it there"
        yield _cause("ELB_INSTALLED_AZ_RESTRICTION", balancer, what)
        return
    is_cross_zone = balancer.is_cross_zone if group.is_cross_zone is None else group.is_cross_zone
    if not is_cross_zone and here and here.zone != there.zone:
        what = f"does not balance across zones, and {eni.interface_id} is in {there.zone}: enable it"
        yield _cause("ELB_NOT_CROSSZONE", balancer, what)


def _interface(estate: Estate, node: Eni, target: Target) -> Eni | None:
    number = number_or_none(target.target_id)
    if number is None:
        enis = [eni for eni in estate.resources.enis if eni.instance_id == target.target_id]
        return min(enis, key=lambda eni: eni.device_index, default=None)
    vpcs = [node.vpc_id, *(vpc_id for vpc_id in estate.vpcs if vpc_id != node.vpc_id)]
    return next((eni for vpc_id in vpcs if (eni := estate.eni_at(vpc_id, number))), None)


def number_or_none(address: str) -> int | None:
    """Return the number of an address, or None for text that is none."""
    try:
        return number_of(address)
    except ValueError:
        return None


def _cause(code: str, balancer: LoadBalancer, what: str) -> Cause:
    return Cause(code, balancer.name, "forward", f"Load balancer {balancer.name} {what}.")


def _with(result: AttemptFindings, cause: Cause) -> AttemptFindings:
    return replace(result, causes=_unique((*result.causes, cause)))


def _unique(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    return tuple(dict.fromkeys(causes))
