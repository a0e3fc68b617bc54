"""The fields of flow-log records: from the columns of a simulated minute to lines and Parquet columns. Pure.

Source: VPC guide, "Available fields", for each field's values and when it is `-`. Fields that this world does
not simulate (ECS, regional NAT gateways, encryption, sublocations) are `-`. Accounts of the interfaces of
endpoints and Network Load Balancers are `unknown`, as AWS may write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import numpy as np
import polars as pl

from connectors.formats.flowlog import FIELD_VERSIONS, Format
from connectors.vpc.network import Eni
from emulator.world.traffic.chance import Array
from emulator.world.traffic.directory import NOTHING, Directory
from emulator.world.traffic.records import Records

INTEGERS = frozenset(
    {"version", "srcport", "dstport", "protocol", "tcp-flags", "traffic-path", "encryption-status"}
)
"""INT_32 in Parquet; the four below are INT_64, all others are strings."""
LONGS = frozenset({"packets", "bytes", "start", "end"})
_SHOWN_TYPES = frozenset(
    {"nat_gateway", "network_load_balancer", "regional_nat_gateway", "transit_gateway", "vpc_endpoint"}
)
_OF_SERVICES = frozenset({"vpc_endpoint", "network_load_balancer", "gateway_load_balancer_endpoint"})
_TAGS = {
    "instance-tag": ("instance", 0),
    "instance-tag-2": ("instance", 1),
    "interface-tag": ("network-interface", 0),
    "interface-tag-2": ("network-interface", 1),
    "asg-tag": ("auto-scaling-group", 0),
    "asg-tag-2": ("auto-scaling-group", 1),
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The account, the Region and the tags for the fields of records. `tags` is by (resource type, id)."""

    account: str
    region: str
    tags: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)


class Rows:
    """The record writer for one world and one format. `tag_keys` has the tag keys by resource type."""

    def __init__(
        self,
        directory: Directory,
        surroundings: Surroundings,
        fields: Format,
        tag_keys: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.fields = fields
        self._directory, self._about = directory, surroundings
        self._tag_keys = tag_keys or {}
        self._version = max(FIELD_VERSIONS[name] for name in fields)
        self._tables: dict[str, pl.Series] = {}

    def frame(self, found: Records) -> pl.DataFrame:
        """Return traffic records with one column for each field of the format. Null stands for `-`."""
        return pl.DataFrame([self._column(name, found).alias(name) for name in self.fields])

    def silence(self, enis: Array, begins: int, ends: int, status: str) -> pl.DataFrame:
        """Return NODATA or SKIPDATA records (`status`) of some interfaces for an interval.

        `begins` and `ends` are its first and last second since the epoch.
        """
        given: dict[str, object] = {
            "version": self._version,
            "start": begins,
            "end": ends,
            "log-status": status,
        }
        columns = []
        for name in self.fields:
            if name in given:
                column = _repeated(given[name], name, len(enis))
            elif name in _INTERFACE:
                column = self._by_interface(name, _INTERFACE[name], enis)
            elif name in _TAGS:
                column = self._by_interface(name, self._tag(name), enis)
            else:
                column = _repeated(None, name, len(enis))
            columns.append(column.alias(name))
        return pl.DataFrame(columns)

    def _column(self, name: str, found: Records) -> pl.Series:
        if name in _RECORD:
            return _RECORD[name](self, found)
        if name in _INTERFACE:
            return self._by_interface(name, _INTERFACE[name], found.eni)
        if name in _TAGS:
            return self._by_interface(name, self._tag(name), found.eni)
        if name.startswith("next-hop-"):
            own = "interface-id" if name == "next-hop-interface-id" else name.removeprefix("next-hop-")
            return self._by_interface(name, _INTERFACE[own], found.next_hop)
        return _repeated(None, name, len(found))

    def constant(self, value: object, name: str, found: Records) -> pl.Series:
        """Return a column with one value in all rows."""
        return _repeated(value, name, len(found))

    def addresses(self, numbers: Array) -> pl.Series:
        """Return the text form of addresses, given their numbers in the directory."""
        return self._table("address", self._directory.addresses).gather(numbers)

    def services(self, numbers: Array) -> pl.Series:
        """Return the AWS services whose address ranges contain the addresses."""
        return self._table("service", self._directory.aws_services).gather(numbers)

    def interfaces(self, numbers: Array) -> pl.Series:
        """Return the interface ids, given their numbers in the directory."""
        return self._by_interface("interface-id", _INTERFACE["interface-id"], numbers)

    def families(self, numbers: Array) -> pl.Series:
        """Return `IPv4` or `IPv6`."""
        return pl.Series(["IPv4", "IPv6"]).gather(self._directory.is_ipv6(numbers).astype(np.int64))

    @property
    def version(self) -> int:
        """The highest version of the fields in the format."""
        return self._version

    def _table(self, name: str, texts: Sequence[str]) -> pl.Series:
        known = self._tables.get(name)
        if known is None or len(known) != len(texts):
            known = self._tables[name] = pl.Series(texts, dtype=pl.String)
        return known

    def _by_interface(self, name: str, of: Callable[[Rows, Eni], str], numbers: Array) -> pl.Series:
        known = self._tables.get(name)
        if known is None or len(known) != len(self._directory.enis):
            texts = [of(self, eni) or NOTHING for eni in self._directory.enis]
            known = self._tables[name] = pl.Series(texts, dtype=pl.String)
        return known.gather(numbers)

    def _tag(self, name: str) -> Callable[[Rows, Eni], str]:
        kind, place = _TAGS[name]
        keys = self._tag_keys.get(kind, ())

        def value(rows: Rows, eni: Eni) -> str:
            if place >= len(keys):
                return ""
            owner = eni.instance_id if kind == "instance" else eni.interface_id
            return quote(rows._about.tags.get((kind, owner), {}).get(keys[place], ""), safe="")

        return value

    def account(self, eni: Eni) -> str:
        """Return the account in a record of an interface."""
        if eni.interface_id == NOTHING:
            return ""
        return "unknown" if eni.interface_type in _OF_SERVICES else eni.owner_id or self._about.account

    def region(self, eni: Eni) -> str:
        """Return the Region of an interface."""
        return "" if eni.interface_id == NOTHING else self._about.region

    def zone_id(self, eni: Eni) -> str:
        """Return the Availability Zone's id."""
        subnet = self._directory.estate.subnets.get(eni.subnet_id)
        return subnet.zone_id if subnet else ""


_INTERFACE: dict[str, Callable[[Rows, Eni], str]] = {
    "account-id": Rows.account,
    "interface-id": lambda _, eni: eni.interface_id,
    "vpc-id": lambda _, eni: eni.vpc_id,
    "subnet-id": lambda _, eni: eni.subnet_id,
    "instance-id": lambda _, eni: "" if eni.is_requester_managed else eni.instance_id,
    "region": Rows.region,
    "az-id": Rows.zone_id,
    "interface-type": lambda _, eni: eni.interface_type if eni.interface_type in _SHOWN_TYPES else "",
}

_RECORD: dict[str, Callable[[Rows, Records], pl.Series]] = {
    "version": lambda rows, found: rows.constant(rows.version, "version", found),
    "srcaddr": lambda rows, found: rows.addresses(found.src),
    "dstaddr": lambda rows, found: rows.addresses(found.dst),
    "srcport": lambda _, found: pl.Series(found.srcport),
    "dstport": lambda _, found: pl.Series(found.dstport),
    "protocol": lambda _, found: pl.Series(found.protocol),
    "packets": lambda _, found: pl.Series(found.packets),
    # Records that VPC Block Public Access rejected carry no bytes (VPC guide, "Flow log limitations").
    "bytes": lambda _, found: _unless(found.is_blocked == 1, found.bytes),
    "start": lambda _, found: pl.Series(found.start),
    "end": lambda _, found: pl.Series(found.end),
    "action": lambda _, found: pl.Series(["ACCEPT", "REJECT"]).gather(found.is_reject),
    "log-status": lambda rows, found: rows.constant("OK", "log-status", found),
    "tcp-flags": lambda _, found: pl.Series(found.flags),
    "type": lambda rows, found: rows.families(found.src),
    "pkt-srcaddr": lambda rows, found: rows.addresses(found.pkt_src),
    "pkt-dstaddr": lambda rows, found: rows.addresses(found.pkt_dst),
    "pkt-src-aws-service": lambda rows, found: rows.services(found.pkt_src),
    "pkt-dst-aws-service": lambda rows, found: rows.services(found.pkt_dst),
    "flow-direction": lambda _, found: pl.Series(["ingress", "egress"]).gather(found.is_egress),
    "traffic-path": lambda _, found: _unless(found.path == 0, found.path),
    "reject-reason": lambda _, found: pl.Series([NOTHING, "BPA"]).gather(found.is_blocked),
}


def lines(frame: pl.DataFrame) -> pl.Series:
    """Return a frame's records as lines: fields separated by single spaces, `-` for null."""
    if not frame.height:
        return pl.Series("line", [], dtype=pl.String)
    parts = [pl.col(name).cast(pl.String).fill_null(NOTHING) if frame[name].null_count() else pl.col(name)
             for name in frame.columns]  # fmt: skip
    return frame.select(pl.concat_str(parts, separator=" ").alias("line"))["line"]


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with AWS's Parquet schema: names with underscores; INT_32, INT_64 and string columns.

    A missing number is null. A missing text is `-`, as in lines; AWS does not document this.
    """
    return frame.select(
        (pl.col(name) if name in INTEGERS | LONGS else pl.col(name).fill_null(NOTHING))
        .cast(_dtype(name))
        .alias(name.replace("-", "_"))
        for name in frame.columns
    )


def _unless(is_missing: Array, values: Array) -> pl.Series:
    column = pl.Series(values)
    if not is_missing.any():
        return column
    return pl.select(pl.when(pl.Series(is_missing)).then(None).otherwise(column)).to_series()


def _repeated(value: object, name: str, count: int) -> pl.Series:
    return pl.Series([value], dtype=_dtype(name)).new_from_index(0, count)


def _dtype(name: str) -> type[pl.DataType]:
    return pl.Int32 if name in INTEGERS else pl.Int64 if name in LONGS else pl.String
