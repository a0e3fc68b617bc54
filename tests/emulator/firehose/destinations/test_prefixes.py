"""Prefixes of objects, as AWS's page on custom prefixes has them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from emulator.firehose.destinations import prefixes
from emulator.firehose.destinations.prefixes import Moment
from emulator.kinesis.errors import Refused

AT = Moment(1_535_365_801_234, UTC, lambda length: "x" * length)  # 2018-08-27 10:30:01.234
FAILED = Moment(AT.arrival_ms, UTC, AT.random, "http-endpoint-failed")


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "2018/08/27/10/"),
        ("logs/", "logs/2018/08/27/10/"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", "y=2018/m=08/"),
        ("!{timestamp:yyyy/MM/dd/HH}", "2018/08/27/10"),
        ("!{timestamp:'year='yyyy'/it''s='mm:ss.SSS}-", "year=2018/it's=30:01.234-"),
        ("!{timestamp:EEE, d MMM yy h a}/", "Mon, 27 Aug 18 10 AM/"),
        ("a/!{firehose:random-string}/!{firehose:random-string}/", f"a/{'x' * 11}/{'x' * 11}/"),
    ],
)
def test_a_prefix_stands_for_the_arrival_of_the_oldest_record(prefix: str, key: str) -> None:
    prefixes.check(prefix, "!{firehose:error-output-type}/")
    assert prefixes.evaluate(prefix, AT) == key


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "http-endpoint-failed/2018/08/27/10/"),
        ("errors/", "errors/http-endpoint-failed/2018/08/27/10/"),
        ("e/!{firehose:error-output-type}/!{timestamp:yyyy}/", "e/http-endpoint-failed/2018/"),
    ],
)
def test_a_prefix_for_errors_has_the_errors_type(prefix: str, key: str) -> None:
    prefixes.check("", prefix)
    assert prefixes.evaluate(prefix, FAILED) == key


def test_a_time_zone_moves_the_hour() -> None:
    there = Moment(AT.arrival_ms, ZoneInfo("Asia/Tokyo"), AT.random)
    assert prefixes.evaluate("", there) == "2018/08/27/19/"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "sentence"),
    [
        ("!{timestamp:yyyy}/", None, "ErrorOutputPrefix cannot be null"),
        ("!{firehose:error-output-type}/", "e!{firehose:error-output-type}", "Prefix cannot contain"),
        ("", "!{timestamp:yyyy}/", "must contain at least one !{firehose:error-output-type}"),
        ("!{timestamp:q}", "e/", "a timestamp letter that is not supported: q"),
        ("!{firehose:name}", "e/", "an expression that is not valid: !{firehose:name}"),
        ("!{partitionKeyFromQuery:k}/", "e/", "dynamic partitioning is not supported"),
    ],
)
def test_what_aws_refuses_is_refused(prefix: str, error_prefix: str | None, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        prefixes.check(prefix, error_prefix)
    assert sentence in refused.value.message


def test_an_object_is_named_as_aws_names_it() -> None:
    at = datetime(2018, 8, 27, 10, 30, 1, tzinfo=UTC)
    assert prefixes.object_name("f", "2", at, "u-u") == "f-2-2018-08-27-10-30-01-u-u"
