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
    """The survey of one bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._ignored = Ignored()
        self._beside = IgnoredObjects(0, "")
        self._next_at = 0.0

    async def report(self, listing: Listing, slot: ObjectSlot) -> None:
        """Count the ignored objects of the last listing, and at intervals those in other folders.

        `slot` writes the health record. The survey needs no permission beyond the listing's: if a policy
        allows only the folders of flow logs, the rest of the bucket is not surveyed.
        """
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + REPORT_EVERY_S
            try:
                self._beside = await listing.survey()
            except (ClientError, ConnectError) as error:
                log.info("other folders of the bucket cannot be listed", error=str(error))
        within = listing.others
        count = within.count + self._beside.count
        self._ignored.found(count, within.example or self._beside.example)
        metrics.S3_IGNORED.labels(self._bucket).set(count)
        if found := self._ignored.due(now):
            report_ignored(slot, f"s3:{self._bucket}", "objects are not flow logs and are not read", found)


def report_ignored(slot: ObjectSlot, source: str, what: str, found: IgnoredObjects) -> None:
    """Log ignored objects or messages, and report them on `health` with the next commit of a slot."""
    key = found.example.partition("/")[2]
    hint = advice(key)
    log.warning(what, source=source, count=found.count, example=found.example, advice=hint)
    text = f"{found.count} {what}, for example {found.example}{hint and f'; {hint}'}"
    slot.send_health(HealthRecord(health_messages.IGNORED, source, now_ms(), text, value=found.count))
