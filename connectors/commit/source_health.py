"""The data health of one slot's sources between two transactions: delays, gaps and repeats."""

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


class SourceHealth:
    """The arrivals and repeats of one slot's sources. `kind` is the value of the metric's label `source`.

    The returned records belong into the next transaction.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._arrivals: dict[str, Arrivals] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._texts: dict[tuple[str, str], str] = {}
        self._counts_from_ms = self._counts_reported_ms = 0

    def arrived(self, source: str, text: bytes, line_format: str, arrival_ms: int) -> list[HealthRecord]:
        """Record an arrival of lines; `text` ends with the newest. Return the findings that are due."""
        late_s = delay_s(text, *_end_at(line_format), arrival_ms)
        if late_s is not None:
            metrics.DELAY.labels(self._kind).observe(late_s)
        arrivals = self._arrivals.setdefault(source, Arrivals(source))
        return arrivals.came(arrival_ms, late_s, now_ms())

    def repeated(self, source: str) -> None:
        """Record that a source delivered something that is committed already."""
        self.count(health_messages.REPEATED, source, "were delivered again")

    def count(self, kind: str, source: str, text: str) -> None:
        """Count a finding. `text` follows the count in the record; the text of the newest finding is used."""
        self._counts_from_ms = self._counts_from_ms or now_ms()
        self._counts[kind, source] += 1
        self._texts[kind, source] = text

    def counts(self) -> list[HealthRecord]:
        """Return the counts that are due: those of the last minute, a loss at once, each once a minute."""
        now, since = now_ms(), self._counts_from_ms
        is_loss = any(kind in health_messages.LOSSES for kind, _ in self._counts)
        from_ms = self._counts_reported_ms if is_loss else since
        if not since or now - from_ms < health_messages.DELAY_EVERY_S * 1000:
            return []
        found = [
            HealthRecord(kind, source, now, f"{count} {self._texts[kind, source]}", since, now, count)
            for (kind, source), count in self._counts.items()
        ]
        self._counts.clear()
        self._texts.clear()
        self._counts_from_ms, self._counts_reported_ms = 0, now
        return found


@lru_cache(maxsize=256)
def _end_at(line_format: str) -> tuple[int | None, int]:
    names = parse_format(line_format)
    return (names.index("end") if "end" in names else None), len(names)


def report(records: Iterable[HealthRecord]) -> None:
    """Count committed health records, and log each at the level of its kind."""
    for one in records:
        metrics.HEALTH.labels(one.kind).inc()
        if one.kind in health_messages.LOSSES:
            log.error("data lost before it was read", kind=one.kind, source=one.source, text=one.text)
        elif one.kind != health_messages.DELAY:
            log.warning("data health", kind=one.kind, source=one.source, text=one.text)
