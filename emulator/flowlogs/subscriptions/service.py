"""The CloudWatch Logs calls that concern subscription filters to this emulator's Kinesis and Firehose.

moto answers all other calls, and stores log groups, log streams, log events and filters to Lambda.
`PutLogEvents` is forwarded to moto first; the accepted events are delivered before the call is answered. Not
supported: destinations of other accounts (`PutDestination`), account-level filters, and control messages
after the first.

An event costs moto 10 to 20 µs, and memory until the process ends. If `keeps_events` is False, the events of
a group with a filter here are delivered and not stored: they cannot be read from the group, and a missing log
stream is not noticed. If it is True, the number of stored events is limited (`kept_events`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import orjson
import structlog

from emulator.flowlogs.service_client import LOGS, ServiceClient, ServiceError, content
from emulator.flowlogs.subscriptions.delivery import SubscriptionDelivery
from emulator.flowlogs.subscriptions.filters import (
    FILTERS_MAX,
    SHAPES,
    SubscriptionDestination,
    SubscriptionFilter,
    SubscriptionFilters,
    check_request,
    is_ours,
    unreachable,
)
from emulator.flowlogs.subscriptions.kept_events import KeptEvents
from emulator.flowlogs.subscriptions.patterns import compiled
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.errors import Refused, limit_exceeded
from emulator.kinesis.protocol import wire
from emulator.kinesis.protocol.wire import Request
from emulator.kinesis.shapes.validation import check
from emulator.kinesis.store import Store
from emulator.scope import Scope

OLDEST_MS, NEWEST_MS = (
    14 * 86_400_000,
    2 * 3_600_000,
)  # PutLogEvents: the accepted times, before and after now
_PAGE = 50  # DescribeSubscriptionFilters, "limit"

log = structlog.get_logger("emulator.flowlogs")


class Subscriptions:
    """The calls of CloudWatch Logs. `keeps_events` may be changed at any time."""

    def __init__(
        self,
        others: Service,
        client: ServiceClient,
        kinesis: Store,
        clock: Callable[[], int],
        *,
        keeps_events: bool = True,
    ) -> None:
        self.keeps_events = keeps_events
        self.filters = SubscriptionFilters()
        self.kept = KeptEvents()
        self._others, self._client, self._clock = others, client, clock
        self._delivery = SubscriptionDelivery(kinesis, client, clock)
        self._putting = asyncio.Lock()
        self._tokens = 0
        self._calls: dict[str, Callable[[Incoming, Scope, Request], Awaitable[Outgoing]]] = {
            "PutSubscriptionFilter": self._put_filter,
            "DescribeSubscriptionFilters": self._describe_filters,
            "DeleteSubscriptionFilter": self._delete_filter,
            "PutLogEvents": self._put_log_events,
            "DeleteLogGroup": self._delete_log_group,
            "DeleteLogStream": self._delete_log_stream,
        }

    async def answer(self, incoming: Incoming, scope: Scope) -> Outgoing:
        """Answer a call. Raises `Refused`, and `ServiceError` with moto's response."""
        operation = incoming.headers.get("x-amz-target", "").removeprefix(f"{LOGS}.")
        call = self._calls.get(operation)
        if call is None:
            return await self._others(incoming)
        asked = wire.read(incoming.body)
        _check(asked, operation)
        return await call(incoming, scope, asked)

    def summary(self) -> list[dict[str, object]]:
        """Return the subscription filters with their counters, for the emulator's page."""
        return [
            {
                **one.shown(),
                "events": one.delivered.events,
                "lost": one.delivered.lost,
                "failure": one.delivered.failure,
            }
            for one in self.filters
        ]

    async def _put_filter(self, incoming: Incoming, scope: Scope, asked: Request) -> Outgoing:
        group, name = str(asked["logGroupName"]), str(asked["filterName"])
        arn, pattern = str(asked["destinationArn"]), str(asked["filterPattern"])
        if not is_ours(arn):
            answer = await self._others(incoming)
            if answer.status == 200:
                self.filters.remove(scope, group, name)
            return answer
        check_request(asked)
        matches = compiled(pattern)
        theirs = {str(one["filterName"]) for one in await self._theirs(scope, group)}
        names = theirs | {one.name for one in self.filters.of(scope, group)}
        if name not in names and len(names) >= FILTERS_MAX:
            raise limit_exceeded("Resource limit exceeded.")  # LocalStack's recording, 2026-02-06
        destination = SubscriptionDestination.read(arn)
        if destination is None or destination.scope != scope or not await self._delivery.test(destination):
            raise unreachable(arn)
        if name in theirs:
            await self._client.logs(
                scope, "DeleteSubscriptionFilter", {"logGroupName": group, "filterName": name}
            )
        before = self.filters.get(scope, group, name)
        self.filters.put(
            SubscriptionFilter(
                *(scope, group, name, pattern, matches, destination),
                role_arn=str(asked["roleArn"]),
                distribution=str(asked.get("distribution", "ByLogStream")),
                created_ms=self._clock() if before is None else before.created_ms,
            )
        )
        return _answered()

    async def _describe_filters(self, _: Incoming, scope: Scope, asked: Request) -> Outgoing:
        group = str(asked["logGroupName"])
        found = [*await self._theirs(scope, group), *(one.shown() for one in self.filters.of(scope, group))]
        prefix, after = str(asked.get("filterNamePrefix", "")), str(asked.get("nextToken", ""))
        found = sorted(
            (
                one
                for one in found
                if str(one["filterName"]).startswith(prefix) and str(one["filterName"]) > after
            ),
            key=lambda one: str(one["filterName"]),
        )
        size = cast("int", asked.get("limit", _PAGE))
        more = {"nextToken": found[size - 1]["filterName"]} if len(found) > size else {}
        return _answered({"subscriptionFilters": found[:size], **more})

    async def _delete_filter(self, incoming: Incoming, scope: Scope, asked: Request) -> Outgoing:
        if self.filters.remove(scope, str(asked["logGroupName"]), str(asked["filterName"])):
            return _answered()
        return await self._others(incoming)

    async def _delete_log_group(self, incoming: Incoming, scope: Scope, asked: Request) -> Outgoing:
        answer = await self._others(incoming)
        if answer.status == 200:
            group = str(asked.get("logGroupName"))
            self.filters.remove_group(scope, group)
            self.kept.forget(scope, group)
        return answer

    async def _delete_log_stream(self, incoming: Incoming, scope: Scope, asked: Request) -> Outgoing:
        answer = await self._others(incoming)
        if answer.status == 200:
            self.kept.forget(scope, str(asked.get("logGroupName")), str(asked.get("logStreamName")))
        return answer

    async def _put_log_events(self, incoming: Incoming, scope: Scope, asked: Request) -> Outgoing:
        group, log_stream = str(asked.get("logGroupName")), str(asked.get("logStreamName"))
        rejected: dict[str, int] = {}
        if "x-vpcflow-world" not in incoming.headers:
            incoming, asked, rejected = self._timely(incoming, asked)
        lines = _lines(asked.get("logEvents"))
        filters = self.filters.of(scope, group)
        if filters and lines is not None and not self.keeps_events:
            self._tokens += 1
            answer = _answered({"nextSequenceToken": f"{self._tokens:056d}"})
        else:
            answer = await self._kept(incoming, (scope, group, log_stream), len(lines or ()))
        if answer.status == 200 and lines is not None:
            events = self._delivery.events(lines) if filters else []
            for one in filters:
                await self._delivery.deliver(one, log_stream, events)
            if rejected:
                return _answered(
                    {**orjson.loads(content(answer) or b"{}"), "rejectedLogEventsInfo": rejected}
                )
        return answer

    def _timely(self, incoming: Incoming, asked: Request) -> tuple[Incoming, Request, dict[str, int]]:
        """Remove events whose time CloudWatch Logs rejects. Return the request and `rejectedLogEventsInfo`.

        API reference, PutLogEvents: none more than 2 hours in the future, none older than 14 days.
        """
        now_ms, events = self._clock(), asked.get("logEvents")
        if _lines(events) is None:
            return incoming, asked, {}
        rejected: dict[str, int] = {}
        kept = []
        for index, event in enumerate(cast("list[dict[str, Any]]", events)):
            if event["timestamp"] < now_ms - OLDEST_MS:
                rejected["tooOldLogEventEndIndex"] = index
            elif event["timestamp"] > now_ms + NEWEST_MS:
                rejected.setdefault("tooNewLogEventStartIndex", index)
            else:
                kept.append(event)
        if not rejected:
            return incoming, asked, {}
        timely = {**asked, "logEvents": kept}
        return replace(incoming, body=orjson.dumps(timely)), timely, rejected

    async def _kept(self, incoming: Incoming, stream: tuple[Scope, str, str], events: int) -> Outgoing:
        """Forward events to moto, one call at a time, so that none arrives while a stream is emptied."""
        async with self._putting:
            answer = await self._others(incoming)
            if answer.status == 200:
                self.kept.add(stream, events)
                for full in self.kept.to_empty():
                    await self._empty(*full)
        return answer

    async def _empty(self, scope: Scope, group: str, log_stream: str) -> None:
        named = {"logGroupName": group, "logStreamName": log_stream}
        log.warning(
            "log stream emptied, too many log events are retained",
            events_kept=self.kept.total,
            events_kept_max=self.kept.most,
            **named,
        )
        self.kept.forget(scope, group, log_stream)
        for operation in ("DeleteLogStream", "CreateLogStream"):
            answer = await self._client.logs(scope, operation, named)
            if answer.status != 200:  # The log stream was deleted. The new events were accepted.
                log.warning("log stream could not be emptied", operation=operation, **named)
                return

    async def _theirs(self, scope: Scope, group: str) -> Sequence[Mapping[str, Any]]:
        """Return moto's filters of a group. Raises `ServiceError`, also if the group does not exist."""
        answer = await self._client.logs(scope, "DescribeSubscriptionFilters", {"logGroupName": group})
        if answer.status != 200:
            raise ServiceError("DescribeSubscriptionFilters", answer)
        return cast("Sequence[Mapping[str, Any]]", orjson.loads(content(answer))["subscriptionFilters"])


def _check(asked: Request, operation: str) -> None:
    """Check the values against their limits. The error code here is not `ValidationException`."""
    try:
        check(asked, SHAPES.get(operation, ()))
    except Refused as refused:
        if refused.code != "ValidationException":
            raise
        raise Refused("InvalidParameterException", refused.message) from None


def _lines(events: object) -> list[tuple[int, str]] | None:
    """Return the times and messages of events, or None if they are malformed. moto then refuses the call."""
    try:
        found = [(one["timestamp"], one["message"]) for one in cast("list[dict[str, Any]]", events)]
    except (KeyError, TypeError):
        return None
    return found if all(type(at) is int and type(text) is str for at, text in found) else None


def _answered(output: Mapping[str, object] | None = None) -> Outgoing:
    return Outgoing(200, {"Content-Type": wire.CONTENT_TYPE}, wire.write(output))
