"""The versions of interfaces: the rows that a reading adds, changes and closes. Pure.

A reading is complete if `DescribeNetworkInterfaces` was answered in full; without that nothing is changed.
What AWS describes decides the times: a version begins at the attach or creation time of its owner, or else at
the time of the reading, and it ends at the termination of its instance, or else at the time of the reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from connectors.inventory.reading.owners import SUBNETS, TAGS, DerivedOwner, Owners
from connectors.inventory.reading.sources import Description, Sources
from connectors.inventory.rows import InterfaceRow


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of an account and a Region. `at_s` is its time by AWS's clock, epoch seconds.

    `is_first` is True for the first reading of this account and Region: an interface without a described
    start then begins at 0, because it was there before. `since` is the earliest start to assume for the
    interfaces of the first reading.
    """

    account: str
    region: str
    at_s: int
    is_first: bool = False
    since: int | None = None


@dataclass(slots=True)
class OpenVersions:
    """The open version of every interface of an account and a Region."""

    rows: dict[str, InterfaceRow] = field(default_factory=dict)

    def changes(self, reading: Reading, sources: Sources) -> list[InterfaceRow]:
        """Return the rows to write after a reading, and apply them. A complete reading is needed."""
        owners = Owners(sources)
        zones = {str(one["SubnetId"]): str(one.get("AvailabilityZoneId") or "") for one in sources.subnets}
        public = _elastic_addresses(sources.addresses)
        written: list[InterfaceRow] = []
        seen: set[str] = set()
        for eni in sources.interfaces:
            owner = owners.of(eni)
            new = _row(eni, owner, reading, zones, public)
            seen.add(new.eni)
            old = self.rows.get(new.eni)
            if old is None:
                begins = _start(owner, reading)
                self._open(replace(new, valid_from=begins), written)
            elif not _is_same(old, new := _with_known(old, new, owner, sources.incomplete)):
                self._follow(old, new, owner, owners, reading, written)
        for interface_id in self.rows.keys() - seen:
            self._close(self.rows[interface_id], owners, reading, written)
        return written

    def _open(self, row: InterfaceRow, written: list[InterfaceRow]) -> None:
        self.rows[row.eni] = row
        written.append(row)

    def _close(
        self, row: InterfaceRow, owners: Owners, reading: Reading, written: list[InterfaceRow]
    ) -> None:
        written.append(replace(row, valid_to=_end(row, owners, reading)))
        del self.rows[row.eni]

    def _follow(
        self,
        old: InterfaceRow,
        new: InterfaceRow,
        owner: DerivedOwner,
        owners: Owners,
        reading: Reading,
        written: list[InterfaceRow],
    ) -> None:
        """End a version and begin the next one: at the attach time of another owner, or at the reading.

        If only the owner has become known, the same version gets its id and name.
        """
        if _is_better_known(old, new):
            self._open(replace(new, valid_from=old.valid_from), written)
            return
        begins, ends = reading.at_s, reading.at_s
        if old.id != new.id:
            ends = _end(old, owners, reading)
            if owner.since is not None and old.valid_from < owner.since <= reading.at_s:
                begins = owner.since
            elif new.kind == "interface":
                begins = ends
            ends = min(begins, ends)
        if begins <= old.valid_from:  # The same second: the new version replaces the old one.
            self._open(replace(new, valid_from=old.valid_from), written)
            return
        written.append(replace(old, valid_to=max(ends, old.valid_from)))
        self._open(replace(new, valid_from=begins), written)


def open_versions(rows: Iterable[InterfaceRow]) -> dict[tuple[str, str], OpenVersions]:
    """Return the open versions among rows of the topic, by account and Region."""
    found: dict[tuple[str, str], OpenVersions] = {}
    for row in rows:
        if row.valid_to is None:
            found.setdefault((row.read_by, row.region), OpenVersions()).rows[row.eni] = row
    return found


def _start(owner: DerivedOwner, reading: Reading) -> int:
    if reading.is_first and owner.since is None:
        return 0
    begins = reading.at_s if owner.since is None else min(owner.since, reading.at_s)
    return min(begins, reading.since) if reading.is_first and reading.since is not None else begins


def _end(row: InterfaceRow, owners: Owners, reading: Reading) -> int:
    ended = owners.ended_at(row.id) if row.kind == "instance" else None
    ends = reading.at_s if ended is None else min(ended, reading.at_s)
    return max(ends, row.valid_from)


def _row(
    eni: Description,
    owner: DerivedOwner,
    reading: Reading,
    zones: Mapping[str, str],
    public: Mapping[str, str],
) -> InterfaceRow:
    subnet, interface_id = str(eni.get("SubnetId") or ""), str(eni["NetworkInterfaceId"])
    return InterfaceRow(
        eni=interface_id,
        valid_from=0,
        account=str(eni.get("OwnerId") or reading.account),
        read_by=reading.account,
        region=reading.region,
        vpc=str(eni.get("VpcId") or ""),
        subnet=subnet,
        zone=str(eni.get("AvailabilityZoneId") or zones.get(subnet, "")),
        kind=owner.kind,
        id=owner.id,
        name=owner.name,
        private=_private(eni),
        ipv6=tuple(sorted(str(one["Ipv6Address"]) for one in eni.get("Ipv6Addresses") or ())),
        public=_public(eni, public.get(interface_id)),
        security_groups=tuple(sorted(str(one["GroupId"]) for one in eni.get("Groups") or ())),
        tags=dict(sorted(owner.tags.items())),
    )


def _private(eni: Description) -> tuple[str, ...]:
    listed = eni.get("PrivateIpAddresses") or ()
    primary = str(eni.get("PrivateIpAddress") or "")
    others = sorted(str(one["PrivateIpAddress"]) for one in listed if one.get("PrivateIpAddress"))
    return tuple(dict.fromkeys(one for one in (primary, *others) if one))


def _public(eni: Description, elastic: str | None) -> tuple[str, ...]:
    associations = [one.get("Association") for one in (eni, *(eni.get("PrivateIpAddresses") or ()))]
    found = {str(one["PublicIp"]) for one in associations if one and one.get("PublicIp")}
    return tuple(sorted(found | ({elastic} if elastic else set())))


def _elastic_addresses(addresses: Iterable[Description]) -> dict[str, str]:
    """Return the Elastic IP address by interface; moto does not describe it with every interface."""
    return {
        str(one["NetworkInterfaceId"]): str(one["PublicIp"])
        for one in addresses
        if one.get("NetworkInterfaceId") and one.get("PublicIp")
    }


def _with_known(
    old: InterfaceRow, new: InterfaceRow, owner: DerivedOwner, incomplete: frozenset[str]
) -> InterfaceRow:
    """Keep what the last version knew, if the operation that describes it was not answered."""
    if not new.zone and SUBNETS in incomplete:
        new = replace(new, zone=old.zone)
    is_unknown = owner.source in incomplete or (TAGS in incomplete and not new.tags)
    if not is_unknown or old.kind != new.kind:
        return new
    # Only an instance gives its interface to another one; the attachment names it without a call.
    is_same_owner = old.id == new.id or new.kind != "instance"
    return replace(new, id=old.id, name=old.name, tags=old.tags) if is_same_owner else new


def _is_better_known(old: InterfaceRow, new: InterfaceRow) -> bool:
    was_named = bool(old.name or old.tags)
    is_known = old.kind == new.kind and old.id in {new.id, old.eni}
    is_same = _is_same(replace(old, id=new.id, name=new.name, tags=new.tags), new)
    return is_same and is_known and not was_named


def _is_same(old: InterfaceRow, new: InterfaceRow) -> bool:
    return replace(old, valid_from=0, valid_to=None) == replace(new, valid_from=0, valid_to=None)
