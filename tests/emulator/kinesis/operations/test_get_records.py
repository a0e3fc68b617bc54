"""GetRecords. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "Limit"),
        *wrong("String", "ShardIterator", "StreamARN", "StreamId"),
        *wrong("Boolean", "DryRun"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("GetRecords", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'shardIterator' Member must not be null"]),
        (
            {"ShardIterator": "", "Limit": 0},
            [
                "Value '0' at 'limit' Member must have value greater than or equal to 1",
                "Value '' at 'shardIterator' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("GetRecords", **request_) == sentences


@pytest.mark.parametrize("iterator", ["a", "AAAA", "AAAAAAAAAAE=", "=+/="])
def test_an_iterator_that_is_none(kinesis: Api, iterator: str) -> None:
    message = "Invalid ShardIterator."
    assert kinesis.refusal("GetRecords", ShardIterator=iterator) == ("InvalidArgumentException", message)


def test_an_iterator_may_be_within_quotes(kinesis: Api) -> None:
    """LocalStack's suite, validated against AWS: as the AWS CLI prints it."""
    name = kinesis.stream()
    kinesis.put(name)
    answer = kinesis.call("GetRecords", ShardIterator=f'"{kinesis.iterator(name)}"')
    assert len(answer["Records"]) == 1


def test_records_come_in_order_and_once(kinesis: Api) -> None:
    name = kinesis.stream()
    put = [kinesis.put(name, str(at), "AAAA")["SequenceNumber"] for at in range(5)]
    iterator, got = kinesis.iterator(name), []
    for expected in (2, 2, 1, 0):
        answer = kinesis.call("GetRecords", ShardIterator=iterator, Limit=2)
        assert len(answer["Records"]) == expected
        got += [record["SequenceNumber"] for record in answer["Records"]]
        iterator = answer["NextShardIterator"]
    assert got == put
    assert answer["MillisBehindLatest"] == 0


def test_an_iterator_lives_five_minutes(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    iterator = api.iterator(api.stream())
    api.now_ms += 300_000
    api.call("GetRecords", ShardIterator=iterator)
    api.now_ms += 1
    assert api.refusal("GetRecords", ShardIterator=iterator) == (
        "ExpiredIteratorException",
        "Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 while right "
        "now it is Tue "
        "Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay of 300000 "
        "milliseconds.",
    )


def test_the_next_iterator_is_another_one_also_where_nothing_was_read(own: Callable[..., OwnApi]) -> None:
    """LocalStack's suite, validated against AWS; here even within one millisecond."""
    api = own(transition_ms=0)
    iterator = api.iterator(api.stream())
    seen = {iterator}
    for _ in range(3):
        iterator = api.call("GetRecords", ShardIterator=iterator)["NextShardIterator"]
        assert iterator not in seen
        seen.add(iterator)
