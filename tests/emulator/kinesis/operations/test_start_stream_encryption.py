"""StartStreamEncryption. Sentences that nobody has published are ours."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.kinesis.operations.api import Api, OwnApi

KMS = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}


def test_a_stream_is_encrypted(kinesis: Api) -> None:
    name = kinesis.stream()
    assert kinesis.call("StartStreamEncryption", StreamName=name, **KMS) == {}
    summary = kinesis.settle(name)
    assert (summary["EncryptionType"], summary["KeyId"]) == ("KMS", "alias/aws/kinesis")
    assert kinesis.put(name)["EncryptionType"] == "KMS"
    (record,) = kinesis.call("GetRecords", ShardIterator=kinesis.iterator(name))["Records"]
    assert record["EncryptionType"] == "KMS"


def test_records_are_encrypted_when_the_stream_is_active_again(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=100)
    name = api.stream()
    api.call("StartStreamEncryption", StreamName=name, **KMS)
    summary = api.summary(name)
    assert (summary["StreamStatus"], summary["EncryptionType"]) == ("UPDATING", "KMS")
    stream = api.store.streams(api.store.all_streams(api.now_ms)[0].scope, api.now_ms)[0]
    assert stream.encryption_type == "NONE"
    assert api.refusal("StartStreamEncryption", StreamName=name, **KMS)[0] == "ResourceInUseException"
    api.settle(name)
    assert stream.encryption_type == "KMS"


def test_twenty_five_times_a_day_with_limits_on(own: Callable[..., OwnApi]) -> None:
    api = own(transition_ms=0, as_aws=True)
    name = api.stream()
    for _ in range(25):
        api.call("StartStreamEncryption", StreamName=name, **KMS)
    assert api.refusal("StopStreamEncryption", StreamName=name, **KMS)[0] == "LimitExceededException"
