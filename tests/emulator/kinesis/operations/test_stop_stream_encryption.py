"""StopStreamEncryption. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api

KMS = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}


def test_a_stream_is_encrypted_no_more(kinesis: Api) -> None:
    name = kinesis.stream()
    kinesis.call("StartStreamEncryption", StreamName=name, **KMS)
    kinesis.settle(name)
    assert kinesis.call("StopStreamEncryption", StreamARN=kinesis.arn(name), **KMS) == {}
    summary = kinesis.settle(name)
    assert summary["EncryptionType"] == "NONE"
    assert "KeyId" not in summary
