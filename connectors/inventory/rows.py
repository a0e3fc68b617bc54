"""The messages of the topic `inventory`: keys and values. Pure.

The part of a key before the first `|` is the family of the row:

- `interface|<interface id>|<valid from>`: one version of a network interface, its addresses and its owner.
- `prefixes|<source>`: address blocks with names: AWS service ranges, managed prefix lists, the user's lists.
- `network|…`: the network configuration (`network_rows`).
- `account|<account>|<region>`: the state of the process for an account and a Region.

The values of `interface` and `account` are JSON; those of `prefixes` and `network` are JSON compressed with
zlib, because they are long. Times are epoch seconds. A version is valid from `valid_from`
up to, but not including, `valid_to`; `valid_to` is null while the version is valid. Where two versions are
valid for one address at a moment, the one with the greater `valid_from` is.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

INTERFACE, PREFIXES, NETWORK, ACCOUNT = b"interface|", b"prefixes|", b"network|", b"account|"
FAMILIES = (INTERFACE, PREFIXES, NETWORK, ACCOUNT)

_ZLIB = b"\x78"


class ForeignRow(ValueError):
    """A message of the topic that is not a row of this format; the message says why."""


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """One version of a network interface. `id`, `kind`, `name` and `tags` are those of its owner.

    `private` has the primary address first, then the secondary ones. `public` has public IPv4 addresses and
    Elastic IP addresses. `zone` is the zone id, such as `use1-az1`. `read_by` is the account that described
    the interface: in a shared VPC it may be another one than `account`, which owns the interface.
    """

    eni: str
    valid_from: int
    valid_to: int | None = None
    account: str = ""
    read_by: str = ""
    region: str = ""
    vpc: str = ""
    subnet: str = ""
    zone: str = ""
    kind: str = "interface"
    id: str = ""
    name: str = ""
    private: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """The key of the row."""
        return f"interface|{self.eni}|{self.valid_from}".encode()


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """Named address blocks of one source. `kind` is `aws-service` or `prefix-list`.

    Each entry has the block, the id and the name of its service or list, and its Region. If blocks of several
    rows are equal, the row with the least `rank` is valid.
    """

    source: str
    kind: str
    entries: tuple[tuple[str, str, str, str], ...]
    rank: int = 0
    account: str = ""

    @property
    def key(self) -> bytes:
        """The key of the row."""
        return f"prefixes|{self.source}".encode()


def encode(row: InterfaceRow | PrefixRow) -> bytes:
    """Return the value of a row."""
    return pack(row) if isinstance(row, PrefixRow) else plain(row)


def plain(content: Any) -> bytes:
    """Return JSON."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def pack(content: Any) -> bytes:
    """Return compressed JSON."""
    return zlib.compress(plain(content))


def unpack(value: bytes) -> Any:
    """Return the content of a value. Raises `ForeignRow`."""
    try:
        return orjson.loads(zlib.decompress(value) if value[:1] == _ZLIB else value)
    except (ValueError, zlib.error) as error:
        raise ForeignRow(f"no JSON: {error}") from error


def decode_interface(value: bytes) -> InterfaceRow:
    """Return the row of an interface. Raises `ForeignRow`."""
    content = unpack(value)
    try:
        row = InterfaceRow(**content)
        lists = (row.private, row.ipv6, row.public, row.security_groups)
        private, ipv6, public, groups = (tuple(map(str, one)) for one in lists)
        return InterfaceRow(
            eni=str(row.eni),
            valid_from=int(row.valid_from),
            valid_to=None if row.valid_to is None else int(row.valid_to),
            account=str(row.account),
            read_by=str(row.read_by),
            region=str(row.region),
            vpc=str(row.vpc),
            subnet=str(row.subnet),
            zone=str(row.zone),
            kind=str(row.kind),
            id=str(row.id),
            name=str(row.name),
            private=private,
            ipv6=ipv6,
            public=public,
            security_groups=groups,
            tags={str(key): str(tag) for key, tag in dict(row.tags).items()},
        )
    except (TypeError, ValueError) as error:
        raise ForeignRow(f"no row of an interface: {error}") from error


def decode_prefixes(value: bytes) -> PrefixRow:
    """Return the row of address blocks. Raises `ForeignRow`."""
    content = unpack(value)
    try:
        row = PrefixRow(**content)
        entries = tuple(
            (str(cidr), str(id_), str(name), str(region)) for cidr, id_, name, region in row.entries
        )
        return PrefixRow(str(row.source), str(row.kind), entries, int(row.rank), str(row.account))
    except (TypeError, ValueError) as error:
        raise ForeignRow(f"no row of address blocks: {error}") from error
