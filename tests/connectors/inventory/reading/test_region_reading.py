"""One reading of an account in the emulator: its owners, its past configuration, and each denied action."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from connectors.inventory.call import Call
from connectors.inventory.network_at import clients_at
from connectors.inventory.network_rows import NetworkHistory
from connectors.inventory.publishing import Published
from connectors.inventory.reading.permissions import ACTIONS
from connectors.inventory.reading.region_reading import RegionReader, RegionReading
from connectors.inventory.reading.versions import Reading
from connectors.inventory.rows import INTERFACE, NETWORK, decode_interface
from connectors.vpc.diagnosis.account.reading import read_inventory
from connectors.vpc.diagnosis.account.services import read_services
from tests.connectors.inventory.conftest import Account

pytestmark = pytest.mark.moto

PLACE = ("555555555555", "us-east-1")
GROUPS = "elbv2.describe_target_groups"
"""Read only if there is a load balancer."""
INTERFACES = "ec2:DescribeNetworkInterfaces"


class Played:
    """The clients of an account whose answers were recorded; one action is denied."""

    def __init__(self, answers: Mapping[Call, Mapping[str, Any]], denied: str = "") -> None:
        self.seen: set[str] = set()
        self._answers, self._denied = answers, denied

    def client(self, service: str) -> Any:
        return _PlayedClient(self, service)

    def answer(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.seen.add(call.action)
        if call.action == self._denied:
            error = {"Code": "UnauthorizedOperation", "Message": f"You may not {call.action}."}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}, call.operation)
        own = {name: value for name, value in request.items() if name not in _SIZES}
        return self._answers[Call.of(call.service, call.operation, own)]


_SIZES = {"MaxResults", "maxResults", "PageSize", "MaxRecords", "MaxItems", "ResourcesPerPage"}
_REAL = boto3.Session("x", "x", region_name="us-east-1")
_META: dict[str, Any] = {}


class _PlayedClient:
    def __init__(self, played: Played, service: str) -> None:
        self._played, self._service = played, service
        if service not in _META:
            _META[service] = _REAL.client(service).meta
        self.meta = _META[service]

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: self._played.answer(Call(self._service, operation), request)


def published(reading: RegionReading) -> tuple[Published, dict[bytes, bytes]]:
    """Return the state of a topic after a first reading."""
    found = Published({})
    changes = found.changes(
        Reading(*PLACE, reading.at_s, is_first=True),
        reading.sources,
        reading.answers,
        has_interfaces=reading.has_interfaces,
        is_whole=reading.is_whole,
    )
    return found, {key: value for key, value in changes.items() if value is not None}


@pytest.fixture(scope="session")
def first(everything: Account) -> tuple[RegionReader, RegionReading]:
    """The first reading of the account."""
    reader = everything.reader()
    return reader, reader.read()


@pytest.fixture(scope="session")
def answers(first: tuple[RegionReader, RegionReading]) -> dict[Call, Mapping[str, Any]]:
    """The answers of the first reading; an answer that moto lacks is empty."""
    return {call: one.content for call, one in first[0]._calls.used.items()}


def test_the_owners_of_every_kind(first: tuple[RegionReader, RegionReading]) -> None:
    _, state = published(first[1])
    rows = [decode_interface(value) for key, value in state.items() if key.startswith(INTERFACE)]
    assert len(rows) == len(first[1].sources.interfaces)
    named = {(row.kind, row.name) for row in rows}
    assert {
        ("cache", "sessions-001"),
        ("function", "resize"),
        ("cluster", "shop"),
        ("task", "checkout"),
    } <= named
    assert {"instance", "load-balancer"} <= {row.kind for row in rows}
    assert all(row.vpc and row.subnet and row.zone for row in rows)


def test_a_second_reading_changes_nothing_and_makes_few_calls(
    first: tuple[RegionReader, RegionReading],
) -> None:
    reader, reading = first
    state, _ = published(reading)
    again = reader.read()
    assert again.calls < 60
    changes = state.changes(
        Reading(*PLACE, again.at_s), again.sources, again.answers, has_interfaces=again.has_interfaces
    )
    assert not [key for key in changes if b"describe_tasks" not in key], "a task that starts changes"


def test_the_configuration_of_the_past_is_what_a_diagnosis_reads_now(
    everything: Account, first: tuple[RegionReader, RegionReading]
) -> None:
    _, state = published(first[1])
    history = NetworkHistory()
    for key, value in state.items():
        if key.startswith(NETWORK):
            history.apply(key, value)
    past = clients_at(history, *PLACE, first[1].at_s)
    now = {service: everything.client(service) for service in past}
    then, today = (
        read_inventory(clients["ec2"], clients["elbv2"], clients["rds"]) for clients in (past, now)
    )
    assert then.estate.resources == today.estate.resources
    assert (then.instances, then.load_balancers, then.databases) == (
        today.instances,
        today.load_balancers,
        today.databases,
    )
    assert then.unread.keys() == today.unread.keys()
    unread: dict[str, str] = {}
    services = (
        read_services(clients["elasticache"], clients["lambda"], clients["ecs"], unread)
        for clients in (past, now)
    )
    assert next(services) == next(services)
    assert not unread


def test_the_list_of_actions_is_exact(answers: Mapping[Call, Mapping[str, Any]]) -> None:
    played = Played(answers)
    RegionReader(played.client, "account 5", threading.Event()).read()
    assert played.seen == ACTIONS


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_an_action_that_is_denied_is_named_and_the_rest_is_read(
    answers: Mapping[Call, Mapping[str, Any]], action: str
) -> None:
    whole = RegionReader(Played(answers).client, "account 5", threading.Event()).read()
    state, _ = published(whole)
    reader = RegionReader(Played(answers, action).client, "account 5", threading.Event())
    with capture_logs() as logs:
        reading = reader.read()
    assert reader.denied == {action}
    assert [one["why"] for one in logs if one["log_level"] == "error"] == [
        f"AWS refuses {action} in account 5: allow it in the IAM policy of vpcflow inventory"
    ]
    others = {call: one for call, one in whole.answers.items() if call.action != action and not one.error}
    kept = {call: reading.answers.get(call) for call in others}
    details = {call for call, one in kept.items() if one is None}
    if action != INTERFACES:  # The interfaces decide which services are read.
        assert all(call.request != "{}" or call.name == GROUPS for call in details), "details of a list"
    assert {call: one for call, one in kept.items() if one is not None} == {
        call: one for call, one in others.items() if call not in details
    }
    assert reading.has_interfaces == (action != INTERFACES)
    changes = state.changes(
        Reading(*PLACE, reading.at_s + 60),
        reading.sources,
        reading.answers,
        has_interfaces=reading.has_interfaces,
        is_whole=reading.is_whole,
    )
    assert not [key for key in changes if not key.startswith(NETWORK)], "no interface changes"
    assert {key.split(b"|")[3].decode() for key in changes} <= {
        call.name for call in whole.answers if call.action == action
    }
