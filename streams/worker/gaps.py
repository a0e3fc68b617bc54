"""The gaps in the message numbers of an input: read again what was dropped, skip what retention deleted.

Deviation from standard Faust: Faust can drop fetched messages around a rebalance. The numbers show the gap,
and a seek to the first missing offset reads the messages again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import structlog
from faust.types import TP

from streams.numbering import Input, NumbersWentBack, Rewind
from streams.worker import metrics
from streams.worker.hops import Hop

log = structlog.get_logger()

PAUSE_S = 0.5  # a seek takes effect with the next fetch; no second seek before
SEEKS_MAX = 60  # seeks to one offset without success: half a minute
COUNTED = {"blocks": "lines", "partials": "flows", "finals": "rows"}  # unit of the totals in each topic
RESTART_REMEDY = "Use another VPCFLOW_PREFIX, or stop every process and delete all topics of this prefix"
Assigned = tuple[str, int]
"""Topic without prefix, and partition."""


class Gaps:
    """The last seek of each partition: its time (monotonic), offset, and number of repetitions."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._seeks: dict[Assigned, tuple[float, int, int]] = {}

    def clear(self) -> None:
        """Forget every seek, because the slots were closed."""
        self._seeks = {}

    async def close(self, consumer: Any, key: Assigned, hop: Hop, message: Input, back: Rewind) -> None:
        """Seek back to the first missing message, or skip the gap if retention has deleted it.

        Raises `NumbersWentBack` if `SEEKS_MAX` seeks have not found the messages.
        """
        at, offset, count = self._seeks.get(key, (0.0, -1, 0))
        if time.monotonic() - at < PAUSE_S:
            return
        tp = TP(self._prefix + key[0], key[1])
        first = (await consumer.earliest_offsets(tp))[tp]
        if first > back.offset:
            # The messages are lost: retention expired while no worker was reading.
            self._skip(key, hop, message, back)
            return
        count = count + 1 if offset == back.offset else 1
        if count > SEEKS_MAX:
            raise NumbersWentBack(
                f"topic {tp.topic}, partition {tp.partition}: {back.missing} messages before number"
                f" {message.number()} are missing: it was deleted or cut short. {RESTART_REMEDY}"
            )
        self._seeks[key] = time.monotonic(), back.offset, count
        metrics.REWINDS.labels(key[0]).inc()
        await consumer.seek_wait({tp: back.offset})

    def _skip(self, key: Assigned, hop: Hop, message: Input, back: Rewind) -> None:
        """Skip messages that retention deleted, and report them; messages without content are no loss."""
        lost = hop.skip_gap(message)
        hop.offer(message, time.time())
        if lost == 0:
            return
        what = COUNTED[key[0]]
        log.error(
            "data lost to retention",
            topic=self._prefix + key[0],
            partition=key[1],
            messages=back.missing,
            **{what: "unknown" if lost is None else lost},
        )
        metrics.LOST.labels(key[0]).inc(back.missing)
        metrics.LOST_COUNT.labels(what).inc(lost or 0)


async def check_ends(consumer: Any, prefix: str, hops: Mapping[Assigned, Hop]) -> None:
    """Raise `NumbersWentBack` for a topic that ends before the position of its hop: it was recreated.

    The hop would skip its messages as applied, because their offsets have been read.
    """
    partitions = {TP(prefix + topic, partition): hop for (topic, partition), hop in hops.items()}
    ends = await consumer.highwaters(*partitions)
    for tp, hop in partitions.items():
        if ends[tp] < hop.next_offset:
            raise NumbersWentBack(
                f"topic {tp.topic}, partition {tp.partition}, ends at offset {ends[tp]}, but was read up"
                f" to offset {hop.next_offset}: it was deleted or cut short. {RESTART_REMEDY}"
            )
