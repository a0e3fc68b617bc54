"""The account's resources that a diagnosis needs: the estate, instance states, load balancers, databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, GroupId, SubnetId


@dataclass(frozen=True, slots=True)
class TaggedResource:
    """A resource with a tag. `kind` is `instance`, `network-interface` or `subnet`."""

    kind: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """A registered target: an instance id, an address or an ARN, with its port."""

    target_id: str
    port: int


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A target group. `keeps_client`: the load balancer preserves the client's address.

    `is_cross_zone` is None if the load balancer decides.
    """

    arn: str
    name: str
    targets: tuple[Target, ...]
    keeps_client: bool = False
    is_cross_zone: bool | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener. `groups` are the target groups of all its actions; `answers`: an action that needs none."""

    arn: str
    protocol: str
    port: int
    groups: tuple[TargetGroup, ...] = ()
    answers: bool = False


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """An Application or Network Load Balancer."""

    arn: str
    name: str
    dns_name: str
    kind: str
    is_public: bool
    subnets: tuple[SubnetId, ...]
    groups: tuple[GroupId, ...]
    listeners: tuple[Listener, ...] = ()
    is_cross_zone: bool = True
    is_running: bool = True

    @property
    def interface_type(self) -> str:
        """Return the type of its interfaces."""
        return "network_load_balancer" if self.kind == "network" else "interface"


@dataclass(frozen=True, slots=True)
class Database:
    """An RDS instance."""

    name: str
    dns_name: str
    port: int
    is_public: bool
    is_running: bool
    zone: str
    subnets: tuple[SubnetId, ...]
    groups: tuple[GroupId, ...]
    arn: str = ""


@dataclass(frozen=True, slots=True)
class ServiceResource:
    """A cache, a function or a task. `kind` is `cache`, `function` or `task`.

    `interfaces` are the ids of its interfaces if the service names them; else they are those with one of the
    `descriptions`, which end with a separator if the name can continue.
    """

    kind: str
    names: tuple[str, ...]
    arn: str = ""
    subnets: tuple[SubnetId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    interfaces: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    port: int = 0
    is_running: bool = True

    @property
    def name(self) -> str:
        """Return the name to show."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that was read. `instances`: id → state.

    `moved`: (VPC id, number of an address) → the interface that an emulator describes with that address
    although its subnet does not contain it. `unread`: the calls that failed, with the reasons. `tags`: the
    value of the tag `Name`, or `key=value` → resources. `policies`: the id of a VPC endpoint whose policy
    does not allow everything. `services` are read (`has_services`) if a name is looked up that is nothing
    else. `aliases`: an interface that stands for a component → that component.
    """

    estate: Estate
    instances: Mapping[str, str] = field(default_factory=dict)
    load_balancers: tuple[LoadBalancer, ...] = ()
    databases: tuple[Database, ...] = ()
    moved: Mapping[tuple[str, int], Eni] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, tuple[TaggedResource, ...]] = field(default_factory=dict)
    policies: frozenset[str] = frozenset()
    services: tuple[ServiceResource, ...] = ()
    has_services: bool = False
    aliases: Mapping[str, PathComponent] = field(default_factory=dict)
