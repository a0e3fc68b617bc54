"""Findings about sources: gaps and delays of arrivals, counted repeats and losses."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from connectors.commit import source_health
from connectors.commit.source_health import SourceHealth
from connectors.kafka import health_messages
from connectors.kafka.health_messages import HealthRecord

T = 1_790_000_000_000
MINUTE_MS = 60_000
FORMAT = "${start} ${end}"


@dataclass
class Clock:
    """A time that the test moves, epoch ms."""

    now: int = T

    def now_ms(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(source_health, "now_ms", clock.now_ms)
    return clock


def found(health: SourceHealth) -> list[tuple[str, str, str, float]]:
    return [(one.kind, one.source, one.text, one.value) for one in health.counts()]


def test_repeats_are_reported_once_a_minute(clock: Clock) -> None:
    health = SourceHealth("s3")
    assert found(health) == []
    for source in ("s3:a", "s3:b", "s3:a"):
        health.repeated(source)
    clock.now += MINUTE_MS - 1
    assert found(health) == []
    clock.now += 1
    assert found(health) == [
        ("repeated", "s3:a", "2 were delivered again", 2),
        ("repeated", "s3:b", "1 were delivered again", 1),
    ]
    assert found(health) == []


def test_a_loss_is_reported_at_once_and_then_once_a_minute(clock: Clock) -> None:
    """It belongs into the transaction that marks the object as done, and must not flood."""
    health = SourceHealth("s3")
    health.count(health_messages.OBJECT_GONE, "s3:a", "are gone, as x")
    assert found(health) == [("object_gone", "s3:a", "1 are gone, as x", 1)]
    for name in "yz":
        clock.now += 1_000
        health.count(health_messages.OBJECT_GONE, "s3:a", f"are gone, as {name}")
        assert found(health) == []
    clock.now += MINUTE_MS
    assert found(health) == [("object_gone", "s3:a", "2 are gone, as z", 2)]


def test_an_arrival_after_a_long_silence_is_a_gap(clock: Clock) -> None:
    health = SourceHealth("s3")
    assert health.arrived("s3:a", b"1 2", FORMAT, T) == []
    later = T + (health_messages.GAP_S + 1) * 1000
    (gap,) = health.arrived("s3:a", b"1 2", FORMAT, later)
    assert (gap.kind, gap.from_ms, gap.to_ms) == ("gap", T, later)


def test_a_loss_is_logged_as_an_error_and_a_delay_not_at_all() -> None:
    records = [HealthRecord(kind, "s", T, "text") for kind in ("trimmed", "gap", "delay")]
    with capture_logs() as logs:
        source_health.report(records)
    assert [(log["log_level"], log["kind"]) for log in logs] == [("error", "trimmed"), ("warning", "gap")]
