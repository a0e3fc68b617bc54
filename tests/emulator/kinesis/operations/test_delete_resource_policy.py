"""DeleteResourcePolicy. Sentences that nobody has published are ours."""

from __future__ import annotations

from tests.emulator.kinesis.operations.api import Api


def test_it_goes_once(kinesis: Api) -> None:
    arn = kinesis.arn(kinesis.stream())
    statement = f'{{"Effect": "Allow", "Principal": "*", "Action": "kinesis:*", "Resource": "{arn}"}}'
    policy = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    kinesis.call("PutResourcePolicy", ResourceARN=arn, Policy=policy)
    assert kinesis.call("DeleteResourcePolicy", ResourceARN=arn) == {}
    assert kinesis.call("GetResourcePolicy", ResourceARN=arn) == {"Policy": "{}"}
    message = f"No resource policy found for resource ARN {arn}."  # seen by moto
    assert kinesis.refusal("DeleteResourcePolicy", ResourceARN=arn) == ("ResourceNotFoundException", message)
