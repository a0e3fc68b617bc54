"""The publisher of a flow log: delivers its batches in order and reports the result.

As in AWS, a batch is delivered some minutes after the end of its interval. The delay is a hash of flow log
and interval, so that it is reproducible. A bounded load has no delays, only a rate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import polars as pl
import structlog

from emulator.flowlogs.flow_log import CLOUDWATCH, S3, FlowLog
from emulator.flowlogs.player.delivery.batches import IntervalBatch
from emulator.flowlogs.player.delivery.destinations import (
    CloudWatchDestination,
    DeliveryContext,
    Destination,
    FirehoseDestination,
    NotDelivered,
    S3Destination,
)
from emulator.world.traffic.chance import mixed_number, of_text

DELAY_S = {CLOUDWATCH: (120, 240), S3: (60, 240)}
"""Minimum delay after the end of an interval (S3: of a file), and its variation. The sums are about 5 and 10
minutes after the traffic, AWS's typical delay (VPC guide, "Flow log records"). Firehose: as CloudWatch."""

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class DeliveryCounters:
    """The delivery counters of a flow log since the last report, and its last error."""

    calls: int = 0
    lines: int = 0
    lost: int = 0
    last: list[str] = field(default_factory=list)
    error: str = ""
    reason: str = ""


@dataclass(slots=True)
class Publisher:
    """The publisher of one flow log. It delivers one batch at a time."""

    flow_log: FlowLog
    destination: Destination
    report: DeliveryCounters = field(default_factory=DeliveryCounters)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliver(self, batch: IntervalBatch) -> None:
        """Deliver a batch now. Records that are not accepted are lost and counted."""
        if batch.height:
            await self._tried(lambda: self.destination.deliver(batch))

    async def finish(self, now: int | None) -> None:
        """Deliver the files whose period has ended at `now` (epoch seconds); None: all files."""
        if self.destination.waits(now):
            await self._tried(lambda: self.destination.finish(now))

    def taken(self, about: pl.DataFrame, lines: Sequence[str]) -> None:
        """Count the records that one call delivered."""
        self.report.calls += 1
        self.report.lines += about.height
        self.report.last = list(lines)

    def take_report(self) -> DeliveryCounters:
        """Return the report since the last call of this method, and start a new one."""
        report, self.report = (
            self.report,
            DeliveryCounters(error=self.report.error, reason=self.report.reason),
        )
        return report

    async def _tried(self, deliver: Callable[[], Awaitable[None]]) -> None:
        error = reason = ""
        calls = self.report.calls
        async with self._turn:
            try:
                await deliver()
            except* NotDelivered as refused:
                failures = [one for one in refused.exceptions if isinstance(one, NotDelivered)]
                error, reason = failures[0].error, str(failures[0])
                self.report.lost += sum(one.lines for one in failures)
        if error and reason != self.report.reason:
            log.warning("flow log not delivered", flow_log=self.flow_log.flow_log_id, reason=reason)
        if error or self.report.calls > calls:  # Records that only wait for their file change no status.
            self.report.error, self.report.reason = error, reason


def make_publisher(
    flow_log: FlowLog, context: DeliveryContext, filters: Callable[[FlowLog], list[str]]
) -> Publisher:
    """Return the publisher for a flow log's destination."""
    kind = flow_log.settings.destination_type
    destination: Destination
    if kind == CLOUDWATCH:
        destination = CloudWatchDestination(flow_log, context, filters)
    else:
        destination = (
            S3Destination(flow_log, context) if kind == S3 else FirehoseDestination(flow_log, context)
        )
    return Publisher(flow_log, destination)


def delay_s(flow_log: FlowLog, ends: int) -> int:
    """Return the delay between the end of an interval (epoch seconds) and the delivery of its batch."""
    least, varies = DELAY_S.get(flow_log.settings.destination_type, DELAY_S[CLOUDWATCH])
    return least + mixed_number(of_text(flow_log.flow_log_id), ends) % varies
