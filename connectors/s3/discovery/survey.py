"""The report about objects of a bucket that are not flow logs: at the first listing, then once an hour."""

from __future__ import annotations

import time

import structlog
from botocore.exceptions import ClientError

from connectors import metrics
from connectors.clock import now_ms
from connectors.errors import ConnectError
from connectors.kafka import health_messages
from connectors.kafka.health_messages import HealthRecord
from connectors.s3.discovery.ignored import REPORT_EVERY_S, Ignored, IgnoredObjects
from connectors.s3.discovery.listing import Listing
from connectors.s3.keys import advice
from connectors.s3.slot import ObjectSlot

log = structlog.get_logger()


class Survey:
    """What is in a bucket beside flow logs."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._ignored = Ignored()
        self._beside = IgnoredObjects(0, "")
        self._next_at = 0.0

    async def report(self, listing: Listing, slot: ObjectSlot) -> None:
        """Count what the last listing has passed by, and at times what is beside its folders.

        `slot` writes the health record. The call needs no permission that the listing does not need: where
        a policy allows only the folders of flow logs, the rest of the bucket is not looked at.
        """
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + REPORT_EVERY_S
            try:
                self._beside = await listing.survey()
            except (ClientError, ConnectError) as error:
                log.info("the bucket beside its flow logs cannot be listed", error=str(error))
        within = listing.others
        count = within.count + self._beside.count
        self._ignored.found(count, within.example or self._beside.example)
        metrics.S3_IGNORED.labels(self._bucket).set(count)
        if found := self._ignored.due(now):
            tell_ignored(slot, f"s3:{self._bucket}", "objects are not flow logs and are not read", found)


def tell_ignored(slot: ObjectSlot, source: str, what: str, found: IgnoredObjects) -> None:
    """Log what is ignored, and write it to `health` with the next commit of a slot."""
    key = found.example.partition("/")[2]
    hint = advice(key)
    log.warning(what, source=source, count=found.count, example=found.example, advice=hint)
    text = f"{found.count} {what}, for example {found.example}{hint and f'; {hint}'}"
    slot.send_health(HealthRecord(health_messages.IGNORED, source, now_ms(), text, value=found.count))
