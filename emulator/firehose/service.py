"""Firehose as a service: calls are answered at once, and a beat beside them sees to what is due.

The beat reads Kinesis sources and starts deliveries ten times a second while there is anything to see to,
and sleeps otherwise. `stop` delivers what is buffered, for a bounded time, and says what was left.
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
from emulator.firehose.delivery import Courier, Means
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
BEAT_S = 0.1
DRAIN_S = 5.0

log = structlog.get_logger("emulator.firehose")


class Firehose:
    """The service. `start` and `stop` must be awaited, by the same loop."""

    def __init__(
        self,
        kinesis: Store,
        s3: Service,
        clock: Callable[[], int],
        *,
        seed: int | None = None,
        first_pause_s: float = 1.0,
    ) -> None:
        """Take the store that Kinesis sources are in, and the S3 that objects are put to."""
        self._kinesis = kinesis
        self._streams = DeliveryStreams()
        random = Random(seed)
        self._means = Means(Objects(s3), HttpEndpoint(), clock, random, first_pause_s)
        self._couriers: dict[int, Courier] = {}
        self._something_to_do = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver."""
        self._beating = asyncio.create_task(self._beat())
        self._beating.add_done_callback(_say_why)

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Deliver what is buffered, for so long at most; say what was left, and end."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
            self._beating = None
        with suppress(TimeoutError):  # said below, for each stream
            await asyncio.wait_for(self._drain(), drain_s)
        for courier in self._couriers.values():
            await courier.stop()
            if courier.left and courier.stream.deleted_ms is None:
                log.error(
                    "stopped with records undelivered, they are lost",
                    stream=courier.stream.arn,
                    records=courier.left,
                    reason=courier.stream.failure,
                )
        await self._means.endpoint.close()

    async def answer(self, request: Incoming) -> Outgoing:
        """Answer a call. Checks are in AWS's order: operation, body, types, limits, stream."""
        try:
            output = wire.Answer(200, wire.write(self._called(request)))
        except Refused as refused:
            output = wire.error(refused)
        headers = {"Content-Type": wire.CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
        return Outgoing(output.status, headers, cast("bytes", output.body))

    def summary(self) -> list[dict[str, object]]:
        """Return what inspection shows of every delivery stream."""
        now_ms = self._means.clock()
        return [self._shown(stream, now_ms) for stream in self._streams.all() if not stream.is_gone(now_ms)]

    def page(self, _: Incoming) -> Outgoing:
        """Return the summary as a page of the emulator's own."""
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
        if self._beating is None or self._beating.done():
            raise Refused("ServiceUnavailableException", "This emulator's Firehose is not running.", 503)
        self._something_to_do.set()
        call = Call(self._streams, self._kinesis, self._means.random, scope, body, self._means.clock())
        return operation(call)

    async def _beat(self) -> None:
        while True:
            self._something_to_do.clear()
            if await self._see_to_all():
                await asyncio.sleep(BEAT_S)
            else:
                await self._something_to_do.wait()

    async def _see_to_all(self) -> bool:
        """Read sources and start what is due; say whether there will be something to see to."""
        now_ms = self._means.clock()
        for stream in self._streams.all():
            courier = self._courier(stream)
            if stream.deleted_ms is not None:
                await courier.stop()
                continue
            self._pull(stream, now_ms)
            courier.look(now_ms)
        self._streams.forget_gone(now_ms)
        alive = {id(stream) for stream in self._streams.all()}
        self._couriers = {key: courier for key, courier in self._couriers.items() if key in alive}
        return any(
            stream.source is not None or stream.deleted_ms is not None or self._courier(stream).left
            for stream in self._streams.all()
        )

    def _pull(self, stream: DeliveryStream, now_ms: int) -> None:
        room = BUFFERED_MAX_BYTES - stream.buffered_bytes
        if stream.source is None or stream.status(now_ms) != "ACTIVE" or room <= 0:
            return
        records = source.read(self._kinesis, stream.source, room, now_ms)
        if records is not None:
            take(stream, records)
        elif stream.failure != (missing := f"The source {stream.source.stream_arn} is not there."):
            stream.failure = missing
            log.warning("firehose has no source", stream=stream.arn, source=stream.source.stream_arn)

    async def _drain(self) -> None:
        now_ms = self._means.clock()
        for stream in self._streams.all():
            self._pull(stream, now_ms)
            self._courier(stream)
        couriers = [c for c in self._couriers.values() if c.stream.deleted_ms is None]
        while any(courier.left for courier in couriers):
            for courier in couriers:
                courier.look(now_ms, everything=True)
            await asyncio.sleep(0.01)

    def _courier(self, stream: DeliveryStream) -> Courier:
        if id(stream) not in self._couriers:
            self._couriers[id(stream)] = Courier(stream, self._means)
        return self._couriers[id(stream)]

    def _shown(self, stream: DeliveryStream, now_ms: int) -> dict[str, object]:
        return {
            "name": stream.name,
            "arn": stream.arn,
            "status": stream.status(now_ms),
            "source": stream.type,
            "destination": stream.destination.kind,
            "buffered_bytes": stream.buffered_bytes,
            "undelivered": self._courier(stream).left,
            "records": asdict(stream.counts),
            "failure": stream.failure,
        }


def _say_why(beat: asyncio.Task[None]) -> None:
    """Say loudly that nothing is delivered any more; from then on calls are refused."""
    if not beat.cancelled() and (error := beat.exception()) is not None:
        log.critical("firehose has stopped delivering", exc_info=error)
