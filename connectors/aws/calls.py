"""AWS calls: counted, retried while the error is transient, at most so many at once.

boto3's own retries are off, because they sleep in the thread of the call: a process that stops could not
interrupt them, and one throttled shard would take the threads of the others. tenacity retries here instead,
in the event loop (`Caller`), or in a worker thread until an event is set (`retry_in_thread`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter
from tenacity.nap import sleep_using_event

from connectors.aws.errors import describe_error, is_retryable, is_throttled, outcome_of
from connectors.aws.session import CALLS_AT_ONCE
from connectors.aws.threads import in_thread

log = structlog.get_logger()

T = TypeVar("T")
FIRST_ATTEMPTS = 5
"""Retries of a call while no call was ever answered: until then a wrong setting is more likely than a
transient failure."""

_LOGGED_AT, _LOGGED_EVERY_S = 5, 300.0
"""A log line reports that a call keeps failing: after so many attempts, and then at this interval."""

_WAIT = wait_exponential_jitter(multiplier=0.2, max=5.0)


class Stopped(Exception):
    """The worker thread must stop; the result of the call is not needed."""


class Caller:
    """The calls of one process to a service, counted in `counter` (labels `operation` and `outcome`).

    At most `threads` calls run at once. With `first_attempts` 0, a call is retried also if none was answered.
    """

    def __init__(
        self, counter: Counter, *, threads: int = CALLS_AT_ONCE, first_attempts: int = FIRST_ATTEMPTS
    ) -> None:
        self._counter, self._first_attempts = counter, first_attempts
        self._free = asyncio.Semaphore(threads)
        self._has_answered = False

    async def call(
        self,
        operation: str,
        function: Callable[..., Any],
        *args: Any,
        when_throttled: Callable[[], float] = lambda: 0.0,
        **request: Any,
    ) -> Any:
        """Call in a thread until it succeeds. Raises an error that is not transient.

        `when_throttled` returns the least seconds to wait after a throttled attempt.
        """
        attempt = partial(self._in_thread, function, *args, **request)
        return await self.retry(operation, attempt, when_throttled)

    async def once(self, operation: str, function: Callable[..., Any], *args: Any, **request: Any) -> Any:
        """Call in a thread, without a retry. Raises the errors of the call."""
        return await self._counted(operation, partial(self._in_thread, function, *args, **request))

    async def retry(
        self, operation: str, attempt: Callable[[], Awaitable[T]], when_throttled: Callable[[], float]
    ) -> T:
        """Await `attempt()` until it succeeds. Raises an error that is not transient."""
        try:  # Most calls succeed at once, and need no retrying object.
            return await self._counted(operation, attempt)
        except Exception as error:
            if not is_retryable(error):
                raise
            await asyncio.sleep(when_throttled() if is_throttled(error) else 0.0)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return max(when_throttled() if is_throttled(error) else 0.0, _WAIT(state))

        def must_stop(state: RetryCallState) -> bool:
            return 0 < self._first_attempts <= state.attempt_number and not self._has_answered

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            wait=wait,
            stop=must_stop,
            before_sleep=_FailureLog(operation),
            reraise=True,
        )
        return await retrying(self._counted, operation, attempt)

    async def _in_thread(self, function: Callable[..., Any], *args: Any, **request: Any) -> Any:
        async with self._free:
            return await in_thread(partial(function, *args, **request))

    async def _counted(self, operation: str, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await attempt()
        except Exception as error:
            self._counter.labels(operation, outcome_of(error)).inc()
            raise
        self._has_answered = True
        self._counter.labels(operation, "ok").inc()
        return answer


def counted(counter: Counter, operation: str, function: Callable[..., T], *args: Any, **request: Any) -> T:
    """Call once in this thread, and count the outcome. Raises the errors of the call."""
    try:
        answer = function(*args, **request)
    except Exception as error:
        counter.labels(operation, outcome_of(error)).inc()
        raise
    counter.labels(operation, "ok").inc()
    return answer


def retry_in_thread(operation: str, stop: threading.Event, attempt: Callable[[], T]) -> T:
    """Call `attempt()` in this worker thread until it succeeds.

    Raises an error that is not transient, the last error or `Stopped` if `stop` is set.
    """

    def is_worth_it(error: BaseException) -> bool:
        return is_retryable(error) and not stop.is_set()

    retrying = Retrying(
        retry=retry_if_exception(is_worth_it),
        wait=_WAIT,
        sleep=sleep_using_event(stop),
        before_sleep=_FailureLog(operation),
        reraise=True,
    )
    answer: T = retrying(attempt)
    if stop.is_set():
        raise Stopped
    return answer


class _FailureLog:
    """The log lines of one call that keeps failing; tenacity calls it before each pause."""

    def __init__(self, operation: str) -> None:
        self._operation, self._logged_at = operation, float("-inf")

    def __call__(self, state: RetryCallState) -> None:
        at, since_s = state.outcome_timestamp, state.seconds_since_start
        if state.outcome is None or at is None or since_s is None or state.attempt_number < _LOGGED_AT:
            return
        if at - self._logged_at >= _LOGGED_EVERY_S:
            self._logged_at = at
            error = describe_error(state.outcome.exception())
            log.warning(
                "call keeps failing and is retried",
                operation=self._operation,
                error=error,
                attempts=state.attempt_number,
                for_s=round(since_s),
            )
