"""From a log group to Kinesis and Firehose: what is put to the group stands in a record, as AWS wraps it."""

from __future__ import annotations

import gzip
import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.formats.envelope import unwrap
from tests.emulator.flowlogs.account import Account, refusal

pytestmark = pytest.mark.moto

DEADLINE_S = 20.0
SSH = "2 1 eni-1 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
RDP = "2 1 eni-1 10.0.0.1 10.0.0.2 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK"
UNREACHABLE = (
    "InvalidParameterException",
    "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in "
    "ACTIVE state.",
)


class Group:
    """A log group with one log stream, and Kinesis streams that it may be subscribed to."""

    def __init__(self, account: Account) -> None:
        self.account, self.logs, self.kinesis = account, account.logs, account.client("kinesis")
        self.logs.create_log_group(logGroupName="flows")
        self.logs.create_log_stream(logGroupName="flows", logStreamName="eni-1-all")

    def stream(self, name: str = "s", shards: int = 1) -> str:
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        return f"arn:aws:kinesis:eu-west-1:{self.account.number}:stream/{name}"

    def subscription(self, arn: str, name: str = "f", pattern: str = "", **more: Any) -> dict[str, Any]:
        required = {"logGroupName": "flows", "filterName": name, "filterPattern": pattern}
        return {**required, "destinationArn": arn, "roleArn": self.account.role, **more}

    def subscribe(self, arn: str, name: str = "f", pattern: str = "", **more: Any) -> None:
        self.logs.put_subscription_filter(**self.subscription(arn, name, pattern, **more))

    def put(self, *lines: str, at: int = 0, log_stream: str = "eni-1-all") -> Any:
        now_ms = int(time.time() * 1000) + at
        events = [{"timestamp": now_ms, "message": line} for line in lines]
        return self.logs.put_log_events(logGroupName="flows", logStreamName=log_stream, logEvents=events)

    def records(self, name: str = "s") -> list[dict[str, Any]]:
        found = []
        for shard in self.kinesis.list_shards(StreamName=name)["Shards"]:
            asked = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self.kinesis.get_shard_iterator(**asked)["ShardIterator"]
            found += self.kinesis.get_records(ShardIterator=iterator)["Records"]
        return found

    def lines(self, name: str = "s") -> list[str]:
        """Return the lines that a stream has, as the connectors read them."""
        text = b"\n".join(
            unwrapped.lines for r in self.records(name) if (unwrapped := unwrap(r["Data"])).lines
        )
        return text.decode().splitlines()

    def filters(self, **more: Any) -> list[dict[str, Any]]:
        answer = self.logs.describe_subscription_filters(logGroupName="flows", **more)
        found: list[dict[str, Any]] = answer["subscriptionFilters"]
        return found

    def kept(self) -> list[str]:
        return [one["message"] for one in self.logs.filter_log_events(logGroupName="flows")["events"]]


@pytest.fixture
def group(account: Account) -> Group:
    return Group(account)


def test_events_come_out_of_kinesis_in_cloudwatchs_envelope(group: Group) -> None:
    group.subscribe(group.stream(), name="to-kinesis")
    group.put(SSH, RDP)
    control, data = (json.loads(gzip.decompress(record["Data"])) for record in group.records())
    assert (control["messageType"], control["owner"]) == ("CONTROL_MESSAGE", "CloudwatchLogs")
    events = data.pop("logEvents")
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": group.account.number,
        "logGroup": "flows",
        "logStream": "eni-1-all",
        "subscriptionFilters": ["to-kinesis"],
    }
    assert [one["message"] for one in events] == [SSH, RDP]
    assert all(abs(one["timestamp"] / 1000 - time.time()) < DEADLINE_S for one in events)
    assert all(re.fullmatch(r"\d{56}", one["id"]) for one in events)
    assert group.lines() == [SSH, RDP]


def test_ids_grow_from_call_to_call_and_are_the_same_for_all_filters(group: Group) -> None:
    group.subscribe(group.stream("one"), "one")
    group.subscribe(group.stream("two"), "two")
    for _ in range(3):
        group.put(SSH, RDP)

    def ids(name: str) -> list[str]:
        envelopes = [json.loads(gzip.decompress(record["Data"])) for record in group.records(name)]
        return [event["id"] for envelope in envelopes[1:] for event in envelope["logEvents"]]

    assert ids("one") == ids("two") == sorted(set(ids("one")))
    assert len(ids("one")) == 6


def test_a_pattern_chooses_what_is_carried_on(group: Group) -> None:
    group.subscribe(group.stream(), pattern='[..., action="REJECT", status]')
    group.put(SSH, RDP, SSH)
    group.put(SSH)
    assert group.lines() == [RDP]
    assert group.kept() == [SSH, RDP, SSH, SSH]


def test_a_log_stream_stays_on_one_shard_unless_the_distribution_is_random(group: Group) -> None:
    group.subscribe(group.stream("together", 8), "together")
    group.subscribe(group.stream("apart", 8), "apart", distribution="Random")
    for number in range(20):
        group.put(f"{number}")
    together, apart = ([r["PartitionKey"] for r in group.records(n)[1:]] for n in ("together", "apart"))
    assert {key for key in together if key != "control"} == {"eni-1-all"}
    assert len(set(apart)) == len(apart)


def test_many_events_are_carried_in_several_envelopes(group: Group) -> None:
    group.subscribe(group.stream())
    lines = [f"{number}" for number in range(1201)]
    group.put(*lines)
    assert group.lines() == lines
    assert len(group.records()) == 1 + 3


def test_an_envelope_is_never_larger_than_a_record(group: Group) -> None:
    """Digits of hashes shrink to little more than half, so that these nine lines need two records."""
    group.subscribe(group.stream())
    lines = [
        "".join(f"{hash((number, k)) & 0xFFFFFFFFFFFFFFFF:016x}" for k in range(16_000))
        for number in range(9)
    ]
    group.put(*lines)
    assert group.lines() == lines
    assert len(group.records()) > 2


def test_firehose_gets_the_same(group: Group) -> None:
    account = group.account
    lake = account.bucket("subscribed-lake")
    arn = f"arn:aws:firehose:eu-west-1:{account.number}:deliverystream/d"
    to = {
        "RoleARN": account.role,
        "BucketARN": f"arn:aws:s3:::{lake}",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
    }
    account.client("firehose").create_delivery_stream(
        DeliveryStreamName="d", ExtendedS3DestinationConfiguration=to
    )
    group.subscribe(arn)
    group.put(SSH, RDP)
    s3, deadline = account.client("s3"), time.monotonic() + DEADLINE_S
    while True:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=lake).get("Contents", [])]
        data = b"".join(s3.get_object(Bucket=lake, Key=key)["Body"].read() for key in sorted(keys))
        found = unwrap(data) if data else None
        if found is not None and found.lines:
            break
        assert time.monotonic() < deadline, keys
    assert (found.lines.decode().splitlines(), found.control) == ([SSH, RDP], 1)


def test_filters_are_described_as_they_were_put(group: Group) -> None:
    arn = group.stream()
    group.subscribe(arn, "b", "REJECT")
    group.subscribe(arn, "a", distribution="Random")
    first, second = group.filters()
    assert abs(second.pop("creationTime") / 1000 - time.time()) < DEADLINE_S
    assert second == {
        "filterName": "b",
        "logGroupName": "flows",
        "filterPattern": "REJECT",
        "destinationArn": arn,
        "roleArn": group.account.role,
        "distribution": "ByLogStream",
        "applyOnTransformedLogs": False,
    }
    assert (first["filterName"], first["distribution"]) == ("a", "Random")
    assert [one["filterName"] for one in group.filters(filterNamePrefix="b")] == ["b"]
    page = group.logs.describe_subscription_filters(logGroupName="flows", limit=1)
    rest = group.filters(nextToken=page["nextToken"])
    assert [one["filterName"] for one in [*page["subscriptionFilters"], *rest]] == ["a", "b"]


def test_a_filter_of_the_same_name_is_replaced(group: Group) -> None:
    arn = group.stream()
    group.subscribe(arn, pattern="REJECT")
    before = group.filters()[0]["creationTime"]
    group.subscribe(arn, pattern="ACCEPT")
    (found,) = group.filters()
    assert (found["filterPattern"], found["creationTime"]) == ("ACCEPT", before)
    group.put(SSH, RDP)
    assert group.lines() == [SSH]


def test_a_filter_that_was_deleted_carries_nothing(group: Group) -> None:
    group.subscribe(group.stream())
    named = {"logGroupName": "flows", "filterName": "f"}
    group.logs.delete_subscription_filter(**named)
    group.put(SSH)
    assert (group.filters(), group.lines()) == ([], [])
    assert refusal(group.logs.delete_subscription_filter, **named) == (
        "ResourceNotFoundException",
        "The specified subscription filter does not exist.",
    )


def test_filters_go_with_their_group(group: Group) -> None:
    group.subscribe(group.stream())
    group.logs.delete_log_group(logGroupName="flows")
    Group(group.account)
    assert group.filters() == []


def test_a_group_has_five_filters_at_most(group: Group) -> None:
    arn = group.stream()
    for name in "abcde":
        group.subscribe(arn, name)
    sixth = group.subscription(arn, "f")
    expected = ("LimitExceededException", "Resource limit exceeded.")
    assert refusal(group.logs.put_subscription_filter, **sixth) == expected
    group.subscribe(arn, "e", "REJECT")


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "no group": (
        {"logGroupName": "none"},
        ("ResourceNotFoundException", "The specified log group does not exist."),
    ),
    "no stream": ({"destinationArn": "arn:aws:kinesis:eu-west-1:{account}:stream/none"}, UNREACHABLE),
    "another region": ({"destinationArn": "arn:aws:kinesis:us-east-1:{account}:stream/s"}, UNREACHABLE),
    "another account": ({"destinationArn": "arn:aws:kinesis:eu-west-1:999999999999:stream/s"}, UNREACHABLE),
    "no delivery stream": (
        {"destinationArn": "arn:aws:firehose:eu-west-1:{account}:deliverystream/none"},
        (
            "InvalidParameterException",
            "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream "
            "is in ACTIVE state.",
        ),
    ),
    "no role": (
        {"roleArn": None},
        ("InvalidParameterException", "destinationArn for vendor kinesis cannot be used without roleArn"),
    ),
    "a pattern that is none": (
        {"filterPattern": "[a"},
        ("InvalidParameterException", "If a filter pattern starts with '[' it must end with ']'"),
    ),
    "another distribution": (
        {"distribution": "Even"},
        (
            "InvalidParameterException",
            "1 validation error detected: Value 'Even' at 'distribution' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Random, ByLogStream]",
        ),
    ),
    "no name": (
        {"filterName": None},
        (
            "InvalidParameterException",
            "1 validation error detected: Value null at 'filterName' failed to satisfy constraint: "
            "Member must not be null",
        ),
    ),
    "transformed logs": (
        {"applyOnTransformedLogs": True},
        (
            "InvalidParameterException",
            "This emulator does not support transformed logs, selection criteria or system fields.",
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(group: Group, name: str) -> None:
    changes, expected = REFUSED[name]
    asked = {**group.subscription(group.stream()), **changes}
    asked["destinationArn"] = asked["destinationArn"].replace("{account}", group.account.number)
    given = {field: value for field, value in asked.items() if value is not None}
    assert refusal(group.logs.put_subscription_filter, **given) == expected
    assert (group.filters(), group.lines()) == ([], [])


def test_a_stream_of_another_account_is_no_destination_even_if_it_is_there(
    group: Group, other: Account
) -> None:
    asked = group.subscription(Group(other).stream())
    assert refusal(group.logs.put_subscription_filter, **asked) == UNREACHABLE


def test_what_moto_does_not_take_is_not_carried_on(group: Group) -> None:
    group.subscribe(group.stream())
    named = {"logGroupName": "flows", "logStreamName": "none"}
    event = {"timestamp": int(time.time() * 1000), "message": SSH}
    code, _ = refusal(group.logs.put_log_events, **named, logEvents=[event])
    assert code == "ResourceNotFoundException"
    answer = group.put(RDP, at=-15 * 86_400_000)
    assert "tooOldLogEventEndIndex" in answer["rejectedLogEventsInfo"]
    assert (group.lines(), group.kept()) == ([], [])


def test_a_destination_that_went_away_costs_events_and_nothing_else(group: Group) -> None:
    group.subscribe(group.stream("gone"), "gone")
    group.subscribe(group.stream("stays"), "stays")
    group.kinesis.delete_stream(StreamName="gone")
    with capture_logs() as said:
        for _ in range(3):
            group.put(SSH)
    (line,) = [one for one in said if one["event"].startswith("log events lost")]
    assert (line["filter"], line["log_group"]) == ("gone", "flows")
    assert group.lines("stays") == [SSH] * 3
    assert len(group.kept()) == 3


def test_filters_of_moto_are_described_and_replaced_as_ours_are(group: Group) -> None:
    """moto takes another log group as a destination."""
    group.logs.create_log_group(logGroupName="copies")
    theirs = f"arn:aws:logs:eu-west-1:{group.account.number}:log-group:copies"
    ours = group.stream()

    def found() -> list[tuple[str, str]]:
        return [(one["filterName"], one["destinationArn"]) for one in group.filters()]

    group.subscribe(theirs, "b")
    group.subscribe(ours, "a")
    assert found() == [("a", ours), ("b", theirs)]
    group.subscribe(ours, "b")
    assert found() == [("a", ours), ("b", ours)]
    group.subscribe(theirs, "a")
    assert found() == [("a", theirs), ("b", ours)]
    group.logs.delete_subscription_filter(logGroupName="flows", filterName="a")
    assert found() == [("b", ours)]


def test_filters_to_lambda_are_motos(group: Group) -> None:
    arn = f"arn:aws:lambda:eu-west-1:{group.account.number}:function:none"
    code, message = refusal(group.logs.put_subscription_filter, **group.subscription(arn))
    assert (code, message.split(".")[0]) == (
        "InvalidParameterException",
        "Could not execute the lambda function",
    )


def test_an_unsigned_call_is_known_by_its_target(group: Group) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "Logs_20140328.PutSubscriptionFilter",
    }
    asked = {**group.subscription(group.stream()), "roleArn": None}
    request = urllib.request.Request(group.account.url, json.dumps(asked).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    with error.value as response:
        assert "cannot be used without roleArn" in json.loads(response.read())["message"]
