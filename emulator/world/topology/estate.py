"""The preset `estate`: 20 VPCs of one company, with 2,000 network interfaces. Pure."""

from __future__ import annotations

from emulator.world.topology.interfaces import uuid_of
from emulator.world.topology.lines import RouteTarget, Rule, rule, target
from emulator.world.topology.model import (
    Cache,
    Database,
    DeclaredVpcEndpoint,
    Function,
    Instances,
    Interface,
    LoadBalancer,
    NatGateway,
    Peering,
    SecurityGroup,
    Subnet,
    Topology,
    TransitGateway,
    Vpc,
)

VPCS = 20
ENIS_PER_VPC = 100
_ZONES = "abc"
_TEAMS = [
    *("accounts", "billing", "catalogue", "checkout", "delivery", "forecast", "gateway", "identity"),
    *("inventory", "ledger", "mail", "media", "orders", "payments", "pricing", "returns", "reviews"),
    *("search", "stock", "support"),
]


def estate() -> Topology:
    """Return the estate. All VPCs are attached to one transit gateway and peered with the first VPC."""
    hub = TransitGateway(attachments=dict.fromkeys(_TEAMS, ("app-a", "app-b", "app-c")))
    peerings = {f"{_TEAMS[0]}-{team}": Peering(requester=_TEAMS[0], accepter=team) for team in _TEAMS[1:]}
    vpcs = {team: _vpc(number, team) for number, team in enumerate(_TEAMS)}
    return Topology(name="estate", vpcs=vpcs, peerings=peerings, transit_gateways={"hub": hub})


def _vpc(number: int, team: str) -> Vpc:
    base = f"10.{100 + number}"
    public, app, data = (tuple(f"{tier}-{zone}" for zone in _ZONES) for tier in ("public", "app", "data"))
    tables = _tables(number)
    # 3 NAT gateways, 3 + 3 of load balancers, 6 of databases, 6 of caches, 6 of functions, 3 of an endpoint,
    # 3 of the attachment and 30 instances leave 37 for tasks of ECS.
    tasks = range(ENIS_PER_VPC - 33 - 30)
    return Vpc(
        cidrs=(f"{base}.0.0/16",),
        internet_gateway=True,
        subnets=_subnets(base),
        route_tables=tables,
        security_groups=_groups(base),
        nat_gateways={f"nat-{zone}": NatGateway(subnet=f"public-{zone}") for zone in _ZONES},
        instances={
            "web": Instances(subnets=app, groups=("web",), count=15),
            "api": Instances(subnets=app, groups=("api",), count=15, type="m6i.large"),
        },
        interfaces={f"job-{number + 1}": _task(team, number, app) for number in tasks},
        load_balancers={
            f"{team}-front": LoadBalancer(subnets=public, groups=("front",), internet_facing=True),
            f"{team}-inside": LoadBalancer(type="network", subnets=app),
        },
        databases={
            "main": Database(engine="aurora-postgresql", subnets=data, groups=("data",), instances=4),
            "audit": Database(subnets=data, groups=("data",), multi_az=True),
        },
        caches={"sessions": Cache(subnets=data, groups=("data",), nodes=6)},
        functions={f"{team}-{job}": Function(subnets=app, groups=("jobs",)) for job in ("report", "sweep")},
        endpoints={
            "s3": DeclaredVpcEndpoint(service="s3", type="gateway", route_tables=tuple(tables)),
            "secrets": DeclaredVpcEndpoint(service="secretsmanager", subnets=app, groups=("data",)),
        },
    )


def _subnets(base: str) -> dict[str, Subnet]:
    return {
        f"{tier}-{zone}": Subnet(
            cidr=f"{base}.{place * 16 + index}.0/24",
            zone=zone,
            route_table="public" if tier == "public" else f"private-{zone}",
        )
        for place, tier in enumerate(("public", "app", "data"))
        for index, zone in enumerate(_ZONES)
    }


def _tables(number: int) -> dict[str, dict[str, RouteTarget]]:
    inside = {"10.96.0.0/11": target("transit-gateway hub")} | _peered(number)
    tables = {"public": {"0.0.0.0/0": target("internet-gateway"), **inside}}
    tables |= {
        f"private-{zone}": {"0.0.0.0/0": target(f"nat-gateway nat-{zone}"), **inside} for zone in _ZONES
    }
    return tables


def _task(team: str, number: int, subnets: tuple[str, ...]) -> Interface:
    """Return the interface of an ECS task. Its description is the ARN of its attachment."""
    attachment = uuid_of(f"{team}/job-{number + 1}")
    return Interface(
        subnet=subnets[number % len(subnets)],
        groups=("jobs",),
        description=f"arn:aws:ecs:eu-west-1:123456789012:attachment/{attachment}",
    )


def _peered(number: int) -> dict[str, RouteTarget]:
    """Return the routes over the peerings with the first VPC. They are longer than the route to the hub."""
    first = _TEAMS[0]
    if number:
        return {"10.100.0.0/16": target(f"peering {first}-{_TEAMS[number]}")}
    return {f"10.{100 + n}.0.0/16": target(f"peering {first}-{_TEAMS[n]}") for n in range(1, VPCS)}


def _groups(base: str) -> dict[str, SecurityGroup]:
    return {
        "front": _open("tcp 80 0.0.0.0/0", "tcp 443 0.0.0.0/0"),
        "web": _open("tcp 8080 front", "tcp 22 10.96.0.0/11"),
        "api": _open("tcp 9000 web", "tcp 9000 jobs", "tcp 9000 10.96.0.0/11", "icmp 8/0 10.96.0.0/11"),
        "jobs": _open("tcp 22 10.96.0.0/11"),
        "data": _open("tcp 5432 api", "tcp 5432 jobs", "tcp 6379 api", f"tcp 443 {base}.0.0/16"),
    }


def _open(*lines: str) -> SecurityGroup:
    rules: tuple[Rule, ...] = tuple(map(rule, lines))
    return SecurityGroup(ingress=rules)
