"""Calls to Kinesis from the loop: in threads, tried again while the reason passes, counted, and put in words.

boto3 tries nothing again by itself here: it would sleep in a thread that other shards need, so one throttled
shard would slow the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import structlog
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter
from urllib3.exceptions import HTTPError

from connectors import metrics
from connectors.aws.session import CALLS_AT_ONCE, code_of, describe_error
from connectors.aws.threads import in_thread
from connectors.errors import ConnectError

log = structlog.get_logger()

T = TypeVar("T")
FAILURES = (ClientError, BotoCoreError, HTTPError, aiohttp.ClientError, TimeoutError)
THROTTLED = {"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"}
PASSING = THROTTLED | {
    *("InternalFailure", "ServiceUnavailable", "KMSThrottlingException", "RequestExpired"),
    # In an event stream, where there is no HTTP status that says it.
    *("InternalFailureException", "InternalServerError", "InternalServerException"),
    "ServiceUnavailableException",
}
DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
EXPIRED = {"ExpiredTokenException", "ExpiredToken"}
UNKNOWN_CALLER = {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"}
FIRST_ATTEMPTS = 5  # without any answer so far, a wrong setting is more likely than a transient failure
_SAID_AT = 6  # failed attempts after which one log line reports that a call keeps failing


class Caller:
    """The calls of one process: so many at once, each in a thread."""

    def __init__(self, threads: int = CALLS_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(threads)
        self._has_answered = False

    async def call(
        self,
        operation: str,
        function: Callable[..., Any],
        *args: Any,
        when_throttled: Callable[[], float] = lambda: 0.0,
    ) -> Any:
        """Call in a thread until it succeeds, or raise botocore's error. `when_throttled`: least pause."""

        async def once() -> Any:
            async with self._free:
                return await in_thread(function, *args)

        return await self.retry(operation, once, when_throttled)

    async def retry(
        self, operation: str, once: Callable[[], Awaitable[T]], when_throttled: Callable[[], float]
    ) -> T:
        """Do the same with what needs no thread. Most calls succeed, and need no machinery for the others."""
        try:
            return await self._counted(operation, once)
        except FAILURES as error:
            if not is_retryable(error):
                raise
            await asyncio.sleep(when_throttled() if code_of(error) in THROTTLED else 0.0)

        def passed_over(state: RetryCallState) -> None:
            if state.attempt_number == _SAID_AT and state.outcome is not None:
                error = state.outcome.exception()
                log.warning("a call keeps failing", operation=operation, error=describe_error(error))

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            least = when_throttled() if error is not None and code_of(error) in THROTTLED else 0.0
            return max(least, _WAIT(state))

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            wait=wait,
            stop=lambda state: not self._has_answered and state.attempt_number >= FIRST_ATTEMPTS,
            before_sleep=passed_over,
            reraise=True,
        )
        return await retrying(self._counted, operation, once)

    async def _counted(self, operation: str, once: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await once()
        except FAILURES as error:
            metrics.CALLS.labels(operation, outcome_of(error)).inc()
            raise
        self._has_answered = True
        metrics.CALLS.labels(operation, "ok").inc()
        return answer


_WAIT = wait_exponential_jitter(multiplier=0.2, max=5.0)


def is_retryable(error: BaseException) -> bool:
    """Say whether the same call may succeed later: throttling, failures of AWS, broken connections."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in PASSING or status >= 500
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return False
    return isinstance(error, FAILURES)


def outcome_of(error: BaseException) -> str:
    """Return the metric's word for a failure."""
    code = code_of(error)
    return "throttled" if code in THROTTLED else "expired" if code == "ExpiredIteratorException" else "error"


def user_error(error: Exception, endpoint: str, streams: str) -> ConnectError | None:
    """Return what an operator must do about a permanent error, or None if that is not known."""
    if isinstance(error, ClientError):
        return _refusal(code_of(error), error.operation_name, endpoint, streams)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ConnectError(
            f"no AWS credentials for Kinesis ({error}): set AWS_ACCESS_KEY_ID and its secret, or AWS_PROFILE"
        )
    if isinstance(error, FAILURES):
        return ConnectError(f"cannot reach Kinesis at {endpoint}: {error}")
    return None


def _refusal(code: str, operation: str, endpoint: str, streams: str) -> ConnectError | None:
    if code in DENIED:
        service = "ec2" if operation == "DescribeFlowLogs" else "kinesis"
        return ConnectError(f"AWS refuses {service}:{operation}: allow it in the policy of who runs this")
    if code in EXPIRED:
        return ConnectError("the AWS credentials have expired and cannot be renewed: log in again")
    if code in UNKNOWN_CALLER:
        return ConnectError(f"AWS does not know these credentials ({code}): set AWS_PROFILE or the right key")
    if code == "ResourceNotFoundException":
        return ConnectError(f"no Kinesis stream {streams!r} at {endpoint}: create it, or set VPCFLOW_STREAM")
    return None
