"""UpdateMaxRecordSize. Sentences that nobody has published are ours."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("Integer", "MaxRecordSizeInKiB"),
        *wrong("String", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateMaxRecordSize", field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        ({}, ["Value null at 'maxRecordSizeInKiB' Member must not be null"]),
        (
            {"StreamARN": "a", "MaxRecordSizeInKiB": 1023},
            [
                ("Value '1023' at 'maxRecordSizeInKiB' Member must have value greater than or equal to 1024"),
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
            ],
        ),
        (
            {"MaxRecordSizeInKiB": 10241},
            [("Value '10241' at 'maxRecordSizeInKiB' Member must have value less than or equal to 10240")],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateMaxRecordSize", **request_) == sentences


def test_larger_records_are_taken(kinesis: Api) -> None:
    name = kinesis.stream()
    data = base64.b64encode(bytes(1 << 20)).decode()
    refused = kinesis.refusal("PutRecord", StreamName=name, PartitionKey="k", Data=data)
    assert refused[0] == "ValidationException"
    assert kinesis.call("UpdateMaxRecordSize", StreamARN=kinesis.arn(name), MaxRecordSizeInKiB=1025) == {}
    assert kinesis.settle(name)["MaxRecordSizeInKiB"] == 1025
    kinesis.put(name, data=data)
