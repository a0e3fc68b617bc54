"""ListStreams. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import T0_MS, Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "Limit"),
        *wrong("String", "ExclusiveStartStreamName", "NextToken"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("ListStreams", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {"ExclusiveStartStreamName": "", "Limit": 0, "NextToken": ""},
            [
                "Value '0' at 'limit' Member must have value greater than or equal to 1",
                (
                    "Value '' at 'exclusiveStartStreamName' Member must satisfy regular expression "
                    "pattern: [a-zA-Z0-9_.-]+"
                ),
                ("Value '' at 'exclusiveStartStreamName' Member must have length greater than or equal to 1"),
                "Value '' at 'nextToken' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("ListStreams", **request_) == sentences


def test_names_come_in_order_and_in_pages(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    for name in ("c", "a", "b"):
        api.call("CreateStream", StreamName=name, ShardCount=1)
    first = api.call("ListStreams", Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (["a", "b"], True)
    assert first["StreamSummaries"][0] == {
        "StreamName": "a",
        "StreamARN": api.arn("a"),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "StreamCreationTimestamp": T0_MS / 1000,
    }
    for place in ({"NextToken": first["NextToken"]}, {"ExclusiveStartStreamName": "b"}):
        rest = api.call("ListStreams", **place)
        assert (rest["StreamNames"], rest["HasMoreStreams"]) == (["c"], False)
        assert "NextToken" not in rest
    api.now_ms += 300_001
    refused = api.refusal("ListStreams", NextToken=first["NextToken"])
    assert refused[0] == "ExpiredNextTokenException"


def test_a_stream_is_listed(kinesis: Api, name: str) -> None:
    before = name[:-1]
    assert name in kinesis.call("ListStreams", ExclusiveStartStreamName=before)["StreamNames"]
