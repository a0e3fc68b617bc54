"""The targets of incidents, chosen by estate and seed. An incident without a target is left out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from connectors.vpc.addresses import number_of
from connectors.vpc.estate import Estate
from connectors.vpc.network import ANY, TCP, Eni, EniId, SecurityGroup, SecurityGroupRule
from emulator.ledger.labels import PORT_SCAN, REJECT_RATIO
from emulator.world.incidents.incident import Ec2Call, Incident
from emulator.world.incidents.traffic import INTRUDER
from emulator.world.traffic.chance import mixed_number, of_text
from emulator.world.traffic.edges import Edge

KINDS = (
    *("port_scan", "removed_rule", "exfiltration", "host_sweep", "brute_force", "broken_return", "flood"),
    *(
        "beaconing",
        "dead_database",
        "black_holed_route",
        "chatty_pair",
        "silence",
        "slow_scan",
        "delivery_gap",
    ),
)
_MINUTES = {"port_scan": 1, "host_sweep": 1, "beaconing": 30, "slow_scan": 40, "flood": 3, "delivery_gap": 2}
_USUAL_MINUTES = 5
_ACL_RULE = 1
_NO_SERVICE = 9  # discard: who lets that in lets everything in


@dataclass(frozen=True, slots=True)
class _Cast:
    """The candidates for targets. Edges are the TCP edges inside the estate."""

    estate: Estate
    inside: Sequence[Edge]
    public: Sequence[Eni]
    instances: Sequence[Eni]
    taken: set[str]
    seed: int

    def one(self, kind: str, enis: Sequence[Eni]) -> Eni | None:
        """Choose an interface that has no incident yet."""
        free = [eni for eni in enis if eni.interface_id not in self.taken]
        if not free:
            return None
        salt = mixed_number(self.seed, of_text(kind))
        chosen = min(free, key=lambda eni: (mixed_number(salt, of_text(eni.interface_id)), eni.interface_id))
        self.taken.add(chosen.interface_id)
        return chosen


def cast(
    estate: Estate, edges: Sequence[Edge], seed: int, minute: int, kinds: Sequence[str] = KINDS, gap: int = 0
) -> list[Incident]:
    """Return one incident of each kind that has a target in the estate; they begin `gap` minutes apart."""
    enis = [estate.enis[one] for one in sorted(estate.enis)]
    chosen = _Cast(
        estate=estate,
        inside=[edge for edge in edges if edge.origin and edge.profile.protocol == TCP and edge.port],
        public=[eni for eni in enis if eni.public_ips and eni.interface_type == "interface"],
        instances=[eni for eni in enis if eni.instance_id and eni.private_ips],
        taken=set(),
        seed=seed,
    )
    incidents = []
    for place, kind in enumerate(kinds):
        found = _CASTS[kind](chosen, kind)
        if found is not None:
            at = minute + place * gap
            incidents.append(replace(found, minute=at, minutes=_MINUTES.get(kind, _USUAL_MINUTES)))
    return incidents


def _incident(kind: str, eni: Eni, port: int = 0, rule: str = "", peers: tuple[str, ...] = ()) -> Incident:
    return Incident(kind, eni.interface_id, 0, 0, peers, port, rule)


def _scanned(cast: _Cast, kind: str) -> Incident | None:
    """Choose a public interface that rejects some ports, so that a scan produces REJECT records."""
    closed = [eni for eni in cast.public if not _lets_in(cast.estate, eni, _NO_SERVICE, "0.0.0.0")]
    eni = cast.one(kind, closed or cast.public)
    return _incident(kind, eni, rule=PORT_SCAN if kind == "port_scan" else "") if eni else None


def _instance(cast: _Cast, kind: str) -> Incident | None:
    eni = cast.one(kind, cast.instances)
    return _incident(kind, eni, 445) if eni else None


def _guessed(cast: _Cast, kind: str) -> Incident | None:
    by_ssh = [eni for eni in cast.public if _lets_in(cast.estate, eni, 22, INTRUDER)]
    eni = cast.one(kind, by_ssh or cast.public)
    return _incident(kind, eni, 22) if eni else None


def _flooded(cast: _Cast, kind: str) -> Incident | None:
    open_to_all = [eni for eni in cast.public if _lets_in(cast.estate, eni, 443, "0.0.0.0")]
    eni = cast.one(kind, open_to_all)
    return _incident(kind, eni, 443) if eni else None


def _unreached(cast: _Cast, kind: str) -> Incident | None:
    """Choose a server with known clients; for an ACL incident, with clients in other subnets."""
    servers: dict[str, tuple[Eni, Edge]] = {}
    for edge in cast.inside:
        server = _server(cast.estate, edge)
        if server and _way_in(kind, cast.estate, server, edge):
            servers.setdefault(server.interface_id, (server, edge))
    eni = cast.one(kind, [server for server, _ in servers.values()])
    if eni is None:
        return None
    edge = servers[eni.interface_id][1]
    way = _way_in(kind, cast.estate, eni, edge)
    same = [e for e in cast.inside if (e.destinations, e.port) == (edge.destinations, edge.port)]
    peers = tuple(dict.fromkeys(e.origin for e in same if _way_in(kind, cast.estate, eni, e) == way))
    if kind == "dead_database":
        return _incident(kind, eni, edge.port, peers=peers)
    if kind == "broken_return":
        return _with_acl(cast.estate, _incident(kind, eni, edge.port, peers=peers), eni)
    return _without_rule(cast.estate, _incident(kind, eni, edge.port, REJECT_RATIO, peers), eni, edge)


def _way_in(kind: str, estate: Estate, server: Eni, edge: Edge) -> object:
    """Return a true value if an incident of this kind can interrupt a client's path to a server."""
    client = estate.enis[EniId(edge.origin)]
    if kind == "removed_rule":
        return _rule_of(estate, server, client, edge.port)
    if kind == "broken_return":
        return client.subnet_id != server.subnet_id
    return server.requester_id == "amazon-rds"


def _with_acl(estate: Estate, incident: Incident, eni: Eni) -> Incident | None:
    acl = estate.acl(eni.subnet_id)
    if acl is None or any(entry.number == _ACL_RULE for entry in acl.egress):
        return None
    entry = {"NetworkAclId": acl.network_acl_id, "RuleNumber": _ACL_RULE, "Egress": True}
    deny = entry | {
        "RuleAction": "deny",
        "Protocol": "6",
        "CidrBlock": "0.0.0.0/0",
        "PortRange": {"From": 1024, "To": 65535},
    }
    begin, end = Ec2Call("create_network_acl_entry", deny), Ec2Call("delete_network_acl_entry", entry)
    others = [one for one in estate.resources.enis if estate.acl(one.subnet_id) == acl]
    return replace(incident, begin=(begin,), end=(end,), others=_ids(others, incident))


def _without_rule(estate: Estate, incident: Incident, eni: Eni, edge: Edge) -> Incident | None:
    found = _rule_of(estate, eni, estate.enis[EniId(edge.origin)], edge.port)
    if found is None:
        return None
    group, rule = found
    permission: dict[str, object] = {
        "IpProtocol": "tcp",
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "UserIdGroupPairs": [{"GroupId": rule.group_id}],
    }
    request = {"GroupId": group.group_id, "IpPermissions": [permission]}
    begin = Ec2Call("revoke_security_group_ingress", request)
    end = Ec2Call("authorize_security_group_ingress", request)
    others = [one for one in estate.resources.enis if group.group_id in one.groups]
    return replace(incident, begin=(begin,), end=(end,), others=_ids(others, incident))


def _ids(enis: Sequence[Eni], incident: Incident) -> tuple[str, ...]:
    return tuple(eni.interface_id for eni in enis if eni.interface_id != incident.eni)


def _black_hole(cast: _Cast, kind: str) -> Incident | None:
    """Choose an instance whose subnet routes to a NAT gateway: the incident removes the route."""
    ways: dict[str, tuple[str, str]] = {}
    for table in cast.estate.resources.route_tables:
        for route in table.routes:
            if (
                route.target.startswith("nat-")
                and route.destination
                and route.destination.text == "0.0.0.0/0"
            ):
                ways |= dict.fromkeys(table.subnets, (table.route_table_id, route.target))
    eni = cast.one(kind, [one for one in cast.instances if one.subnet_id in ways])
    if eni is None:
        return None
    table_id, target = ways[eni.subnet_id]
    gone = {"RouteTableId": table_id, "DestinationCidrBlock": "0.0.0.0/0"}
    begin, end = Ec2Call("delete_route", gone), Ec2Call("create_route", gone | {"NatGatewayId": target})
    return replace(_incident(kind, eni), begin=(begin,), end=(end,))


def _chatty(cast: _Cast, kind: str) -> Incident | None:
    estate = cast.estate
    for edge in cast.inside:
        client, server = estate.enis[EniId(edge.origin)], _server(estate, edge)
        if server is None or server.interface_id in cast.taken or server.vpc_id != client.vpc_id:
            continue
        zones = {estate.subnets[one.subnet_id].zone for one in (client, server)}
        if len(zones) == 2:
            cast.taken.add(server.interface_id)
            return _incident(kind, server, edge.port, peers=(client.interface_id,))
    return None


def _server(estate: Estate, edge: Edge) -> Eni | None:
    origin = estate.enis.get(EniId(edge.origin))
    return estate.eni_at(origin.vpc_id, number_of(edge.destinations[0])) if origin else None


def _lets_in(estate: Estate, eni: Eni, port: int, address: str) -> bool:
    number = number_of(address)
    return any(
        _fits(rule, port) and rule.cidr is not None and number in rule.cidr
        for group in estate.resources.security_groups
        if group.group_id in eni.groups
        for rule in group.ingress
    )


def _rule_of(
    estate: Estate, server: Eni, client: Eni, port: int
) -> tuple[SecurityGroup, SecurityGroupRule] | None:
    """Return the only group rule that lets a client reach a server; None if several rules do."""
    found = [
        (group, rule)
        for group in estate.resources.security_groups
        if group.group_id in server.groups
        for rule in group.ingress
        if _fits(rule, port) and _is_for(estate, rule, client)
    ]
    if len(found) != 1 or not found[0][1].group_id or found[0][1].from_port != found[0][1].to_port:
        return None
    return found[0]


def _fits(rule: SecurityGroupRule, port: int) -> bool:
    if rule.protocol == ANY or (rule.protocol == TCP and rule.from_port == ANY):
        return True
    return rule.protocol == TCP and rule.from_port <= port <= rule.to_port


def _is_for(estate: Estate, rule: SecurityGroupRule, client: Eni) -> bool:
    if rule.group_id:
        return rule.group_id in client.groups
    listed = estate.prefix_lists.get(rule.prefix_list_id)
    blocks = (rule.cidr,) if rule.cidr else listed.cidrs if listed else ()
    return any(number_of(address) in block for address in client.addresses for block in blocks)


_CASTS: dict[str, Callable[[_Cast, str], Incident | None]] = {
    "port_scan": _scanned,
    "slow_scan": _scanned,
    "host_sweep": _instance,
    "exfiltration": _instance,
    "beaconing": _instance,
    "silence": _instance,
    "delivery_gap": _instance,
    "brute_force": _guessed,
    "flood": _flooded,
    "removed_rule": _unreached,
    "broken_return": _unreached,
    "dead_database": _unreached,
    "black_holed_route": _black_hole,
    "chatty_pair": _chatty,
}
