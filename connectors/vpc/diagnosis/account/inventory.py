"""The account's resources that a diagnosis needs: the estate, instance states, load balancers, databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, GroupId, SubnetId


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


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that was read. `instances`: id → state.

    `moved`: (VPC id, number of an address) → the interface that an emulator describes with that address
    although its subnet does not contain it. `unread`: the calls that failed, with the reasons.
    """

    estate: Estate
    instances: Mapping[str, str] = field(default_factory=dict)
    load_balancers: tuple[LoadBalancer, ...] = ()
    databases: tuple[Database, ...] = ()
    moved: Mapping[tuple[str, int], Eni] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
