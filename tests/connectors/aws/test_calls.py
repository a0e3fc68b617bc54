"""Calls with retries: how long a call is retried, its pauses, its count, and how it stops."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs
from tenacity import Future, RetryCallState, Retrying

from connectors.aws.calls import FIRST_ATTEMPTS, Caller, Stopped, _FailureLog, retry_in_thread
from tests.connectors.aws.test_errors import ENDPOINT, error


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("connectors.aws.calls._WAIT", lambda _: 0.0)


@pytest.fixture
def counter() -> Counter:
    return Counter("calls", "Calls", ["operation", "outcome"], registry=CollectorRegistry())


def counted(counter: Counter, outcome: str, operation: str = "ListShards") -> float:
    return float(counter.labels(operation, outcome)._value.get())


class Failing:
    """A call that fails some times, and then answers with its arguments."""

    def __init__(self, *raised: Exception) -> None:
        self.raised, self.calls = list(raised), 0

    def __call__(self, *args: Any, **request: Any) -> Any:
        self.calls += 1
        if self.raised:
            raise self.raised.pop(0)
        return args, request


async def test_a_call_is_retried_until_it_succeeds(counter: Counter) -> None:
    caller = Caller(counter)
    assert await caller.call("ListShards", Failing(), 1, Bucket="b") == ((1,), {"Bucket": "b"})
    failing = Failing(*[error("InternalFailure", status=500)] * 20)
    await caller.call("ListShards", failing)
    assert failing.calls == 21
    assert (counted(counter, "ok"), counted(counter, "error")) == (2, 20)


async def test_a_caller_that_was_never_answered_gives_up(counter: Counter) -> None:
    failing = Failing(*[EndpointConnectionError(endpoint_url=ENDPOINT)] * 99)
    with pytest.raises(EndpointConnectionError):
        await Caller(counter).call("ListShards", failing)
    assert failing.calls == FIRST_ATTEMPTS + 1


async def test_without_first_attempts_a_call_is_retried_without_an_answer_before(counter: Counter) -> None:
    failing = Failing(*[EndpointConnectionError(endpoint_url=ENDPOINT)] * 20)
    await Caller(counter, first_attempts=0).call("ListShards", failing)
    assert failing.calls == 21


async def test_a_permanent_error_is_raised_at_once(counter: Counter) -> None:
    failing = Failing(error("AccessDeniedException"))
    with pytest.raises(ClientError):
        await Caller(counter).call("ListShards", failing)
    assert failing.calls == 1


async def test_once_does_not_retry(counter: Counter) -> None:
    failing = Failing(error("SlowDown", status=503))
    with pytest.raises(ClientError):
        await Caller(counter).once("ListShards", failing)
    assert (failing.calls, counted(counter, "throttled")) == (1, 1)


async def test_a_throttled_call_asks_for_its_pause(counter: Counter) -> None:
    asked = []

    def pause() -> float:
        asked.append(1)
        return 0.0

    failing = Failing(*[error("ProvisionedThroughputExceededException")] * 3)
    await Caller(counter).call("GetShardIterator", failing, when_throttled=pause)
    assert len(asked) == 3


def test_a_worker_thread_retries_until_it_is_stopped() -> None:
    stop, attempts = threading.Event(), []

    def fail() -> None:
        attempts.append(1)
        if len(attempts) == 2:
            stop.set()
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        retry_in_thread("GetObject", stop, fail)
    assert len(attempts) == 2
    with pytest.raises(Stopped):
        retry_in_thread("GetObject", stop, lambda: None)


def test_a_worker_thread_retries_transient_errors_only() -> None:
    failing = Failing(ConnectionResetError(), error("SlowDown", status=503))
    assert retry_in_thread("GetObject", threading.Event(), failing) == ((), {})
    with pytest.raises(ClientError):
        retry_in_thread("GetObject", threading.Event(), Failing(error("NoSuchKey", status=404)))


def test_a_call_that_keeps_failing_is_logged_every_five_minutes() -> None:
    """An operator who looks at the newest log lines sees why nothing is read."""
    log, state = _FailureLog("ListShards"), RetryCallState(Retrying(), None, (), {})
    with capture_logs() as logs:
        for second in range(0, 900, 5):
            state.attempt_number = second // 5 + 1
            state.outcome = Future(state.attempt_number)
            state.outcome.set_exception(error("SlowDown", status=503))
            state.outcome_timestamp = state.start_time + second
            log(state)
    assert [line["for_s"] for line in logs] == [20, 320, 620]
    assert [line["attempts"] for line in logs] == [5, 65, 125]
    assert {(line["operation"], line["event"]) for line in logs} == {
        ("ListShards", "call keeps failing and is retried")
    }
