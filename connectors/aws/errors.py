"""Errors of AWS calls: which are transient, how metrics name them, and the sentence for an operator. Pure."""

from __future__ import annotations

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from urllib3.exceptions import HTTPError

from connectors.errors import ConnectError

FAILURES = (ClientError, BotoCoreError, HTTPError, aiohttp.ClientError, TimeoutError)
"""What a call raises: botocore's errors, and those of the HTTP clients below it."""

LOGIN_ENDED = (SSOError, TokenRetrievalError)
"""Errors of a session of IAM Identity Center, which only a new login ends."""

_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError)
_PERMANENT = (*_NO_CREDENTIALS, *LOGIN_ENDED, ParamValidationError, ProfileNotFound)

NAMES = {"kinesis": "Kinesis", "s3": "S3", "sqs": "SQS", "ec2": "EC2", "logs": "CloudWatch Logs"}
THROTTLED = {
    *("ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException"),
    *("Throttling", "ThrottlingException", "KMS.ThrottlingException", "RequestThrottled", "SlowDown"),
    *("RequestLimitExceeded", "TooManyRequests", "OverLimit"),
}
TRANSIENT = THROTTLED | {
    *("InternalFailure", "InternalError", "ServiceUnavailable", "RequestExpired", "RequestTimeout"),
    "OperationAborted",
    # In an event stream, which has no HTTP status.
    *("InternalFailureException", "InternalServerError", "InternalServerException"),
    "ServiceUnavailableException",
}
DENIED = {
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "Forbidden"),
    "403",  # of a HEAD request, which has no body
}
MISSING = {"NoSuchKey", "404"}
_EXPIRED = {"ExpiredTokenException", "ExpiredToken"}
_UNKNOWN_CALLER = {
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("InvalidAccessKeyId", "SignatureDoesNotMatch"),
}
_NOT_FOUND = {
    "ResourceNotFoundException": "no Kinesis stream {}: create it, or set VPCFLOW_STREAM",
    "NoSuchBucket": "no bucket for {}: create it, or set VPCFLOW_S3_BUCKET",
    "AWS.SimpleQueueService.NonExistentQueue": "no SQS queue {}: create it, or set VPCFLOW_S3_QUEUE",
    "QueueDoesNotExist": "no SQS queue {}: create it, or set VPCFLOW_S3_QUEUE",
}
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


def code_of(error: BaseException | None) -> str:
    """Return the code of an error that AWS answered; empty for any other error."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def describe_error(error: BaseException | None) -> str:
    """Return an error for a log line. The `repr` of aiohttp's errors has the session token."""
    return f"{type(error).__name__}: {str(error)[:300]}"


def is_throttled(error: BaseException | None) -> bool:
    """Return whether AWS refused a call because of too many calls."""
    return code_of(error) in THROTTLED


def is_retryable(error: BaseException) -> bool:
    """Return whether the same call may succeed later: throttling, failures of AWS, broken connections."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in TRANSIENT or status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS
    return not isinstance(error, _PERMANENT) and isinstance(error, (*FAILURES, OSError))


def outcome_of(error: BaseException) -> str:
    """Return the value of the metrics' label `outcome` for a failed call."""
    code = code_of(error)
    if code in THROTTLED:
        return "throttled"
    if code == "ExpiredIteratorException":
        return "expired"
    return "missing" if code in MISSING else "error"


def user_error(error: Exception, action: str, resource: str, endpoint: str = "") -> ConnectError | None:
    """Return what an operator must do about an error, or None if that is not known.

    `action` is as an IAM policy names it (`s3:ListBucket`). With an `endpoint`, an error of the connection is
    described, too.
    """
    service = NAMES.get(action.partition(":")[0], "AWS")
    if isinstance(error, ClientError):
        return _refusal(code_of(error), action, resource)
    if isinstance(error, _NO_CREDENTIALS):
        return ConnectError(
            f"no AWS credentials for {service} ({error}): set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    if isinstance(error, LOGIN_ENDED):
        return ConnectError(f"the AWS login for {service} has ended ({error}): run `aws sso login`")
    if isinstance(error, ProfileNotFound):
        return ConnectError(f"{error}: set AWS_PROFILE to a profile of the AWS configuration")
    if endpoint and isinstance(error, FAILURES):
        return ConnectError(
            f"cannot reach {service} at {endpoint}: {error}; check the network, or AWS_ENDPOINT_URL"
        )
    return None


def _refusal(code: str, action: str, resource: str) -> ConnectError | None:
    if code in DENIED:
        return ConnectError(
            f"AWS refuses {action} on {resource}: allow it in the IAM policy of this connector"
        )
    if code in _EXPIRED:
        return ConnectError("the AWS credentials have expired and cannot be renewed: log in again")
    if code in _UNKNOWN_CALLER:
        return ConnectError(
            f"AWS does not know these credentials ({code}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        )
    return ConnectError(_NOT_FOUND[code].format(resource)) if code in _NOT_FOUND else None
