"""The rows of the topic as the process knows them, and the messages that a reading adds. Pure.

The topic is the only state: after a restart, a reading is compared with what the topic holds, so that it
writes no row again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.inventory.call import Call
from connectors.inventory.network_rows import CallAnswer, NetworkRow, OpenNetwork, open_networks
from connectors.inventory.network_rows import decode as decode_network
from connectors.inventory.reading.prefixes import managed_lists
from connectors.inventory.reading.sources import Sources
from connectors.inventory.reading.versions import OpenVersions, Reading, open_versions
from connectors.inventory.rows import (
    ACCOUNT,
    INTERFACE,
    NETWORK,
    PREFIXES,
    ForeignRow,
    InterfaceRow,
    PrefixRow,
    decode_interface,
    encode,
    plain,
)

Changes = dict[bytes, bytes | None]
"""Messages by key; None is a tombstone."""

_LISTS = Call("ec2", "describe_managed_prefix_lists")
_ENTRIES = "get_managed_prefix_list_entries"


class Published:
    """The rows of the topic. `state` has the latest value of every key."""

    def __init__(self, state: Mapping[bytes, bytes]) -> None:
        self.foreign = 0
        """The number of messages that were not rows of the topic."""
        self._closed: dict[bytes, int] = {}
        self._prefixes: dict[bytes, bytes] = {}
        self._accounts: set[bytes] = set()
        interfaces: list[InterfaceRow] = []
        network: list[NetworkRow] = []
        for key, value in state.items():
            try:
                self._take(key, value, interfaces, network)
            except ForeignRow:
                self.foreign += 1
        self._interfaces = open_versions(interfaces)
        self._networks = open_networks(network)

    def interfaces(self, account: str, region: str) -> int:
        """Return the number of open interfaces."""
        return len(self._versions(account, region).rows)

    def is_first(self, account: str, region: str) -> bool:
        """Return whether no reading of an account and Region was complete yet."""
        return _account_key(account, region) not in self._accounts

    def changes(
        self,
        reading: Reading,
        sources: Sources,
        answers: Mapping[Call, CallAnswer],
        *,
        has_interfaces: bool,
        is_whole: bool = True,
    ) -> Changes:
        """Return the messages of a reading, and apply them. Without all interfaces, their rows stay.

        If the reading is not whole, the rows of calls that were not made stay.
        """
        account, region = reading.account, reading.region
        found: Changes = {}
        if has_interfaces:
            for row in self._versions(account, region).changes(reading, sources):
                found[row.key] = encode(row)
                self._note(row.key, row.valid_to)
            if self.is_first(account, region):
                key = _account_key(account, region)
                self._accounts.add(key)
                found[key] = plain({"first_reading_at": reading.at_s})
        if answers:
            network = self._networks.setdefault((account, region), OpenNetwork(account, region))
            for one in network.changes(reading.at_s, answers, is_whole=is_whole):
                found[one.key] = one.encode()
                self._note(one.key, one.valid_to)
            found |= self._managed(account, region, answers)
        return found

    def prefix_changes(self, rows: Iterable[PrefixRow], scope: str = "") -> Changes:
        """Return the messages that replace the rows of a scope: those whose source begins with it."""
        wanted = {row.key: encode(row) for row in rows}
        found: Changes = {key: value for key, value in wanted.items() if self._prefixes.get(key) != value}
        if scope:
            begins = PREFIXES + scope.encode()
            gone = [key for key in self._prefixes if key.startswith(begins) and key not in wanted]
            found |= dict.fromkeys(gone)
        for key, value in found.items():
            if value is None:
                del self._prefixes[key]
            else:
                self._prefixes[key] = value
        return found

    def expired(self, now_s: int, kept_s: int, network_kept_s: int) -> Changes:
        """Return tombstones of closed rows that ended before their retention, and forget these rows."""
        found: Changes = {}
        for key, ended_s in self._closed.items():
            kept = network_kept_s if key.startswith(NETWORK) else kept_s
            if ended_s < now_s - kept:
                found[key] = None
        for key in found:
            del self._closed[key]
        return found

    def _take(
        self, key: bytes | None, value: bytes, interfaces: list[InterfaceRow], network: list[NetworkRow]
    ) -> None:
        if key is None:
            raise ForeignRow("it has no key")
        if key.startswith(INTERFACE):
            row = decode_interface(value)
            interfaces.append(row)
            self._note(key, row.valid_to)
        elif key.startswith(NETWORK):
            one = decode_network(value)
            network.append(one)
            self._note(key, one.valid_to)
        elif key.startswith(PREFIXES):
            self._prefixes[key] = value
        elif key.startswith(ACCOUNT):
            self._accounts.add(key)
        else:
            raise ForeignRow("its key is of no family")

    def _note(self, key: bytes, valid_to: int | None) -> None:
        if valid_to is None:
            self._closed.pop(key, None)
        else:
            self._closed[key] = valid_to

    def _versions(self, account: str, region: str) -> OpenVersions:
        return self._interfaces.setdefault((account, region), OpenVersions())

    def _managed(self, account: str, region: str, answers: Mapping[Call, CallAnswer]) -> Changes:
        lists = answers.get(_LISTS)
        of_lists = {call: one for call, one in answers.items() if call.operation == _ENTRIES}
        if lists is None or not all(one.is_complete for one in (lists, *of_lists.values())):
            return {}
        entries: dict[str, Any] = {}
        for one in lists.content.get("PrefixLists") or ():
            call = Call.of("ec2", _ENTRIES, {"PrefixListId": one["PrefixListId"]})
            entries[one["PrefixListId"]] = (
                of_lists[call].content.get("Entries") or () if call in of_lists else ()
            )
        rows = managed_lists(account, region, lists.content.get("PrefixLists") or (), entries)
        return self.prefix_changes(rows, f"{account}|{region}|")


def _account_key(account: str, region: str) -> bytes:
    return f"account|{account}|{region}".encode()
