"""The diagnosis of a connection between two ends: the best of the attempts between their interfaces. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.vpc.addresses import is_ipv6
from connectors.vpc.diagnosis.account import named_ends
from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd, UnknownEnd
from connectors.vpc.diagnosis.account.ends import Resolver
from connectors.vpc.diagnosis.account.inventory import Inventory
from connectors.vpc.diagnosis.attempts import attempts
from connectors.vpc.diagnosis.load_balancing import Balanced, Inner, behind
from connectors.vpc.diagnosis.trace.attempt import Attempt, AttemptFindings
from connectors.vpc.diagnosis.trace.conversation import examine
from connectors.vpc.diagnosis.trace.findings import Cause, Undetermined
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, TCP, UDP

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
_DEFAULT_PORT = 443


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer. `port` is None for ICMP. `estate` has the stand-ins of the ends.

    `notes` are sentences on what is not known or not evaluated.
    """

    estate: Estate
    source: ConnectionEnd
    destination: ConnectionEnd
    protocol: str
    port: int | None
    result: AttemptFindings
    notes: tuple[str, ...] = ()

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Return every cause, forward first; none if the destination is reachable."""
        return self.result.causes

    @property
    def is_reachable(self) -> bool:
        """Return whether a connection works."""
        return not self.causes


def diagnose(
    inventory: Inventory, source: str, destination: str, protocol: str, port: int | None
) -> Diagnosis:
    """Return why the source can or cannot reach the destination.

    Raises `UnknownEnd` if an end cannot be resolved, and `Undetermined` if the path cannot be followed.
    """
    resolver = Resolver(inventory)
    first = resolver.place(source)
    second = resolver.place(destination, first)
    if first.is_internet and second.is_internet:
        raise UnknownEnd(f"{source} and {destination} are both outside the estate: name a resource of it.")
    shown = None if protocol == "icmp" else port or _port(second)
    gone = [Cause(code, at, "forward", say) for code, at, say in (*first.causes, *second.causes)]
    if gone:
        nothing = Attempt(None, None, first.address, second.address, PROTOCOLS[protocol], shown or 0)
        return Diagnosis(
            resolver.estate, first, second, protocol, shown, AttemptFindings(nothing, tuple(gone), (), ())
        )
    inner = _inner(resolver, second)
    best = _best(resolver, first, second, PROTOCOLS[protocol], shown or 0, inner)
    if best is None:
        raise UnknownEnd(f"{source} and {destination} are the same network interface: name another one.")
    notes = (*best.notes, *_policy_notes(inventory, best))
    return Diagnosis(resolver.estate, first, second, protocol, shown, best, notes)


def _best(
    resolver: Resolver, first: ConnectionEnd, second: ConnectionEnd, protocol: int, port: int, inner: Inner
) -> AttemptFindings | None:
    """Return the attempt with the fewest causes. An attempt that is undetermined could be a better one."""
    best: dict[bool, AttemptFindings] = {}
    unknown: Undetermined | None = None
    for attempt in attempts(resolver, first, second, protocol, port):
        try:
            result = _examined(resolver, second, attempt, inner)
        except Undetermined as why:
            unknown = unknown or why
            continue
        family = is_ipv6(attempt.dstaddr)
        if family not in best or len(result.causes) < len(best[family].causes):
            best[family] = result
        if not (result.causes or family):
            return result
    ipv4, ipv6 = best.get(False), best.get(True)
    if unknown and (ipv6 is None or ipv6.causes):
        raise unknown
    is_second = ipv4 is None or (_lacks_path(ipv4) and ipv6 is not None and not _lacks_path(ipv6))
    return ipv6 if is_second else ipv4


def _lacks_path(result: AttemptFindings) -> bool:
    """Return whether the source has no route or public address of the family: it uses the other one."""
    codes = ("NO_ROUTE_TO_DESTINATION", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS")
    return any(cause.code in codes for cause in result.causes)


def _inner(resolver: Resolver, second: ConnectionEnd) -> Inner:
    """Return the Application Load Balancers that are targets of the destination, with their interfaces."""
    if not second.load_balancer:
        return {}
    known = {one.arn: one for one in resolver.inventory.load_balancers}
    targets = (
        target.target_id
        for listener in second.load_balancer.listeners
        for group in listener.groups
        for target in group.targets
    )
    return {
        arn: (known[arn], named_ends.nodes(resolver.stand_ins, known[arn]))
        for arn in dict.fromkeys(targets)
        if arn in known
    }


def _policy_notes(inventory: Inventory, result: AttemptFindings) -> list[str]:
    return [
        f"The policy of {step.component} decides which requests it accepts; it is not evaluated."
        for step in result.path
        if step.component in inventory.policies
    ]


def _port(place: ConnectionEnd) -> int:
    if place.port:
        return place.port
    listeners = place.load_balancer.listeners if place.load_balancer else ()
    return listeners[0].port if len(listeners) == 1 else _DEFAULT_PORT


def _examined(resolver: Resolver, second: ConnectionEnd, attempt: Attempt, inner: Inner) -> AttemptFindings:
    missing = _without_address(attempt)
    if missing:
        return AttemptFindings(attempt, (missing,), (), ())
    result = examine(resolver.estate, attempt, resolver.aliases)
    if second.load_balancer and attempt.destination:
        node = result.arrived or attempt.destination
        balanced = Balanced(resolver.estate, second.load_balancer, resolver.aliases, inner)
        return behind(balanced, result, node)
    return result


def _without_address(attempt: Attempt) -> Cause | None:
    """Return a cause if an end has no address of the family of the connection."""
    for eni, address in ((attempt.source, attempt.srcaddr), (attempt.destination, attempt.dstaddr)):
        if eni and not address:
            family = "IPv6" if is_ipv6(attempt.srcaddr or attempt.dstaddr) else "IPv4"
            say = f"{eni.interface_id} has no {family} address: assign one."
            return Cause("UNASSOCIATED_COMPONENT", eni.interface_id, "forward", say)
    return None
