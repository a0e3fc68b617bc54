"""The calls of one account and Region: all pages, counted, retried, and remembered between readings.

A list (a call without parameters) is repeated in every reading, or every few readings (`EVERY`). A detail (a
call with parameters, such as the rules of one listener) is repeated in turn, so that a reading makes about
`CALLS_MAX` calls at most after the first one. If a call is denied or fails, its last answer stays valid, and
the caller learns that the answer is not complete.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import structlog
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from prometheus_client import Counter

from connectors.aws.calls import Stopped, counted, retry_in_thread
from connectors.aws.errors import DENIED, FAILURES, code_of, describe_error, is_retryable
from connectors.inventory.call import Call
from connectors.inventory.reading.denials import Denials

log = structlog.get_logger()

CALLS_MAX = 55
"""Calls in one reading after the first; the pages of a call count one by one."""
DETAILS_MIN = 5
GIVE_UP_S = 20.0
"""A call that was throttled or failed for so long fails; the next reading repeats it."""

OK, IS_DENIED, IS_MISSING, HAS_FAILED = "ok", "denied", "missing", "failed"
EVERY: Mapping[str, int] = {
    "resourcegroupstaggingapi.get_resources": 5,
    "elasticache.describe_cache_clusters": 5,
    "elasticache.describe_cache_subnet_groups": 10,
    "ecs.list_clusters": 5,
    "lambda.list_functions": 10,
    "eks.list_clusters": 10,
}
"""Readings from one answer of a list to the next; all other lists are read each time."""
MISSING_EVERY = 60
"""Readings between two attempts of a call that the endpoint does not implement."""

_TOKENS = (
    ("NextToken", "NextToken"),
    ("NextMarker", "Marker"),
    ("Marker", "Marker"),
    ("nextToken", "nextToken"),
    ("PaginationToken", "PaginationToken"),
)
"""The token of the next page: its name in the answer, and in the request."""
_SIZES = ("MaxResults", "maxResults", "PageSize", "MaxRecords", "MaxItems", "ResourcesPerPage")
_PAGE_MAX = {
    "ec2.describe_instances": 1000,
    "ec2.describe_vpc_endpoints": 1000,
    "lambda.list_functions": 50,
}
"""The largest page where botocore's model has no maximum; that of all other calls is 100."""
_NO_CONTENT = {"ResponseMetadata", *(name for name, _ in _TOKENS)}
_WITH_PAGES = {"PrefixListId", "TransitGatewayRouteTableId", "ListenerArn", "LoadBalancerArn", "cluster"}
"""The parameters that may be combined with a page size."""
_UNKNOWN_CALLS = {"InvalidAction", "NotImplemented", "UnsupportedOperation", "404", "500", "501"}


@dataclass(slots=True)
class Answer:
    """The last answer of a call. `error` is the code and message if the last attempt did not succeed.

    `content` has the lists of all pages joined, without tokens and metadata; `pages` is their number.
    `reading` is the number of the reading in which the call was made, and `at_s` its time by AWS's clock,
    epoch seconds.
    """

    content: dict[str, Any]
    outcome: str
    error: str
    reading: int
    pages: int = 1
    at_s: int = 0

    @property
    def is_complete(self) -> bool:
        """True if the answer shows everything: there is nothing else where a call is not implemented."""
        return self.outcome in {OK, IS_MISSING}


class RecordedCalls:
    """The calls of one account and Region. `clients` returns the boto3 client of a service.

    The methods may be called from several threads, but `begin` from one.
    """

    def __init__(
        self,
        clients: Callable[[str], Any],
        calls: Counter,
        denials: Denials,
        stop: threading.Event,
    ) -> None:
        self._clients, self._counter, self.denials, self._stop = clients, calls, denials, stop
        self._known: dict[Call, Answer] = {}
        self._lock = threading.Lock()
        self._reading, self.made = 0, 0
        self._due: set[Call] = set()
        self._refused: set[str] = set()
        self._unreachable: set[str] = set()
        self.used: dict[Call, Answer] = {}
        """The answers that this reading has used."""

    def begin(self) -> None:
        """Begin a reading."""
        self._known |= self.used
        lists = sum(one.pages for call, one in self._known.items() if _is_list(call) and _period(call) == 1)
        details = sorted((one.reading, call) for call, one in self._known.items() if not _is_list(call))
        left, due = max(DETAILS_MIN, CALLS_MAX - lists), set()
        for _, call in details:
            left -= self._known[call].pages
            if left >= 0:
                due.add(call)
        self._due = due
        self._reading += 1
        self.made = 0
        self.used, self._refused, self._unreachable = {}, set(), set()

    def finish(self) -> None:
        """End a reading that was not interrupted. Forget the answers that it did not use."""
        self._known = dict(self.used)

    def call(self, service: str, operation: str, *, again: bool = False, **request: Any) -> Mapping[str, Any]:
        """Return the answer of a call: a new one if it is due, else the last one; empty if there is none.

        With `again`, the call is due in each reading. Raises `Stopped`.
        """
        call = Call.of(service, operation, request)
        with self._lock:
            answer = self.used.get(call)
        if answer is None:
            answer = self._known.get(call)
            if answer is None or again or self._is_due(call, answer):
                answer = self._attempted(call, request, answer)
            with self._lock:
                self.used[call] = answer
        return answer.content

    def incomplete(self) -> frozenset[str]:
        """Return the operations (`ec2.describe_vpcs`) with a denied or failed call in this reading."""
        return frozenset(call.name for call, answer in self.used.items() if not answer.is_complete)

    def _is_due(self, call: Call, answer: Answer) -> bool:
        if answer.outcome == HAS_FAILED:
            return True
        age = self._reading - answer.reading
        if answer.outcome == IS_MISSING:
            return age >= MISSING_EVERY
        return age >= _period(call) if _is_list(call) else call in self._due

    def _attempted(self, call: Call, request: dict[str, Any], last: Answer | None) -> Answer:
        if self._stop.is_set():
            raise Stopped
        content = last.content if last is not None else {}
        pages = last.pages if last is not None else 1
        if call.name in self._refused:  # An action that is denied for one resource is denied for all.
            return Answer(content, IS_DENIED, f"AccessDenied: {call.action}", self._reading, pages)
        try:
            answer = self._all_pages(call, request)
        except (*FAILURES, ResponseParserError, AttributeError, _GaveUp) as error:
            outcome = _outcome(error)
            if outcome == IS_DENIED:
                self._refused.add(call.name)
                self.denials.add(call.action)
            elif outcome == IS_MISSING:
                log.info("call not known to the endpoint", action=call.action, place=self.denials.place)
            else:
                log.warning("call failed", action=call.action, place=self.denials.place, why=_why(error))
            return Answer(content, outcome, _why(error), self._reading, pages)
        self.denials.remove(call.action)
        return answer

    def _all_pages(self, call: Call, request: dict[str, Any]) -> Answer:
        client = self._clients(call.service)
        function = getattr(client, call.operation)
        request = {**_page_size(client, call), **request}
        joined: dict[str, Any] = {}
        pages, at_s = 0, 0
        while True:
            answer = self._page(call, function, request)
            pages += 1
            at_s = at_s or _time_of(answer)
            token = next(((to, answer[name]) for name, to in _TOKENS if answer.get(name)), None)
            for name, value in answer.items():
                if isinstance(value, list):
                    joined[name] = [*joined.get(name, ()), *value]
                elif name not in _NO_CONTENT:
                    joined[name] = value
            if token is None or token[1] == request.get(token[0]):
                return Answer(joined, OK, "", self._reading, pages, at_s)
            request = {**request, token[0]: token[1]}

    def _page(self, call: Call, function: Callable[..., Any], request: Mapping[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        name = call.action
        give_up_s = 0.0 if call.service in self._unreachable else GIVE_UP_S

        def attempt() -> dict[str, Any]:
            with self._lock:
                self.made += 1
            try:
                answer: dict[str, Any] = counted(self._counter, name, function, **request)
            except FAILURES as error:
                if not _is_transient(error) or time.monotonic() - began > give_up_s:
                    if not isinstance(error, ClientError):
                        self._unreachable.add(call.service)
                    raise _GaveUp(error) from error
                raise
            return answer

        return retry_in_thread(name, self._stop, attempt)


class _GaveUp(Exception):
    """A call that is not attempted again in this reading; `error` is that of the last attempt."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _time_of(answer: Mapping[str, Any]) -> int:
    """Return the time of an answer by AWS's clock, or by ours if it has no date; epoch seconds."""
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    try:
        return int(parsedate_to_datetime(str(headers.get("date", ""))).timestamp())
    except ValueError:
        return int(time.time())


def _is_list(call: Call) -> bool:
    return call.request == "{}" or call.name in EVERY


def _period(call: Call) -> int:
    """Return the number of readings from one attempt of a list to the next."""
    return EVERY.get(call.name, 1)


def _page_size(client: Any, call: Call) -> dict[str, int]:
    """Return the parameter for the largest pages, if the operation has pages and no ids are asked for."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call.operation])
    members = model.input_shape.members if model.input_shape is not None else {}
    name = next((one for one in _SIZES if one in members), "")
    if not name or not (_is_list(call) or set(orjson.loads(call.request)) <= _WITH_PAGES):
        return {}
    largest = _PAGE_MAX.get(call.name)
    return {name: largest or int(members[name].metadata.get("max", 100))}


def _outcome(error: Exception) -> str:
    if isinstance(error, _GaveUp):
        error = error.error
    if isinstance(error, ResponseParserError | AttributeError) or code_of(error) in _UNKNOWN_CALLS:
        return IS_MISSING
    return IS_DENIED if code_of(error) in DENIED else HAS_FAILED


def _is_transient(error: Exception) -> bool:
    return is_retryable(error) and _outcome(error) == HAS_FAILED


def _why(error: Exception) -> str:
    if isinstance(error, _GaveUp):
        error = error.error
    if _outcome(error) == IS_MISSING:
        return f"UnsupportedOperation: {str(error).partition(chr(10))[0]}"[:300]
    if isinstance(error, ClientError):
        return f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"[:300]
    return describe_error(error)
