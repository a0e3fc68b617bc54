"""The Firehose service: it answers calls, and a background task reads sources and starts deliveries.

The task runs ten times a second while there are sources or undelivered records, and sleeps otherwise. `stop`
delivers the buffered records for a limited time, and logs the number of records that are left.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from random import Random
from typing import cast

import orjson
import structlog

from emulator.firehose import source
from emulator.firehose.call import Call
from emulator.firehose.delivery import DeliveryServices, StreamDelivery
from emulator.firehose.destinations.endpoint import HttpEndpoint
from emulator.firehose.destinations.objects import Objects
from emulator.firehose.operations import OPERATIONS
from emulator.firehose.puts import take
from emulator.firehose.shapes import SHAPES
from emulator.firehose.streams import BUFFERED_MAX_BYTES, DeliveryStream, DeliveryStreams
from emulator.http.messages import Incoming, Outgoing, Service
from emulator.kinesis.errors import Refused, serialization, unknown_operation
from emulator.kinesis.protocol import wire
from emulator.kinesis.shapes.validation import check
from emulator.kinesis.store import Store

TARGET_PREFIX = "Firehose_20150804"
TICK_S = 0.1
DRAIN_S = 5.0

log = structlog.get_logger("emulator.firehose")


class Firehose:
    """The service. `start` and `stop` must be awaited in the same event loop."""

    def __init__(
        self,
        kinesis: Store,
        s3: Service,
        clock: Callable[[], int],
        *,
        seed: int | None = None,
        first_pause_s: float = 1.0,
    ) -> None:
        """Create the service from the store of Kinesis sources and the S3 service for objects."""
        self._kinesis = kinesis
        self._streams = DeliveryStreams()
        random = Random(seed)
        self._services = DeliveryServices(Objects(s3), HttpEndpoint(), clock, random, first_pause_s)
        self._deliveries: dict[int, StreamDelivery] = {}
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the background task."""
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(_report_failure)

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Deliver the buffered records for at most `drain_s` seconds, log the rest, and stop."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None
        with suppress(TimeoutError):  # The rest is logged below, for each stream.
            await asyncio.wait_for(self._drain(), drain_s)
        for delivery in self._deliveries.values():
            await delivery.stop()
            if delivery.left and delivery.stream.deleted_ms is None:
                log.error(
                    "stopped with records undelivered, they are lost",
                    stream=delivery.stream.arn,
                    records=delivery.left,
                    reason=delivery.stream.failure,
                )
        await self._services.endpoint.close()

    async def answer(self, request: Incoming) -> Outgoing:
        """Answer a call. Checks are in AWS's order: operation, body, types, limits, stream."""
        try:
            output = wire.Answer(200, wire.write(self._called(request)))
        except Refused as refused:
            output = wire.error(refused)
        headers = {"Content-Type": wire.CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
        return Outgoing(output.status, headers, cast("bytes", output.body))

    def summary(self) -> list[dict[str, object]]:
        """Return the state of every delivery stream, for the emulator's page."""
        now_ms = self._services.clock()
        return [self._shown(stream, now_ms) for stream in self._streams.all() if not stream.is_gone(now_ms)]

    def page(self, _: Incoming) -> Outgoing:
        """Return the summary as a JSON page."""
        return Outgoing(200, {"Content-Type": "application/json"}, orjson.dumps(self.summary()))

    def _called(self, request: Incoming) -> wire.Request:
        name = request.headers.get("x-amz-target", "").removeprefix(f"{TARGET_PREFIX}.")
        operation = OPERATIONS.get(name)
        if operation is None:
            raise unknown_operation(f"Firehose has no operation '{name}'.")
        if not request.body:
            raise serialization()
        body = wire.read(request.body)
        check(body, SHAPES[name])
        scope, _ = wire.credential_scope(request.headers.get("authorization", ""))
        if self._running is None or self._running.done():
            raise Refused("ServiceUnavailableException", "This emulator's Firehose is not running.", 503)
        self._wake.set()
        call = Call(self._streams, self._kinesis, self._services.random, scope, body, self._services.clock())
        return operation(call)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if await self._process_all():
                await asyncio.sleep(TICK_S)
            else:
                await self._wake.wait()

    async def _process_all(self) -> bool:
        """Read sources and start due deliveries. Return True if there may be work at the next tick."""
        now_ms = self._services.clock()
        for stream in self._streams.all():
            delivery = self._delivery(stream)
            if stream.deleted_ms is not None:
                await delivery.stop()
                continue
            self._pull(stream, now_ms)
            delivery.start_due(now_ms)
        self._streams.forget_gone(now_ms)
        alive = {id(stream) for stream in self._streams.all()}
        self._deliveries = {key: delivery for key, delivery in self._deliveries.items() if key in alive}
        return any(
            stream.source is not None or stream.deleted_ms is not None or self._delivery(stream).left
            for stream in self._streams.all()
        )

    def _pull(self, stream: DeliveryStream, now_ms: int) -> None:
        room = BUFFERED_MAX_BYTES - stream.buffered_bytes
        if stream.source is None or stream.status(now_ms) != "ACTIVE" or room <= 0:
            return
        records = source.read(self._kinesis, stream.source, room, now_ms)
        if records is not None:
            take(stream, records)
        elif stream.failure != (missing := f"The source {stream.source.stream_arn} does not exist."):
            stream.failure = missing
            log.warning("source stream does not exist", stream=stream.arn, source=stream.source.stream_arn)

    async def _drain(self) -> None:
        now_ms = self._services.clock()
        for stream in self._streams.all():
            self._pull(stream, now_ms)
            self._delivery(stream)
        deliveries = [c for c in self._deliveries.values() if c.stream.deleted_ms is None]
        while any(delivery.left for delivery in deliveries):
            for delivery in deliveries:
                delivery.start_due(now_ms, everything=True)
            await asyncio.sleep(0.01)

    def _delivery(self, stream: DeliveryStream) -> StreamDelivery:
        if id(stream) not in self._deliveries:
            self._deliveries[id(stream)] = StreamDelivery(stream, self._services)
        return self._deliveries[id(stream)]

    def _shown(self, stream: DeliveryStream, now_ms: int) -> dict[str, object]:
        return {
            "name": stream.name,
            "arn": stream.arn,
            "status": stream.status(now_ms),
            "source": stream.type,
            "destination": stream.destination.kind,
            "buffered_bytes": stream.buffered_bytes,
            "undelivered": self._delivery(stream).left,
            "records": asdict(stream.counts),
            "failure": stream.failure,
        }


def _report_failure(beat: asyncio.Task[None]) -> None:
    """Log that the background task has failed. All later calls are refused."""
    if not beat.cancelled() and (error := beat.exception()) is not None:
        log.critical("firehose has stopped delivering", exc_info=error)
