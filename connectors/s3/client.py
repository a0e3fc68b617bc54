"""Calls of S3 and SQS: clients, retries, and error messages that name the missing permission.

boto3 signs and finds credentials. Its own retries are off, because a process that stops could not interrupt
their pauses. For the same reason a call has a time-out of a few seconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter
from tenacity.nap import sleep_using_event
from urllib3.exceptions import HTTPError

from connectors import metrics
from connectors.aws.session import code_of, describe_error
from connectors.errors import ConnectError

log = structlog.get_logger()

PASSING = {
    *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"),
    *("Throttling", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded", "TooManyRequests"),
    *("KMS.ThrottlingException", "OverLimit"),
}
MISSING = {"NoSuchKey", "404"}
DENIED = {"AccessDenied", "AccessDeniedException", "403", "AllAccessDisabled", "Forbidden"}
_ASKS_AT = 5  # failed attempts after which one log line reports that S3 does not answer
_WAIT = wait_exponential_jitter(multiplier=0.2, max=5.0)


T = TypeVar("T")


class Stopped(Exception):
    """The reader must stop; the result of the call is no longer needed."""


async def call(operation: str, function: Callable[..., Any], /, **request: Any) -> Any:
    """Call in a thread, and retry transient errors. Raises botocore's errors."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_retryable), wait=_WAIT, before_sleep=_say, reraise=True
    )
    return await retrying(asyncio.to_thread, counted, operation, function, **request)


def retry(stop: threading.Event, attempt: Callable[[], T]) -> T:
    """Call in this worker thread, and retry transient errors. Raises `Stopped` and botocore's errors."""

    def is_worth_it(error: BaseException) -> bool:
        return is_retryable(error) and not stop.is_set()

    retrying = Retrying(
        retry=retry_if_exception(is_worth_it),
        wait=_WAIT,
        sleep=sleep_using_event(stop),
        before_sleep=_say,
        reraise=True,
    )
    answer: T = retrying(attempt)
    if stop.is_set():
        raise Stopped
    return answer


def counted(operation: str, function: Callable[..., Any], /, **request: Any) -> Any:
    """Call once, and count the result. Raises botocore's errors."""
    try:
        answer = function(**request)
    except (ClientError, BotoCoreError) as error:
        outcome = "missing" if code_of(error) in MISSING else "passing" if is_retryable(error) else "error"
        metrics.S3_CALLS.labels(operation, outcome).inc()
        raise
    metrics.S3_CALLS.labels(operation, "ok").inc()
    return answer


def _say(attempt: RetryCallState) -> None:
    if attempt.attempt_number == _ASKS_AT and attempt.outcome is not None:
        log.warning(
            "a call keeps failing and is tried again", error=describe_error(attempt.outcome.exception())
        )


def is_retryable(error: BaseException) -> bool:
    """Return whether an error is transient: throttling, failures of AWS, broken connections."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in PASSING or status >= 500 or status == 429
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return False
    return isinstance(error, BotoCoreError | HTTPError | OSError)


def user_error(error: Exception, action: str, resource: str) -> ConnectError | None:
    """Return what an operator must do about a permanent error, or None if that is not known."""
    code = code_of(error)
    if code in DENIED:
        return ConnectError(f"AWS refuses {action} on {resource}: allow it in the policy of who runs this")
    if code == "NoSuchBucket":
        return ConnectError(f"there is no bucket for {resource}: create it, or set VPCFLOW_S3_BUCKET")
    if code in {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}:
        return ConnectError(f"there is no queue {resource}: create it, or set VPCFLOW_S3_QUEUE")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ConnectError(
            f"no AWS credentials ({error}): set AWS_ACCESS_KEY_ID and its secret, or AWS_PROFILE"
        )
    return None
