"""The calls of one Region: all pages, the last answer after a refusal, and a limit for each reading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from connectors.aws.calls import Stopped
from connectors.inventory.reading import recorded_calls
from connectors.inventory.reading.denials import Denials
from connectors.inventory.reading.recorded_calls import CALLS_MAX, MISSING_EVERY, RecordedCalls

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
REAL = boto3.Session("x", "x", region_name="eu-west-1")


class Fake:
    """A client with the model of boto3's, and answers that a test gives."""

    def __init__(self, service: str, answers: Mapping[str, Answer]) -> None:
        self.meta = REAL.client(service).meta
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers

    def __getattr__(self, operation: str) -> Callable[..., Mapping[str, Any]]:
        def call(**request: Any) -> Mapping[str, Any]:
            self.requests.append((operation, request))
            return self._answers[operation](request)

        return call


def error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "x"
    )


def refusing(code: str) -> Answer:
    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise error(code)

    return answer


def calls_to(client: Any, stop: threading.Event | None = None) -> RecordedCalls:
    registry = CollectorRegistry()
    made = Counter("made", "", ["action", "outcome"], registry=registry)
    denied = Counter("denied", "", ["action"], registry=registry)
    calls = RecordedCalls(lambda _: client, made, Denials("account 1", denied), stop or threading.Event())
    calls.begin()
    return calls


def test_all_pages_are_read_with_the_largest_pages() -> None:
    pages = [{"Vpcs": [1, 2], "NextToken": "a"}, {"Vpcs": [3], "ResponseMetadata": {}}]
    client = Fake("ec2", {"describe_vpcs": lambda _: pages.pop(0)})
    calls = calls_to(client)
    assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [1, 2, 3]}
    assert [request for _, request in client.requests] == [
        {"MaxResults": 1000},
        {"MaxResults": 1000, "NextToken": "a"},
    ]
    calls.call("ec2", "describe_vpcs")
    assert (calls.made, len(client.requests)) == (2, 2), "a reading makes a call once"


@pytest.mark.parametrize(
    ("service", "operation", "answer", "token"),
    [
        ("elbv2", "describe_load_balancers", {"NextMarker": "a"}, {"Marker": "a", "PageSize": 400}),
        ("rds", "describe_db_instances", {"Marker": "a"}, {"Marker": "a", "MaxRecords": 100}),
        ("lambda", "list_functions", {"NextMarker": "a"}, {"Marker": "a", "MaxItems": 50}),
        ("ecs", "list_clusters", {"nextToken": "a"}, {"nextToken": "a", "maxResults": 100}),
        ("ec2", "describe_instances", {"NextToken": "a"}, {"NextToken": "a", "MaxResults": 1000}),
        (
            "resourcegroupstaggingapi",
            "get_resources",
            {"PaginationToken": "a"},
            {"PaginationToken": "a", "ResourcesPerPage": 100},
        ),
    ],
)
def test_the_tokens_and_sizes_of_every_service(
    service: str, operation: str, answer: dict[str, Any], token: dict[str, Any]
) -> None:
    answers = [answer, {}]
    client = Fake(service, {operation: lambda _: answers.pop(0)})
    calls_to(client).call(service, operation)
    assert client.requests[-1] == (operation, token)


def test_a_denied_call_is_reported_once_and_keeps_its_last_answer() -> None:
    answers: dict[str, Answer] = {"describe_vpcs": lambda _: {"Vpcs": [1]}}
    calls = calls_to(Fake("ec2", answers))
    calls.call("ec2", "describe_vpcs")
    answers["describe_vpcs"] = refusing("UnauthorizedOperation")
    with capture_logs() as logs:
        for _ in range(2):
            calls.finish()
            calls.begin()
            assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [1]}
            assert calls.incomplete() == {"ec2.describe_vpcs"}
    assert [one["why"] for one in logs] == [
        "AWS refuses ec2:DescribeVpcs in account 1: allow it in the IAM policy of vpcflow inventory"
    ]
    answers["describe_vpcs"] = lambda _: {"Vpcs": [2]}
    calls.begin()
    assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [2]}
    assert not calls.incomplete()
    assert not calls.denials.actions


def test_an_action_that_is_denied_for_one_resource_is_not_tried_for_the_others() -> None:
    client = Fake("elbv2", {"describe_rules": refusing("AccessDenied")})
    calls = calls_to(client)
    for number in range(50):
        assert calls.call("elbv2", "describe_rules", ListenerArn=f"a{number}") == {}
    assert len(client.requests) == 1
    assert calls.incomplete() == {"elbv2.describe_rules"}


def test_a_page_that_fails_leaves_the_whole_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_calls, "GIVE_UP_S", 0.0)

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        if "NextToken" in request and is_failing:
            raise error("RequestLimitExceeded", 503)
        return {"Vpcs": [2]} if "NextToken" in request else {"Vpcs": [1], "NextToken": "a"}

    is_failing = False
    calls = calls_to(Fake("ec2", {"describe_vpcs": answer}))
    assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [1, 2]}
    is_failing = True
    calls.begin()
    assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [1, 2]}
    assert calls.incomplete() == {"ec2.describe_vpcs"}


def test_a_throttled_call_is_retried() -> None:
    attempts = [error("Throttling"), error("RequestLimitExceeded", 503)]

    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        if attempts:
            raise attempts.pop()
        return {"Vpcs": [1]}

    calls = calls_to(Fake("ec2", {"describe_vpcs": answer}))
    assert calls.call("ec2", "describe_vpcs") == {"Vpcs": [1]}
    assert (calls.made, calls.incomplete()) == (3, frozenset())


def test_a_service_that_cannot_be_reached_is_tried_once_more_in_a_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorded_calls, "GIVE_UP_S", 0.0)

    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    client = Fake("ec2", {"describe_vpcs": answer, "describe_subnets": answer})
    calls = calls_to(client)
    calls.call("ec2", "describe_vpcs")
    monkeypatch.setattr(recorded_calls, "GIVE_UP_S", 600.0)
    calls.call("ec2", "describe_subnets")
    assert len(client.requests) == 2


def test_a_call_that_the_endpoint_lacks_is_complete_and_rarely_repeated() -> None:
    client = Fake("ec2", {"describe_vpcs": refusing("InvalidAction")})
    calls = calls_to(client)
    for _ in range(MISSING_EVERY + 1):
        assert calls.call("ec2", "describe_vpcs") == {}
        assert not calls.incomplete()
        calls.finish()
        calls.begin()
    assert len(client.requests) == 2


def test_a_reading_repeats_lists_and_some_details_in_turn() -> None:
    client = Fake("elbv2", {"describe_rules": lambda _: {}, "describe_load_balancers": lambda _: {}})
    calls = calls_to(client)
    made = []
    for _ in range(5):
        calls.call("elbv2", "describe_load_balancers")
        for number in range(100):
            calls.call("elbv2", "describe_rules", ListenerArn=f"a{number:03}")
        made.append(calls.made)
        calls.finish()
        calls.begin()
    assert made == [101, CALLS_MAX, CALLS_MAX, CALLS_MAX, CALLS_MAX]
    asked = [request["ListenerArn"] for name, request in client.requests if name == "describe_rules"]
    assert min(asked.count(f"a{number:03}") for number in range(100)) == 3, "none is left out"


def test_a_detail_that_is_used_no_more_is_forgotten() -> None:
    client = Fake("elbv2", {"describe_rules": lambda _: {}})
    calls = calls_to(client)
    calls.call("elbv2", "describe_rules", ListenerArn="a")
    calls.finish()
    calls.begin()
    calls.finish()
    calls.begin()
    calls.call("elbv2", "describe_rules", ListenerArn="a")
    assert len(client.requests) == 2


def test_a_process_that_stops_interrupts_its_calls() -> None:
    stop = threading.Event()

    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        stop.set()
        raise error("Throttling")

    calls = calls_to(Fake("ec2", {"describe_vpcs": answer}), stop)
    assert calls.call("ec2", "describe_vpcs") == {}, "the throttled call is not retried"
    with pytest.raises(Stopped):
        calls.call("ec2", "describe_subnets")


def test_the_time_of_an_answer_is_by_the_clock_of_aws() -> None:
    headers = SimpleNamespace(date="Mon, 30 Nov 2026 12:00:00 GMT").__dict__
    answer = {"Vpcs": [], "ResponseMetadata": {"HTTPHeaders": headers}}
    calls = calls_to(Fake("ec2", {"describe_vpcs": lambda _: answer}))
    calls.call("ec2", "describe_vpcs")
    assert [one.at_s for one in calls.used.values()] == [1796040000]
