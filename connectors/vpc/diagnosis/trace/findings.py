"""The findings of a walk: causes of a failure, components on the path, and the state of the connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from connectors.vpc.addresses import Cidr
from connectors.vpc.diagnosis.trace.codes import CODES
from connectors.vpc.estate import Estate
from connectors.vpc.network import Eni, Route
from connectors.vpc.packets import Direction, Leg, Packet
from connectors.vpc.path.checkpoints import End
from connectors.vpc.rules.routes import RoutingTable

Way = Literal["forward", "return"]
LAST_PORT = 65535
FIRST_PORT_OF_HOSTS, FIRST_PORT_OF_SERVICES = 32768, 1024
"""VPC guide, "Ephemeral ports": Linux uses ports from 32768 on and Windows from 49152 on. NAT gateways, load
balancers and Lambda functions use all ports from 1024 on; a client on the internet can be any of them."""
TYPICAL_PORT = 49152
"""A port in the ephemeral range of Linux, Windows, NAT gateways and load balancers."""


class Undetermined(Exception):
    """The error for a path that continues where the endpoint describes nothing. The message is a clause."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A component that must be changed before the connection works. `rule` is a network ACL rule.

    `packet` is the packet that stopped, at the interface `eni`; `filtered` is the direction of its filter.
    """

    code: str
    component: str
    direction: Way
    sentence: str
    rule: int | None = None
    packet: Packet | None = field(default=None, compare=False)
    eni: Eni | None = field(default=None, compare=False)
    filtered: Direction | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PathComponent:
    """A component on the path, with its kind as in the names of EC2 resources.

    `detail` is the rule or route that decided there, or empty.
    """

    component: str
    kind: str
    detail: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Loss:
    """The component behind which rules that refer to the sender's groups do not match."""

    code: str
    component: str


@dataclass(frozen=True, slots=True)
class TakenRoute:
    """The routes of one table for a destination, of which the first forwarded the packet."""

    table_id: str
    fitting: tuple[tuple[Cidr, Route], ...]
    is_transit: bool = False


@dataclass(slots=True)
class TracedConnection:
    """The state that both directions share.

    `passed`: the interfaces whose groups evaluated the request, each with the direction. `translated`: the
    interface of a NAT gateway → the source address that it replaced. `aliases`: the interface of a
    stand-in → the component that it stands for. `checked`: the interfaces whose state was evaluated, so that
    the response does not repeat a cause. `client_ports`: one port of the client for each range of ports that
    some rule distinguishes, and `answered_ports` those of the last translation. `peers`: whether rules that
    refer to groups apply at an interface, by direction. `explains`: look
    for misleading routes. `unknown` and `notes` are
    sentences on what cannot be read: without an `unknown` one the verdict could be another.
    """

    estate: Estate
    passed: set[tuple[str, Direction]] = field(default_factory=set)
    translated: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, PathComponent] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    first_port: int = FIRST_PORT_OF_HOSTS
    explains: bool = True
    client_ports: tuple[int, ...] = ()
    answered_ports: tuple[int, ...] = ()
    peers: dict[tuple[str, Direction], bool] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client_ports = _ports(self.estate, self.first_port)
        self.answered_ports = self.client_ports

    def translate(self) -> None:
        """Take the client's port as replaced by one of an AWS service."""
        self.answered_ports = _ports(self.estate, FIRST_PORT_OF_SERVICES)


@lru_cache(maxsize=8)
def _ports(estate: Estate, first: int) -> tuple[int, ...]:
    """Return one port for each range that a rule distinguishes, the typical one first."""
    edges = {port for port in estate.referenced_ports() if first <= port <= LAST_PORT}
    return (TYPICAL_PORT, *sorted(edges | {first, LAST_PORT}))


@dataclass(slots=True)
class Trace:
    """The findings of one direction. After the first cause the path is not continued.

    `sender` is the interface that sends the packet, `target` the one that it is for. `loss` is set as soon as
    rules cannot refer to the sender's groups. `client` is the address that filters see in place of the
    sender's, and `client_eni` its interface. `end` is the place where the packet arrived. `is_lost`: the path
    could not be followed further. `packet`, `eni` and `filtered` are the packet at its current place.
    """

    connection: TracedConnection
    leg: Leg
    sender: Eni | None = None
    target: Eni | None = None
    client: str = ""
    client_eni: Eni | None = None
    causes: list[Cause] = field(default_factory=list)
    path: list[PathComponent] = field(default_factory=list)
    taken: list[TakenRoute] = field(default_factory=list)
    ports: tuple[int, ...] = ()
    loss: Loss | None = None
    end: End | None = None
    is_lost: bool = False
    packet: Packet | None = None
    eni: Eni | None = None
    filtered: Direction | None = None

    def __post_init__(self) -> None:
        self.ports = self.connection.answered_ports

    @property
    def way(self) -> Way:
        """Return the direction as a cause names it."""
        return "forward" if self.leg == "request" else "return"

    def pause(self, eni: Eni, packet: Packet, filtered: Direction | None = None) -> None:
        """Set the current place of the packet."""
        self.eni, self.packet, self.filtered = eni, packet, filtered

    def blame(self, code: str, component: str, sentence: str, rule: int | None = None) -> None:
        """Add a cause unless it is known."""
        assert code in CODES, code
        cause = Cause(code, component, self.way, sentence, rule, self.packet, self.eni, self.filtered)
        if cause not in self.causes:
            self.causes.append(cause)

    def lose(self, code: str, component: str, sentence: str) -> None:
        """Add a cause behind which the path is unknown."""
        self.blame(code, component, sentence)
        self.is_lost = True

    def replace_last(self, cause: tuple[str, str, str] | None) -> None:
        """Replace the last cause, by which the path was lost, by (code, component, sentence)."""
        if cause:
            del self.causes[-1]
            self.blame(*cause)

    def take(self, table: RoutingTable | None, number: int, *, is_transit: bool = False) -> None:
        """Note the routes of a table for an address."""
        fitting = tuple((block, route) for block, route in table.entries if number in block) if table else ()
        if table and fitting:
            self.taken.append(TakenRoute(table.route_table_id, fitting, is_transit))

    def step(self, component: str, kind: str, detail: str = "") -> None:
        """Add a component to the path, unless the packet was stopped before."""
        found = self.connection.aliases.get(component) or PathComponent(component, kind, detail)
        if component and not self.causes and (not self.path or self.path[-1] != found):
            self.path.append(found)

    def named(self, eni: Eni) -> str:
        """Return the component to name for an interface: itself, or what a stand-in stands for."""
        found = self.connection.aliases.get(eni.interface_id)
        return found.component if found else eni.interface_id
