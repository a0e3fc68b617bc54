"""The discovery of objects by an SQS queue. A message is deleted after the commit of all its objects.

While its objects are read, a message is kept invisible. A message with objects of another instance is made
visible after a second, so that the other instance receives it. That counts as a receive, so a queue with a
redrive policy needs a `maxReceiveCount` well above the number of instances (fifty for two of them). With one
instance, this happens only when slots are reassigned.

The connector deletes only messages that it can parse and that are only about flow-log files. Other messages
stay in the queue for their own reader (`notifications.parse_notification`). Such a message is made visible
after a second, and after twice the time for each further receive (`return_after_s`). So it reaches its reader
soon, and without a reader it costs four receives per hour. Each receive counts for a redrive policy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.errors import DENIED, code_of, is_retryable, user_error
from connectors.aws.session import make_client
from connectors.kafka.dead import dead_message
from connectors.kafka.ownership import Ownership
from connectors.kafka.partitioner import slot_of
from connectors.s3.discovery.exports import Exports
from connectors.s3.discovery.ignored import Ignored
from connectors.s3.discovery.notifications import (
    OBJECTS,
    UNKNOWN,
    Notification,
    parse_notification,
    queue_region,
)
from connectors.s3.discovery.queue_watch import RECEIVE_MAX, QueueWatch, Received
from connectors.s3.discovery.survey import report_ignored
from connectors.s3.keys import DAY_S, Object, decode_progress
from connectors.s3.progress.queue import QueueProgress
from connectors.s3.slot import ObjectSlot
from connectors.settings import ConnectS3

RETENTION_MAX_S = 14 * DAY_S
VISIBLE_AFTER_S = 60
RENEW_S = 20.0
GIVE_BACK_S = 1
LEFT_MAX_S = 900
"""The longest time that a message of another reader is invisible because of us. SQS allows twelve hours, but
its reader may have been away, and 120,000 invisible messages stop a queue (SQS guide, "Amazon SQS message
quotas")."""

KNOWN_LEFT_MAX = 10_000  # messages of other readers that are counted once
IDLE_S = 0.5  # between two checks for an owned slot
WAIT_S = 3  # of a long poll, below the read time-out of the client
IN_HAND_MAX = 50


class Queue:
    """One queue, and the received messages that are not settled."""

    def __init__(
        self,
        settings: ConnectS3,
        caller: Caller,
        ownership: Ownership[ObjectSlot],
        exports: Exports | None,
    ) -> None:
        self._settings, self._ownership, self._url = settings, ownership, settings.s3_queue
        self._caller, self._exports = caller, exports
        self._client = make_client("sqs", queue_region(self._url))
        self._watch = QueueWatch(self._client, caller, self._url, ownership.group, self._is_done, exports)
        self._in_hand: dict[str, asyncio.Task[None]] = {}  # by receipt handle
        self._notifications: dict[str, Notification] = {}  # of unsettled messages
        self._left: dict[str, None] = {}  # ids of messages that stay in the queue
        self._ignored = Ignored()

    @property
    def progress(self) -> QueueProgress:
        """Return the progress of the queue, for all slots of this process."""
        return self._watch.progress

    async def retention_s(self) -> int:
        """Return the queue's retention; SQS's maximum without the permission. Raises `ConnectError`."""
        try:
            answer = await self._caller.once(
                "GetQueueAttributes",
                self._client.get_queue_attributes,
                QueueUrl=self._url,
                AttributeNames=["MessageRetentionPeriod"],
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in DENIED:
                return RETENTION_MAX_S
            if is_retryable(error) and isinstance(error, ClientError):
                return RETENTION_MAX_S
            endpoint = str(self._client.meta.endpoint_url)
            raise user_error(error, "sqs:GetQueueAttributes", self._url, endpoint) or error from error
        return int(answer["Attributes"]["MessageRetentionPeriod"])

    async def receive(self) -> None:
        """Receive until cancelled. Raises the error of a call."""
        renewing = asyncio.ensure_future(self._renew())
        try:
            while True:
                if not self._ownership.owned:  # No object could be read.
                    await asyncio.sleep(IDLE_S)
                elif len(self._in_hand) > IN_HAND_MAX - RECEIVE_MAX:
                    waiting = [renewing, *self._in_hand.values()]
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await self._poll()
                self._raise_failed([renewing])
        finally:
            for task in [renewing, *self._in_hand.values()]:
                task.cancel()

    def _raise_failed(self, lasting: Iterable[asyncio.Task[None]]) -> None:
        for task in [*self._in_hand.values(), *lasting]:
            if task.done():
                task.result()
        self._in_hand = {handle: task for handle, task in self._in_hand.items() if not task.done()}
        self._notifications = {
            handle: notification
            for handle, notification in self._notifications.items()
            if handle in self._in_hand
        }

    async def _poll(self) -> None:
        began = self._watch.before()
        received = [self._take(message) for message in await self._receive()]
        in_hand = [one for notification in self._notifications.values() for one in notification.objects]
        await self._watch.after(began, received, in_hand)

    async def _receive(self) -> list[dict[str, Any]]:
        answer = await self._call(
            "ReceiveMessage",
            self._client.receive_message,
            MaxNumberOfMessages=RECEIVE_MAX,
            WaitTimeSeconds=WAIT_S,
            VisibilityTimeout=VISIBLE_AFTER_S,
            AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return answer.get("Messages") or []

    def _take(self, message: dict[str, Any]) -> Received:
        """Start to handle a message; return what it shows about progress."""
        settings, handle = self._settings, message["ReceiptHandle"]
        notification = parse_notification(
            message["Body"], settings.s3_bucket, settings.s3_prefix, self._exports
        )
        new = tuple(one for one in notification.objects if not self._is_done(one))
        self._notifications[handle] = notification
        self._in_hand[handle] = asyncio.ensure_future(self._handle(message, notification))
        sent_ms = message.get("Attributes", {}).get("SentTimestamp")
        return Received(
            new,
            int(sent_ms) / 1000 if sent_ms else time.time(),
            is_foreign=not new and not notification.is_only_ours,
            receives=_receives(message),
        )

    async def _handle(self, message: dict[str, Any], notification: Notification) -> None:
        """Settle a message: delete it, give it back, or leave it to its reader."""
        handle = message["ReceiptHandle"]
        if not await self._is_settled(notification):
            await self._show(handle, GIVE_BACK_S)
            metrics.S3_MESSAGES.labels("given back").inc()
        elif notification.is_only_ours:
            await self._call("DeleteMessage", self._client.delete_message, ReceiptHandle=handle)
            metrics.S3_MESSAGES.labels(notification.outcome).inc()
        else:
            self._count_left(notification, message)
            after_s = return_after_s(_receives(message))
            self._watch.hid(message["MessageId"], after_s)
            await self._show(handle, after_s)

    def _count_left(self, notification: Notification, message: dict[str, Any]) -> None:
        """Count and report a message that stays in the queue, once."""
        slot = next(iter(self._ownership.owned.values()), None)
        if slot is None or message["MessageId"] in self._left:
            return
        self._left[message["MessageId"]] = None
        if len(self._left) > KNOWN_LEFT_MAX:
            del self._left[next(iter(self._left))]
        metrics.S3_LEFT.labels("mixed" if notification.outcome == OBJECTS else notification.outcome).inc()
        metrics.S3_MESSAGES.labels(notification.outcome).inc()
        if notification.outcome == UNKNOWN:
            self._keep(message, slot)
        self._ignored.add(
            notification.others[0] if notification.others else f"message {message['MessageId']}"
        )
        if found := self._ignored.due(time.monotonic()):
            what = "messages are not only about flow logs, and stay in the queue"
            report_ignored(slot, f"sqs:{self._url}", what, found)

    async def _is_settled(self, notification: Notification) -> bool:
        ends = []
        for one in notification.objects:
            slot = self._ownership.owned.get(slot_of(one.name, self._settings.slots))
            is_known = bool(notification.others) and slot is not None and slot.is_done(one)
            if slot is not None and slot.free and not is_known:
                ends.append(slot.want(one))
        await asyncio.gather(*ends)
        return all(self._is_done(one) for one in notification.objects)

    def _is_done(self, one: Object) -> bool:
        """Return whether an object is committed, by this or another instance."""
        slot = self._ownership.owned.get(slot_of(one.name, self._settings.slots))
        if slot is not None:
            return slot.is_done(one)
        return decode_progress(self._ownership.positions.get(one.mark)).is_done

    def _keep(self, message: dict[str, Any], slot: ObjectSlot) -> None:
        """Copy a message that cannot be parsed to `dead`."""
        origin = f"sqs:{self._url}@{message['MessageId']}"
        body = message["Body"].encode("utf-8", "replace")
        why, partition = "notification not understood", slot.slot.partition
        slot.send(dead_message(self._settings.prefix, partition, why, body, 1, origin))

    async def _renew(self) -> None:
        """Keep the unsettled messages invisible."""
        while True:
            await asyncio.sleep(RENEW_S)
            for handle in [handle for handle, task in self._in_hand.items() if not task.done()]:
                await self._show(handle, VISIBLE_AFTER_S)

    async def _show(self, handle: str, after_s: int) -> None:
        try:
            await self._call(
                "ChangeMessageVisibility",
                self._client.change_message_visibility,
                ReceiptHandle=handle,
                VisibilityTimeout=after_s,
            )
        except ClientError as error:
            # It was deleted, or is visible again: its next receiver finds the objects committed.
            if code_of(error).rpartition(".")[2] not in {
                "ReceiptHandleIsInvalid",
                "MessageNotInflight",
                "InvalidParameterValue",
            }:
                raise

    async def _call(self, operation: str, function: Any, **request: Any) -> Any:
        try:
            return await self._caller.call(operation, function, QueueUrl=self._url, **request)
        except ClientError as error:
            raise user_error(error, f"sqs:{operation}", self._url) or error from error


def return_after_s(receives: int) -> int:
    """Return the seconds for which a foreign message stays invisible after its nth receive."""
    return int(min(2 ** min(max(receives, 1) - 1, 30), LEFT_MAX_S))


def _receives(message: dict[str, Any]) -> int:
    return int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
