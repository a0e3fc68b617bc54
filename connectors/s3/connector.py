"""The process of `connect s3`: finds objects, and queues each in the slot that it belongs to.

The connector finds objects by listing, or by notifications in an SQS queue. The owner of an object's slot
reads it, and commits its end with its last block. The slot keeps the marks of committed objects for longer
than the look-back of a listing and the retention of a queue (`keys.prune`), so that a repeat changes nothing.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.errors import is_retryable, user_error
from connectors.aws.session import make_client
from connectors.errors import ConnectError
from connectors.health_endpoint import health_endpoint
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.ownership import Ownership
from connectors.kafka.partitioner import slot_of
from connectors.kafka.slots import Slot
from connectors.kafka.topics import ensure_topics
from connectors.s3.discovery.export_tasks import ExportTasks
from connectors.s3.discovery.exports import exports
from connectors.s3.discovery.found import NewObjects
from connectors.s3.discovery.listing import Listing
from connectors.s3.discovery.queue import Queue
from connectors.s3.discovery.survey import Survey
from connectors.s3.keys import DAY_S, folder, oldest_listed_s
from connectors.s3.progress.exports import are_complete
from connectors.s3.progress.listing import Listed
from connectors.s3.progress.slot import ListingProgress, ObjectProgress, QueuedProgress, complete_before
from connectors.s3.slot import WANTED_MAX, ObjectSlot, SharedReads, SlotContext
from connectors.s3.wanted import Alignment
from connectors.settings import ConnectS3

RELIST_S = 1.0  # after a listing that found more objects than the queues take


class Connector:
    """The objects of a bucket or a queue; those of the owned slots are read."""

    def __init__(self, settings: ConnectS3, client: Any) -> None:
        self._settings, self._client = settings, client
        self._caller = s3_caller()
        region = client.meta.region_name
        self._exports = exports(settings.s3_exports, settings.line_format, settings.account, region)
        self._shared = SharedReads(keep_s=settings.s3_look_back_s + DAY_S)
        source = f"s3 {settings.s3_bucket or settings.s3_queue}"
        self._ownership: Ownership[ObjectSlot] = Ownership(
            settings,
            source,
            self._own,
            self._changed,
            # A queue needs the marks of other instances' objects, a listing does not.
            follows=bool(settings.s3_queue),
        )
        self._alignment = Alignment(self._ownership.group, settings.align_s)
        self._queue = (
            Queue(settings, self._caller, self._ownership, self._exports) if settings.s3_queue else None
        )
        self._tasks: ExportTasks | None = None
        if self._exports is not None and not settings.s3_queue:
            self._tasks = ExportTasks(self._caller, settings.s3_bucket, self._exports.folder, region)
        self._assigned = asyncio.Event()
        metrics.S3_BEHIND.set_function(self._behind_s)

    @property
    def is_ready(self) -> bool:
        """Return whether the group has assigned slots to this process."""
        return self._ownership.is_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set. Raises the error that ends the work before."""
        if self._queue is not None:
            keep_s = await self._queue.retention_s() + DAY_S
            self._shared.keep_s = max(self._shared.keep_s, keep_s)
            finding = self._queue.receive()
        else:
            finding = self._list()
        await self._ownership.run(stop, [asyncio.ensure_future(finding)])

    def _own(self, slot: Slot) -> ObjectSlot:
        context = SlotContext(self._client, self._settings.prefix, self._shared, self._alignment)
        return ObjectSlot(slot, context, self._progress(slot.partition))

    def _progress(self, partition: int) -> ObjectProgress:
        """Return the progress of a newly assigned slot."""
        settings, committed = self._settings, self._ownership.group.slots.get(partition)
        if self._queue is not None:
            self._queue.progress.assigned(time.monotonic())
            source = f"sqs:{settings.s3_queue}"
            return QueuedProgress(source, self._queue.progress, complete_before(committed, source))
        bucket = f"s3:{settings.s3_bucket}"
        exports_source = f"{bucket}/{self._exports.folder}" if self._exports else ""
        progress = ListingProgress.of(f"{bucket}/{folder(settings.s3_prefix)}", exports_source, committed)
        self._alignment.slots[partition] = progress.files
        return progress

    def _changed(self, news: Mapping[bytes, bytes]) -> None:
        if not news:
            self._assigned.set()  # List at once for newly assigned slots.

    def _behind_s(self) -> float:
        newest_ms = self._shared.newest_ms
        return time.time() - newest_ms / 1000 if newest_ms else 0.0

    async def _list(self) -> None:
        """List the bucket at intervals, without end."""
        settings = self._settings
        listing = Listing(self._client, self._caller, settings.s3_bucket, settings.s3_prefix, self._exports)
        survey = Survey(settings.s3_bucket)
        while True:
            self._assigned.clear()
            is_more = await self._want_listed(listing)
            # One instance reports: the owner of the slot of the bucket's name.
            if slot := self._ownership.owned.get(slot_of(settings.s3_bucket, settings.slots)):
                await survey.report(listing, slot)
            try:
                async with asyncio.timeout(RELIST_S if is_more else self._settings.s3_list_s):
                    await self._assigned.wait()
            except TimeoutError:
                continue

    async def _want_listed(self, listing: Listing) -> bool:
        """Queue the oldest listed objects that are not known. Return whether some are left out."""
        now, back_s = time.time(), self._settings.s3_look_back_s
        slots, newest = dict(self._ownership.owned), self._ownership.group.newest
        codes = await self._tasks.codes() if self._tasks else {}
        found = NewObjects(WANTED_MAX)
        async for one in listing.objects(int(now) - back_s):
            found.saw(one, self._exports)
            partition = slot_of(one.name, self._settings.slots)
            slot = slots.get(partition)
            if slot is None or slot.is_known(one):
                continue
            if one.file.file_s >= oldest_listed_s(now, back_s, slot.slot.state):
                found.add(one, partition)
        for one, partition in found.oldest():
            if slots[partition].free:
                slots[partition].want(one)
            else:
                found.leave(one, partition)
        listed, is_complete = Listed(newest, found.newest), are_complete(codes, found.written, now)
        for partition, slot in slots.items():
            if isinstance(slot.objects, ListingProgress):
                left_from = found.left_from.get(partition)
                slot.objects.listed(listed, left_from, are_exports_complete=is_complete)
        return bool(found.left_from)


def s3_caller() -> Caller:
    """Return the caller of S3, SQS and CloudWatch Logs. It retries without end: a listing can wait."""
    return Caller(metrics.S3_CALLS, first_attempts=0)


async def _check(settings: ConnectS3, client: Any) -> None:
    """List the bucket once. Raises `ConnectError` for an error that is not transient."""
    try:
        await s3_caller().once("ListObjectsV2", client.list_objects_v2, Bucket=settings.s3_bucket, MaxKeys=1)
    except (ClientError, BotoCoreError) as error:
        resource, endpoint = f"arn:aws:s3:::{settings.s3_bucket}", str(client.meta.endpoint_url)
        problem = user_error(error, "s3:ListBucket", resource, endpoint)
        if problem is not None:
            raise problem from error
        if not is_retryable(error):
            raise


async def run(settings: ConnectS3) -> None:
    """Read a bucket or a queue until SIGTERM or SIGINT.

    Raises `TopicError`, `ConnectError`, or `SettingsError` if the health port is taken.
    """
    if not settings.s3_bucket and not settings.s3_queue:
        raise ConnectError("no objects to read: set VPCFLOW_S3_BUCKET, or VPCFLOW_S3_QUEUE")
    await ensure_topics(KafkaConnection.of(settings), settings.prefix, settings.slots)
    client = make_client("s3")
    if not settings.s3_queue:
        await _check(settings, client)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    connector = Connector(settings, client)
    async with health_endpoint(settings, lambda: connector.is_ready):
        await connector.run(stop)
