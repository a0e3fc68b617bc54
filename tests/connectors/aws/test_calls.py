"""Calls to Kinesis: what is tried again, how long, and the sentence for what a person must mend."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from multidict import CIMultiDict, CIMultiDictProxy
from urllib3.exceptions import ProtocolError
from yarl import URL

from connectors.aws.calls import FIRST_ATTEMPTS, Caller, is_retryable, outcome_of, user_error
from connectors.aws.session import describe_error

ENDPOINT = "https://kinesis.eu-west-1.amazonaws.com"
OPERATIONS = [  # every call that reading needs: a missing permission must be named by its action
    *("ListStreams", "DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"),
    *("ListTagsForStream", "RegisterStreamConsumer", "DescribeStreamConsumer", "SubscribeToShard"),
]


def error(code: str, operation: str = "GetRecords", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_missing_permission_is_named(operation: str) -> None:
    problem = str(user_error(error("AccessDeniedException", operation), ENDPOINT, "flows"))
    assert f"kinesis:{operation}: allow it" in problem


@pytest.mark.parametrize(
    ("raised", "part"),
    [
        (error("ExpiredTokenException"), "have expired and cannot be renewed"),
        (error("UnrecognizedClientException"), "does not know these credentials"),
        (error("ResourceNotFoundException"), "create it, or set VPCFLOW_STREAM"),
        (NoCredentialsError(), "set AWS_ACCESS_KEY_ID"),
        (EndpointConnectionError(endpoint_url=ENDPOINT), f"cannot reach Kinesis at {ENDPOINT}"),
        (aiohttp.ClientConnectionError("x"), f"cannot reach Kinesis at {ENDPOINT}"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence(raised: Exception, part: str) -> None:
    assert part in str(user_error(raised, ENDPOINT, "flows"))


def test_nobody_knows_what_else_to_do() -> None:
    assert user_error(error("ValidationException"), ENDPOINT, "flows") is None


@pytest.mark.parametrize(
    ("raised", "passes", "outcome"),
    [
        (error("ProvisionedThroughputExceededException"), True, "throttled"),
        (error("LimitExceededException"), True, "throttled"),
        (error("InternalFailure", status=500), True, "error"),
        (error("Whatever", status=503), True, "error"),
        (error("InternalFailureException", "SubscribeToShard", status=0), True, "error"),
        (error("ExpiredIteratorException"), False, "expired"),
        (error("AccessDeniedException"), False, "error"),
        (error("ValidationException"), False, "error"),
        (NoCredentialsError(), False, "error"),
        (EndpointConnectionError(endpoint_url=ENDPOINT), True, "error"),
        (ProtocolError("cut"), True, "error"),
        (aiohttp.ServerDisconnectedError(), True, "error"),
        (TimeoutError(), True, "error"),
    ],
)
def test_what_passes_is_tried_again(raised: Exception, passes: bool, outcome: str) -> None:
    assert is_retryable(raised) is passes
    assert outcome_of(raised) == outcome


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("connectors.aws.calls._WAIT", lambda _: 0.0)


class Failing:
    """A call that fails some times, and then answers."""

    def __init__(self, *raised: Exception) -> None:
        self.raised, self.calls = list(raised), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.raised:
            raise self.raised.pop(0)
        return "answer"


@pytest.mark.usefixtures("at_once")
async def test_a_call_goes_on_until_it_succeeds() -> None:
    caller = Caller(threads=1)
    assert await caller.call("ListShards", Failing()) == "answer"
    failing = Failing(*[error("InternalFailure", status=500)] * 20)
    assert await caller.call("ListShards", failing) == "answer"
    assert failing.calls == 21


@pytest.mark.usefixtures("at_once")
async def test_who_never_answered_is_given_up() -> None:
    caller = Caller(threads=1)
    failing = Failing(*[EndpointConnectionError(endpoint_url=ENDPOINT)] * 99)
    with pytest.raises(EndpointConnectionError):
        await caller.call("ListShards", failing)
    assert failing.calls == FIRST_ATTEMPTS + 1


@pytest.mark.usefixtures("at_once")
async def test_what_stays_is_raised_at_once() -> None:
    caller = Caller(threads=1)
    failing = Failing(error("AccessDeniedException"))
    with pytest.raises(ClientError):
        await caller.call("ListShards", failing)
    assert failing.calls == 1


@pytest.mark.usefixtures("at_once")
async def test_a_throttled_call_asks_for_its_pause() -> None:
    caller, asked = Caller(threads=1), []

    def pause() -> float:
        asked.append(1)
        return 0.0

    failing = Failing(*[error("ProvisionedThroughputExceededException")] * 3)
    assert await caller.call("GetShardIterator", failing, when_throttled=pause) == "answer"
    assert len(asked) == 3


def test_what_is_logged_of_an_error_has_no_headers() -> None:
    """aiohttp's errors keep the request, and show its session token in their `repr`."""
    url = URL("http://127.0.0.1/")
    headers: CIMultiDict[str] = CIMultiDict({"X-Amz-Security-Token": "secret"})
    request = aiohttp.RequestInfo(url, "POST", CIMultiDictProxy(headers), url)
    raised = aiohttp.ClientResponseError(request, (), status=400, message="bad status line")
    assert "secret" in repr(raised)
    assert "secret" not in describe_error(raised)
    assert "bad status line" in describe_error(raised)
