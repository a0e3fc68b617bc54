"""The path from a load balancer's interface to a target: listener, target group, zones, filters. Pure.

One reachable target is sufficient. If none is reachable, the result is that of the target with the fewest
causes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.vpc.addresses import number_of
from connectors.vpc.diagnosis.account.inventory import Listener, LoadBalancer, Target, TargetGroup
from connectors.vpc.diagnosis.trace.attempt import Attempt, AttemptFindings
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import Cause, PathComponent, Undetermined
from connectors.vpc.estate import Estate
from connectors.vpc.network import TCP, UDP, Eni

Inner = Mapping[str, tuple[LoadBalancer, tuple[Eni, ...]]]
_PROTOCOLS = {TCP: {"HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP", "TCP_QUIC"}, UDP: {"UDP", "TCP_UDP", "QUIC"}}
_LAMBDA = ":lambda:"


@dataclass(frozen=True, slots=True)
class Balanced:
    """The load balancer that a request reached. `inner`: the ARN of a target → that load balancer."""

    estate: Estate
    balancer: LoadBalancer
    aliases: Mapping[str, PathComponent]
    inner: Inner


def behind(balanced: Balanced, result: AttemptFindings, node: Eni) -> AttemptFindings:
    """Continue a request that reached an interface of a load balancer; add what happens behind it.

    Raises `Undetermined` if the caller may not read the listeners or targets.
    """
    balancer, attempt = balanced.balancer, result.attempt
    shown = PathComponent(balancer.name, "load-balancer")
    if not result.causes and shown not in result.path:
        result = replace(result, path=(*result.path, shown))
    if not balancer.is_running:
        return _with(result, _cause("BAD_STATE", balancer, "is not active"))
    _require(balanced, "describe_listeners")
    listener = next((one for one in balancer.listeners if _accepts(one, attempt)), None)
    if listener is None:
        what = f"has no listener for {_wanted(attempt)}: add one"
        return _with(result, _cause("ELBV2_LISTENERS_MISMATCH", balancer, what))
    if listener.answers:
        return result
    for operation in ("describe_rules", "describe_target_groups", "describe_target_health"):
        _require(balanced, operation)
    if not listener.groups:
        what = "has a listener whose actions name no target group: add one"
        return _with(result, _cause("ELBV2_LISTENER_REQUIRES_TG_ACCEPT", balancer, what))
    if not any(group.targets for group in listener.groups):
        what = f"has a listener on port {listener.port} whose target groups have no targets: register one"
        return _with(result, _cause("ELBV2_LISTENER_HAS_NO_TG", balancer, what))
    found = [
        _to_target(balanced, result, node, group, target)
        for group in listener.groups
        for target in group.targets
    ]
    return min(found, key=lambda one: len(one.causes))


def _require(balanced: Balanced, operation: str) -> None:
    if operation in balanced.estate.resources.unread:
        raise Undetermined(
            f"{operation} is denied, so what is behind load balancer {balanced.balancer.name} is unknown"
        )


def _wanted(attempt: Attempt) -> str:
    name = {TCP: "TCP", UDP: "UDP"}.get(attempt.protocol)
    return f"{name} port {attempt.port}" if name else "ICMP, which load balancers do not forward"


def _accepts(listener: Listener, attempt: Attempt) -> bool:
    return listener.port == attempt.port and listener.protocol in _PROTOCOLS.get(attempt.protocol, ())


def _to_target(
    balanced: Balanced, result: AttemptFindings, node: Eni, group: TargetGroup, target: Target
) -> AttemptFindings:
    if _LAMBDA in target.target_id:  # Invoked by the Lambda API, so no network of the account is on the path.
        return _extended(result, (PathComponent(target.target_id, "function"),), ())
    if target.target_id in balanced.inner:
        return _to_balancer(balanced, result, node, group, target)
    eni = _interface(balanced.estate, node, target)
    if eni is None and not _is_elsewhere(balanced.estate, target):
        return _with(result, _missing(balanced.balancer, target))
    onward = _onward(result, node, group, target, eni)
    told = examine(balanced.estate, onward, balanced.aliases)
    causes = (
        *_hairpin(balanced, result, group, eni),
        *_zone_causes(balanced, node, group, eni),
        *told.causes,
    )
    if causes or eni is None:
        return _merged(result, causes, told)
    at = PathComponent(target.target_id, "instance") if eni.instance_id == target.target_id else None
    return _merged(result, causes, told, at)


def _to_balancer(
    balanced: Balanced, result: AttemptFindings, node: Eni, group: TargetGroup, target: Target
) -> AttemptFindings:
    """Continue to an Application Load Balancer that is the target of a Network Load Balancer."""
    inner, nodes = balanced.inner[target.target_id]
    within = replace(balanced, balancer=inner, inner={})
    found = []
    for eni in nodes:
        onward = _onward(result, node, group, target, eni)
        told = behind(within, examine(balanced.estate, onward, balanced.aliases), eni)
        found.append(_merged(result, told.causes, told))
    missing = _with(result, _missing(balanced.balancer, target))
    return min(found, key=lambda one: len(one.causes), default=missing)


def _onward(
    result: AttemptFindings, node: Eni, group: TargetGroup, target: Target, eni: Eni | None
) -> Attempt:
    """Return the connection of a load balancer's interface to a target."""
    attempt = result.attempt
    is_address = number_or_none(target.target_id) is not None
    address = target.target_id if is_address or eni is None else eni.private_ips[0]
    client = (result.seen_source or attempt.srcaddr) if group.keeps_client else ""
    sender = attempt.source if group.keeps_client else None
    return Attempt(node, eni, node.private_ips[0], address, attempt.protocol, target.port, client, sender)


def _merged(
    result: AttemptFindings,
    causes: tuple[Cause, ...],
    told: AttemptFindings,
    at: PathComponent | None = None,
) -> AttemptFindings:
    """Return the result with the findings behind the load balancer."""
    notes = tuple(dict.fromkeys((*result.notes, *told.notes)))
    result = replace(result, causes=_unique((*result.causes, *causes)), notes=notes)
    if causes:
        return result
    return _extended(result, (*((at,) if at else ()), *told.path[1:]), told.return_path)


def _extended(
    result: AttemptFindings, onward: tuple[PathComponent, ...], back: tuple[PathComponent, ...]
) -> AttemptFindings:
    path = (*result.path, *onward) if not result.causes else result.path
    return replace(
        result, path=path, return_path=(*back, *result.return_path[1:]) if back else result.return_path
    )


def _hairpin(
    balanced: Balanced, result: AttemptFindings, group: TargetGroup, eni: Eni | None
) -> Iterator[Cause]:
    """Yield a cause if the client is its own target and the load balancer keeps its address.

    Network Load Balancer guide, "Troubleshoot": requests time out from a target to its load balancer.
    """
    source = result.attempt.source
    if group.keeps_client and eni and source and eni.interface_id == source.interface_id:
        what = (
            f"preserves the client's address, and its target {eni.interface_id} is the client: disable that"
        )
        yield _cause("ELBV2_SOURCE_ADDRESS_PRESERVATION", balanced.balancer, what)


def _zone_causes(balanced: Balanced, node: Eni, group: TargetGroup, eni: Eni | None) -> Iterator[Cause]:
    balancer, estate = balanced.balancer, balanced.estate
    if eni is None or eni.vpc_id != node.vpc_id:
        return
    zones = {one.zone for one in map(estate.subnets.get, balancer.subnets) if one}
    here, there = estate.subnets.get(node.subnet_id), estate.subnets.get(eni.subnet_id)
    if there is None:
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


def _is_elsewhere(estate: Estate, target: Target) -> bool:
    """Return whether a target is an address outside all VPCs of the estate."""
    number = number_or_none(target.target_id)
    blocks = (block for vpc in estate.vpcs.values() for block in vpc.cidrs)
    return number is not None and not any(number in block for block in blocks)


def _missing(balancer: LoadBalancer, target: Target) -> Cause:
    if target.target_id.startswith("i-"):
        say = f"{target.target_id}, a target of {balancer.name}, is in no VPC: register another instance."
        return Cause("UNASSOCIATED_COMPONENT", target.target_id, "forward", say)
    what = f"has the target {target.target_id}, which has no network interface: register another"
    return _cause("TARGET_ADDRESS_RESTRICTION", balancer, what)


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
