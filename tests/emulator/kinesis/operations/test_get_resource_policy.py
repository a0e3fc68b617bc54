"""GetResourcePolicy. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api


def test_none_is_an_empty_object(kinesis: Api, name: str) -> None:
    """LocalStack's snapshot of AWS, `test_resource_policy_crud`."""
    assert kinesis.call("GetResourcePolicy", ResourceARN=kinesis.arn(name)) == {"Policy": "{}"}
