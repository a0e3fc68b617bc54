"""What messages of a queue tell of, in every wrapping that AWS documents."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3.discovery.notifications import (
    FOREIGN,
    NOTHING_NEW,
    OBJECTS,
    TEST,
    UNKNOWN,
    parse_notification,
    queue_region,
)

FILE = "123456789012_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz"
KEY = f"AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/{FILE}"


def event(*keys: str, bucket: str = "logs", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """Return S3's own event. Source: S3 guide, "Event message structure"."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": name,
                "s3": {
                    "bucket": {"name": bucket},
                    "object": {"key": quote_plus(key), "size": 1, "eTag": "e1"},
                },
            }
            for key in keys
        ]
    }


def by_sns(value: object) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": json.dumps(value)}


def by_eventbridge(key: object, kind: str = "Object Created", bucket: object = "logs") -> dict[str, Any]:
    """Return EventBridge's event. Source: S3 guide, "EventBridge event message structure"."""
    about = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "etag": "e1", "sequencer": "0"}}
    return {"version": "0", "detail-type": kind, "source": "aws.s3", "region": "us-east-1", "detail": about}


TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2014-10-13T15:57:02Z",
    "Bucket": "logs",
}


@pytest.mark.parametrize(
    ("value", "outcome", "keys"),
    [
        (event(KEY), OBJECTS, [KEY]),
        (event(KEY, name="ObjectCreated:CompleteMultipartUpload"), OBJECTS, [KEY]),
        (event(KEY, f"x/{KEY}"), OBJECTS, [KEY, f"x/{KEY}"]),
        (event(KEY, "other.txt"), OBJECTS, [KEY]),
        (by_sns(event(KEY)), OBJECTS, [KEY]),
        (by_eventbridge(KEY), OBJECTS, [KEY]),
        (by_sns(by_eventbridge(KEY)), OBJECTS, [KEY]),
        (TEST_EVENT, TEST, []),
        (by_sns(TEST_EVENT), TEST, []),
        (event(f"{KEY.rpartition('/')[0]}/aws-log-delivery-test-file"), NOTHING_NEW, []),
        (event("aws-log-delivery-test-file", bucket="others"), FOREIGN, []),
        (event(KEY, bucket="others", name="ObjectRemoved:Delete"), FOREIGN, []),
        (TEST_EVENT | {"Bucket": "others"}, FOREIGN, []),
        ({"Records": [{"eventSource": "aws:ses", "ses": {}}]}, FOREIGN, []),
        (event("AWSLogs/1/CloudTrail/x.json.gz"), FOREIGN, []),
        (event(KEY, bucket="others"), FOREIGN, []),
        (event(KEY, name="ObjectRemoved:Delete"), NOTHING_NEW, []),
        (event(), FOREIGN, []),
        (by_eventbridge(KEY, "Object Deleted"), NOTHING_NEW, []),
        (by_eventbridge(KEY, bucket="others"), FOREIGN, []),
        ({"Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "You have …"}, FOREIGN, []),
        ({"hello": 1}, UNKNOWN, []),
        ({"Records": [{"eventSource": "aws:s3"}]}, UNKNOWN, []),
        ({"source": "aws.s3"}, UNKNOWN, []),
        (by_eventbridge(5), UNKNOWN, []),
        (by_eventbridge(KEY, bucket=5), UNKNOWN, []),
        ([], UNKNOWN, []),
        (None, UNKNOWN, []),
        (by_sns("no event"), UNKNOWN, []),
    ],
)
def test_every_message_is_understood_or_said_not_to_be(value: object, outcome: str, keys: list[str]) -> None:
    heard = parse_notification(json.dumps(value), "logs")
    assert (heard.outcome, [one.key for one in heard.objects]) == (outcome, keys)
    assert all((one.bucket, one.etag) == ("logs", "e1") for one in heard.objects)


TRAIL = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/09/21/x.json.gz"


@pytest.mark.parametrize(
    ("value", "others"),
    [
        (event(KEY), []),
        (TEST_EVENT, []),
        (event(KEY, name="ObjectRemoved:Delete"), []),
        (event(KEY, TRAIL), [f"logs/{TRAIL}"]),
        (by_sns(event(KEY, TRAIL)), [f"logs/{TRAIL}"]),
        (by_eventbridge(TRAIL), [f"logs/{TRAIL}"]),
        (event(KEY, bucket="b2"), [f"b2/{KEY}"]),
        (
            {"Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "…"},
            ["SubscriptionConfirmation of SNS"],
        ),
        ({"Records": [*event(KEY)["Records"], {"eventSource": "aws:ses"}]}, ["event of aws:ses"]),
        (event(), ["no event"]),
    ],
)
def test_a_message_of_another_reader_is_recognised_and_named(value: object, others: list[str]) -> None:
    """Only a message that is wholly about flow-log files may be deleted."""
    heard = parse_notification(json.dumps(value), "logs")
    assert (list(heard.others), heard.is_only_ours) == (others, not others)


def test_a_message_that_is_not_understood_may_be_of_another_reader() -> None:
    assert not parse_notification("what is this?").is_only_ours


@pytest.mark.parametrize("wrap", [event, lambda key: by_sns(event(key)), by_eventbridge])
def test_odd_characters_come_out_as_they_are(wrap: Any) -> None:
    """S3's events are encoded as forms are, EventBridge's are not."""
    key = f"a b+c%20d&é=/ü/{KEY}"
    assert [one.key for one in parse_notification(json.dumps(wrap(key))).objects] == [key]


def test_any_bucket_is_ours_when_none_is_set_and_a_prefix_must_be_met() -> None:
    assert parse_notification(json.dumps(event(KEY, bucket="others"))).outcome == OBJECTS
    assert parse_notification(json.dumps(event(KEY)), "logs", "x").outcome == FOREIGN
    assert parse_notification(json.dumps(event(f"x/{KEY}")), "logs", "/x").outcome == OBJECTS


@given(st.text())
def test_nothing_makes_it_raise(body: str) -> None:
    assert parse_notification(body).objects == ()


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "source", "detail", "eventSource", "Message", "TopicArn", "Event"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_no_json_makes_it_raise(value: object) -> None:
    assert parse_notification(json.dumps(value)).objects == ()


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1"),
        ("http://127.0.0.1:4566/000000000000/q", None),
    ],
)
def test_a_queue_is_asked_in_its_own_region(url: str, region: str | None) -> None:
    assert queue_region(url) == region
