"""The process of `connect kinesis`: finds streams and shards, and starts the readers of the owned slots.

The connector lists the streams and their shards every few seconds. A new stream is read from the configured
position. A shard is read after its parents have ended, in this or another process. The owner of one slot
reports a deleted or recreated stream, or a lost shard, once, in the transaction that changes its state.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.errors import FAILURES, code_of
from connectors.aws.group_formats import group_formats
from connectors.aws.session import make_client, session
from connectors.clock import now_ms
from connectors.health_endpoint import health_endpoint
from connectors.kafka import health_messages
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.health_messages import HealthRecord
from connectors.kafka.ownership import Ownership
from connectors.kafka.partitioner import slot_of
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.kinesis.client import StreamReader, stream_error
from connectors.kinesis.fan_out import register
from connectors.kinesis.get_records import SILENCE_S, RecordsCall
from connectors.kinesis.memory_budget import MemoryBudget
from connectors.kinesis.positions import (
    Beginning,
    Position,
    Stream,
    decode_beginning,
    decode_position,
    earlier,
    gone,
    shard_key,
    slot_of_shard,
    startable,
    stream_key,
)
from connectors.kinesis.progress import Expected, expected_shards
from connectors.kinesis.slot import LINGER_S, PUSHED_LINGER_S, ShardSlot, SlotContext
from connectors.kinesis.source import KnownStream, Source
from connectors.kinesis.stream_choice import parse_choice, stream_name
from connectors.kinesis.stream_finder import StreamFinder
from connectors.kinesis.transaction import Naming, ShardBatch
from connectors.settings import Connect

DISCOVER_S = 10.0
CHILDREN_S = 1.0  # while a shard has ended and no child of it is listed
NOT_FOUND = "ResourceNotFoundException"
BUSY = {"ResourceInUseException"}  # ListShards of a stream that is being created or deleted


class Connector:
    """The streams of one choice, each shard read in its slot."""

    def __init__(self, settings: Connect, client: Any, records: RecordsCall, start_ms: int | None) -> None:
        """Create a connector that runs nothing yet.

        `start_ms` is the first position of a new stream, epoch ms: 0 is TRIM_HORIZON, None is LATEST.
        """
        self._settings, self._client, self._start_ms = settings, client, start_ms
        self._records = records
        self._choice = parse_choice(settings.stream)
        self._caller, self._budget = Caller(metrics.CALLS), MemoryBudget()
        self._formats = group_formats(settings.line_format, settings.group_formats, self._caller)
        self._known: dict[str, KnownStream] = {}
        self._finder = StreamFinder(client, self._choice, self._caller)
        self._asked: set[bytes] = set()
        self._ownership: Ownership[ShardSlot] = Ownership(
            settings, f"kinesis {settings.stream}", self._own, self._changed
        )
        self._has_waiting = self._has_unlisted = False
        self._lists_soon = False
        self._look_again = asyncio.Event()

    def _own(self, slot: Slot) -> ShardSlot:
        linger_s = PUSHED_LINGER_S if self._settings.fan_out else LINGER_S
        context = SlotContext(self._settings.prefix, self._budget, self._ownership.group, linger_s)
        return ShardSlot(slot, context)

    @property
    def is_ready(self) -> bool:
        """Return whether the group has assigned slots to this process."""
        return self._ownership.is_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set. Raises the error that ends the work before."""
        first, stopped = asyncio.ensure_future(self._discover()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([first, stopped], return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                first.result()
                await self._ownership.run(stop, [asyncio.ensure_future(self._keep_discovering())])
        finally:
            first.cancel()
            stopped.cancel()

    def _changed(self, news: Mapping[bytes, bytes]) -> None:
        """Start the shards that may be read now: slots were assigned, or a parent has ended."""
        if not news:
            self._asked.clear()
        has_ended = any(b'"is_ended":true' in value for value in news.values())
        self._lists_soon |= has_ended  # Its children may be newer than the last listing.
        is_new = has_ended or any(key.startswith(b"stream|") for key in news)
        if not news or is_new or self._has_waiting:
            self._look_again.set()

    async def _keep_discovering(self) -> None:
        looked_at = time.monotonic()
        while True:
            try:
                pause_s = CHILDREN_S if self._has_unlisted or self._lists_soon else DISCOVER_S
                async with asyncio.timeout(max(pause_s - (time.monotonic() - looked_at), 0.0)):
                    await self._look_again.wait()
            except TimeoutError:
                self._lists_soon = False
                await self._discover()
                looked_at = time.monotonic()
            self._look_again.clear()
            self._track()  # First: a shard that begins must be in the first report of its slot.
            for known in list(self._known.values()):
                await self._update(known)

    def _track(self) -> None:
        """Set the shards that hold the watermark, in each slot that this process owns."""
        if not self._ownership.has_caught_up:
            return
        owned, slots = self._ownership.owned, self._settings.slots
        self._has_waiting = self._has_unlisted = False
        expected: dict[int, list[Expected]] = {slot: [] for slot in owned}
        for known in self._known.values():
            found = expected_shards(
                known.source.stream, known.shards, self._ownership.positions, frozenset(owned), slots
            )
            self._has_waiting |= found.has_waiting
            self._has_unlisted |= found.has_unlisted
            for slot, shards in found.by_slot.items():
                expected[slot] += shards
        for slot, one in owned.items():
            one.track(expected[slot])

    async def _discover(self) -> None:
        """List streams and their shards. Raises botocore's errors that are not transient."""
        before = dict(self._ownership.positions)  # positions read after a listing may be of newer shards
        there = set()
        for named in await self._finder.find():
            try:
                await self._look_at(StreamReader(self._client, named), before)
            except ClientError as error:
                if code_of(error) == NOT_FOUND and self._was_deleted(named):
                    continue
                if code_of(error) not in BUSY:
                    raise
            there.add(stream_name(named))
        for known in list(self._known.values()):
            if known.source.stream.name not in there:
                await self._report_deleted(known)

    async def _look_at(self, reader: StreamReader, before: Mapping[bytes, bytes]) -> None:
        call = self._caller.call
        stream = await call("DescribeStreamSummary", reader.describe)
        if not stream.is_active:
            return
        shards = await call("ListShards", reader.shards)
        if stream.key not in self._known:
            await self._leave_earlier(stream)
            self._known[stream.key] = KnownStream(await self._source(stream, reader), shards)
        known = self._known[stream.key]
        known.source.stream = stream
        known.listed(shards, gone(shards, before, stream.key))

    async def _leave_earlier(self, stream: Stream) -> None:
        """Stop the readers of earlier streams of this name: their calls would read this stream."""
        for known in [known for known in self._known.values() if known.source.stream.arn == stream.arn]:
            await self._report_deleted(known)

    def _was_deleted(self, named: str) -> bool:
        """Return whether a missing stream existed before. If not, the setting is wrong."""
        name = stream_name(named)
        was_known = any(known.source.stream.name == name for known in self._known.values())
        head = stream_key(f"{name}@")
        was_read = any(key.startswith(head) for key in self._ownership.positions)
        return was_known or was_read or named not in self._choice.named

    async def _source(self, stream: Stream, reader: StreamReader) -> Source:
        settings, call, consumer = self._settings, self._caller.call, ""
        if settings.fan_out:
            name = f"{settings.prefix}connect"
            consumer = await call("RegisterStreamConsumer", register, self._client, stream.arn, name)
        naming = Naming(stream.name, settings.account, self._client.meta.region_name)
        is_limited = settings.shard_limits == "aws"
        return Source(
            stream,
            reader,
            naming,
            self._caller,
            self._records,
            self._formats,
            self._budget,
            self._ownership.group,
            settings.align_s,
            is_limited,
            consumer,
        )

    async def _update(self, known: KnownStream) -> None:
        """Begin a new stream, report lost shards, and start the shards that may be read."""
        stream, owned = known.source.stream, self._ownership.owned
        positions, slots = self._ownership.positions, self._settings.slots
        if not self._ownership.has_caught_up or self._known.get(stream.key) is not known:
            return  # The commits of the other instances are not read yet, or the process stops.
        value = positions.get(stream_key(stream.key))
        if value is None:
            if one := owned.get(slot_of(stream.key, slots)):
                await self._begin(one, known)
            return
        for shard_id, position in known.missing.items():
            one = owned.get(slot_of_shard(stream.key, shard_id, slots))
            if one is not None and not one.is_reading(stream.key, shard_id):
                await self._give_up(one, known.source, shard_id, position)
        beginning = decode_beginning(value)
        for shard in startable(known.shards, positions, stream.key, frozenset(owned), slots):
            one = owned.get(slot_of_shard(stream.key, shard.shard_id, slots))
            if one is not None:
                one.start(known.source, shard.shard_id, beginning.of(shard.shard_id))

    async def _begin(self, one: ShardSlot, known: KnownStream) -> None:
        """Commit the first position of a stream before a read, so that a restart begins there as well."""
        stream, key = known.source.stream, stream_key(known.source.stream.key)
        if key in self._asked or key in one.slot.state:
            return
        self._asked.add(key)
        at_ms = now_ms() if self._start_ms is None else self._start_ms
        listed = tuple(shard.shard_id for shard in known.shards) if at_ms else ()
        state: dict[bytes, bytes | None] = {key: Beginning(at_ms, listed).encode()}
        found: tuple[HealthRecord, ...] = ()
        if before := earlier(stream, self._ownership.positions):
            # It has other records. Read it from its horizon: it may have filled while no connector ran.
            state = {key: Beginning().encode()}
            text = f"{stream.name} was deleted and recreated; it was {before[-1]}"
            found = (HealthRecord(health_messages.RECREATED, f"kinesis:{stream.name}", now_ms(), text),)
        await one.put(ShardBatch(known.source.naming, "", state=state, health=found))

    async def _give_up(self, one: ShardSlot, source: Source, shard_id: str, position: Position) -> None:
        key = shard_key(source.stream.key, shard_id)
        now_known = self._ownership.positions.get(key)
        if key in self._asked or now_known is None or decode_position(now_known).is_ended:
            return
        self._asked.add(key)
        read = ShardBatch(source.naming, shard_id)
        text = f"{shard_id} expired before it was read to its end (its position was {position.place})"
        found = HealthRecord(health_messages.GONE, read.source, now_ms(), text, position.arrival_ms)
        state: dict[bytes, bytes | None] = {key: replace(position, is_ended=True).encode()}
        await one.put(replace(read, state=state, health=(found,)))

    async def _report_deleted(self, known: KnownStream) -> None:
        """Report a deleted stream once, and stop its readers."""
        stream = known.source.stream
        self._known.pop(stream.key, None)
        for one in self._ownership.owned.values():
            await one.leave(stream.key)
        owner = self._ownership.owned.get(slot_of(stream.key, self._settings.slots))
        if owner is not None and stream_key(stream.key) in owner.slot.state:
            text = f"{stream.name} was deleted"
            found = HealthRecord(health_messages.DELETED, f"kinesis:{stream.name}", now_ms(), text)
            await owner.put(ShardBatch(known.source.naming, "", health=(found,)))


async def run(settings: Connect, start_ms: int | None) -> None:
    """Read Kinesis streams until SIGTERM or SIGINT; `start_ms` is as in `Connector`.

    Raises `TopicError`, `ConnectError`, or `SettingsError` if the health port is taken.
    """
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    client = make_client("kinesis", silence_s=SILENCE_S)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with RecordsCall(client, session().get_credentials()) as records:
            connector = Connector(settings, client, records, start_ms)
            async with health_endpoint(settings, lambda: connector.is_ready):
                await connector.run(stop)
    except FAILURES as error:
        if problem := stream_error(error, client.meta.endpoint_url, settings.stream):
            raise problem from error
        raise
