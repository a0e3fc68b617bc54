"""Which failures of S3 and SQS pass, and what a person is told about those that do not."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from connectors.s3.client import Stopped, is_retryable, retry, user_error

pytestmark = pytest.mark.socket


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Anything")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (refused("SlowDown", 503), True),
        (refused("InternalError", 500), True),
        (refused("SomethingNew", 502), True),
        (refused("TooMany", 429), True),
        (refused("RequestTimeout"), True),
        (refused("ThrottlingException"), True),
        (EndpointConnectionError(endpoint_url="http://x"), True),
        (ConnectionResetError(), True),
        (refused("AccessDenied", 403), False),
        (refused("NoSuchKey", 404), False),
        (refused("PreconditionFailed", 412), False),
        (refused("InvalidAccessKeyId", 403), False),
        (NoCredentialsError(), False),
        (ValueError(), False),
    ],
)
def test_what_may_succeed_later_is_tried_again(error: Exception, passes: bool) -> None:
    assert is_retryable(error) is passes


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:ListBucket", "arn:aws:s3:::logs"),
        ("s3:GetObject", "arn:aws:s3:::logs/AWSLogs/x"),
        ("sqs:ReceiveMessage", "https://sqs.eu-west-1.amazonaws.com/1/q"),
        ("sqs:DeleteMessage", "https://sqs.eu-west-1.amazonaws.com/1/q"),
        ("sqs:ChangeMessageVisibility", "https://sqs.eu-west-1.amazonaws.com/1/q"),
    ],
)
def test_a_missing_permission_is_named_with_its_resource(action: str, resource: str) -> None:
    for code in ("AccessDenied", "AccessDeniedException"):
        told = str(user_error(refused(code, 403), action, resource))
        assert action in told
        assert resource in told


def test_nobody_knows_what_to_do_about_the_rest() -> None:
    assert user_error(refused("InvalidBucketState", 409), "s3:GetObject", "x") is None


def test_what_keeps_failing_is_left_when_told_to_stop() -> None:
    stop = threading.Event()
    attempts = []

    def fail() -> None:
        attempts.append(1)
        if len(attempts) == 2:
            stop.set()
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        retry(stop, fail)
    assert len(attempts) == 2
    with pytest.raises(Stopped):
        retry(stop, lambda: None)
