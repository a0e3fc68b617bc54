"""Brings each flow log's batches to its destination, one after the other, and says how it went.

A batch of the last minutes comes minutes later, as in AWS; the delay is drawn from the flow log and the
interval, so that it is the same each time. In a bounded load nothing is waited for but the pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import polars as pl
import structlog

from emulator.flowlogs.flow_log import CLOUDWATCH, S3, FlowLog
from emulator.flowlogs.player.delivery.batches import Batch
from emulator.flowlogs.player.delivery.destinations import (
    Bucket,
    DeliveryStream,
    Destination,
    LogStreams,
    Means,
    NotDelivered,
)
from emulator.world.traffic.chance import mixed_number, of_text

DELAY_S = {CLOUDWATCH: (120, 240), S3: (60, 240)}
"""Least delay after an interval's (for S3, a file's) end, and by how much it varies: about 5 and 10 minutes
after the traffic, which AWS calls typical (VPC guide, "Flow log records"). Firehose: taken as CloudWatch."""

log = structlog.get_logger("emulator.flowlogs")


@dataclass(slots=True)
class Report:
    """What a flow log has delivered since the last report."""

    calls: int = 0
    lines: int = 0
    lost: int = 0
    last: list[str] = field(default_factory=list)
    error: str = ""
    reason: str = ""


@dataclass(slots=True)
class Courier:
    """One flow log's deliveries, one after the other."""

    flow_log: FlowLog
    destination: Destination
    report: Report = field(default_factory=Report)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliver(self, batch: Batch) -> None:
        """Deliver a batch now; what is not taken is lost, and said."""
        if batch.height:
            await self._tried(lambda: self.destination.deliver(batch))

    async def finish(self, now: int | None) -> None:
        """Deliver what was waiting for a moment; without one, all that waits."""
        if self.destination.waits(now):
            await self._tried(lambda: self.destination.finish(now))

    def taken(self, about: pl.DataFrame, lines: Sequence[str]) -> None:
        """Note what was taken by one call."""
        self.report.calls += 1
        self.report.lines += about.height
        self.report.last = list(lines)

    def take_report(self) -> Report:
        """Return what happened since this was asked last."""
        told, self.report = self.report, Report(error=self.report.error, reason=self.report.reason)
        return told

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
        if error or self.report.calls > calls:  # what was only put aside says nothing
            self.report.error, self.report.reason = error, reason


def courier(flow_log: FlowLog, means: Means, filters: Callable[[FlowLog], list[str]]) -> Courier:
    """Return the courier for a flow log's destination."""
    kind = flow_log.settings.destination_type
    destination: Destination
    if kind == CLOUDWATCH:
        destination = LogStreams(flow_log, means, filters)
    else:
        destination = Bucket(flow_log, means) if kind == S3 else DeliveryStream(flow_log, means)
    return Courier(flow_log, destination)


def delay_s(flow_log: FlowLog, ends: int) -> int:
    """Return how long after an interval's end a batch is delivered."""
    least, varies = DELAY_S.get(flow_log.settings.destination_type, DELAY_S[CLOUDWATCH])
    return least + mixed_number(of_text(flow_log.flow_log_id), ends) % varies
