"""UpdateStreamRecordDistributionStrategy. Sentences that nobody has published are ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "StreamARN", "RecordDistributionStrategy", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped("UpdateStreamRecordDistributionStrategy", field, value) == (
        "SerializationException",
        sentence,
    )


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'streamARN' Member must not be null",
                "Value null at 'recordDistributionStrategy' Member must not be null",
            ],
        ),
        (
            {"StreamARN": "a", "RecordDistributionStrategy": "RANDOM"},
            [
                (
                    "Value 'a' at 'streamARN' Member must satisfy regular expression pattern: "
                    "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"
                ),
                (
                    "Value 'RANDOM' at 'recordDistributionStrategy' Member must satisfy enum value set: "
                    "[AUTO, USER_PARTITION_KEY]"
                ),
            ],
        ),
    ],
)
def test_validation(kinesis: Api, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints("UpdateStreamRecordDistributionStrategy", **request_) == sentences


def test_records_are_shared_evenly_whatever_their_key(kinesis: Api) -> None:
    name = kinesis.on_demand_stream()
    arn = kinesis.arn(name)
    assert kinesis.summary(name)["RecordDistributionStrategy"] == "USER_PARTITION_KEY"
    kinesis.call("UpdateStreamRecordDistributionStrategy", StreamARN=arn, RecordDistributionStrategy="AUTO")
    assert kinesis.settle(name)["RecordDistributionStrategy"] == "AUTO"
    shards = [kinesis.put(name, ExplicitHashKey="0")["ShardId"] for _ in range(8)]
    assert all(shards.count(shard) == 2 for shard in shards)
    strategy = {"RecordDistributionStrategy": "USER_PARTITION_KEY"}
    assert kinesis.call("UpdateStreamRecordDistributionStrategy", StreamARN=arn, **strategy) == {}
    assert len({kinesis.put(name)["ShardId"] for _ in range(8)}) == 1


def test_not_for_a_provisioned_stream(kinesis: Api, name: str) -> None:
    refused = kinesis.refusal(
        "UpdateStreamRecordDistributionStrategy",
        StreamARN=kinesis.arn(name),
        RecordDistributionStrategy="AUTO",
    )
    assert refused[0] == "InvalidArgumentException"
    assert "RecordDistributionStrategy" not in kinesis.summary(name)
