"""PutRecords. Sentences are kinesalite's, whose suite ran against AWS, or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, OwnApi, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong(
            "String",
            "Records.0.PartitionKey",
            "Records.0.ExplicitHashKey",
            "StreamName",
            "StreamARN",
            "StreamId",
        ),
        *wrong("Boolean", "DryRun"),
        *wrong("List", "Records"),
        *wrong("Structure", "Records.0"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("PutRecords", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'records' Member must not be null"]),
        (
            {"StreamName": "s", "Records": []},
            ["Value '[]' at 'records' Member must have length greater than or equal to 1"],
        ),
        (
            {"StreamName": "s", "Records": [{}]},
            [
                "Value null at 'records.1.member.partitionKey' Member must not be null",
                "Value null at 'records.1.member.data' Member must not be null",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("PutRecords", **request_) == sentences


def test_a_stream_that_nobody_has(kinesis: Api) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal("PutRecords", StreamName="none", Records=[{"PartitionKey": "k", "Data": ""}]) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(
        "PutRecords", StreamARN=kinesis.arn("none"), Records=[{"PartitionKey": "k", "Data": ""}]
    ) == ("ResourceNotFoundException", message)


def test_records_are_answered_in_their_order(kinesis: Api, name: str) -> None:
    keys = [str(start) for start, _ in kinesis.ranges(name)][::-1]
    records = [{"PartitionKey": "k", "Data": "", "ExplicitHashKey": key} for key in keys]
    answer = kinesis.call("PutRecords", StreamARN=kinesis.arn(name), Records=records)
    assert answer["FailedRecordCount"] == 0
    assert [record["ShardId"][-1] for record in answer["Records"]] == ["2", "1", "0"]


def test_a_bad_record_refuses_them_all(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0)
    name = api.stream()
    good, bad = {"PartitionKey": "k", "Data": ""}, {"PartitionKey": "k", "Data": "A" * 1398104}
    code, message = api.refusal("PutRecords", StreamName=name, Records=[good, bad])
    assert code == "ValidationException"
    assert "'records.2.member.data'" in message
    assert api.call("GetRecords", ShardIterator=api.iterator(name))["Records"] == []
