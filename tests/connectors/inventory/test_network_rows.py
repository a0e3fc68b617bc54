"""The network configuration by time: changes only, and each answer as it was at a moment."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from connectors.inventory.call import Call
from connectors.inventory.network_at import clients_at
from connectors.inventory.network_rows import (
    CallAnswer,
    NetworkHistory,
    NetworkRow,
    OpenNetwork,
    decode,
    open_networks,
)
from connectors.inventory.rows import ForeignRow

PLACE = ("1", "eu-west-1")
VPCS = Call("ec2", "describe_vpcs")
RULES = Call.of("elbv2", "describe_rules", {"ListenerArn": "a"})


def answered(*vpcs: dict[str, Any]) -> CallAnswer:
    return CallAnswer({"Vpcs": list(vpcs)})


def history_of(rows: list[NetworkRow]) -> NetworkHistory:
    found = NetworkHistory()
    for row in rows:
        found.apply(row.key, row.encode())
    return found


ITEMS = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1),
    max_size=4,
    unique_by=lambda one: str(sorted(one.items())),
)
READINGS = st.lists(
    st.dictionaries(st.sampled_from([VPCS, RULES]), ITEMS, max_size=2), min_size=1, max_size=6
)


@given(READINGS, st.integers(0, 1000))
def test_every_moment_has_the_answers_of_its_reading(
    readings: list[dict[Call, list[dict[str, int]]]], seed: int
) -> None:
    network, rows = OpenNetwork(*PLACE), {}
    for number, items in enumerate(readings):
        answers = {call: CallAnswer({"Items": list(some)}) for call, some in items.items()}
        for row in network.changes(60 * number, answers):
            rows[row.key] = row
    shuffled = list(rows.values())
    random.Random(seed).shuffle(shuffled)
    history = history_of(shuffled)
    for number, items in enumerate(readings):
        found = history.answers(*PLACE, 60 * number + 59)
        assert found.keys() == items.keys()
        for call, some in items.items():
            kept = found[call].content.get("Items") or []
            assert sorted(map(str, map(sorted, (one.items() for one in kept)))) == sorted(
                map(str, map(sorted, (one.items() for one in some)))
            )
    assert open_networks(shuffled).get(PLACE, OpenNetwork(*PLACE)).rows.keys() == network.rows.keys()


def test_a_restart_and_a_reading_without_a_change_write_nothing() -> None:
    network = OpenNetwork(*PLACE)
    vpc = {"VpcId": "vpc-1", "AvailableIpAddressCount": 5, "At": datetime(2026, 11, 30, tzinfo=UTC)}
    rows = network.changes(100, {VPCS: answered(vpc)})
    again = open_networks(decode(row.encode()) for row in rows)[PLACE]
    assert again.changes(160, {VPCS: answered({**vpc, "AvailableIpAddressCount": 4})}) == []


def test_a_denied_or_failed_call_deletes_nothing() -> None:
    network = OpenNetwork(*PLACE)
    first = network.changes(
        100, {VPCS: answered({"VpcId": "vpc-1"}), RULES: CallAnswer({"Rules": [{"a": 1}]})}
    )
    failed = network.changes(160, {VPCS: CallAnswer({}, "Throttling: slow", False, False)})
    assert [(row.operation, row.valid_to) for row in failed] == [("describe_rules", 160)] * 2
    denied = network.changes(220, {VPCS: CallAnswer({}, "UnauthorizedOperation: no", True, False)})
    history = history_of([*first, *failed, *denied])
    assert history.answers(*PLACE, 170)[VPCS] == answered({"VpcId": "vpc-1"})
    ec2 = clients_at(history, *PLACE, 230)["ec2"]
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.describe_vpcs()
    back = network.changes(280, {VPCS: answered({"VpcId": "vpc-1"})})
    assert {row.member for row in back} == {""}, "the element was never closed"


def test_a_call_that_the_service_did_not_answer_keeps_its_details() -> None:
    network, listeners = OpenNetwork(*PLACE), Call("elbv2", "describe_load_balancers")
    network.changes(100, {listeners: CallAnswer({}), RULES: CallAnswer({"Rules": [{"a": 1}]})})
    assert network.changes(160, {listeners: CallAnswer({}, "", False, False)}) == []


def test_clients_answer_as_aws_did_at_that_moment() -> None:
    network = OpenNetwork(*PLACE)
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    listed = [{"VpcId": f"vpc-{n}", "Tags": [{"At": at}]} for n in (3, 1, 2)]
    rows = network.changes(100, {VPCS: CallAnswer({"Vpcs": listed, "Options": {"Mode": "off"}})})
    rows += network.changes(160, {VPCS: answered()})
    history = history_of(rows)
    ec2 = clients_at(history, *PLACE, 159)["ec2"]
    assert not ec2.can_paginate("describe_vpcs")
    assert ec2.describe_vpcs() == {"Vpcs": listed, "Options": {"Mode": "off"}}
    assert clients_at(history, *PLACE, 160)["ec2"].describe_vpcs() == {}
    with pytest.raises(ClientError, match="no answer of that time"):
        clients_at(history, *PLACE, 99)["ec2"].describe_vpcs()
    assert history.places() == [PLACE]
    assert history.begins_s(*PLACE) == 100


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"\x78no", b'{"item": 1, "member": "a"}'])
def test_a_foreign_value_is_refused(value: bytes) -> None:
    with pytest.raises(ForeignRow):
        decode(value)
