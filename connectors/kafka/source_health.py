"""What a slot has heard of its sources' health, between two commits: delays, silences, repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import structlog

from connectors import metrics
from connectors.clock import now_ms
from connectors.formats.flowlog import parse_format
from connectors.kafka import health_messages
from connectors.kafka.health_messages import Arrivals, HealthRecord, delay_s

log = structlog.get_logger()


class Heard:
    """The sources of one slot; `kind` is the metric's word for them. Records are for the next commit."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._arrivals: dict[str, Arrivals] = {}
        self._repeats: Counter[str] = Counter()
        self._repeats_from_ms = 0

    def lines(self, source: str, text: bytes, line_format: str, arrival_ms: int) -> list[HealthRecord]:
        """Note the last lines of a source that arrived then; return what is to be said."""
        late_s = delay_s(text, *_end_at(line_format), arrival_ms)
        if late_s is not None:
            metrics.DELAY.labels(self._kind).observe(late_s)
        arrivals = self._arrivals.setdefault(source, Arrivals(source))
        return arrivals.came(arrival_ms, late_s, now_ms())

    def repeated(self, source: str) -> None:
        """Note that a source delivered something that was counted before."""
        self._repeats_from_ms = self._repeats_from_ms or now_ms()
        self._repeats[source] += 1

    def repeats(self) -> list[HealthRecord]:
        """Return what came again, once a minute."""
        now, since = now_ms(), self._repeats_from_ms
        if not since or now - since < health_messages.DELAY_EVERY_S * 1000:
            return []
        found = [
            HealthRecord(health_messages.REPEATED, source, now, f"{count} came again", since, now, count)
            for source, count in self._repeats.items()
        ]
        self._repeats.clear()
        self._repeats_from_ms = 0
        return found


@lru_cache(maxsize=256)
def _end_at(line_format: str) -> tuple[int | None, int]:
    names = parse_format(line_format)
    return (names.index("end") if "end" in names else None), len(names)


def tell(records: Iterable[HealthRecord]) -> None:
    """Count health records that were committed, and log them as loudly as they deserve."""
    for one in records:
        metrics.HEALTH.labels(one.kind).inc()
        if one.kind in health_messages.LOSSES:
            log.error("data lost before it was read", kind=one.kind, source=one.source, what=one.text)
        elif one.kind != health_messages.DELAY:
            log.warning("data health", kind=one.kind, source=one.source, what=one.text)
