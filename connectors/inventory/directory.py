"""The directory: the owner of an interface or of an address at a moment. Pure.

It is built from the messages of the topic `inventory` in any order. A network interface has one version for
each time in which its owner and addresses did not change; a lookup selects the version of its moment.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from connectors.inventory.blocks import BlockTable
from connectors.inventory.rows import (
    FAMILIES,
    INTERFACE,
    PREFIXES,
    ForeignRow,
    InterfaceRow,
    PrefixRow,
    decode_interface,
    decode_prefixes,
)
from connectors.vpc.addresses import Cidr, cidr, number_of

Geo = Callable[[str], tuple[str, str]]
"""The country code and the autonomous system of an address; empty texts if unknown."""

_MEMORY_MAX = 1 << 16
"""Public addresses whose owner is kept in memory; they are looked up again and again."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an interface, or of an address, at a moment.

    `kind` is `instance`, `load-balancer`, `database`, `cache`, `nat-gateway`, `function`, `task`, `cluster`,
    `endpoint`, `transit-gateway`, `interface`, `aws-service`, `prefix-list` or `internet`. `zone` is the zone
    id, such as `use1-az1`. `eni` is empty for an address outside the known VPCs.
    """

    eni: str
    kind: str
    id: str
    name: str
    account: str
    region: str
    vpc: str
    subnet: str
    zone: str
    security_groups: tuple[str, ...]
    tags: Mapping[str, str]
    country: str = ""
    asn: str = ""

    @property
    def label(self) -> str:
        """The name, or the id if there is none."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class _Version:
    """An owner with its time. `valid_to` is infinite while the version is valid."""

    key: bytes
    valid_from: int
    valid_to: float
    owner: Owner
    addresses: tuple[str, ...]

    def is_valid(self, at_s: int) -> bool:
        return self.valid_from <= at_s < self.valid_to


class Directory:
    """The known interfaces and address blocks. `geo` returns country and AS of a public address."""

    def __init__(self, geo: Geo | None = None) -> None:
        self.foreign = 0
        """The number of messages that were not rows of the topic."""
        self._geo = geo
        self._versions: dict[bytes, _Version] = {}
        self._interfaces: dict[str, list[_Version]] = {}
        self._addresses: dict[str, list[_Version]] = {}
        self._prefixes: dict[bytes, PrefixRow] = {}
        self._blocks: BlockTable[Owner] | None = None
        self._remembered: dict[str, Owner | None] = {}

    def __len__(self) -> int:
        """Return the number of interfaces, closed ones included."""
        return len(self._interfaces)

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one message of the topic; a value of None deletes a row. Count a foreign message."""
        family = next((one for one in FAMILIES if key is not None and key.startswith(one)), None)
        if key is None or family is None:
            self.foreign += key != b"contract"
            return
        try:
            if family == INTERFACE:
                self._put_version(key, decode_interface(value) if value is not None else None)
            elif family == PREFIXES:
                self._put_prefixes(key, decode_prefixes(value) if value is not None else None)
        except ForeignRow:
            self.foreign += 1

    def interface(self, eni: str, at_s: int) -> Owner | None:
        """Return the owner of an interface at a moment; None if the interface is unknown.

        AWS never uses an interface id again. Before its first version the interface therefore has the owner
        of that version, and after its last version the owner of the last one.
        """
        versions = self._interfaces.get(eni)
        if not versions:
            return None
        at = next((one for one in reversed(versions) if one.valid_from <= at_s), versions[0])
        return at.owner

    def address(self, address: str, at_s: int, vpc: str = "") -> Owner | None:
        """Return the owner of an address at a moment; None if it is unknown.

        An interface in `vpc` comes first, then the only interface of another VPC with the address, then
        prefix lists and AWS service ranges (the longest block), then the internet, if `geo` knows the
        address. An address that interfaces of several other VPCs have is unknown.
        """
        if versions := self._addresses.get(address):
            found = _owner_at(versions, at_s, vpc)
            if found is not None:
                return found
        return self._outside(address)

    def _put_version(self, key: bytes, row: InterfaceRow | None) -> None:
        if (old := self._versions.pop(key, None)) is not None:
            _remove(self._interfaces, old.owner.eni, old)
            for address in old.addresses:
                _remove(self._addresses, address, old)
        if row is None:
            return
        version = _version(key, row)
        self._versions[key] = version
        _insert(self._interfaces, row.eni, version)
        for address in version.addresses:
            _insert(self._addresses, address, version)

    def _put_prefixes(self, key: bytes, row: PrefixRow | None) -> None:
        self._blocks = None
        self._remembered.clear()
        if row is None:
            self._prefixes.pop(key, None)
        else:
            self._prefixes[key] = row

    def _outside(self, address: str) -> Owner | None:
        if address in self._remembered:
            return self._remembered[address]
        if len(self._remembered) >= _MEMORY_MAX:
            self._remembered.clear()
        found = self._remembered[address] = self._look_up(address)
        return found

    def _look_up(self, address: str) -> Owner | None:
        try:
            number = number_of(address)
        except ValueError:
            return None
        if self._blocks is None:
            self._blocks = BlockTable(_owners_of_blocks(self._prefixes))
        owner = self._blocks.find(number)
        country, asn = self._geo(address) if self._geo is not None else ("", "")
        if owner is not None:
            return replace(owner, country=country, asn=asn) if country or asn else owner
        if not (country or asn):
            return None
        return Owner("", "internet", address, "", "", "", "", "", "", (), {}, country, asn)


def _version(key: bytes, row: InterfaceRow) -> _Version:
    owner = Owner(
        eni=row.eni,
        kind=row.kind,
        id=row.id or row.eni,
        name=row.name,
        account=row.account,
        region=row.region,
        vpc=row.vpc,
        subnet=row.subnet,
        zone=row.zone,
        security_groups=row.security_groups,
        tags=row.tags,
    )
    valid_to = float("inf") if row.valid_to is None else row.valid_to
    addresses = tuple(dict.fromkeys(map(_canonical, (*row.private, *row.ipv6, *row.public))))
    return _Version(key, row.valid_from, valid_to, owner, addresses)


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address)) if ":" in address else address
    except ValueError:
        return address


def _order(version: _Version) -> tuple[int, bytes]:
    return version.valid_from, version.key


def _insert(index: dict[str, list[_Version]], name: str, version: _Version) -> None:
    insort(index.setdefault(name, []), version, key=_order)


def _remove(index: dict[str, list[_Version]], name: str, version: _Version) -> None:
    versions = index[name]
    versions.remove(version)
    if not versions:
        del index[name]


def _owner_at(versions: list[_Version], at_s: int, vpc: str) -> Owner | None:
    """Return the owner with the latest start, in `vpc`, or in the only other VPC with a valid version."""
    elsewhere: Owner | None = None
    is_ambiguous = False
    for version in reversed(versions):
        if not version.is_valid(at_s):
            continue
        if version.owner.vpc == vpc:
            return version.owner
        is_ambiguous = is_ambiguous or (elsewhere is not None and elsewhere.vpc != version.owner.vpc)
        elsewhere = elsewhere or version.owner
    return None if is_ambiguous else elsewhere


def _owners_of_blocks(rows: Mapping[bytes, PrefixRow]) -> list[tuple[Cidr, Owner]]:
    found: list[tuple[Cidr, Owner]] = []
    for _, row in sorted(rows.items(), key=lambda item: (item[1].rank, item[0])):
        for text, id_, name, region in row.entries:
            try:
                block = cidr(text)
            except ValueError:
                continue  # `vpcflow inventory` has reported it.
            owner = Owner("", row.kind, id_, name, row.account, region, "", "", "", (), {})
            found.append((block, owner))
    return found
