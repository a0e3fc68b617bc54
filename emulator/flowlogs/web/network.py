"""VPCs, subnets and interfaces for the page, read from EC2 and cached until EC2 changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, fromstring

from emulator.flowlogs.service_client import EC2_VERSION, FORM, ServiceError, content, signed
from emulator.http.messages import Incoming, Outgoing
from emulator.scope import Scope

_NAMESPACE = "{*}"  # moto's responses have the namespace of an older API version than AWS's.
Ask = Callable[[Incoming], Awaitable[Outgoing]]


@dataclass(frozen=True, slots=True)
class NetworkResource:
    """A VPC, a subnet or an interface: id, name or description, CIDR block or address, and parent id."""

    id: str
    name: str
    where: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The network resources of one account and Region."""

    vpcs: tuple[NetworkResource, ...] = ()
    subnets: tuple[NetworkResource, ...] = ()
    interfaces: tuple[NetworkResource, ...] = ()


@dataclass(slots=True)
class Networks:
    """A cache of networks. An entry is valid while `revision` is the same."""

    ask: Ask
    _known: dict[Scope, tuple[int, Network]] = field(default_factory=dict)

    async def of(self, scope: Scope, revision: int) -> Network:
        """Return an account's network in a Region. Raises `ServiceError`."""
        known = self._known.get(scope)
        if known is None or known[0] != revision:
            known = self._known[scope] = (revision, await self._read(scope))
        return known[1]

    async def _read(self, scope: Scope) -> Network:
        vpcs = [
            NetworkResource(_text(one, "vpcId"), _name(one), _text(one, "cidrBlock"))
            for one in await self._listed(scope, "DescribeVpcs", "vpcSet")
        ]
        subnets = [
            NetworkResource(
                _text(one, "subnetId"),
                _name(one),
                f"{_text(one, 'cidrBlock')} {_text(one, 'availabilityZone')}",
                _text(one, "vpcId"),
            )
            for one in await self._listed(scope, "DescribeSubnets", "subnetSet")
        ]
        interfaces = [
            NetworkResource(
                _text(one, "networkInterfaceId"),
                _text(one, "description") or _name(one),
                _text(one, "privateIpAddress"),
                _text(one, "subnetId"),
            )
            for one in await self._listed(scope, "DescribeNetworkInterfaces", "networkInterfaceSet")
        ]
        return Network(tuple(vpcs), tuple(subnets), tuple(interfaces))

    async def _listed(self, scope: Scope, action: str, element: str) -> list[Element]:
        found: list[Element] = []
        token = ""
        while True:
            more = f"&NextToken={token}" if token else ""
            body = f"Action={action}&Version={EC2_VERSION}{more}".encode()
            headers = {**signed(scope, "ec2"), "content-type": FORM}
            answer = await self.ask(Incoming("POST", "/", headers, body))
            if answer.status != 200:
                raise ServiceError(action, answer)
            root = fromstring(content(answer))
            found += list(_items(root, element))
            token = _text(root, "nextToken")
            if not token:
                return found


def _items(root: Element, name: str) -> Iterator[Element]:
    listed = root.find(f"{_NAMESPACE}{name}")
    yield from listed.findall(f"{_NAMESPACE}item") if listed is not None else ()


def _text(element: Element, name: str) -> str:
    return element.findtext(f"{_NAMESPACE}{name}") or ""


def _name(element: Element) -> str:
    for tag in _items(element, "tagSet"):
        if _text(tag, "key") == "Name":
            return _text(tag, "value")
    return ""
