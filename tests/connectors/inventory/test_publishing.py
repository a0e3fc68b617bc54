"""The messages of a reading: the topic is the only state, and old rows are deleted."""

from __future__ import annotations

from typing import Any

from connectors.inventory.call import Call
from connectors.inventory.directory import Directory
from connectors.inventory.network_rows import CallAnswer
from connectors.inventory.publishing import Changes, Published
from connectors.inventory.reading.sources import Sources
from connectors.inventory.reading.versions import Reading
from connectors.inventory.rows import INTERFACE, NETWORK, PrefixRow

PLACE = ("1", "eu-west-1")
ENI = {"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.5"}
LISTS = Call("ec2", "describe_managed_prefix_lists")
ENTRIES = Call.of("ec2", "get_managed_prefix_list_entries", {"PrefixListId": "pl-1"})
DAY_S = 86_400


def read(published: Published, at_s: int, *enis: dict[str, Any], **more: Any) -> Changes:
    """Return the messages of a reading with the interfaces as its network configuration."""
    answers = {Call("ec2", "describe_network_interfaces"): CallAnswer({"NetworkInterfaces": list(enis)})}
    is_first = published.is_first(*PLACE)
    given = {"has_interfaces": True, **more}
    return published.changes(
        Reading(*PLACE, at_s, is_first),
        Sources(interfaces=enis),
        {**answers, **given.pop("answers", {})},
        **given,
    )


def kept(*changes: Changes) -> dict[bytes, bytes]:
    """Return the state of a topic after some messages."""
    state: dict[bytes, bytes] = {}
    for one in changes:
        for key, value in one.items():
            if value is None:
                state.pop(key)
            else:
                state[key] = value
    return state


def test_a_restart_writes_nothing_again_and_closes_what_is_gone() -> None:
    first = read(Published({}), 1000, ENI)
    again = Published(kept(first))
    assert (again.interfaces(*PLACE), again.is_first(*PLACE)) == (1, False)
    assert read(again, 1060, ENI) == {}
    gone = read(Published(kept(first)), 1060)
    assert {key for key in gone if key.startswith(INTERFACE)} == {b"interface|eni-1|0"}
    directory = Directory()
    for key, value in kept(first, gone).items():
        directory.apply(key, value)
    assert directory.address("10.0.0.5", 1059) is not None
    assert directory.address("10.0.0.5", 1060) is None


def test_without_the_interfaces_nothing_of_them_changes() -> None:
    published = Published(kept(read(Published({}), 1000, ENI)))
    assert read(published, 1060, has_interfaces=False, is_whole=False, answers=_failed()) == {}
    assert published.interfaces(*PLACE) == 1


def _failed() -> dict[Call, CallAnswer]:
    return {Call("ec2", "describe_network_interfaces"): CallAnswer({}, "", False, False)}


def test_closed_rows_are_deleted_after_their_retention() -> None:
    first = read(Published({}), 1000, ENI)
    closed = read(published := Published(kept(first)), 2000)
    assert published.expired(2000 + DAY_S, 30 * DAY_S, DAY_S) == {}
    network = published.expired(2001 + DAY_S, 30 * DAY_S, DAY_S)
    assert set(network.values()) == {None}
    assert {key[: len(NETWORK)] for key in network} == {NETWORK}
    restarted = Published(kept(first, closed, network))
    owners = restarted.expired(2001 + 30 * DAY_S, 30 * DAY_S, DAY_S)
    assert owners == {b"interface|eni-1|0": None}
    assert restarted.expired(2**40, 30 * DAY_S, DAY_S) == {}, "open rows stay"


def test_prefix_rows_are_written_if_they_change() -> None:
    row = PrefixRow("file", "prefix-list", (("192.0.2.0/24", "office", "office", ""),))
    published = Published({})
    first = published.prefix_changes([row])
    assert list(first) == [b"prefixes|file"]
    again = Published(kept(first))
    assert again.prefix_changes([row]) == {}
    assert again.prefix_changes((), "file") == {b"prefixes|file": None}, "the setting was removed"


def test_managed_prefix_lists_are_rows_and_a_denied_list_stays() -> None:
    lists = {LISTS: CallAnswer({"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "office"}]})}
    entries = {ENTRIES: CallAnswer({"Entries": [{"Cidr": "192.0.2.0/24"}]})}
    state = kept(read(Published({}), 1000, ENI, answers=lists | entries))
    key = b"prefixes|1|eu-west-1|customer"
    assert key in state
    denied = {LISTS: lists[LISTS], ENTRIES: CallAnswer({}, "AccessDenied: no", True, False)}
    assert key not in read(Published(state), 1060, ENI, answers=denied)
    deleted = read(Published(state), 1060, ENI, answers={LISTS: CallAnswer({"PrefixLists": []})})
    assert deleted[key] is None


def test_foreign_messages_are_counted() -> None:
    state = {b"else": b"{}", b"interface|eni-1|1": b"no", b"network|a": b"{}"}
    assert Published(state).foreign == 3
