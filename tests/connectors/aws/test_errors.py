"""Errors of AWS calls: which are retried, how they are counted, and the sentence for an operator."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from multidict import CIMultiDict, CIMultiDictProxy
from urllib3.exceptions import ProtocolError
from yarl import URL

from connectors.aws.errors import describe_error, is_retryable, outcome_of, user_error
from connectors.kinesis.client import stream_error

ENDPOINT = "https://kinesis.eu-west-1.amazonaws.com"
OPERATIONS = [  # every call of Kinesis: a missing permission must be named by its action
    *("ListStreams", "DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"),
    *("ListTagsForStream", "RegisterStreamConsumer", "DescribeStreamConsumer", "SubscribeToShard"),
]
S3_ACTIONS = [
    ("s3:ListBucket", "arn:aws:s3:::logs"),
    ("s3:GetObject", "arn:aws:s3:::logs/AWSLogs/x"),
    ("sqs:ReceiveMessage", "https://sqs.eu-west-1.amazonaws.com/1/q"),
    ("sqs:DeleteMessage", "https://sqs.eu-west-1.amazonaws.com/1/q"),
    ("sqs:ChangeMessageVisibility", "https://sqs.eu-west-1.amazonaws.com/1/q"),
]


def error(code: str, operation: str = "GetRecords", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@pytest.mark.parametrize(
    ("raised", "is_transient", "outcome"),
    [
        (error("ProvisionedThroughputExceededException"), True, "throttled"),
        (error("LimitExceededException"), True, "throttled"),
        (error("SlowDown", status=503), True, "throttled"),
        (error("ThrottlingException"), True, "throttled"),
        (error("InternalFailure", status=500), True, "error"),
        (error("InternalError", status=500), True, "error"),
        (error("RequestTimeout"), True, "error"),
        (error("Whatever", status=503), True, "error"),
        (error("Whatever", status=429), True, "error"),
        (error("InternalFailureException", "SubscribeToShard", status=0), True, "error"),
        (error("ExpiredIteratorException"), False, "expired"),
        (error("AccessDeniedException"), False, "error"),
        (error("AccessDenied", status=403), False, "error"),
        (error("ValidationException"), False, "error"),
        (error("NoSuchKey", status=404), False, "missing"),
        (error("PreconditionFailed", status=412), False, "error"),
        (error("InvalidAccessKeyId", status=403), False, "error"),
        (NoCredentialsError(), False, "error"),
        (ParamValidationError(report="x"), False, "error"),
        (ValueError(), False, "error"),
        (EndpointConnectionError(endpoint_url=ENDPOINT), True, "error"),
        (ProtocolError("cut"), True, "error"),
        (aiohttp.ServerDisconnectedError(), True, "error"),
        (TimeoutError(), True, "error"),
        (ConnectionResetError(), True, "error"),
    ],
)
def test_transient_errors_are_retryable(raised: Exception, is_transient: bool, outcome: str) -> None:
    assert is_retryable(raised) is is_transient
    assert outcome_of(raised) == outcome


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_missing_permission_of_kinesis_is_named(operation: str) -> None:
    problem = str(stream_error(error("AccessDeniedException", operation), ENDPOINT, "flows"))
    assert f"AWS refuses kinesis:{operation} on 'flows' at {ENDPOINT}: allow it" in problem


def test_a_missing_permission_of_ec2_is_named() -> None:
    refused = error("UnauthorizedOperation", "DescribeFlowLogs")
    assert "ec2:DescribeFlowLogs" in str(stream_error(refused, ENDPOINT, "flows"))


@pytest.mark.parametrize(("action", "resource"), S3_ACTIONS)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403"])
def test_a_missing_permission_of_s3_is_named_with_its_resource(action: str, resource: str, code: str) -> None:
    problem = str(user_error(error(code, status=403), action, resource))
    assert f"AWS refuses {action} on {resource}: allow it" in problem


@pytest.mark.parametrize(
    ("raised", "part"),
    [
        (error("ExpiredTokenException"), "have expired and cannot be renewed"),
        (error("UnrecognizedClientException"), "does not know these credentials"),
        (error("SignatureDoesNotMatch"), "does not know these credentials"),
        (error("ResourceNotFoundException"), "no Kinesis stream 'flows'"),
        (error("NoSuchBucket"), "create it, or set VPCFLOW_S3_BUCKET"),
        (error("QueueDoesNotExist"), "create it, or set VPCFLOW_S3_QUEUE"),
        (NoCredentialsError(), "no AWS credentials for Kinesis"),
        (EndpointConnectionError(endpoint_url=ENDPOINT), f"cannot reach Kinesis at {ENDPOINT}"),
        (aiohttp.ClientConnectionError("x"), f"cannot reach Kinesis at {ENDPOINT}"),
    ],
)
def test_an_operators_errors_are_sentences(raised: Exception, part: str) -> None:
    assert part in str(stream_error(raised, ENDPOINT, "flows"))


@pytest.mark.parametrize("raised", [error("ValidationException"), error("InvalidBucketState", status=409)])
def test_other_errors_have_no_sentence(raised: Exception) -> None:
    assert user_error(raised, "s3:GetObject", "x", ENDPOINT) is None


def test_a_lost_connection_without_an_endpoint_has_no_sentence() -> None:
    assert user_error(EndpointConnectionError(endpoint_url=ENDPOINT), "s3:GetObject", "x") is None


def test_the_log_text_of_an_error_has_no_headers() -> None:
    """aiohttp's errors keep the request, and show its session token in their `repr`."""
    url = URL("http://127.0.0.1/")
    headers: CIMultiDict[str] = CIMultiDict({"X-Amz-Security-Token": "secret"})
    request = aiohttp.RequestInfo(url, "POST", CIMultiDictProxy(headers), url)
    raised = aiohttp.ClientResponseError(request, (), status=400, message="bad status line")
    assert "secret" in repr(raised)
    assert "secret" not in describe_error(raised)
    assert "bad status line" in describe_error(raised)


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (UnauthorizedSSOTokenError(), "run `aws sso login`"),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "run `aws sso login`"),
        (ProfileNotFound(profile="flows"), "set AWS_PROFILE"),
    ],
)
def test_a_login_that_has_ended_is_not_retried_and_is_named(raised: Exception, sentence: str) -> None:
    assert not is_retryable(raised)
    assert sentence in str(user_error(raised, "kinesis:GetRecords", "arn", ENDPOINT))
