"""What StartStreamEncryption and StopStreamEncryption refuse alike.

Sentences that nobody has published are ours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.kinesis.operations.api import Api, wrong

pytestmark = pytest.mark.parametrize("operation", ["StartStreamEncryption", "StopStreamEncryption"])


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        *wrong("String", "EncryptionType", "KeyId", "StreamName", "StreamARN", "StreamId"),
    ],
)
def test_serialisation(kinesis: Api, operation: str, field: str, value: object, sentence: str) -> None:
    assert kinesis.mistyped(operation, field, value) == ("SerializationException", sentence)


@pytest.mark.parametrize(
    ("request_", "sentences"),
    [
        (
            {},
            [
                "Value null at 'encryptionType' Member must not be null",
                "Value null at 'keyId' Member must not be null",
            ],
        ),
        (
            {"StreamName": "s", "EncryptionType": "AES", "KeyId": ""},
            [
                "Value 'AES' at 'encryptionType' Member must satisfy enum value set: [NONE, KMS]",
                "Value '' at 'keyId' Member must have length greater than or equal to 1",
            ],
        ),
    ],
)
def test_validation(kinesis: Api, operation: str, request_: dict[str, Any], sentences: list[str]) -> None:
    assert kinesis.complaints(operation, **request_) == sentences


KMS = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}


def test_a_stream_that_nobody_has(kinesis: Api, operation: str) -> None:
    message = f"Stream none under account {kinesis.account} not found."
    assert kinesis.refusal(operation, StreamName="none", **KMS) == (
        "ResourceNotFoundException",
        message,
    )
    assert kinesis.refusal(operation, StreamARN=kinesis.arn("none"), **KMS) == (
        "ResourceNotFoundException",
        message,
    )


def test_kms_is_the_only_type(kinesis: Api, operation: str, name: str) -> None:
    refused = kinesis.refusal(operation, StreamName=name, EncryptionType="NONE", KeyId="k")
    assert refused[0] == "InvalidArgumentException"
